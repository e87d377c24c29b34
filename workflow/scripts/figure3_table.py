"""Gather what figure 3 draws."""

from _shell import job

with job(snakemake) as save:
    import pandas as pd

    from saddle_escape.published import points
    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import universality

    settings = load(universality.Figure, snakemake.params.cfg)
    runs = pd.concat([load_table(path) for path in snakemake.input.tables], ignore_index=True)
    classes, published = (
        load_table(snakemake.input.classes),
        points(3, "a", snakemake.input.published),
    )
    save(universality.figure_table(settings, runs, classes, published), snakemake.output.table)
