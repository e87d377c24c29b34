"""Draw one supplementary figure from its table."""

from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.figures import offmanifold as figures4
    from saddle_escape.figures import style
    from saddle_escape.results import load_table

    draw = getattr(figures4, f"draw_{snakemake.wildcards.panel}")
    style.save(draw(load_table(snakemake.input.table)), Path(snakemake.output.pdf).with_suffix(""))
