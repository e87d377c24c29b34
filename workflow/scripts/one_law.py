"""Predicted and measured escape times of one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import one_law
    from saddle_escape.training.network import resolve_device

    settings = load(one_law.Study, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = one_law.case_table(settings, snakemake.wildcards.case, device)
    save(table, snakemake.output.table, device=str(device))
