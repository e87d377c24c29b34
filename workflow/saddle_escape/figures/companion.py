"""Companion of figure 5 (Proposition 24): three modes with an output each, learned one by one."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import cascade, style
from .axes import check_columns, check_values, panel_label
from .cascade import BLUE, COLUMNS, DARK_PURPLE, LIGHT_PURPLE

SERIES = ("loss", "alignment", "drop", "escape_time", "sensitivity")
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
    """Loss and mode-1 alignment of the cascade, its escape times, and A(nu) by channel.

    table: columns COLUMNS. Panel (a) shows the whole cascade, (b) its first escape with the
    leading-order time of Theorem 5, T(0) and T(0) + integral of A, (c) A(nu) stacked by channel.
    Raises ValueError on other columns, series or channels.
    """
    check_columns(table, COLUMNS, "companion")
    check_values(table["series"], SERIES, "companion, series")
    rows = {name: table[table["series"] == name] for name in SERIES}
    check_values(rows["escape_time"]["channel"], [*TIMES, "T(1)"], "companion, escape time")
    check_values(rows["sensitivity"]["channel"], CHANNELS, "companion, channel")
    times = rows["escape_time"].set_index("channel")
    escape = times.loc["T(1)"]
    window = MARGIN[0] * times["t"].min(), MARGIN[1] * times["t"].max()
    figure = style.new_figure(style.DOUBLE_WIDTH, 3.9)
    axes = figure.subplot_mosaic("aa;bc", height_ratios=(1, 1.3), width_ratios=(1.15, 1))
    for letter in "abc":
        panel_label(axes[letter], letter)
    _draw_history(axes["a"], rows, times, (0, rows["loss"]["t"].max()))
    _name_drops(axes["a"], rows["drop"])
    cascade.log_loss(axes["a"], rows["loss"]["value"].min())
    crossing = _draw_history(axes["b"], rows, times, window)
    crossing.plot(escape["t"], escape["value"], gid="T(1)", **{"color": BLUE} | style.CIRCLE)
    crossing.annotate(
        "$T(1)$", (escape["t"], escape["value"]), (5, -2), textcoords="offset points",
        ha="left", va="top", color=BLUE,
    )  # fmt: skip
    _name_times(axes["b"], times)
    cascade.draw_channels(axes["c"], rows["sensitivity"], CHANNELS)
    return figure


def _draw_history(axes: Axes, rows: dict, times: pd.DataFrame, window) -> Axes:
    """Loss (left) and alignment (right) against t, with the escape times; the right-hand axes."""
    loss, alignment = rows["loss"], rows["alignment"]
    cascade.draw_times(axes, times, TIMES)
    axes.plot(loss["t"], loss["value"], color=style.INK, gid="loss", **style.LINE)
    right = cascade.alignment_axes(axes)
    right.plot(alignment["t"], alignment["value"], color=BLUE, gid="alignment", **style.LINE)
    right.set_ylim(0)
    axes.set(xlim=window, ylim=(0, None))
    return right


def _name_drops(axes: Axes, drops: pd.DataFrame) -> None:
    """Each drop named by the mode that is learned in it."""
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
    """The outer ones are turned outwards."""
    ordered = sorted(TIMES, key=lambda name: times.loc[name, "t"])
    for name, side in zip(ordered, ("right", "center", "left"), strict=True):
        text, look = TIMES[name]
        cascade.name_time(axes, times.loc[name, "t"], text, look["color"], side)
