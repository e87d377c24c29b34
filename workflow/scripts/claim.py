"""Measure one claim, and its controls."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.claims import measure

    paths = dict(snakemake.input.items())
    paths.pop("code")
    table, points = measure.measure(snakemake.params.cfg, paths)
    save(table, snakemake.output.table)
    save(points, snakemake.output.points)
