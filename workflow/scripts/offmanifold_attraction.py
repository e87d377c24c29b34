"""Flows that start off the symmetric manifold, and how far off they end."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import offmanifold, offmanifold_tables

    steps = offmanifold.attraction(snakemake.params.cfg)
    save(steps, snakemake.output.steps)
    save(offmanifold_tables.attraction_table(steps), snakemake.output.ends)
