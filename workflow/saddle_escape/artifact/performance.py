"""Tables of what ``make bench`` measured, for the README and docs/performance.md.

They come from the committed ``benchmarks/results.csv``, ``details.csv`` and ``growth.csv`` only.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ..claims import words

PAGE = Path("docs/performance.md")
RESULTS = Path("benchmarks/results.csv")
DETAILS = Path("benchmarks/details.csv")
GROWTH = Path("benchmarks/growth.csv")
SPENT = ("seconds", "gradient_evaluations")
IDLE = 1.5  # load below which one process measured alone


def read(path):
    """A table as it is written, all cells text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def results_table(results):
    """The rows of results.csv."""
    return words.table(results.columns, results.itertuples(index=False))


def conditions(details):
    """Where and under which load the rows were measured, in a sentence."""
    load = details["load"].astype(float)
    where = "; ".join(dict.fromkeys(details["machine"] + ", torch " + details["torch"]))
    busy = f"load averages of {load.min():g} to {load.max():g} while it measured"
    advice = " (a busy machine: `make bench` measures again)" if load.max() > IDLE else ""
    return f"Measured on: {where}; {busy}{advice}.\n"


def spread_table(details):
    """The smallest and largest repeat of every row that was repeated."""
    head = ("work", "repeats", "ours, smallest to largest", "theirs", "ratio is")
    repeated = details[details["repeats"].astype(int) > 1]
    rows = [
        (
            row.work,
            row.repeats,
            f"{row.ours_min} to {row.ours_max}",
            f"{row.theirs_min} to {row.theirs_max}" if row.theirs_min else "",
            row.ratio_of if row.theirs_min else "",
        )
        for row in repeated.itertuples()
    ]
    return words.table(head, rows)


def growth_table(growth):
    """Each size's seconds and gradient evaluations, and the exponent of what the row says grows."""
    head = ("against", "values", "seconds", "gradient evaluations", "cost", "exponent", "expected")
    rows = []
    for against, part in growth.groupby("against", sort=False):
        value, seconds, count = (part[c].astype(float) for c in ("value", *SPENT))
        cost, expected = part[["cost", "expected"]].iloc[0]
        costs = {
            "seconds": seconds,
            "gradient evaluations": count,
            "seconds per gradient evaluation": seconds / count,
        }
        listed = (", ".join(part[c]) for c in ("value", *SPENT))
        rows.append((against, *listed, cost, f"{exponent(value, costs[cost]):.2f}", expected))
    return words.table(head, rows)


def exponent(sizes, cost):
    """The slope of log cost against log size, by least squares."""
    return np.polyfit(np.log(sizes), np.log(cost), 1)[0]


def speed():
    """The README's block: the table and the conditions it was measured under."""
    return f"{results_table(read(RESULTS))}\n{conditions(read(DETAILS))}"


def blocks():
    """The tables of docs/performance.md by the names of their marks."""
    details = read(DETAILS)
    return {
        "spread": f"{spread_table(details)}\n{conditions(details)}",
        "growth": growth_table(read(GROWTH)),
    }
