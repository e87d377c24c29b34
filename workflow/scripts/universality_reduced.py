"""Escape times of one activation from the scalar reduction."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import universality

    settings = load(universality.Reduced, snakemake.params.cfg)
    save(universality.reduced(settings, snakemake.wildcards.activation), snakemake.output.table)
