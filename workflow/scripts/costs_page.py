"""The table of costs of one tier as a page of the report."""

from pathlib import Path

from _shell import job

with job(snakemake):
    from saddle_escape.artifact import costs, pages

    title = f"What the {snakemake.wildcards.tier} tier costs"
    page = pages.table_page(title, costs.gather(snakemake.wildcards.tier))
    Path(snakemake.output.html).write_text(page, encoding="utf-8")
