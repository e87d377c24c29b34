"""When mode 1 escapes, in every field from decoupled to exact."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade

    save(cascade.times(load(cascade.Times, snakemake.params.cfg)), snakemake.output.table)
