"""Print the verdicts on the terminal; exit with 1 if one is not the expected one."""

import sys

import _shell  # noqa: F401  (this checkout's library comes first)
from saddle_escape import forkserver


def main():
    from saddle_escape.claims import report, verdict
    from saddle_escape.results import load_table

    judgements = [
        verdict.judge(claim, snakemake.params.tier, load_table(path))
        for claim, path in zip(snakemake.params.stated, snakemake.input.tables, strict=True)
    ]
    for _, line in report.table(judgements).iterrows():
        name, title, _, verdicts, value, *_ = report.shown(line)
        print(f"{name:>10}  {verdicts:<20} {title} [{value}]")
    print(report.summary(judgements))
    surprises = [report.surprise(j) for j in judgements if j.surprise]
    print(*surprises, sep="\n", end="", file=sys.stderr)
    sys.exit(1 if surprises else 0)


forkserver.hand_over(snakemake.threads)
main()
