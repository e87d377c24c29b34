"""What each figure costs, from Snakemake's benchmark files: ``python -m saddle_escape.costs``.

Gathers ``results/<tier>/benchmarks`` into ``figures/costs.csv`` (columns figure, tier, jobs,
cpu_minutes, peak_mb, machine), then writes the README's table of figures from it: generated, not
typed; a test holds the two in step.
"""

import csv
import os
import platform
import sys
from pathlib import Path

import pandas as pd

TABLE = Path("figures/costs.csv")
README = Path("README.md")
COLUMNS = ("figure", "tier", "jobs", "cpu_minutes", "peak_mb", "machine")
MARKS = ("<!-- figures -->", "<!-- /figures -->")

# figure: (what it shows, folders of results/<tier>/benchmarks, rule files)
FIGURES = {
    "figure1": ("full network and reduction (Theorem 4)", ("reduction",), "manifold.smk"),
    "figure2": ("critical depth (Theorems 5, 6)", ("critical_depth",), "manifold.smk"),
    "figure3": ("universality (Corollary 7)", ("universality",), "manifold.smk"),
    "figure4": ("off the manifold (Theorem 11)", ("offmanifold",), "offmanifold.smk"),
    "figure5": ("cascade, homotopy (Proposition 25)", ("cascade",), "cascade.smk"),
}


def figure_cost(tier, figure, folders):
    """Jobs, CPU minutes (summed over jobs) and peak memory in MB of one figure.

    CPU time, because a job's wall time is also what else the machine was doing.

    Raises FileNotFoundError, one line, where a benchmark is missing.
    """
    root = Path("results") / tier / "benchmarks"
    paths = [p for folder in folders for p in sorted((root / folder).rglob("*.tsv"))]
    paths += sorted((root / "figures").glob(f"*{figure}*.tsv"))
    if not paths:
        raise FileNotFoundError(f"{root}: no benchmark of {figure}; run `make figures` first")
    rows = []
    for path in paths:
        with path.open() as file:
            rows += list(csv.DictReader(file, delimiter="\t"))
    rows = [row for row in rows if row["max_rss"] not in ("-", "NA")]  # too short to be sampled
    seconds = sum(float(row["cpu_time"]) for row in rows)
    return len(paths), round(seconds / 60, 1), round(max(float(row["max_rss"]) for row in rows))


def gather(tier):
    """The table of costs of one tier on this machine."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    rows = [
        (figure, tier, *figure_cost(tier, figure, folders), machine)
        for figure, (_, folders, _) in FIGURES.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(costs):
    """The README's table of figures, one line per figure."""
    lines = [
        "| figure | what it shows | command | workflow/rules | jobs | CPU minutes | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in costs.itertuples():
        shows, _, rules = FIGURES[row.figure]
        lines.append(
            f"| {row.figure} | {shows} | `.venv/bin/snakemake --cores all {row.figure}` "
            f"| {rules} | {row.jobs} | {row.cpu_minutes:g} | {row.peak_mb} |"
        )
    machine = costs["machine"].iloc[0]
    return "\n".join([*lines, "", f"Measured on: {machine}."])


def inserted(text, block):
    """README text with the block between the marks replaced. Raises ValueError without marks."""
    head, found, rest = text.partition(MARKS[0])
    _, closed, tail = rest.partition(MARKS[1])
    if not (found and closed):
        raise ValueError(f"{README}: the marks {' and '.join(MARKS)} are missing")
    return f"{head}{MARKS[0]}\n{block}\n{MARKS[1]}{tail}"


def main():
    """Gather the default tier's costs and rewrite the README's table."""
    try:
        costs = gather("default")
    except FileNotFoundError as error:
        sys.exit(f"costs: {error}")
    TABLE.parent.mkdir(exist_ok=True)
    costs.to_csv(TABLE, index=False, lineterminator="\n")
    README.write_text(inserted(README.read_text(encoding="utf-8"), markdown(costs)))


if __name__ == "__main__":
    main()
