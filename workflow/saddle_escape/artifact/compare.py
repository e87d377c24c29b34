"""Hold rebuilt figures against the committed ones: ``python -m saddle_escape.artifact.compare``.

Every figure's CSV below ``figures/`` at HEAD is compared with the one that the default tier left in
``results/default/figures/``. Text and parameters must be equal; computed columns must agree within
:data:`TOLERANCES`, for whatever holds two such tables against each other. The exit status is 1 if a
table differs, was not rebuilt, or is not committed; a figure on demand need not be rebuilt.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ..results import FIGURE_DIGITS, load_table, parse_table
from .catalogue import ON_DEMAND

REBUILT = "results/default/figures"

LAST_DIGIT = 10.0 ** (1 - FIGURE_DIGITS)  # a unit of it, relative to a number at most

# Column of a figure's table: (relative, absolute) by which machines may differ; others not at all.
# Event times and trajectories are integrated to 1e-9 or so; another CPU or BLAS rounds differently,
# and a saddle amplifies that before the escape: by kernels of another instruction set the steps of
# an adaptive flow move by 3e-8. An exponent is a difference of logarithms of two such times.
# Descent on minibatches in single precision multiplies rounding over 10^5 steps. On the symmetric
# manifold kernels of another instruction set move a loss by 2e-6; off it, 1 % of a time, more of
# the times' scatter. The number of steps of an adaptive flow can change by a few.
TIME, TRAJECTORY, COUNT, MINIBATCH = (1e-6, 0.0), (1e-6, 1e-9), (6e-2, 3.0), (1e-4, 1e-6)
TIMES, VALUES = ("t", "t_escape", "K_t_escape"), ("value", "loss")
TOLERANCES = {
    **dict.fromkeys(
        ("epsilon", "threshold", "nu", "K", "gamma_start", "plateau"), (LAST_DIGIT, 0.0)
    ),
    **dict.fromkeys(TIMES, TIME),
    **dict.fromkeys(VALUES, TRAJECTORY),
    **dict.fromkeys(("gamma", "growth", "distance"), (1e-6, 0.0)),
    **dict.fromkeys(("spectral_min", "spectral_max", "along_min", "along_max"), (1e-6, 0.0)),
    **dict.fromkeys(("theory", "upper_limit", "matched_ratio"), (1e-6, 0.0)),
    "local_exponent": (0.0, 1e-5),
    **dict.fromkeys(("t_median", "t_q25", "t_q75", "ratio"), (1e-2, 0.0)),
    **dict.fromkeys(("t_mean", "t_min", "t_max"), (1e-2, 0.0)),
    "t_sd": (1e-1, 0.0),
    **dict.fromkeys(("accepted_steps", "gradient_evaluations"), COUNT),
    # The supplement: predictions are integrals to 1e-6 or so; an error is a difference of times.
    **dict.fromkeys(("decay_ratio", "rtol", "order"), (LAST_DIGIT, 0.0)),
    **dict.fromkeys(("t_star", "t_predicted", "t_free", "decay", "law"), (1e-5, 1e-9)),
    **dict.fromkeys(("size", "size_predicted", "constant", "log_slope"), (1e-4, 1e-9)),
    **dict.fromkeys(("error", "error_size"), (2e-2, 1e-8)),
    "tolerance": (10.0, 1e-8),
    **dict.fromkeys(("q05", "q25", "q50", "q75", "q95", "limit", "spread"), (1e-4, 1e-6)),
    **dict.fromkeys(("shift", "shift_error", "unexplained"), (1e-3, 1e-3)),
    **dict.fromkeys(("share_outer", "share_ends", "share_signal", "share_inner"), (1e-3, 1e-3)),
    **dict.fromkeys(("measured", "predicted"), (1e-2, 1e-6)),
}
EXACT = (0.0, 0.0)
ROWS = {  # for the times and values of rows whose label starts so
    **dict.fromkeys(("minibatch", "training"), MINIBATCH),
    **dict.fromkeys(("descent", "plain", "relative_rate", "arc_length"), COUNT),
}
LABELS = ("route", "series", "channel", "quantity", "training")  # columns that say what a row is


def compare(committed, rebuilt):
    """(agrees, verdict) for two tables, the verdict being one line.

    Rows are held against each other in order. NaN equals NaN.
    """
    if list(committed.columns) != list(rebuilt.columns):
        return False, f"columns are {', '.join(rebuilt)}, were {', '.join(committed)}"
    if len(committed) != len(rebuilt):
        return False, f"{len(rebuilt)} rows, were {len(committed)}"
    largest = 0.0
    for column in committed:
        excess = _excess(committed[column], rebuilt[column], *tolerances(committed, column))
        row = int(np.argmax(excess)) if len(excess) else 0
        if len(excess) and excess[row] > 1:
            old, new = committed[column].iloc[row], rebuilt[column].iloc[row]
            allowed = stated(*(sizes[row] for sizes in tolerances(committed, column)))
            return False, f"row {row + 1}: {column} is {new}, was {old}; {allowed}"
        largest = max(largest, excess.max(initial=0.0))
    return True, f"{len(rebuilt)} rows; largest deviation {largest:.1g} of its tolerance"


def tolerances(table, column):
    """(relative, absolute) tolerance of a column, an array of each with an entry per row."""
    sizes_of_rows = np.tile(TOLERANCES.get(column, EXACT), (len(table), 1))
    if column in (*TIMES, *VALUES):
        labels = table[[label for label in LABELS if label in table]].astype(str)
        for start, sizes in ROWS.items():
            named = labels.apply(lambda texts, start=start: texts.str.startswith(start))
            sizes_of_rows[named.any(axis=1).to_numpy(bool)] = sizes
    return sizes_of_rows.T


def stated(relative, absolute):
    """A tolerance in words."""
    words = zip((relative, absolute), ("relative", "absolute"), strict=True)
    terms = [f"{size:g} {word}" for size, word in words if size > 0]
    return f"allowed: {' plus '.join(terms)}" if terms else "must be equal"


def _excess(old, new, relative, absolute):
    """|new - old| over its tolerance, per row; infinite where the two differ in kind."""
    both = (old.isna() & new.isna()) | (old == new)  # infinite ones as well
    if not (pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new)):
        return np.where(both, 0.0, np.inf)
    difference = np.abs(new - old).to_numpy(float)
    tolerance = (relative * np.abs(old) + absolute).to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = difference / tolerance
    return np.where(both, 0.0, np.nan_to_num(excess, nan=np.inf, posinf=np.inf))


def committed_tables(root):
    """{name: text} of the figures' CSV files below figures/ at HEAD of the repository ``root``.

    A CSV without a PDF of the same name is no figure's (what the figures cost, say).
    """
    names = _git(root, "ls-tree", "-r", "--name-only", "HEAD", "figures/").splitlines()
    drawn = [name for name in names if name.endswith(".csv") and name[:-3] + "pdf" in names]
    return {name.removeprefix("figures/"): _git(root, "show", f"HEAD:./{name}") for name in drawn}


def _git(root, *arguments):
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"compare: git {arguments[0]}: {done.stderr.strip().splitlines()[0]}")
    return done.stdout


def main(root="."):
    """Print one line per CSV and return the exit status."""
    rebuilt, committed = Path(root) / REBUILT, committed_tables(root)
    present = {str(path.relative_to(rebuilt)) for path in rebuilt.glob("**/*.csv")}
    optional = {f"{path}.csv" for path in ON_DEMAND} & set(committed) - present
    names = sorted(present | set(committed) - optional)
    verdicts = [_judge(rebuilt / name, committed.get(name)) for name in names]
    for name, (agrees, verdict) in zip(names, verdicts, strict=True):
        print(f"figures/{name}: {'agrees' if agrees else 'DIFFERS'}: {verdict}")
    if not names:
        print("compare: no table is committed or rebuilt; run `make figures`")
    for name in sorted(optional):
        print(f"figures/{name}: not compared, computed on demand only; run `make supplement`")
    return 0 if names and all(agrees for agrees, _ in verdicts) else 1


def _judge(path, committed):
    """(agrees, verdict) for a rebuilt file and the text of its committed version, or None."""
    if committed is None:
        return False, "not committed, nothing to compare with"
    if not path.is_file():
        return False, "not rebuilt; run `make figures`"
    return compare(parse_table(committed), load_table(path))


if __name__ == "__main__":
    sys.exit(main())
