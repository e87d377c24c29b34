"""Measure claims that use the same code and results, each with its controls."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.claims import measure

    paths = dict(snakemake.input.items())
    paths.pop("code")
    places = zip(snakemake.output.tables, snakemake.output.points, strict=True)
    for stated, (table_path, points_path) in zip(snakemake.params.stated, places, strict=True):
        print("claim", stated["id"], flush=True)  # what an error in the log is about
        table, points = measure.measure(stated, paths)
        save(table, table_path, stated)
        save(points, points_path, stated)
