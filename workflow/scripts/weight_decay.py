"""Escape times under weight decay, and steps of some networks, of one case."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import weight_decay
    from saddle_escape.training.network import resolve_device

    settings = load(weight_decay.Study, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = weight_decay.case_table(settings, snakemake.wildcards.case, device)
    save(table, snakemake.output.table, device=str(device))
