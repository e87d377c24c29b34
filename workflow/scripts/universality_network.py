"""Escape times of one activation from gradient flow of the full network."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import universality_network
    from saddle_escape.training.network import resolve_device

    settings = load(universality_network.Network, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = universality_network.escape_times(settings, snakemake.wildcards.activation, device)
    save(table, snakemake.output.table, device=str(device))
