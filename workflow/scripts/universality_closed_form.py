"""Closed-form escape times of all activations of figure 3."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.studies import universality

    classes = load_table(snakemake.input.classes)
    save(universality.closed_form(snakemake.params.cfg, classes), snakemake.output.table)
