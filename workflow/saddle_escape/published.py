"""The values read off the paper's plots: ``paper_check/published_points.csv``, its one reader."""

from pathlib import Path

import numpy as np
import pandas as pd

POINTS = Path(__file__).parents[2] / "paper_check" / "published_points.csv"
SAME = 1e-6  # relative distance within which an epsilon is a published one


def load(path=POINTS) -> pd.DataFrame:
    """Every marker: figure, panel, series, x_name, x, y_name, y, rel_uncertainty."""
    return pd.read_csv(path, comment="#")


def points(figure: int, panel: str | None = None, path=POINTS) -> pd.DataFrame:
    """The markers of one figure (and panel): series, x_name, x, y_name, y, rel_uncertainty.

    Raises ValueError where there is none.
    """
    return select(load(path), figure, panel)


def select(table: pd.DataFrame, figure: int, panel: str | None = None) -> pd.DataFrame:
    """The same of a table that is loaded already."""
    chosen = table[table["figure"] == figure]
    chosen = chosen if panel is None else chosen[chosen["panel"] == panel]
    if chosen.empty:
        raise ValueError(f"no published point of figure {figure}, panel {panel or 'any'}")
    return chosen.drop(columns=["figure", "panel"] if panel else "figure").reset_index(drop=True)


def figure4_times(path=POINTS) -> dict[tuple[int, float], float]:
    """{(r, epsilon): escape time (flow time)} of figure 4's markers."""
    table = points(4, path=path)
    return {
        (int(row.series.removeprefix("r")), float(row.x)): float(row.y)
        for row in table.itertuples()
    }


def time_at(times: dict[tuple[int, float], float], r: int, epsilon: float) -> float:
    """The published time of (r, epsilon).

    Raises ValueError, one line, where the figure has no marker there: an epsilon that matches no
    point is refused, not dropped.
    """
    for (own_r, x), t in times.items():
        if own_r == r and np.isclose(x, epsilon, rtol=SAME, atol=0.0):
            return t
    known = ", ".join(f"{x:g}" for own_r, x in times if own_r == r) or "none"
    raise ValueError(f"epsilon {epsilon:g} at r = {r} is no published point; there are: {known}")
