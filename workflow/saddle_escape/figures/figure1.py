"""Figure 1 of the paper (Theorem 4): a network and its reduction to L scalar equations."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from . import style
from .axes import assign_colors, check_columns, check_values, label_ends, settle, thin, two_panels

COLUMNS = ("panel", "series", "t", "value")
ROUTES = {  # the reduction's history is a line although it is computed: markers hide the drop
    "reduced_ode": style.LINE,
    "network": style.PLUS,
    "minibatch": style.CIRCLE,
}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 1 (Theorem 4): loss and layer scales against flow time, reduced ODE and full network.

    table: columns COLUMNS; panel "a" holds the loss (series "reduced_ode", "network",
    "minibatch"), panel "b" the layer scales (series "<route>_X<l>"). Raises ValueError on
    other columns, panels or series.
    """
    check_columns(table, COLUMNS, "figure 1")
    check_values(table["panel"], "ab", "figure 1, panel")
    figure, left, right = two_panels()
    _draw_loss(left, table[table["panel"] == "a"])
    ends = _draw_scales(right, table[table["panel"] == "b"])
    settle(figure)
    label_ends(right, ends)
    return figure


def _draw_loss(axes: Axes, rows: pd.DataFrame) -> None:
    check_values(rows["series"], ROUTES, "figure 1a, series")
    axes.set(yscale="log", xlabel="Flow time $t$", ylabel="Loss")
    for route in ROUTES:
        series = rows[rows["series"] == route]
        if len(series):
            _draw_history(axes, series, route, style.CATEGORICAL[0], np.log)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper right")


def _draw_scales(axes: Axes, rows: pd.DataFrame) -> list[tuple]:
    """Draw the layer scales; return the layers' labels as `label_ends` takes them."""
    parts = rows["series"].str.extract(r"^(?P<route>.+)_X(?P<layer>[0-9]+)$")
    bad = rows.loc[~parts["route"].isin(ROUTES), "series"]
    check_values(bad, [f"{route}_X<l>" for route in ROUTES], "figure 1b, series")
    rows = rows.assign(route=parts["route"], layer=parts["layer"].astype(int))
    colors = assign_colors(rows["layer"])
    axes.set(xlabel="Flow time $t$", ylabel=r"Layer scale $X_\ell$")
    _draw_layers(axes, rows, colors)
    _draw_inset(axes, rows, colors)
    end = rows["t"].max()
    heights = rows[rows["t"] == end].groupby("layer")["value"].mean()
    return [(end, y, f"$X_{{{layer}}}$", colors[layer]) for layer, y in heights.items()]


def _draw_layers(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    for layer, color in colors.items():
        for route in ROUTES:
            series = rows[(rows["layer"] == layer) & (rows["route"] == route)]
            if len(series):
                _draw_history(axes, series, route, color, np.zeros_like)


def _draw_inset(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    """Magnify the fastest twentieth of the reduced ODE's history, if it is resolved there."""
    ode = rows[rows["route"] == "reduced_ode"].groupby("t")["value"].sum()
    if len(ode) < 2:
        return
    fastest = np.abs(np.diff(ode)).argmax()
    reach = (ode.index[-1] - ode.index[0]) / 40
    window = rows[(rows["t"] - ode.index[fastest]).abs() <= reach]
    if (window["route"] == "reduced_ode").sum() < 10 * len(colors):
        return
    inset = axes.inset_axes((0.5, 0.13, 0.48, 0.38))
    _draw_layers(inset, window, colors)
    inset.tick_params(labelsize="small", length=2)
    inset.yaxis.set_major_locator(MaxNLocator(3, steps=(1, 2, 5, 10)))
    frame = axes.indicate_inset_zoom(inset, edgecolor=style.GREY, linewidth=0.6)
    for connector in frame.connectors:  # they would cross the curves
        connector.set_visible(False)


def _draw_history(axes: Axes, series: pd.DataFrame, route: str, color, height: Callable) -> None:
    """One curve of figure 1; the network's marks are spread evenly along (t, height(value))."""
    series = series.sort_values("t")
    if route == "network":
        series = series.iloc[thin(series["t"].to_numpy(), height(series["value"].to_numpy()))]
    look = {"color": color} | ROUTES[route]
    axes.plot(series["t"], series["value"], label=style.LABEL[route], gid=route, **look)
