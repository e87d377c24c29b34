"""Certificates that no finite set of row moments closes, and the hierarchy's next-order terms."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import closure

    settings = load(closure.Closure, snakemake.params.cfg)
    save(closure.certificates(settings), snakemake.output.certificates)
    save(closure.hierarchy(settings), snakemake.output.hierarchy)
