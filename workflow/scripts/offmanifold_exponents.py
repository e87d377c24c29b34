"""Exponents as epsilon -> 0 with their intervals, and what the companion panel draws."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import offmanifold_tables

    settings = load(offmanifold_tables.Exponents, snakemake.params.cfg)
    runs = pd.concat([load_table(path) for path in snakemake.input.tables], ignore_index=True)
    exponents = offmanifold_tables.exponent_table(settings, runs)
    save(exponents, snakemake.output.exponents)
    save(offmanifold_tables.asymptotic_table(runs), snakemake.output.asymptotics)
    print(offmanifold_tables.depth_verdict(exponents))
