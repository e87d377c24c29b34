"""Judge every claim and write the report, whatever the verdicts."""

from _shell import job

with job(snakemake):
    import json
    from pathlib import Path

    from saddle_escape.claims import report as claims_report
    from saddle_escape.claims import statements as claims
    from saddle_escape.results import load_table, manifest_path

    stated = claims.load_claims(snakemake.input.claims).values()
    judgements, seconds, pictures = [], {}, {}
    for claim, path, drawn in zip(
        stated, snakemake.input.tables, snakemake.input.points, strict=True
    ):
        judgements.append(claims.judge(claim, snakemake.wildcards.tier, load_table(path)))
        seconds[claim["id"]] = json.loads(manifest_path(path).read_text())["wall_time_s"]
        pictures[claim["id"]] = load_table(drawn)
    report = claims_report.table(judgements, seconds)
    report.to_csv(snakemake.output.csv, index=False, lineterminator="\n")
    for path, text in (
        (snakemake.output.md, claims_report.markdown(judgements, seconds)),
        (snakemake.output.html, claims_report.html_report(judgements, seconds, pictures)),
    ):
        Path(path).write_text(text, encoding="utf-8")
