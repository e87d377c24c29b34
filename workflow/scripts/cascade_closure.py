"""Certificates that no finite set of row moments closes, and the hierarchy's next-order terms."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import cascade

    save(cascade.no_closure(snakemake.params.cfg), snakemake.output.certificates)
    save(cascade.hierarchy(snakemake.params.cfg), snakemake.output.hierarchy)
