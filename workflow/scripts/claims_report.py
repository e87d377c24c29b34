"""Judge every claim and write the report, whatever the verdicts."""

from _shell import job

with job(snakemake) as save:
    from pathlib import Path

    from saddle_escape.claims import page, report, statements, verdict
    from saddle_escape.results import load_table

    stated = statements.load_claims(snakemake.input.claims)
    unchecked = statements.load_unchecked(snakemake.input.claims)
    judgements = [
        verdict.judge(claim, snakemake.wildcards.tier, load_table(path))
        for claim, path in zip(stated.values(), snakemake.input.tables, strict=True)
    ]
    drawn = dict(zip(stated, map(load_table, snakemake.input.points), strict=True))
    for path, text in (
        (snakemake.output.md, report.markdown(judgements, unchecked)),
        (snakemake.output.html, page.html_report(judgements, drawn, unchecked)),
    ):
        Path(path).write_text(text, encoding="utf-8")
    save(report.to_csv(judgements), snakemake.output.csv)
