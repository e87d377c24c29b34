"""Train the network of figure 5 on fresh minibatches, as the paper did."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade_training

    settings = load(cascade_training.Training, snakemake.params.cfg)
    data, trained = cascade_training.trained(settings)
    save(data, snakemake.output.data)
    save(trained, snakemake.output.table)
