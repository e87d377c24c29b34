"""The signal along flows at one r."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import offmanifold
    from saddle_escape.training.network import resolve_device

    device = resolve_device(snakemake.params.device)
    table = offmanifold.signal(snakemake.params.cfg, int(snakemake.wildcards.r), device)
    save(table, snakemake.output.table, device=str(device))
