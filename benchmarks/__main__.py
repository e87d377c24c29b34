"""``python -m benchmarks``: measure everything and write the tables and the picture beside this.

``--only escapes,reduced`` measures these modules alone and keeps the other rows, as those of
``whole`` are kept unless it is named.
"""

import argparse
import csv
import os
from pathlib import Path

import pandas as pd
import torch

from saddle_escape import process
from saddle_escape.artifact import costs

from . import commands, escapes, gradients, growth, picture, reduced, whole
from .rows import COLUMNS, DETAILS

FOLDER = Path(__file__).parent
RESULTS, GROWTH = FOLDER / "results.csv", FOLDER / "growth.csv"
DETAILED = FOLDER / "details.csv"
MODULES = {
    "escapes": escapes,
    "gradients": gradients,
    "reduced": reduced,
    "commands": commands,
    "whole": whole,
}
ASKED_FOR = ("whole",)  # takes half an hour
GROUP = "group"  # details.csv says which module a row is of


def write(path, columns, rows):
    """A CSV file of dicts."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def kept(group):
    """[(result, detail)] of the committed rows of a module."""
    results, details = (
        pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
        for path in (RESULTS, DETAILED)
    )
    return [(r, d) for r, d in zip(results, details, strict=True) if d[GROUP] == group]


def measured(group):
    """The same of new measurements, printed as they come."""
    pairs = []
    for row in MODULES[group].rows():
        load = f"{os.getloadavg()[0]:.1f}"
        detail = row.detail(load=load, machine=costs.machine(), torch=torch.__version__)
        pairs.append((row.result(), {GROUP: group} | detail))
        print(" | ".join(row.result().values()), flush=True)
    return pairs


def main():
    """Measure, write, draw; memory is kept as in the workflow's jobs."""
    process.tune()
    choices = (*MODULES, "growth")
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    usual = ",".join(name for name in choices if name not in ASKED_FOR)
    parser.add_argument("--only", default=usual, metavar=",".join(choices))
    wanted = parser.parse_args().only.split(",")
    if unknown := set(wanted) - set(choices):
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}")
    pairs = [p for g in MODULES for p in (measured(g) if g in wanted else kept(g))]
    write(RESULTS, COLUMNS, [result for result, _ in pairs])
    write(DETAILED, (GROUP, *DETAILS), [detail for _, detail in pairs])
    if "growth" in wanted:
        write(GROWTH, growth.COLUMNS, growth.rows())
    picture.save(pd.read_csv(RESULTS), FOLDER / "results.png")


if __name__ == "__main__":
    main()
