"""The signal along flows at one r."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import signal
    from saddle_escape.training.network import resolve_device

    settings = load(signal.Signal, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = signal.trajectories(settings, int(snakemake.wildcards.r), device)
    save(table, snakemake.output.table, device=str(device))
