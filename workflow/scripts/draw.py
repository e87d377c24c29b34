"""Draw one figure from its table."""

from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.figures import manifold as figures
    from saddle_escape.figures import style
    from saddle_escape.results import load_table

    draw = getattr(figures, f"draw_{snakemake.wildcards.figure}")
    style.save(draw(load_table(snakemake.input.table)), Path(snakemake.output.pdf).with_suffix(""))
