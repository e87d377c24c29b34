"""Flows that start off the symmetric manifold, and how far off they end."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import attraction

    steps = attraction.distances(load(attraction.Attraction, snakemake.params.cfg))
    save(steps, snakemake.output.steps)
    save(attraction.end_table(steps), snakemake.output.ends)
