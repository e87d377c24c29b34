"""Figure 2 of the paper (Theorems 5 and 6): the critical depth."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..status import ESCAPED, STATUSES
from . import style
from .axes import (
    EPSILON_LABEL,
    TIME_LABEL,
    assign_colors,
    check_columns,
    check_values,
    darker,
    label_along,
    log_axes,
    mark_unescaped,
    panel_label,
    settle,
    status_handles,
)

COLUMNS = (
    "panel",
    "L",
    "r",
    "epsilon",
    "criterion",
    "threshold",
    "route",
    "t_escape",
    "upper_limit",
    "theory",
    "ratio",
    "matched_ratio",
    "local_exponent",
    "status",
)
FAMILIES = {"a": "L", "b": "r"}  # panel: what varies
CRITERIA = ("alignment", "loss")  # the paper's event, and the companion's on a wider range
ROUTES = ("quadrature", "reduced_ode")
OPEN = style.DIAMOND | {
    "markerfacecolor": "white",
    "markersize": 3.2,
    "markeredgewidth": 0.7,
    "zorder": 3,
}
LOOK = {
    ("quadrature", "alignment"): style.LINE,
    ("quadrature", "loss"): style.LINE | {"linewidth": 0.6, "zorder": 1.8},
    ("reduced_ode", "alignment"): style.DIAMOND | {"markersize": 3.0, "markeredgewidth": 0.3},
    ("reduced_ode", "loss"): OPEN,  # its edge has the curve's colour
}
MATCHED = {"linewidth": 0.9, "linestyle": style.DASHED, "zorder": 2}
TIMES = {  # words of the legends, filled from the rows
    ("quadrature", "alignment"): "leading order to $X_1={upper_limit}$ (Thm. 5)",
    ("reduced_ode", "alignment"): "reduced ODE to $X_1={threshold}$ (Thm. 4)",
    ("quadrature", "loss"): r"leading order to ${threshold}\,\mathcal{{L}}_0$",
    ("reduced_ode", "loss"): r"reduced ODE to ${threshold}\,\mathcal{{L}}_0$",
}
RATIOS = {
    ("reduced_ode", "loss"): r"loss ${threshold}\,\mathcal{{L}}_0$ over the integral to it",
    ("reduced_ode", "alignment"): "$X_1={threshold}$ over the integral to {upper_limit}",
}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 2 (Theorems 5 and 6): escape time against initial scale, by depth and bottleneck.

    table: columns COLUMNS; panel "a" varies L with every layer at epsilon, panel "b" varies r, the
    number of layers at epsilon. Below each panel the quotients of the reduced equations' times: by
    the leading-order integral that is drawn above, and dashed by the integral up to the paper's own
    event. Reduced-ODE rows without an escape time are marked by their status above the x axis;
    lines stop there. Raises ValueError on other columns, panels, criteria, routes or statuses.
    """
    check_columns(table, COLUMNS, "figure 2")
    for column, allowed in (
        ("panel", FAMILIES),
        ("criterion", CRITERIA),
        ("route", ROUTES),
        ("status", STATUSES),
    ):
        check_values(table[column], allowed, f"figure 2, {column}")
    figure = style.new_figure(style.DOUBLE_WIDTH, 4.4)
    axes = figure.subplots(2, 2, sharex="col", height_ratios=(1.75, 1))
    panels = {name: table[table["panel"] == name] for name in FAMILIES}
    for (name, rows), (times, ratios) in zip(panels.items(), axes.T, strict=True):
        _draw_times(times, rows, FAMILIES[name])
        _draw_ratios(ratios, rows, FAMILIES[name])
        panel_label(times, name, _title(rows, name))
    axes[0, 0].legend(
        handles=_handles(table, TIMES), loc="upper right", fontsize="small", borderpad=0
    )
    axes[0, 1].legend(
        handles=status_handles(table), loc="upper right", fontsize="small", borderpad=0
    )
    ratios = _handles(table, RATIOS) + _matched_handle(table)
    axes[1, 0].legend(handles=ratios, loc="lower left", fontsize="small", borderpad=0)
    settle(figure)
    for (name, rows), times in zip(panels.items(), axes[0], strict=True):
        _label_family(times, rows, FAMILIES[name])
    return figure


def _title(rows: pd.DataFrame, panel: str) -> str:
    if panel == "a":
        return r"all $L$ layers at $\varepsilon$"
    depths = ", ".join(str(depth) for depth in sorted(rows["L"].unique()))
    return rf"first $r$ of $L={depths}$ layers at $\varepsilon$, the others at $\Theta(1)$"


def _members(rows: pd.DataFrame, family: str):
    """(value, color, its rows by epsilon) of each curve."""
    for value, color in assign_colors(rows[family]).items():
        yield value, color, rows[rows[family] == value].sort_values("epsilon")


def _look(route: str, criterion: str, color) -> dict:
    edge = {"markeredgecolor": color} if (route, criterion) == ("reduced_ode", "loss") else {}
    return {"color": color, "gid": f"{route} {criterion}"} | LOOK[route, criterion] | edge


def _draw_times(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    computed = []
    for value, color, member in _members(rows, family):
        for (route, criterion), curve in member.groupby(["route", "criterion"]):
            done = curve[curve["status"] == ESCAPED]
            look = _look(route, criterion, color)
            look["zorder"] += 0.5 / (1 + value)  # steeper curves below: their markers pile up
            axes.loglog(done["epsilon"], done["t_escape"], **look)
        computed.append((member[member["route"] == "reduced_ode"], color))
    log_axes(axes, "", TIME_LABEL)
    mark_unescaped(axes, computed)


def _draw_ratios(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    """Quotients of the reduced equations' times by both leading-order integrals."""
    computed = rows[rows["route"] == "reduced_ode"]
    for _, color, member in _members(computed, family):
        for criterion, curve in member.groupby("criterion"):
            look = _look("reduced_ode", criterion, color) | {"linestyle": "-", "linewidth": 0.6}
            axes.plot(curve["epsilon"], curve["ratio"], **look)
        paper = member[member["criterion"] == "alignment"]
        axes.plot(paper["epsilon"], paper["matched_ratio"], color=color, gid="matched", **MATCHED)
    axes.axhline(1.0, color=style.INK, linewidth=0.7, zorder=1)
    axes.set(xscale="log", xlabel=EPSILON_LABEL, ylabel=r"$t_{\mathrm{esc}}$ / leading order")
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _handles(table: pd.DataFrame, words: dict) -> list[Line2D]:
    """A legend entry for each (route, criterion) of `words` that the table has."""
    handles = []
    for (route, criterion), text in words.items():
        rows = table[(table["route"] == route) & (table["criterion"] == criterion)]
        if len(rows):
            values = {c: f"{rows[c].iloc[0]:g}" for c in ("threshold", "upper_limit")}
            look = _look(route, criterion, style.INK)
            handles.append(Line2D([], [], label=text.format(**values), **look))
    return handles


def _matched_handle(table: pd.DataFrame) -> list[Line2D]:
    """The legend entry of the dashed lines, if there are any."""
    paper = table[table["matched_ratio"].notna() & (table["criterion"] == "alignment")]
    text = "the same over the integral to {:g}"
    return [
        Line2D([], [], color=style.INK, label=text.format(threshold), **MATCHED)
        for threshold in paper["threshold"].unique()
    ]


def _label_family(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    """Name each line by its depth or bottleneck size r and by the law that it follows."""
    lines = rows[(rows["route"] == "quadrature") & (rows["status"] == ESCAPED)]
    for value, color, line in _members(lines, family):
        line = line[line["criterion"] == line["criterion"].iloc[0]]
        if len(line) < 2:
            continue
        exponent = 2 - int(line["r"].iloc[0])
        law = rf"\varepsilon^{{{exponent}}}" if exponent else r"\log\,1/\varepsilon"
        curve = line["epsilon"].to_numpy(), line["t_escape"].to_numpy()
        label_along(axes, *curve, 0.17, rf"${family}={value}$:  ${law}$", darker(color))
