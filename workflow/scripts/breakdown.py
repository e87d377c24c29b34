"""Where the law ends, one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import breakdown

    settings = load(breakdown.Study, snakemake.params.cfg)
    save(breakdown.measure(settings, snakemake.wildcards.case), snakemake.output.table)
