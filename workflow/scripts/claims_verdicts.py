"""Print the verdicts on the terminal; exit with 1 if one is not the expected one."""

import sys

import _shell  # noqa: F401  (this checkout's library comes first)
from saddle_escape.claims import report as claims_report
from saddle_escape.claims import statements as claims
from saddle_escape.results import load_table

stated = claims.load_claims(snakemake.input.claims)
judgements = [
    claims.judge(stated[name], snakemake.params.tier, load_table(path))
    for name, path in zip(snakemake.params.names, snakemake.input.tables, strict=True)
]
for judgement in judgements:
    line = claims_report.row(judgement, 0)
    print(f"{line['id']:>4}  {line['verdict']:<20} {line['title']} [{line['measured']}]")
print(claims_report.summary(judgements))
surprises = [claims_report.surprise(j) for j in judgements if j.surprise]
print(*surprises, sep="\n", end="", file=sys.stderr)
sys.exit(1 if surprises else 0)
