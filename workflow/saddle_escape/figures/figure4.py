"""Figure 4 of the paper (Theorem 11): escape off the symmetric manifold."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..status import LEFT_OUT, NO_PLATEAU, STATUSES
from . import style
from .axes import (
    TIME_LABEL,
    assign_colors,
    check_columns,
    check_values,
    darker,
    draw_law,
    draw_medians,
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
    "t_median",
    "t_q25",
    "t_q75",
    "n_seeds",
    "published",
    "ratio",
    "accepted_steps",
    "gradient_evaluations",
    "status",
)
ROUTES = ("flow", "sgd")
BOTTLENECK_LABEL = r"Bottleneck scale $\varepsilon$"
PUBLISHED = {  # reaches beyond the circle in which it lies
    "marker": "x",
    "markersize": 6.5,
    "markeredgewidth": 0.6,
    "linestyle": "none",
    "color": style.INK,
    "zorder": 5,
}
FADED = 0.4  # opacity of points whose networks start above their plateau


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 4 (Theorem 11): escape time against bottleneck scale, by gradient flow and by SGD.

    table: columns COLUMNS. Medians over seeds with interquartile bars; dashed the law
    epsilon^-(r-2) through the flow's leftmost point; crosses the published points. Points that a
    tier leaves out are named below the legend. Raises ValueError on other columns, routes or
    statuses.
    """
    check_columns(table, COLUMNS, "figure 4")
    check_values(table["route"], ROUTES, "figure 4, route")
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
            label_along(axes, *line, 0.3, law_label(r), darker(colors[r]), lift=6)
    return figure


def _draw_bottleneck(axes: Axes, rows: pd.DataFrame, color) -> tuple | None:
    """Draw one r: medians, published points and law; return the law's coordinates."""
    for route in ROUTES:
        medians = rows[rows["route"] == route]
        for faded, part in medians.groupby(medians["status"] == NO_PLATEAU):
            look = {"alpha": FADED if faded else 1, "gid": route} | style.LOOK[route]
            draw_medians(axes, part, color, **look)
    markers = rows.dropna(subset="published").drop_duplicates("epsilon")
    axes.plot(markers["epsilon"], markers["published"], gid="published", **PUBLISHED)
    return draw_escape_law(axes, rows.sort_values(["route", "epsilon"]), color)


def draw_escape_law(axes: Axes, rows: pd.DataFrame, color) -> tuple | None:
    """Draw epsilon^-(r-2) of one r through the first row that has a median.

    Returns the line's coordinates, None where no row has one.
    """
    timed = rows.dropna(subset="t_median")
    if timed.empty:
        return None
    through = timed["epsilon"].iloc[0], timed["t_median"].iloc[0]
    reach = 0.85 * rows["epsilon"].min(), 1.15 * rows["epsilon"].max()
    return draw_law(axes, through, 2.0 - rows["r"].iloc[0], reach, color)


def law_label(r: int) -> str:
    """The law of one r, as text along its line."""
    return rf"$r={r}$:  $\varepsilon^{{{2 - r}}}$"


def _handles(table: pd.DataFrame) -> list[Line2D]:
    handles = route_handles(table)
    if table["published"].notna().any():
        handles.append(Line2D([], [], label="published", **PUBLISHED))
    if (table["status"] == NO_PLATEAU).any():
        handles.append(text_handle("faint: starts above its plateau"))
    absent = table.loc[table["status"] == LEFT_OUT, "route"].unique()
    return handles + [
        text_handle(f"no {style.LABEL[route]}: left to the full tier") for route in absent
    ]
