"""Gather what the companion of figure 5 draws."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset, load_table
    from saddle_escape.studies import companion

    tables = {k: load_table(snakemake.input[k]) for k in ("quantities", "sensitivities", "drops")}
    data = load_dataset(snakemake.input.data)
    save(companion.figure_table(data=data, **tables), snakemake.output.table)
