"""The cascade with every neuron trained: adaptive flow, gradient descent, and noisy starts."""

from _shell import job

with job(snakemake) as save:
    import torch

    from saddle_escape.settings import load
    from saddle_escape.studies import companion_network

    torch.set_num_threads(snakemake.threads)
    settings = load(companion_network.Network, snakemake.params.cfg)
    save(companion_network.full_network(settings), snakemake.output.table)
