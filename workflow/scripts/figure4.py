"""Gather what figure 4 draws, and hold it against the published points."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.published import figure4_times
    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import offmanifold_tables

    settings = load(offmanifold_tables.Figure, snakemake.params.cfg)
    runs = pd.concat([load_table(path) for path in snakemake.input.tables], ignore_index=True)
    published = figure4_times(snakemake.input.published)
    save(offmanifold_tables.figure4(settings, runs, published), snakemake.output.table)
    save(offmanifold_tables.agreement(runs, published), snakemake.output.agreement)
