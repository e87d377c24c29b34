"""Companion of figure 4: the flow's times at small epsilon, and how its exponents approach r-2."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .axes import (
    MEDIAN,
    TIME_LABEL,
    assign_colors,
    check_columns,
    darker,
    draw_seeds,
    label_along,
    log_axes,
    settle,
    two_panels,
)
from .figure4 import BOTTLENECK_LABEL, draw_escape_law, law_label

COLUMNS = (
    "L",
    "r",
    "epsilon",
    "t_median",
    "t_q25",
    "t_q75",
    "n_seeds",
    "local_exponent",
    "accepted_steps",
    "gradient_evaluations",
    "status",
)


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Escape times of the gradient flow at small epsilon, and how the exponents approach r-2.

    table: columns COLUMNS. (a) the depth with most r, one curve for each r; (b) distance of the
    local exponent from -(r-2), all depths. Raises ValueError on other columns.
    """
    check_columns(table, COLUMNS, "asymptotics")
    figure, left, right = two_panels()
    depth = table.groupby("L")["r"].nunique().idxmax()
    at_depth, elsewhere = table[table["L"] == depth], table[table["L"] != depth]
    colors, laws = assign_colors(at_depth["r"]), {}
    for r, rows in at_depth.sort_values("epsilon").groupby("r"):
        draw_seeds(left, rows, colors[r], gid="flow", **style.LOOK["flow"])
        laws[r] = draw_escape_law(left, rows, colors[r], MEDIAN[0])
        _draw_deviation(right, rows, colors[r], "o", f"$L={depth}$, $r={r}$")
    for marker, (other, rows) in zip("sv^<>", elsewhere.groupby("L"), strict=False):
        label = f"$L={other}$, $r={rows['r'].iloc[0]}$"
        _draw_deviation(right, rows.sort_values("epsilon"), style.GREY, marker, label)
    log_axes(left, BOTTLENECK_LABEL, TIME_LABEL)
    log_axes(right, BOTTLENECK_LABEL, r"|local exponent $+\,(r-2)$|")
    right.legend(loc="lower right", fontsize="small")
    settle(figure)
    for r, line in laws.items():
        if line is not None:
            label_along(left, *line, 0.3, law_label(r), darker(colors[r]))
    return figure


def _draw_deviation(axes: Axes, rows: pd.DataFrame, color, marker: str, label: str) -> None:
    rows = rows.dropna(subset="local_exponent")
    deviation = (rows["local_exponent"] + rows["r"] - 2).abs()
    look = {"marker": marker, "markersize": 3.6, "linewidth": 0.9, "color": color}
    axes.plot(rows["epsilon"], deviation, label=label, **look)
