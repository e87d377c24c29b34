"""Exponents of the signal, and the steps that the supplement draws."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.results import load_table
    from saddle_escape.studies import offmanifold_tables

    steps = pd.concat([load_table(path) for path in snakemake.input.tables], ignore_index=True)
    save(offmanifold_tables.signal_table(steps), snakemake.output.exponents)
    save(steps, snakemake.output.steps)
