"""The cascade with every neuron trained: adaptive flow, gradient descent, and noisy starts."""

from _shell import job

with job(snakemake) as save:
    import torch

    from saddle_escape.studies import cascade

    torch.set_num_threads(snakemake.threads)
    save(cascade.full_network(snakemake.params.cfg), snakemake.output.table)
