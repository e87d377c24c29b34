"""Gather what a figure draws: the rows of its tables, one below the other."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.results import load_table

    tables = [load_table(path) for path in snakemake.input.tables]
    save(pd.concat(tables, ignore_index=True), snakemake.output.table)
