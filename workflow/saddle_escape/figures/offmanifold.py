"""Figure 4 and its supplement, drawn from tidy tables: escape off the symmetric manifold.

Every `draw_*` is a pure function from a table to a Matplotlib figure. Times are flow times.
Diamonds are the gradient flow, circles stochastic gradient descent, dashed lines the law.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .. import status
from ..studies.offmanifold_tables import FIGURE4_COLUMNS, LEFT_OUT
from . import style
from .manifold import (
    assign_colors,
    check_columns,
    check_values,
    darker,
    label_along,
    log_axes,
    settle,
    two_panels,
)

STATUSES = (*status.STATUSES, LEFT_OUT)
ASYMPTOTICS_COLUMNS = (
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
SIGNAL_COLUMNS = (
    "r",
    "seed",
    "epsilon",
    "t",
    "gamma",
    "growth",
    "gamma_start",
    "plateau",
    "spectral_min",
    "spectral_max",
    "along_min",
    "along_max",
)
ATTRACTION_COLUMNS = (
    "kind",
    "seed",
    "epsilon",
    "delta",
    "t",
    "loss",
    "growth",
    "distance",
    "status",
)

EPSILON_LABEL = r"Bottleneck scale $\varepsilon$"
TIME_LABEL = r"Escape time $t_{\mathrm{esc}}$"
LAW = {"linewidth": 0.9, "linestyle": style.DASHED, "zorder": 1.5}
# Nested rather than side by side: on a line as steep as r = 8 a sideways shift would look like an
# error of the time. The flow's diamond lies in the circle, the published cross reaches beyond it.
ROUTES = {
    "flow": ("gradient flow", style.DIAMOND | {"markersize": 2.9, "markeredgewidth": 0}),
    "sgd": ("SGD", style.CIRCLE | {"markersize": 5.4}),
}
PUBLISHED = {
    "marker": "x",
    "markersize": 6.5,
    "markeredgewidth": 0.6,
    "linestyle": "none",
    "color": style.INK,
    "zorder": 5,
}
FADED = 0.4  # opacity of points whose networks start above their plateau


@style.figure_style()
def draw_figure4(table: pd.DataFrame) -> Figure:
    """Figure 4 (Theorem 11): escape time against bottleneck scale, by gradient flow and by SGD.

    table: columns FIGURE4_COLUMNS. Medians over seeds with interquartile bars; dashed the law
    epsilon^-(r-2) through the flow's leftmost point; crosses the published points. Points that a
    tier leaves out are named below the legend. Raises ValueError on other columns, routes or
    statuses.
    """
    check_columns(table, FIGURE4_COLUMNS, "figure 4")
    check_values(table["route"], ROUTES, "figure 4, route")
    check_values(table["status"], STATUSES, "figure 4, status")
    figure = style.new_figure(style.SINGLE_WIDTH, 3.0)
    axes = figure.subplots()
    colors = assign_colors(table["r"])
    for r, color in colors.items():
        mine = table[table["r"] == r]
        for route in ROUTES:
            _draw_medians(axes, mine[mine["route"] == route], route, color)
        seen = mine.dropna(subset="published").drop_duplicates("epsilon")
        axes.plot(seen["epsilon"], seen["published"], gid="published", **PUBLISHED)
    laws = {r: _draw_law(axes, table[table["r"] == r], color) for r, color in colors.items()}
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)
    axes.legend(handles=_handles(table), loc="lower left", fontsize="small", borderpad=0)
    settle(figure)
    for r, (x, y) in laws.items():
        text = rf"$r={r}$:  $\varepsilon^{{{2 - r}}}$"
        label_along(axes, x, y, 0.3, text, darker(colors[r]), lift=6)
    return figure


def _draw_medians(axes: Axes, rows: pd.DataFrame, route: str, color) -> None:
    look = ROUTES[route][1]
    for faded, part in rows.dropna(subset="t_median").groupby(rows["status"] == "no_plateau"):
        middle = part["t_median"]
        axes.errorbar(
            part["epsilon"],
            middle,
            [middle - part["t_q25"].fillna(middle), part["t_q75"].fillna(middle) - middle],
            color=color,
            elinewidth=0.9,
            alpha=FADED if faded else 1,
            gid=route,
            **look,
        )


def _draw_law(axes: Axes, rows: pd.DataFrame, color) -> tuple[np.ndarray, np.ndarray]:
    """Draw epsilon^-(r-2) through the leftmost median; return the line's coordinates."""
    done = rows.dropna(subset="t_median").sort_values(["route", "epsilon"])
    anchor, r = done.iloc[0], rows["r"].iloc[0]
    x = np.geomspace(0.85 * rows["epsilon"].min(), 1.15 * rows["epsilon"].max(), 50)
    y = anchor["t_median"] * (x / anchor["epsilon"]) ** (2.0 - r)
    axes.plot(x, y, color=color, gid="law", **LAW)
    return x, y


def _handles(table: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.INK, label=name, **look)
        for route, (name, look) in ROUTES.items()
        if (table["route"] == route).any()
    ]
    if table["published"].notna().any():
        handles.append(Line2D([], [], label="published", **PUBLISHED))
    if (table["status"] == "no_plateau").any():
        label = "faint: starts above its plateau"
        handles.append(Line2D([], [], linestyle="none", label=label))
    for route in table.loc[table["status"] == "left_out", "route"].unique():
        label = f"no {ROUTES[route][0]}: left to the full tier"
        handles.append(Line2D([], [], linestyle="none", label=label))
    return handles


@style.figure_style()
def draw_asymptotics(table: pd.DataFrame) -> Figure:
    """Companion of figure 4: the flow's times at small epsilon, and how the exponents approach r-2.

    table: columns ASYMPTOTICS_COLUMNS. (a) the deepest-sampled depth, one curve for each r; (b)
    distance of the local exponent from -(r-2), all depths. Raises ValueError on other columns.
    """
    check_columns(table, ASYMPTOTICS_COLUMNS, "asymptotics")
    figure, left, right = two_panels()
    depth = table.groupby("L")["r"].nunique().idxmax()
    main = table[table["L"] == depth]
    colors = assign_colors(main["r"])
    laws = {}
    for r, color in colors.items():
        mine = main[main["r"] == r].sort_values("epsilon")
        _draw_medians(left, mine, "flow", color)
        laws[r] = _draw_law(left, mine.assign(route="flow"), color)
        _draw_deviation(right, mine, color, "o", f"$L={depth}$, $r={r}$")
    others = table[table["L"] != depth]
    for marker, (other, mine) in zip("sv^<>", others.groupby("L"), strict=False):
        r = mine["r"].iloc[0]
        _draw_deviation(right, mine, style.GREY, marker, f"$L={other}$, $r={r}$")
    log_axes(left, EPSILON_LABEL, TIME_LABEL)
    log_axes(right, EPSILON_LABEL, r"|local exponent $+\,(r-2)$|")
    right.legend(loc="lower right", fontsize="small")
    settle(figure)
    for r, (x, y) in laws.items():
        label_along(left, x, y, 0.3, rf"$r={r}$:  $\varepsilon^{{{2 - r}}}$", darker(colors[r]))
    return figure


def _draw_deviation(axes: Axes, rows: pd.DataFrame, color, marker: str, label: str) -> None:
    rows = rows.sort_values("epsilon").dropna(subset="local_exponent")
    deviation = (rows["local_exponent"] + rows["r"] - 2).abs()
    look = {"marker": marker, "markersize": 3.6, "linewidth": 0.9, "color": color}
    axes.plot(rows["epsilon"], deviation, label=label, **look)


@style.figure_style()
def draw_signal(table: pd.DataFrame) -> Figure:
    """The signal gamma = E[f y] on the plateau: its growth, and the gradients' rank-one form.

    table: columns SIGNAL_COLUMNS; only the smallest epsilon of each r is drawn, every seed a line.
    (a) dgamma/dt against gamma, dashed the power 2 - 2/r; (b) smallest over the layers of
    |G_l|_F / (|u| |B_l|_2 |A_(l-1)|_2), which tends to 1. Raises ValueError on other columns.
    """
    check_columns(table, SIGNAL_COLUMNS, "signal")
    figure, left, right = two_panels()
    colors, laws = assign_colors(table["r"]), {}
    smallest = table.groupby("r")["epsilon"].transform("min")
    for (r, _), rows in table[table["epsilon"] == smallest].groupby(["r", "seed"]):
        rows = rows[rows["gamma"] > 0]
        look = {"color": colors[r], "linewidth": 0.7, "alpha": 0.6}
        left.plot(rows["gamma"], rows["growth"], **look)
        right.plot(rows["gamma"], rows["spectral_min"], **look)
        laws[r] = rows
    log_axes(left, r"Signal $\gamma=\mathrm{E}[fy]$", r"Growth $\mathrm{d}\gamma/\mathrm{d}t$")
    log_axes(
        right,
        r"Signal $\gamma=\mathrm{E}[fy]$",
        r"$\min_\ell\ \|G_\ell\|_F\,/\,(\|u\|\,\|B_\ell\|_2\,\|A_{\ell-1}\|_2)$",
    )
    right.set(yscale="linear", ylim=(0, 1.05))
    guides = {r: _draw_growth_law(left, rows, colors[r]) for r, rows in laws.items()}
    settle(figure)
    for r, (x, y) in guides.items():
        text = rf"$r={r}$:  $\gamma^{{{2 - 2 / r:.3g}}}$"
        at = 0.45 if r == min(guides) else 0.25  # clear of its own start, and of the next curve's
        label_along(left, x, y, at, text, darker(colors[r]))
    return figure


def _draw_growth_law(axes: Axes, rows: pd.DataFrame, color) -> tuple[np.ndarray, np.ndarray]:
    """Draw gamma^(2 - 2/r) through the step nearest to gamma = 1e-3; return its coordinates."""
    anchor = rows.iloc[(np.log(rows["gamma"]) - np.log(1e-3)).abs().argmin()]
    x = np.geomspace(rows["gamma"].min(), rows["gamma"].max(), 50)
    y = anchor["growth"] * (x / anchor["gamma"]) ** (2 - 2 / anchor["r"])
    axes.plot(x, y, color=color, gid="law", **LAW)
    return x, y


@style.figure_style()
def draw_attraction(table: pd.DataFrame) -> Figure:
    """The symmetric manifold does not attract: relative distance from it along the escape.

    table: columns ATTRACTION_COLUMNS. Distance over its start against the growth of the weights,
    (a) for independent noise, (b) for uneven neuron profiles; dashed what a perturbation that
    merely stays would give. Raises ValueError on other columns or kinds.
    """
    check_columns(table, ATTRACTION_COLUMNS, "attraction")
    kinds = {"noise": "independent noise", "profile": "uneven neurons"}
    check_values(table["kind"], kinds, "attraction, kind")
    figure, *panels = two_panels()
    colors = assign_colors(table["epsilon"])
    for axes, (kind, name) in zip(panels, kinds.items(), strict=True):
        mine = table[table["kind"] == kind]
        for (epsilon, seed), rows in mine.groupby(["epsilon", "seed"]):
            label = rf"$\varepsilon={epsilon:g}$" if seed == mine["seed"].min() else None
            relative = rows["distance"] / rows["distance"].iloc[0]
            axes.plot(rows["growth"], relative, color=colors[epsilon], label=label, linewidth=0.9)
        growth = np.geomspace(1, mine["growth"].max(), 50)
        axes.plot(growth, 1 / growth, color=style.GREY, gid="law", **LAW)
        axes.set_title(name, size="medium")
        log_axes(axes, r"Growth $\|W\|/\|W(0)\|$", "Distance from the manifold / start")
        axes.set_ylim(0.02, 1.5)
    panels[0].legend(loc="lower left")
    settle(figure)
    for axes in panels:
        x, y = axes.lines[-1].get_data()
        label_along(axes, x, y, 0.45, "frozen perturbation", style.GREY)
    return figure
