"""Proposition 25 at the stage reference states of the companion."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_dataset
    from saddle_escape.settings import load
    from saddle_escape.studies import stability

    settings = load(stability.Stability, snakemake.params.cfg)
    save(stability.table(settings, load_dataset(snakemake.input.data)), snakemake.output.table)
