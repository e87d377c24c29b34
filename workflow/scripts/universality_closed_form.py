"""Closed-form escape times of all activations of figure 3."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import universality

    settings = load(universality.ClosedForm, snakemake.params.cfg)
    save(
        universality.closed_form(settings, load_table(snakemake.input.classes)),
        snakemake.output.table,
    )
