"""Measure one claim, and its control."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.claims import statements as claims

    paths = dict(snakemake.input.items())
    paths.pop("code")
    rows, points = claims.measure(snakemake.params.cfg, paths)
    save(rows, snakemake.output.table)
    save(points, snakemake.output.points)
