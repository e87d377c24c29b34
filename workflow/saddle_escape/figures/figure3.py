"""Figure 3 of the paper (Corollary 7): one curve for many activations."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..status import ESCAPED, STATUSES
from ..theory import activations
from . import style
from .axes import (
    EPSILON_LABEL,
    TIME_LABEL,
    check_columns,
    check_values,
    label_along,
    log_axes,
    mark_unescaped,
    panel_label,
    route_handles,
    settle,
    status_handles,
)

COLUMNS = (
    "activation",
    "class",
    "epsilon",
    "route",
    "t_escape",
    "t_min",
    "t_max",
    "K",
    "K_t_escape",
    "status",
)
ROUTES = ("closed_form", "reduced_ode", "network", "minibatch", "published")


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 3 (Corollary 7): escape times by activation, raw and rescaled by K(sigma).

    table: columns COLUMNS. Class B is drawn solid, every other class dashed. The strip
    below panel (b) divides by the common curve, read off the "closed_form" rows (interpolated on
    logarithms where these lack a marker's epsilon). Raises ValueError on other columns, routes or
    statuses.
    """
    check_columns(table, COLUMNS, "figure 3")
    check_values(table["route"], ROUTES, "figure 3, route")
    check_values(table["status"], STATUSES, "figure 3, status")
    check_values(table["class"], "ABCD", "figure 3, class")
    figure, *panels = _figure3_axes()
    common, looks = _common_curve(table), _activation_looks(table)
    panels[1].plot(*common, color=style.INK, gid="common", **style.LINE)
    rows = {name: table[table["activation"] == name].sort_values("epsilon") for name in looks}
    for name, look in looks.items():
        _draw_activation(panels, rows[name], common, look)
    _finish_figure3(*panels, looks, table)
    computed = [(rows[n][rows[n]["route"] != "closed_form"], looks[n]["color"]) for n in looks]
    mark_unescaped(panels[0], computed)
    settle(figure)
    _label_classes(panels[0], table)
    return figure


def _figure3_axes() -> tuple[Figure, Axes, Axes, Axes]:
    """Figure with panel (a), panel (b), and a strip below (b) on the same epsilon axis."""
    figure = style.new_figure(style.DOUBLE_WIDTH, 3.3)
    axes = figure.subplot_mosaic("ab;ac", height_ratios=(1.9, 1))
    axes["c"].sharex(axes["b"])
    for name in "ab":
        panel_label(axes[name], name)
        axes[name].set(xscale="log", yscale="log")
    return figure, axes["a"], axes["b"], axes["c"]


def _common_curve(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(epsilon, K t_esc) of all closed-form rows: by Corollary 7 one curve for all activations."""
    closed = table[(table["route"] == "closed_form") & (table["status"] == ESCAPED)]
    if closed.empty:
        raise ValueError("figure 3: no escaped 'closed_form' row to compare with")
    closed = closed.sort_values("epsilon")
    return closed["epsilon"].to_numpy(), closed["K_t_escape"].to_numpy()


def _activation_looks(table: pd.DataFrame) -> dict[str, dict]:
    """Look of each activation, by route. Members of a class overlap, so their looks nest.

    The first of each class gets the wide line and the large markers, the others go on top of it;
    dashes (all classes but B) take turns along the line instead.
    """
    classes = table.drop_duplicates("activation").set_index("activation")["class"]
    ranks = classes.groupby(classes).cumcount()
    looks = {}
    for name, color in zip(classes.index, itertools.cycle(style.CATEGORICAL), strict=False):
        first, solid = ranks[name] == 0, classes[name] == "B"
        width = (2.8 if first else 1.2) if solid else 1.5
        dashes = "-" if solid else (5.5 / width * ranks[name], (5 / width, 6 / width))
        looks[name] = {
            "color": color,
            "closed_form": {"linewidth": width, "linestyle": dashes, "solid_capstyle": "butt"},
            "minibatch": {"markersize": 7.2 if first else 5.0},
            "network": {"markersize": 11.5 if first else 9.0, "zorder": 3.6},
            "reduced_ode": {"markersize": 4.4 if first else 2.6},
            "published": {"color": style.INK},
        }
    return looks


def _draw_activation(panels: Sequence[Axes], rows: pd.DataFrame, common, look: dict) -> None:
    raw, scaled, ratio = panels
    for route in ROUTES:
        points = rows[(rows["route"] == route) & (rows["status"] == ESCAPED)]
        line = {"color": look["color"], "gid": route} | style.LOOK[route] | look[route]
        raw.plot(points["epsilon"], points["t_escape"], **line)
        bars = {"gid": "range", "color": look["color"], "linewidth": 0.9, "zorder": 2.9}
        raw.vlines(points["epsilon"], points["t_min"], points["t_max"], **bars)
        if route != "closed_form" and len(points):
            quotient = points["K_t_escape"] / _interpolate(common, points["epsilon"])
            scaled.plot(points["epsilon"], points["K_t_escape"], **line)
            ratio.plot(points["epsilon"], quotient, **line)


def _interpolate(curve: tuple[np.ndarray, np.ndarray], x: pd.Series) -> np.ndarray:
    """Power-law interpolation of a positive curve; NaN outside it."""
    return np.exp(np.interp(np.log(x), *np.log(curve), left=np.nan, right=np.nan))


def _finish_figure3(raw: Axes, scaled: Axes, ratio: Axes, looks: dict, table) -> None:
    """Axes, labels and legends of figure 3."""
    log_axes(raw, EPSILON_LABEL, TIME_LABEL)
    log_axes(scaled, "", r"$K(\sigma)\,t_{\mathrm{esc}}$")
    scaled.tick_params(labelbottom=False)
    ratio.axhline(1.0, color=style.INK, linewidth=1.0, zorder=1)
    ratio.set(xlabel=EPSILON_LABEL, ylabel="ratio to Thm. 5")
    ratio.margins(y=0.12)
    ratio.yaxis.set_major_locator(MaxNLocator(5))
    raw.legend(handles=_activation_handles(looks), loc="lower left", ncols=2)
    scaled.legend(handles=route_handles(table) + status_handles(table), loc="lower left")


def _activation_handles(looks: dict[str, dict]) -> list[Line2D]:
    handles = []
    for name, look in looks.items():
        handle = Line2D([], [], color=look["color"], label=activations.get(name).label)
        handle.update(look["closed_form"])
        if handle.is_dashed():
            handle.set_linestyle((0, (3, 1.5)))  # without the line's own offset and wide gaps
        handles.append(handle)
    return handles


def _label_classes(axes: Axes, table: pd.DataFrame) -> None:
    """Name each class along the line of its first activation."""
    closed = table[(table["route"] == "closed_form") & (table["status"] == ESCAPED)]
    for name, rows in closed.groupby("class"):
        line = rows[rows["activation"] == rows["activation"].iloc[0]].sort_values("epsilon")
        curve = line["epsilon"].to_numpy(), line["t_escape"].to_numpy()
        label_along(axes, *curve, 0.3, f"class {name}", style.INK)
