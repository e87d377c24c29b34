"""Escape times of the cascade over many draws of its start."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import companion

    save(companion.draws(load(companion.Draws, snakemake.params.cfg)), snakemake.output.table)
