"""The homotopy identity of figure 5: T(0), T(1), the integral of A(nu), and A by channel."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import companion

    quantities, sensitivities = companion.identity(load(companion.Identity, snakemake.params.cfg))
    save(quantities, snakemake.output.quantities)
    save(sensitivities, snakemake.output.sensitivities)
