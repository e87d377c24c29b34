"""Follow the three-mode cascade to its end and locate the drops of the loss."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade

    data, drops = cascade.trajectory(load(cascade.Trajectory, snakemake.params.cfg))
    save(data, snakemake.output.data)
    save(drops, snakemake.output.drops)
