"""Classify the activations."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import classes

    save(classes.table(load(classes.Classes, snakemake.params.cfg)), snakemake.output.table)
