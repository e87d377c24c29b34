"""Escape times with all layers at epsilon, for one depth."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.studies import critical_depth

    depth, classes = int(snakemake.wildcards.depth), load_table(snakemake.input.classes)
    save(critical_depth.balanced(snakemake.params.cfg, depth, classes), snakemake.output.table)
