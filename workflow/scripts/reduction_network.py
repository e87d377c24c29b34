"""Train the full network of figure 1 on symmetrized or on Gaussian data."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import reduction
    from saddle_escape.training.network import resolve_device

    settings = load(reduction.Network, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    data = reduction.network_run(settings, snakemake.wildcards.data, device)
    save(data, snakemake.output.data, device=str(device))
