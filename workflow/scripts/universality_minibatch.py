"""Escape times of one activation from descent on minibatches, as in the paper."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import universality_minibatch
    from saddle_escape.training.network import resolve_device

    settings = load(universality_minibatch.Minibatch, snakemake.params.cfg)
    device = resolve_device(snakemake.params.device)
    table = universality_minibatch.escape_times(settings, snakemake.wildcards.activation, device)
    save(table, snakemake.output.table, device=str(device))
