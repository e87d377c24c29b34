"""Figure 2 of the paper (Theorems 5 and 6): the critical depth."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
    route_handles,
    settle,
    status_handles,
    two_panels,
)

COLUMNS = ("panel", "L", "r", "epsilon", "route", "t_escape", "local_exponent", "status")
PANELS = {  # panel: (what varies, routes)
    "a": ("L", ("closed_form", "reduced_ode")),
    "b": ("r", ("quadrature", "power_law", "reduced_ode")),
}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 2 (Theorems 5 and 6): escape time against initial scale, by depth and bottleneck.

    table: columns COLUMNS; panel "a" varies L with every layer at epsilon, panel "b"
    varies r, the number of layers at epsilon. Reduced-ODE rows without an escape time are marked by
    their status above the x axis; lines stop there. Raises ValueError on other columns, panels,
    routes or statuses.
    """
    check_columns(table, COLUMNS, "figure 2")
    check_values(table["panel"], PANELS, "figure 2, panel")
    check_values(table["status"], STATUSES, "figure 2, status")
    figure, *panels = two_panels()
    for axes, (panel, (family, routes)) in zip(panels, PANELS.items(), strict=True):
        rows = table[table["panel"] == panel]
        check_values(rows["route"], routes, f"figure 2{panel}, route")
        _draw_family(axes, rows, family)
        panel_label(axes, panel, _family_title(rows, family))
        axes.legend(handles=route_handles(rows) + status_handles(rows), loc="upper right")
    settle(figure)
    for axes, (panel, (family, _)) in zip(panels, PANELS.items(), strict=True):
        _label_family(axes, table[table["panel"] == panel], family)
    return figure


def _family_title(rows: pd.DataFrame, family: str) -> str:
    if family == "L":
        return r"all $L$ layers at $\varepsilon$"
    depths = ", ".join(str(depth) for depth in sorted(rows["L"].unique()))
    return rf"first $r$ of $L={depths}$ layers at $\varepsilon$, the others at 1"


def _draw_family(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    computed = []
    for value, color in assign_colors(rows[family]).items():
        member = rows[rows[family] == value].sort_values("epsilon")
        for route, curve in member.groupby("route"):
            done = curve[curve["status"] == ESCAPED]
            look = {"color": color, "gid": route} | style.LOOK[route]
            look["zorder"] += 0.5 / (1 + value)  # steeper curves below: their markers pile up
            axes.loglog(done["epsilon"], done["t_escape"], **look)
        computed.append((member[member["route"] == "reduced_ode"], color))
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)
    mark_unescaped(axes, computed)


def _label_family(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    """Name each line by its depth or bottleneck size r and by the law that it follows."""
    lines = rows[rows["route"].isin(("closed_form", "quadrature")) & (rows["status"] == ESCAPED)]
    for value, color in assign_colors(rows[family]).items():
        line = lines[lines[family] == value].sort_values("epsilon")
        if len(line) < 2:
            continue
        exponent = 2 - int(line["r"].iloc[0])
        law = rf"\varepsilon^{{{exponent}}}" if exponent else r"\log\,1/\varepsilon"
        curve = line["epsilon"].to_numpy(), line["t_escape"].to_numpy()
        label_along(axes, *curve, 0.17, rf"${family}={value}$:  ${law}$", darker(color))
