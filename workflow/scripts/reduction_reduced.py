"""Integrate the scalar reduction of figure 1."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import reduction

    save(reduction.reduced(load(reduction.Reduced, snakemake.params.cfg)), snakemake.output.data)
