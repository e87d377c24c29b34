"""Gather what figure 5 draws."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset, load_table
    from saddle_escape.studies import cascade

    tables = ("times", "rules", "sensitivities", "trained")
    inputs = {name: load_table(snakemake.input[name]) for name in tables}
    inputs |= {name: load_dataset(snakemake.input[name]) for name in ("flow", "training")}
    save(cascade.figure_table(**inputs), snakemake.output.table)
