"""What figure 4 shows of its runs: means over seeds with their spread, and slopes over the windows.

A point that is too long for a tier may come from a record: the table that the full tier once left
for it, with its manifest beside it (``paper_check/records/``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..published import time_at
from ..status import LEFT_OUT
from ..theory import exponents

COLUMNS = (
    "route",
    "r",
    "epsilon",
    "t_mean",
    "t_sd",
    "t_min",
    "t_max",
    "n_seeds",
    "published",
    "ratio",
    "accepted_steps",
    "gradient_evaluations",
    "source",
    "status",
)
SLOPE_COLUMNS = (
    "route",
    "threshold",
    "r",
    "slope",
    "standard_error",
    "epsilon_min",
    "epsilon_max",
    "n_points",
    "n_seeds",
)
ROUTES = ("flow", "sgd")
COMPUTED, RECORD = "computed", "record"
PUBLISHED = "published"  # the route of the slopes of the published markers
KEYS = ["route", "threshold", "r", "epsilon"]
RUN = ["route", "seed", "r", "epsilon"]
COUNTS = ("accepted_steps", "gradient_evaluations")
TIMED = 1e-9  # relative distance within which two thresholds or scales are the same


@dataclass(frozen=True)
class Point:
    """flow, sgd: seeds of each route."""

    r: int
    epsilon: float
    flow: int
    sgd: int


@dataclass(frozen=True)
class Figure:
    """The points of figure 4 and the loss that counts as escaped in it."""

    threshold: float
    points: tuple[Point, ...]


def gathered(computed: Iterable[pd.DataFrame], records: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All runs, with the column source; a record stands in where nothing was computed.

    computed, records: tables of :func:`offmanifold.points`.
    """
    runs = pd.concat(computed, ignore_index=True).assign(source=COMPUTED)
    for record in records:
        there = pd.MultiIndex.from_frame(record[KEYS]).isin(pd.MultiIndex.from_frame(runs[KEYS]))
        runs = pd.concat([runs, record[~there].assign(source=RECORD)], ignore_index=True)
    return runs


def seed_means(
    settings: Figure, runs: pd.DataFrame, published: dict[tuple[int, float], float]
) -> pd.DataFrame:
    """What figure 4 draws, columns COLUMNS: one row for each route and point.

    runs: of :func:`gathered`; published: times by (r, epsilon). Means, standard deviation and range
    of the seeds' times (flow time); a point with a seed that never crossed has none of them.
    status: that of most seeds, "left_out" where there is none. Raises ValueError for a point that
    is not among the published ones.
    """
    spent = runs.groupby(RUN)[list(COUNTS)].transform("max")  # stated at the smallest threshold
    runs = runs.assign(**spent)[np.isclose(runs["threshold"], settings.threshold, rtol=TIMED)]
    rows = []
    for route in ROUTES:
        for point in settings.points:
            r, epsilon = point.r, point.epsilon
            same = (runs["route"] == route) & (runs["r"] == r) & (runs["epsilon"] == epsilon)
            row = {"route": route, "r": r, "epsilon": epsilon, **_summary(runs[same])}
            rows.append(row | {"published": time_at(published, r, epsilon)})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(ratio=table["t_mean"] / table["published"])


def _summary(seeds):
    if seeds.empty:
        return {"n_seeds": 0, "source": "none", "status": LEFT_OUT}
    t = seeds["t_crossing"]
    t = t if t.notna().all() else pd.Series(dtype=float)
    return {
        "t_mean": t.mean(),
        "t_sd": t.std(),
        "t_min": t.min(),
        "t_max": t.max(),
        "n_seeds": len(seeds),
        **seeds[list(COUNTS)].median(),
        "source": seeds["source"].iloc[0],
        "status": seeds["status"].mode().iloc[0],
    }


def slopes(runs: pd.DataFrame, published: dict[tuple[int, float], float]) -> pd.DataFrame:
    """Least-squares slopes of log t on log epsilon over each window, as in the paper's appendix F.

    Of the means over seeds, for every route, threshold and r, and of the published markers, whose
    threshold is the figure's own (an empty cell). Columns SLOPE_COLUMNS; standard errors are those
    of ordinary least squares. Points with a seed that never crossed are left out of a slope, and
    n_points says so; an r with fewer than three points has no slope.
    """
    means = runs.groupby(KEYS)["t_crossing"].agg(t=lambda times: times.mean(skipna=False), n="size")
    markers = pd.DataFrame(
        [(PUBLISHED, np.nan, r, epsilon, t, 0) for (r, epsilon), t in published.items()],
        columns=[*KEYS, "t", "n"],
    )
    table = pd.concat([means.reset_index(), markers], ignore_index=True).dropna(subset="t")
    rows = [
        _slope(route, threshold, r, window)
        for (route, threshold, r), window in table.groupby(KEYS[:3], dropna=False, sort=False)
        if len(window) >= 3
    ]
    return pd.DataFrame(rows, columns=SLOPE_COLUMNS).assign(status="fitted")


def _slope(route, threshold, r, window):
    slope, error = exponents.fitted_slope(window["epsilon"], window["t"])
    low, high = window["epsilon"].min(), window["epsilon"].max()
    return route, threshold, r, slope, error, low, high, len(window), window["n"].min()


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Ratio of the mean time to the published one, with the standard error of the mean.

    table: of :func:`seed_means`. Columns route, r, epsilon, n_seeds, ratio, standard_error; points
    without a time are left out.
    """
    timed = table.dropna(subset="ratio")
    error = timed["t_sd"] / np.sqrt(timed["n_seeds"]) / timed["published"]
    columns = ["route", "r", "epsilon", "n_seeds", "ratio"]
    return timed[columns].assign(standard_error=error.fillna(0.0)).reset_index(drop=True)
