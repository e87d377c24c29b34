"""Gather what figure 4 draws, and hold it against the published points."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.results import load_table
    from saddle_escape.studies import offmanifold_tables

    runs = pd.concat([load_table(path) for path in snakemake.input.tables], ignore_index=True)
    published = pd.read_csv(snakemake.input.published, comment="#")
    save(offmanifold_tables.figure4(snakemake.params.cfg, runs, published), snakemake.output.table)
    save(offmanifold_tables.agreement(runs, published), snakemake.output.agreement)
