"""Drift of the balance and cost of an escape, one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import drift
    from saddle_escape.training.network import resolve_device

    settings = load(drift.Study, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = drift.table(settings, snakemake.wildcards.case, device)
    save(table, snakemake.output.table, device=str(device))
