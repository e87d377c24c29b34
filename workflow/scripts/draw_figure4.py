"""Draw figure 4 from its table."""

from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.figures import offmanifold as figures4
    from saddle_escape.figures import style
    from saddle_escape.results import load_table

    figure = figures4.draw_figure4(load_table(snakemake.input.table))
    style.save(figure, Path(snakemake.output.pdf).with_suffix(""))
