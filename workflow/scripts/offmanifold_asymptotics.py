"""Flow times down to small epsilon at one depth and r, one block of seeds."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import asymptotics
    from saddle_escape.training.network import resolve_device

    settings = load(asymptotics.Asymptotics, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    depth, r, block = (int(snakemake.wildcards[k]) for k in ("depth", "r", "block"))
    table = asymptotics.flow_times(settings, depth, r, block, device)
    save(table, snakemake.output.table, device=str(device))
