"""Figure S4: the prefactor T* over draws of the start, its limit, and what of a draw decides."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import style
from .axes import assign_colors, check_columns, log_axes, panel_label

GROUPS = {  # share_*: as the panel names them
    "outer": r"layers at order one $|A|$",
    "ends": r"$|V_1c|$ and $|AV_r|$",
    "signal": r"initial signal $\gamma(0)$",
    "inner": "gains of inner layers",
    "unexplained": "not linear",
}
COLUMNS = (
    "case",
    "depth",
    "r",
    "input_dim",
    "width",
    "draws",
    "blown_up",
    *(f"q{q:02d}" for q in (5, 25, 50, 75, 95)),
    "limit",
    "spread",
    "shift",
    "shift_error",
    *(name if name == "unexplained" else f"share_{name}" for name in GROUPS),
)
MARKERS = "os^Dv"  # of the input dimensions, in increasing order
WIDTH_LABEL = r"Width $N$"


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """T* of He-normal networks against width; its spread and shift; the variance's parts.

    table: columns COLUMNS. (a) medians with 5-95 % of the draws against N/d, on which alone the
    limit at infinite width depends; (b) standard deviation of log T* and E log(T*/limit) with the
    powers of N; (c) parts of the variance of log T* that a regression gives to what a draw differs
    in, at the smallest and largest width, for the input dimension that most r have. Raises
    ValueError on other columns.
    """
    check_columns(table, COLUMNS, "figureS4")
    figure = style.new_figure(style.DOUBLE_WIDTH, style.PANEL_HEIGHT + 0.2)
    times, corrections, parts = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    colors = assign_colors(table["r"])
    markers = dict(zip(sorted(set(table["input_dim"])), MARKERS, strict=False))
    _draw_times(times, table, colors, markers)
    panel_label(times, "a")
    _draw_corrections(corrections, table, colors, markers)
    panel_label(corrections, "b")
    shared = _shared_dimension(table)
    bars = _draw_parts(parts, table[table["input_dim"] == shared])
    panel_label(parts, "c", rf"$d={shared}$")
    figure.legend(handles=bars, loc="outside upper right", ncols=len(bars), fontsize=7.5)
    return figure


def _shared_dimension(table):
    """The input dimension that most r have, the smallest of several."""
    return table.groupby("input_dim")["r"].nunique().idxmax()


def _draw_times(axes: Axes, table: pd.DataFrame, colors: dict, markers: dict) -> None:
    table = table.assign(ratio=table["width"] / table["input_dim"]).sort_values("ratio")
    for r, rows in table.groupby("r"):
        color, limit = colors[r], rows.drop_duplicates("ratio")
        axes.plot(limit["ratio"], limit["limit"], color=color, gid="limit", **style.LAW)
        axes.vlines(rows["ratio"], rows["q05"], rows["q95"], color=color, linewidth=0.8)
        for d, at_d in rows.groupby("input_dim"):
            look = style.CIRCLE | {"marker": markers[d], "markersize": 3.4}
            axes.plot(at_d["ratio"], at_d["q50"], color=color, **look)
    log_axes(axes, r"Width over input dimension $N/d$", r"Blow-up time $T^*$")
    handles = [Line2D([], [], color=c, linestyle=style.DASHED) for c in colors.values()]
    axes.legend(handles, [f"$r={r}$" for r in colors], loc="lower left")


def _draw_corrections(axes: Axes, table: pd.DataFrame, colors: dict, markers: dict) -> None:
    for (r, d), rows in table.groupby(["r", "input_dim"]):
        look = {"color": colors[r], "linestyle": "none", "marker": markers[d]}
        axes.plot(rows["width"], rows["spread"], markersize=3.4, markerfacecolor="white", **look)
        axes.plot(rows["width"], rows["shift"], markersize=3.0, markeredgewidth=0, **look)
    widths = np.geomspace(table["width"].min(), table["width"].max(), 2)
    level = np.exp(np.mean(np.log(table["spread"]) + np.log(table["width"]) / 2))
    for law in (level * widths**-0.5, (table["depth"].iloc[0] - 2) / (2 * widths)):
        axes.plot(widths, law, color=style.GREY, gid="law", **style.LAW)
    log_axes(axes, WIDTH_LABEL, r"Spread and shift of $\log T^*$")
    handles = [
        Line2D([], [], color=style.INK, marker="o", markersize=3.6, linestyle="none", **look)
        for look in (
            {"markerfacecolor": "white", "label": r"spread, $N^{-1/2}$"},
            {"markeredgewidth": 0, "label": r"shift, $(L-2)/2N$"},
        )
    ]
    axes.legend(handles=handles, loc="lower left", handlelength=0.8)
    dims = [
        Line2D([], [], color=style.GREY, marker=m, markersize=3, linestyle="none", label=f"$d={d}$")
        for d, m in markers.items()
    ]
    axes.add_artist(axes.get_legend())
    axes.legend(handles=dims, loc="upper right", handlelength=0.8)


def _draw_parts(axes: Axes, table: pd.DataFrame) -> list:
    """Stacked bars; returns one container for each of GROUPS."""
    ends = table[table["width"].isin([table["width"].min(), table["width"].max()])]
    ends = ends.sort_values(["r", "width"])
    names = ["unexplained" if name == "unexplained" else f"share_{name}" for name in GROUPS]
    parts = ends[names].to_numpy().T
    parts = parts / parts.sum(0)
    place = np.arange(len(ends)) + 0.35 * (np.arange(len(ends)) // 2)
    left, bars = np.zeros(len(ends)), []
    for part, label, color in zip(parts, GROUPS.values(), _shades(), strict=True):
        look = {"height": 0.82, "color": color, "label": label, "linewidth": 0}
        bars.append(axes.barh(place, part, left=left, **look))
        left += part
    ticks = [rf"$r={r}$, $N={n}$" for r, n in zip(ends["r"], ends["width"], strict=True)]
    axes.set(xlim=(0, 1), xlabel=r"Part of the variance of $\log T^*$")
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.set_yticks(place, ticks, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return bars


def _shades():
    return [*style.CATEGORICAL[:4], "#d9d9d9"]
