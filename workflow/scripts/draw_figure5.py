"""Draw figure 5 from its table."""

from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.figures import cascade as figures5
    from saddle_escape.figures import style
    from saddle_escape.results import load_table

    figure = figures5.draw_figure5(load_table(snakemake.input.table))
    style.save(figure, Path(snakemake.output.pdf).with_suffix(""))
