"""Proposition 25 at the stage reference states of the cascade."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset
    from saddle_escape.studies import cascade

    data = load_dataset(snakemake.input.data)
    save(cascade.off_block_stability(snakemake.params.cfg, data), snakemake.output.table)
