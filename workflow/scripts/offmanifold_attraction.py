"""Flows that start off the symmetric manifold, and how far off they end."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import offmanifold, offmanifold_tables

    steps = offmanifold.attraction(snakemake.params.cfg)
    save(steps, snakemake.output.steps)
    ends = offmanifold_tables.attraction_table(steps)
    save(ends, snakemake.output.ends, gradient_evaluations=steps.attrs["gradient_evaluations"])
