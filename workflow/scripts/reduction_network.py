"""Train the full network of figure 1 on symmetrized data."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import reduction_network
    from saddle_escape.training.network import resolve_device

    settings = load(reduction_network.Network, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    save(reduction_network.trajectory(settings, device), snakemake.output.data, device=str(device))
