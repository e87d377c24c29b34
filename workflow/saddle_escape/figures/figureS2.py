"""Figure S2: escape times under weight decay, and the weights of networks that never escape."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..status import ESCAPED
from ..theory import limit_flow
from . import style
from .axes import (
    assign_colors,
    check_columns,
    check_values,
    panel_label,
)

COLUMNS = (
    "case",
    "kind",
    "decayed",
    "L",
    "r",
    "epsilon",
    "seed",
    "decay_ratio",
    "decay",
    "t_free",
    "t_predicted",
    "t_escape",
    "status",
    "t",
    "size",
    "size_predicted",
    "loss",
    "gradient_evaluations",
)
HEIGHT = 2.9
HIGHEST = 5.6  # of t / t_free that is drawn
TITLES = {"small": "decay on the $r$ small layers", "all": "decay on all $L$ layers"}
DEGREE = {"small": "r", "all": "L"}  # m + 2 of the clock
DECAY = r"Weight decay $\lambda\,T^*\varepsilon^{-(r-2)}$"
TIME = r"$t_{\mathrm{esc}}\,/\,T^*\varepsilon^{-(r-2)}$"
POINT = {"markersize": 4.0, "markerfacecolor": "none", "markeredgewidth": 0.8, "linestyle": "none"}
MARKERS = "osDv"  # of the networks that share a curve


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """(a), (b) times against decay, of the small layers and of all; (c) the weights.

    table: columns COLUMNS, rows of kind "time" and "step". Lines are predictions. Raises ValueError
    on other columns or values.
    """
    check_columns(table, COLUMNS, "figureS2")
    check_values(table["kind"], ("time", "step"), "figureS2, column kind")
    check_values(table["decayed"], DEGREE, "figureS2, column decayed")
    figure = style.new_figure(style.DOUBLE_WIDTH, HEIGHT)
    axes = figure.subplots(1, 3)
    axes[1].sharey(axes[0])
    times, steps = (table[table["kind"] == kind] for kind in ("time", "step"))
    for panel, letter, decayed in zip(axes, "ab", DEGREE, strict=False):
        panel_label(panel, letter, TITLES[decayed])
        _draw_times(panel, times[times["decayed"] == decayed], DEGREE[decayed])
    axes[0].set_ylabel(TIME)
    panel_label(axes[2], "c", "what becomes of them")
    _draw_sizes(axes[2], steps)
    return figure


def _draw_times(axes: Axes, rows: pd.DataFrame, degree: str) -> None:
    """Times over those without decay, one curve for each degree of the clock, and its asymptote."""
    colors = assign_colors(rows[degree])
    for value, curve in rows.groupby(degree):
        color, m = colors[value], value - 2
        x = np.append(1 - np.geomspace(1, 1e-8, 300), 1)[:-1] / m
        axes.plot(x, time_ratio(x, m), color=color, gid="law", **style.LINE)
        axes.axvline(1 / m, color=color, **style.GUIDE)
        networks = curve.groupby(["L", "r", "epsilon"])
        for marker, (_, network) in zip(_markers(len(networks)), networks, strict=True):
            _draw_network(axes, network, color, marker)
        axes.plot([], [], color=color, label=f"${degree}={value}$", **style.LINE)
    axes.set(xlabel=DECAY, ylim=(0.8, HIGHEST), xlim=(0, None))
    axes.legend(fontsize="small", loc="lower right")


def _markers(count):
    return [MARKERS[k % len(MARKERS)] for k in range(count)]


def _draw_network(axes: Axes, rows: pd.DataFrame, color, marker: str) -> None:
    """Escape times as points; decays at which it does not escape as triangles at the top."""
    x = rows["decay"] * rows["t_free"]
    escaped = rows["status"] == ESCAPED
    ratio = rows["t_escape"] / rows["t_free"]
    axes.plot(x[escaped], ratio[escaped], marker=marker, color=color, gid="times", **POINT)
    top = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    never = x[~escaped]
    look = style.STATUS_LOOK["not_escaped"]
    axes.plot(never, np.full(len(never), 0.97), color=color, gid="not_escaped", **look, **top)


def time_ratio(x: np.ndarray, m: int) -> np.ndarray:
    """t_escape over its value without decay, at x = lambda t_free (n,), below 1/m."""
    return np.array([limit_flow.escape_time(1.0, m + 2, 1.0, decay) for decay in x])


def _draw_sizes(axes: Axes, rows: pd.DataFrame) -> None:
    """Norm of the small layers against decay times time, by the network and by the limit flow."""
    colors = assign_colors(rows["decay_ratio"])
    for (ratio, _), path in rows.groupby(["decay_ratio", "case"]):
        x, color = path["decay"] * path["t"], colors[ratio]
        axes.plot(x, path["size_predicted"], color=color, gid="law", **style.LINE)
        look = POINT | {"marker": "o", "markersize": 2.8}
        axes.plot(x, path["size"], color=color, gid="steps", label=f"{ratio:g}", **look)
    axes.set(yscale="log", xlim=(0, None), xlabel=r"$\lambda\,t$")
    axes.set_ylabel(r"$|W_{\leq r}(t)|\,/\,|W_{\leq r}(0)|$")
    axes.legend(title=r"$\lambda/\lambda_c$", fontsize="small", loc="upper right")
