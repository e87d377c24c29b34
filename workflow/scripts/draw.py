"""Draw one figure from its table."""

from importlib import import_module
from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.figures import style
    from saddle_escape.results import load_table

    target = Path(snakemake.output.pdf).with_suffix("")
    draw = import_module(f"saddle_escape.figures.{target.name}").draw
    style.save(draw(load_table(snakemake.input.table)), target)
