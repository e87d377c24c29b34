"""The prefactor T* over draws, one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import prefactor

    settings = load(prefactor.Study, snakemake.params.cfg)
    save(prefactor.distribution(settings, snakemake.wildcards.case), snakemake.output.table)
