"""Escape times of one activation from gradient descent of the full network."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.results import load_table
    from saddle_escape.studies import universality
    from saddle_escape.training.network import resolve_device

    classes, activation = load_table(snakemake.input.classes), snakemake.wildcards.activation
    device = resolve_device(snakemake.params.device)
    table = universality.network(snakemake.params.cfg, activation, classes, device)
    save(table, snakemake.output.table, device=str(device))
