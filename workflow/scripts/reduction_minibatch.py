"""Train the network of figure 1 on fresh minibatches, as the paper did."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import reduction_minibatch
    from saddle_escape.training.network import resolve_device

    settings = load(reduction_minibatch.Minibatch, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    data = reduction_minibatch.trajectory(settings, device)
    save(data, snakemake.output.data, device=str(device))
