"""Figure 4 of the paper (Theorem 11): escape off the symmetric manifold."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..status import LEFT_OUT, NO_PLATEAU, STATUSES
from . import style
from .axes import (
    MEAN,
    TIME_LABEL,
    assign_colors,
    check_columns,
    check_values,
    darker,
    draw_law,
    draw_seeds,
    label_along,
    log_axes,
    route_handles,
    settle,
    text_handle,
)

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
ROUTES = ("flow", "sgd")
SOURCES = ("computed", "record", "none")  # of a point: this tier, one earlier run, left out
BOTTLENECK_LABEL = r"Bottleneck scale $\varepsilon$"
LABELS = {3: (0.17, 2)}  # of a law: how far along its line, points above it; clear of the markers
RECORD = {  # around the circle of a point that this tier did not compute
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgewidth": 0.6,
    "linestyle": "none",
    "zorder": 4,
}
FADED = 0.4  # opacity of points whose networks start above their plateau


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 4 (Theorem 11): escape time against bottleneck scale, by SGD and by gradient flow.

    table: columns COLUMNS. Means over seeds with their whole range; dashed the law epsilon^-(r-2)
    through SGD's mean at the largest epsilon, as the paper draws it; crosses the published points.
    What comes from the record, and points that a tier leaves out, are named in the legend. Raises
    ValueError on other columns, routes, sources or statuses.
    """
    check_columns(table, COLUMNS, "figure 4")
    check_values(table["route"], ROUTES, "figure 4, route")
    check_values(table["source"], SOURCES, "figure 4, source")
    check_values(table["status"], (*STATUSES, LEFT_OUT), "figure 4, status")
    figure = style.new_figure(style.SINGLE_WIDTH, 3.0)
    axes = figure.subplots()
    colors = assign_colors(table["r"])
    laws = {r: _draw_bottleneck(axes, table[table["r"] == r], colors[r]) for r in colors}
    log_axes(axes, BOTTLENECK_LABEL, TIME_LABEL)
    axes.legend(handles=_handles(table), loc="lower left", fontsize="small", borderpad=0)
    settle(figure)
    for r, line in laws.items():
        if line is not None:
            at, lift = LABELS.get(r, (0.2, 6))
            label_along(axes, *line, at, law_label(r), darker(colors[r]), lift=lift)
    return figure


def _draw_bottleneck(axes: Axes, rows: pd.DataFrame, color) -> tuple | None:
    """Draw one r: means, published points and law; return the law's coordinates."""
    for route in ROUTES:
        means = rows[rows["route"] == route]
        for faded, part in means.groupby(means["status"] == NO_PLATEAU):
            look = {"alpha": FADED if faded else 1, "gid": route} | style.LOOK[route]
            draw_seeds(axes, part, color, MEAN, **look)
    recorded = rows[rows["source"] == "record"]
    axes.plot(recorded["epsilon"], recorded["t_mean"], gid="record", color=color, **RECORD)
    markers = rows.dropna(subset="published").drop_duplicates("epsilon")
    axes.plot(markers["epsilon"], markers["published"], gid="published", **style.CROSS)
    return draw_escape_law(axes, rows.sort_values(["route", "epsilon"], ascending=False), color)


def draw_escape_law(axes: Axes, rows: pd.DataFrame, color, column: str = MEAN[0]) -> tuple | None:
    """Draw epsilon^-(r-2) of one r through the first row that has a time in `column`.

    Returns the line's coordinates, None where no row has one.
    """
    timed = rows.dropna(subset=column)
    if timed.empty:
        return None
    through = timed["epsilon"].iloc[0], timed[column].iloc[0]
    reach = 0.85 * rows["epsilon"].min(), 1.15 * rows["epsilon"].max()
    return draw_law(axes, through, 2.0 - rows["r"].iloc[0], reach, color)


def law_label(r: int) -> str:
    """The law of one r, as text along its line."""
    return rf"$r={r}$:  $\varepsilon^{{{2 - r}}}$"


def _handles(table: pd.DataFrame) -> list[Line2D]:
    handles = route_handles(table)
    if table["published"].notna().any():
        handles.append(Line2D([], [], label="published", **style.CROSS))
    if (table["status"] == NO_PLATEAU).any():
        handles.append(text_handle("faint: starts above its plateau"))
    if (table["source"] == "record").any():
        handles.append(Line2D([], [], label="SGD, one earlier run", color=style.INK, **RECORD))
    absent = table.loc[table["status"] == LEFT_OUT, "route"].unique()
    return handles + [
        text_handle(f"no {style.LABEL[route]}: left to the full tier") for route in absent
    ]
