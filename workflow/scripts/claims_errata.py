"""Write the page of the paper's misprints, its numbers from the measured claims."""

from _shell import job

with job(snakemake):
    from pathlib import Path

    from saddle_escape.claims import errata, statements, verdict
    from saddle_escape.results import load_table

    stated = statements.load_claims(snakemake.input.claims)
    judgements = {
        claim: verdict.judge(stated[claim], snakemake.wildcards.tier, load_table(path))
        for claim, path in zip(snakemake.params.names, snakemake.input.tables, strict=True)
    }
    text = errata.markdown(errata.load_errata(snakemake.input.errata), judgements)
    Path(snakemake.output.md).write_text(text, encoding="utf-8")
