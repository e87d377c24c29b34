"""Escape times with all layers at epsilon."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import critical_depth

    settings = load(critical_depth.Balanced, snakemake.params.cfg)
    classes = load_table(snakemake.input.classes)
    save(critical_depth.balanced(settings, classes), snakemake.output.table)
