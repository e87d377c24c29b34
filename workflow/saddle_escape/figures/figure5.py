"""Figure 5 of the paper (Proposition 25): the three-mode cascade and its escape time."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from . import style
from .axes import check_columns, check_values, darker, panel_label

COLUMNS = ("series", "t", "nu", "channel", "value")
SERIES = ("loss", "alignment", "drop", "escape_time", "sensitivity")
BLUE = style.CATEGORICAL[0]
LIGHT_PURPLE, DARK_PURPLE = "#b48ede", "#5e2b97"
TIMES = {  # channel of series "escape_time": (name, look)
    "leading order": ("Theorem 5", {"color": LIGHT_PURPLE, "linewidth": 2.2}),
    "T(0)": ("$T(0)$", {"color": DARK_PURPLE, "linewidth": 0.8}),
    "T(0) + integral": (
        r"$T(0)+\int\,A\,d\nu$",
        {"color": DARK_PURPLE, "linewidth": 1.6},
    ),
}
CHANNELS = {
    "layer scales": style.CATEGORICAL[1],
    "off-block amplitudes": style.CATEGORICAL[2],
    "cross-block rotations": style.CATEGORICAL[3],
}
MARGIN = (0.9, 1.04)  # panel (b) reaches from and to these multiples of the first and last time


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 5: loss and mode-1 alignment of the cascade, its escape times, and A(nu) by channel.

    table: columns COLUMNS. Panel (a) shows the whole cascade, (b) its first escape with the
    leading-order time of Theorem 5, T(0) and T(0) + integral of A, (c) A(nu) stacked by channel.
    Raises ValueError on other columns, series or channels.
    """
    check_columns(table, COLUMNS, "figure 5")
    check_values(table["series"], SERIES, "figure 5, series")
    rows = {name: table[table["series"] == name] for name in SERIES}
    check_values(rows["escape_time"]["channel"], [*TIMES, "T(1)"], "figure 5, escape time")
    check_values(rows["sensitivity"]["channel"], CHANNELS, "figure 5, channel")
    times = rows["escape_time"].set_index("channel")
    escape = times.loc["T(1)"]
    window = MARGIN[0] * times["t"].min(), MARGIN[1] * times["t"].max()
    figure = style.new_figure(style.DOUBLE_WIDTH, 3.9)
    axes = figure.subplot_mosaic("aa;bc", height_ratios=(1, 1.3), width_ratios=(1.15, 1))
    for letter in "abc":
        panel_label(axes[letter], letter)
    _draw_history(axes["a"], rows, times, (0, rows["loss"]["t"].max()))
    _name_drops(axes["a"], rows["drop"])
    crossing = _draw_history(axes["b"], rows, times, window)
    crossing.axhline(escape["value"], color=BLUE, gid="threshold", **style.GUIDE)
    crossing.annotate(
        "escape", (1, escape["value"]), (-3, 2), xycoords=crossing.get_yaxis_transform(),
        textcoords="offset points", ha="right", va="bottom", color=BLUE,
    )  # fmt: skip
    crossing.plot(escape["t"], escape["value"], gid="T(1)", **{"color": BLUE} | style.CIRCLE)
    _name_times(axes["b"], times)
    _draw_channels(axes["c"], rows["sensitivity"])
    return figure


def _draw_history(axes: Axes, rows: dict, times: pd.DataFrame, window) -> Axes:
    """Loss (left) and alignment (right) against t, with the escape times; the right-hand axes."""
    loss, alignment = rows["loss"], rows["alignment"]
    for name, (_, look) in TIMES.items():
        axes.axvline(times.loc[name, "t"], zorder=1.2, gid=name, **look)
    axes.plot(loss["t"], loss["value"], color=style.INK, gid="loss", **style.LINE)
    axes.set(xlim=window, xlabel="Flow time $t$", ylabel="Training loss")
    right = axes.twinx()
    right.plot(alignment["t"], alignment["value"], color=BLUE, gid="alignment", **style.LINE)
    right.set_ylabel("Mode-1 alignment", color=BLUE)
    right.spines["right"].set(visible=True, color=BLUE)
    right.tick_params(axis="y", colors=BLUE)
    axes.set_ylim(0)
    right.set_ylim(0)
    return right


def _name_drops(axes: Axes, drops: pd.DataFrame) -> None:
    """Logarithmic loss axis; each drop named by the mode that is learned in it."""
    axes.set_ylim(axes.dataLim.y0 / 1.6, 1)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for _, drop in drops.iterrows():
        axes.annotate(
            drop["channel"],
            (drop["t"], drop["value"]),
            (-6, -2),
            textcoords="offset points",
            ha="right",
            va="top",
        )


def _name_times(axes: Axes, times: pd.DataFrame) -> None:
    """Name and value of each escape time above its line, the outer ones turned outwards."""
    ordered = sorted(TIMES, key=lambda name: times.loc[name, "t"])
    for name, side in zip(ordered, ("right", "center", "left"), strict=True):
        text, look = TIMES[name]
        axes.annotate(
            f"{text}\n{times.loc[name, 't']:.0f}",
            (times.loc[name, "t"], 1),
            ({"left": -6, "center": 0, "right": 6}[side], 3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=darker(mpl.colors.to_rgb(look["color"])),
            linespacing=1.1,
        )


def _draw_channels(axes: Axes, rows: pd.DataFrame) -> None:
    """A(nu): contributions of one sign stacked on either side of zero, their sum as a line."""
    values = rows.pivot(index="nu", columns="channel", values="value")
    nu = values.index.to_numpy()
    up, down = np.zeros(len(nu)), np.zeros(len(nu))
    for name, color in CHANNELS.items():
        part = values[name].to_numpy()
        for base, piece in ((up, part.clip(0)), (down, part.clip(max=0))):
            axes.fill_between(nu, base, base + piece, color=color, alpha=0.75, linewidth=0)
            base += piece
        axes.fill_between([], [], color=color, alpha=0.75, linewidth=0, label=name)
    look = {"color": style.INK, "linewidth": 1, "marker": "o", "markersize": 1.8}
    axes.plot(nu, values.sum(axis=1), label=r"$A(\nu)$", **look)
    axes.axhline(0, color=style.INK, linewidth=0.6)
    axes.set(xlabel=r"Homotopy parameter $\nu$", ylabel=r"$A(\nu)=dT/d\nu$", xlim=(0, 1))
    axes.legend(loc="lower left")
