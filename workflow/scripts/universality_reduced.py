"""Escape times of one activation from the scalar reduction."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.studies import universality

    classes, activation = load_table(snakemake.input.classes), snakemake.wildcards.activation
    save(universality.reduced(snakemake.params.cfg, activation, classes), snakemake.output.table)
