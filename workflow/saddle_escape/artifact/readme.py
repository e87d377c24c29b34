"""The generated tables of README and docs/performance.md.

``python -m saddle_escape.artifact.readme`` writes them. They come from committed files only,
``paper_check/claims.yaml``, ``paper_check/report.csv``, ``figures/costs.csv``, the tables in
``benchmarks/`` and that of :mod:`built_in`, so that a test can hold them in step.
"""

import sys
from pathlib import Path

import pandas as pd

from .. import built_in, status
from ..claims import report as claims_report
from ..claims import statements as claims
from ..claims import words
from . import costs, performance
from .catalogue import FIGURES

README, REPORT = Path("README.md"), Path("paper_check/report.csv")
SNAKEMAKE = "`.venv/bin/snakemake --cores all {}`"
REBUILD = "run `make figures`, then `make docs`"


def summary(report):
    """Who claims what and whether it holds: counts, a table, and the remarks where it does not."""
    doubtful = report[(report["verdict"] != claims.HOLDS) & report["remark"].notna()]
    remarks = [
        f"- **{row.id}. {row.title}** ({claims_report.said(row.verdict, row.source)}): {row.remark}"
        for row in doubtful.itertuples()
    ]
    parts = (
        claims_report.count_list(report),
        claims_report.MEANING,
        claims_report.summary_table(report),
    )
    return "\n".join([*parts, *remarks])


def contents(stated, spent):
    """Every figure and claim with command, jobs, code and what to expect; minutes of figures.

    Raises ValueError, one line, for a figure whose costs are not known.
    """
    head = ("", "what", "command", "jobs", "code", "expected", "minutes")
    minutes = spent[spent["tier"] == "default"].set_index("part")["cpu_minutes"]
    if unknown := [figure.name for figure in FIGURES.values() if figure.name not in minutes]:
        raise ValueError(f"{costs.TABLE}: nothing on {', '.join(unknown)}; {REBUILD}")
    rows = [
        (
            figure.name,
            figure.shows,
            SNAKEMAKE.format(figure.name),
            ", ".join(dict.fromkeys(job.partition("/")[0] for job in figure.jobs)),
            figure.code,
            figure.expected,
            _two_digits(minutes[figure.name]),
        )
        for figure in FIGURES.values()
    ]
    job_of = {name: job for job, names in claims.jobs(stated).items() for name in names}
    for name, claim in stated.items():
        code = claims.module_name(claim).partition(".")[2].replace(".", "/") + ".py"
        command = SNAKEMAKE.format(f"claim_{name}")
        expected = claims_report.said(claims.expected(claim, "default"), claim["source"])
        job = f"measure_{job_of[name]}"
        rows.append((f"claim {name}", claim["title"], command, job, code, expected, ""))
    return words.table(head, rows)


def classes(rows):
    """Every built-in activation with its class, or why it has none."""
    head = ("activation", "σ(z)", "class", "q", "c_q", "σ′(0)", "remark")
    return words.table(
        head,
        [
            (
                f"`{row['activation']}`",
                f"`{row['expression']}`",
                row["class"] or "–",
                words.show(row["q"]),
                row["c_q_exact"] or "–",
                words.show(row["alpha"]),
                "" if row["status"] == status.OK else row["status"],
            )
            for row in rows
        ],
    )


def cost_table(spent):
    """Cost of every figure and of the claims in the tiers that have been measured."""
    head = ("tier", "", "jobs", "CPU minutes", "peak MB", "gradient evaluations")
    rows = []
    for tier, parts in spent.groupby("tier"):
        rows += [_cost_row(tier, part.part, part) for part in parts.itertuples()]
        total = parts[["jobs", "cpu_minutes", "gradient_evaluations"]].sum()
        total["peak_mb"] = parts["peak_mb"].max()
        rows.append(_cost_row(tier, "all", total))
    machines, devices = dict.fromkeys(spent["machine"]), ", ".join(sorted(set(spent["devices"])))
    table = words.table(head, rows)
    return f"{table}\nMeasured on: {'; '.join(machines)}; networks trained on: {devices}.\n"


def _cost_row(tier, part, row):
    evaluations = f"{int(row.gradient_evaluations):,}"
    minutes = _two_digits(row.cpu_minutes)
    return tier, part, int(row.jobs), minutes, int(row.peak_mb), evaluations


def _two_digits(minutes):
    return f"{float(f'{minutes:.2g}'):g}"  # 180, not 1.8e+02


def inserted(text, blocks, name=README):
    """A page's text with ``{name: block}`` between the marks of each name.

    name: of the page. Raises ValueError if a block's two marks are not there, once each, in order.
    """
    for block_name, block in blocks.items():
        marks = (f"<!-- {block_name} -->", f"<!-- /{block_name} -->")
        start, end = (text.find(mark) for mark in marks)
        if not 0 <= start < end or any(text.count(mark) != 1 for mark in marks):
            raise ValueError(f"{name}: needs the lines {' and '.join(marks)}, once each")
        text = f"{text[: start + len(marks[0])]}\n{block.rstrip()}\n{text[end:]}"
    return text


def page(text):
    """The README's text with its generated tables as the committed files now have them.

    Raises FileNotFoundError where one of these is missing, ValueError as :func:`contents` and
    :func:`inserted`.
    """
    report = pd.read_csv(REPORT, dtype={"id": str})
    spent, stated = pd.read_csv(costs.TABLE), claims.load_claims()
    blocks = {
        "claims": summary(report),
        "classes": classes(built_in.rows()),
        "contents": contents(stated, spent),
        "costs": cost_table(spent),
        "speed": performance.speed(),
    }
    return inserted(text, blocks)


def performance_page(text):
    """The text of docs/performance.md with its tables; raises as :func:`page`."""
    return inserted(text, performance.blocks(), performance.PAGE)


PAGES = {README: page, performance.PAGE: performance_page}


def main():
    """Rewrite the tables of both pages."""
    try:
        texts = {path: make(path.read_text(encoding="utf-8")) for path, make in PAGES.items()}
    except FileNotFoundError as error:
        sys.exit(f"readme: {error.filename} is missing; {REBUILD}")
    except ValueError as error:
        sys.exit(f"readme: {error}")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
