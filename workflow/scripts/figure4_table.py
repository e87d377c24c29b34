"""Gather what figure 4 draws, its slopes, and how far it is from the published points."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.published import figure4_times
    from saddle_escape.results import load_table
    from saddle_escape.settings import load
    from saddle_escape.studies import figure4

    settings = load(figure4.Figure, snakemake.params.cfg)
    computed, records = (
        [load_table(path) for path in paths]
        for paths in (snakemake.input.tables, snakemake.input.records)
    )
    runs = figure4.gathered(computed, records)
    published = figure4_times(snakemake.input.published)
    table = figure4.seed_means(settings, runs, published)
    save(table, snakemake.output.table)
    save(figure4.slopes(runs, published), snakemake.output.slopes)
    save(figure4.agreement(table), snakemake.output.agreement)
