"""Gather what figure 1 draws."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset
    from saddle_escape.studies import reduction

    runs = map(load_dataset, (snakemake.input[k] for k in ("reduced", "network", "minibatch")))
    save(reduction.figure_table(*runs), snakemake.output.table)
