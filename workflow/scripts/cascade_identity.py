"""Figure 5's homotopy identity: T(0), T(1), the integral of A(nu), and A by channel."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import cascade

    rules, sensitivities = cascade.identity(load(cascade.Homotopy, snakemake.params.cfg))
    save(rules, snakemake.output.rules)
    save(sensitivities, snakemake.output.sensitivities)
