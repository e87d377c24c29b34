"""Follow figure 5's exact and decoupled flow to the end of the training."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade

    save(cascade.flow(load(cascade.Flow, snakemake.params.cfg)), snakemake.output.data)
