"""Classify the activations."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import classes

    save(classes.table(snakemake.params.cfg), snakemake.output.table)
