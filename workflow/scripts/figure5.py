"""Gather what figure 5 draws."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset, load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade

    settings = load(cascade.Figure, snakemake.params.cfg)
    tables = {k: load_table(snakemake.input[k]) for k in ("quantities", "sensitivities", "drops")}
    data = load_dataset(snakemake.input.data)
    save(cascade.figure_table(settings, data=data, **tables), snakemake.output.table)
