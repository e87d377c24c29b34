"""Follow the three-mode cascade to its end and locate the drops of the loss."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import companion

    data, drops = companion.trajectory(load(companion.Trajectory, snakemake.params.cfg))
    save(data, snakemake.output.data)
    save(drops, snakemake.output.drops)
