"""Errors of the predicted escape times, one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import error_law
    from saddle_escape.training.network import resolve_device

    settings = load(error_law.Study, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = error_law.table(settings, snakemake.wildcards.case, device)
    save(table, snakemake.output.table, device=str(device))
