"""The README's generated tables; ``python -m saddle_escape.artifact.readme`` writes them.

They come from committed files only, ``paper_check/claims.yaml``, ``paper_check/report.csv`` and
``figures/costs.csv``, so that a test can hold them in step.
"""

import sys
from pathlib import Path

import pandas as pd

from ..claims import report as claims_report
from ..claims import statements as claims
from . import costs

README, REPORT = Path("README.md"), Path("paper_check/report.csv")
SNAKEMAKE = "`.venv/bin/snakemake --cores all {}`"
TIERS = ("default", "smoke")  # whose costs are shown

# figure: what it shows, its file in workflow/rules, its code in workflow/saddle_escape, what to see
FIGURES = {
    "figure1": (
        "full network and its reduction (Theorem 4)",
        "manifold.smk",
        "studies/reduction.py",
        "circles on the lines, X within 2e-3",
    ),
    "figure2": (
        "critical depth (Theorems 5, 6)",
        "manifold.smk",
        "studies/critical_depth.py",
        "slopes −(L−2) and −(r−2)",
    ),
    "figure3": (
        "universality (Corollary 7)",
        "manifold.smk",
        "studies/universality.py",
        "class B on one curve as ε → 0, class C below",
    ),
    "figure4": (
        "off the manifold (Theorem 11)",
        "offmanifold.smk",
        "studies/offmanifold.py",
        "slopes near −1, −3, −6; exact as ε → 0",
    ),
    "figure5": (
        "cascade and homotopy (Prop. 25)",
        "cascade.smk",
        "studies/cascade.py",
        "T(0) + ∫A dν = T(1)",
    ),
}


def summary(stated, report):
    """What is claimed and whether it holds: counts, a table, and the remarks where it does not."""
    counts = report["verdict"].value_counts(sort=False)
    line = ", ".join(f"{verdict} {n}" for verdict, n in counts.items())
    remarks = [
        f"- **{row.id}. {row.title}** ({row.verdict}): {stated[row.id]['remark']}"
        for row in report[report["verdict"] != claims.HOLDS].itertuples()
    ]
    table = claims_report.summary_table(report)
    return f"**{len(report)} claims: {line}.**\n\n{table}\n" + "\n".join(remarks)


def contents(stated, report, spent):
    """Every figure and claim with its command, rule, code, expected outcome and minutes."""
    head = ("", "what", "command", "rules", "code", "expected", "minutes")
    minutes = spent[spent["tier"] == "default"].set_index("part")["cpu_minutes"]
    rows = [
        (name, what, SNAKEMAKE.format(name), rules, code, expected, f"{minutes[name]:.2g}")
        for name, (what, rules, code, expected) in FIGURES.items()
    ]
    seconds = report.set_index("id")["seconds"].astype(float)
    for name, claim in stated.items():
        code = f"studies/claims/{claim['measure'].split('.')[0]}.py"
        command, expected = SNAKEMAKE.format(f"claim_{name}"), claims.expected(claim, "default")
        row = (f"claim {name}", claim["title"], command, "claims.smk", code, expected)
        rows.append((*row, f"{seconds[name] / 60:.2g}"))
    return claims_report.markdown_table(head, rows)


def cost_table(spent):
    """Cost of every figure and of the claims in the tiers that have been measured."""
    head = ("tier", "", "jobs", "CPU minutes", "peak MB", "gradient evaluations")
    rows = []
    for tier in TIERS:
        mine = spent[spent["tier"] == tier]
        for row in mine.itertuples():
            rows.append(_cost_row(tier, row.part, row))
        total = mine[["jobs", "cpu_minutes", "gradient_evaluations"]].sum()
        total["peak_mb"] = mine["peak_mb"].max()
        rows.append(_cost_row(tier, "all", total))
    machine, devices = spent["machine"].iloc[0], ", ".join(sorted(set(spent["devices"])))
    table = claims_report.markdown_table(head, rows)
    return f"{table}\nMeasured on: {machine}; networks trained on: {devices}.\n"


def _cost_row(tier, part, row):
    evaluations = f"{int(row.gradient_evaluations):,}"
    return tier, part, int(row.jobs), f"{row.cpu_minutes:.2g}", int(row.peak_mb), evaluations


def inserted(text, blocks):
    """The README's text with ``{name: block}`` between the marks of each name.

    Raises ValueError if a name's two marks are not there, once each and in order.
    """
    for name, block in blocks.items():
        marks = (f"<!-- {name} -->", f"<!-- /{name} -->")
        start, end = (text.find(mark) for mark in marks)
        if not 0 <= start < end or any(text.count(mark) != 1 for mark in marks):
            raise ValueError(f"{README}: needs the lines {' and '.join(marks)}, once each")
        text = f"{text[: start + len(marks[0])]}\n{block.rstrip()}\n{text[end:]}"
    return text


def page(text):
    """The README's text with its generated tables as the committed files now have them.

    Raises FileNotFoundError where one of these is missing, ValueError as :func:`inserted`.
    """
    report = pd.read_csv(REPORT, dtype=str, keep_default_na=False)
    spent, stated = pd.read_csv(costs.TABLE), claims.load_claims()
    blocks = {
        "claims": summary(stated, report),
        "contents": contents(stated, report, spent),
        "costs": cost_table(spent),
    }
    return inserted(text, blocks)


def main():
    """Rewrite the README's tables."""
    try:
        text = page(README.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        sys.exit(f"readme: {error.filename} is missing; run `make figures`, then `make docs`")
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
