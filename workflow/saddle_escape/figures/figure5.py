"""Figure 5 of the paper (Proposition 24): three modes, one output, and when the first escapes."""

import itertools

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import cascade, style
from .axes import check_columns, check_values, panel_label, settle
from .cascade import BLUE, COLUMNS, DARK_PURPLE, LIGHT_PURPLE

SERIES = ("loss", "alignment", "escape_time", "sensitivity")
RUNS = ("training", "exact", "decoupled")
TIMES = {  # channel of series "escape_time": (name, look)
    "Theorem 5": ("Thm. 5", {"color": LIGHT_PURPLE, "linewidth": 2.2}),
    "T(0)": ("$T(0)$", {"color": style.GREY, "linewidth": 0.9}),
    "24 variables": ("24 var.", {"color": DARK_PURPLE, "linewidth": 0.9, "linestyle": "--"}),
    "2 nodes": ("2 nodes", {"color": style.GREY, "linewidth": 0.9, "linestyle": ":"}),
    "30 variables": ("30 var.", {"color": DARK_PURPLE, "linewidth": 1.8}),
}
CHANNELS = {
    "layer scales": style.CATEGORICAL[1],
    "off-block $W_2$": style.CATEGORICAL[2],
    "off-block $W_3$": style.CATEGORICAL[4],
    "cross-block rotations": style.CATEGORICAL[3],
}
CLOSE = 0.5  # of the distance to the furthest time: names side by side would touch
APART = 3  # points between names
SIDES = {"right": -1.0, "center": -0.5, "left": 0.0}  # where a name begins, in widths from its line
MARGIN = (0.88, 1.06)  # panel (b) reaches from and to these multiples of the first and last time


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Figure 5: the network's loss and mode-1 alignment, the times of escape, and A(nu) by channel.

    table: columns COLUMNS. Lines are the training, circles the exact flow of 30 variables, dashed
    the decoupled modes; (a) all of it, (b) the first escape with its predictions, (c) A(nu) on the
    path from decoupled to exact. Raises ValueError on other columns, series or channels.
    """
    check_columns(table, COLUMNS, "figure 5")
    check_values(table["series"], SERIES, "figure 5, series")
    rows = {name: table[table["series"] == name] for name in SERIES}
    check_values(rows["loss"]["channel"], RUNS, "figure 5, run")
    check_values(rows["escape_time"]["channel"], [*TIMES, "network"], "figure 5, escape time")
    check_values(rows["sensitivity"]["channel"], CHANNELS, "figure 5, channel")
    times = rows["escape_time"].set_index("channel")
    window = MARGIN[0] * times["t"].min(), MARGIN[1] * times["t"].max()
    figure = style.new_figure(style.DOUBLE_WIDTH, 4.2)
    axes = figure.subplot_mosaic("aa;bc", height_ratios=(1, 1.3), width_ratios=(1.25, 1))
    for letter in "abc":
        panel_label(axes[letter], letter)
    _draw_history(axes["a"], rows, times, (0, rows["loss"]["t"].max()))
    cascade.log_loss(axes["a"], rows["loss"]["value"].min())
    axes["a"].legend(handles=_handles(), loc="center right")
    cascade.draw_channels(axes["c"], rows["sensitivity"], CHANNELS)
    right = _draw_history(axes["b"], rows, times, window)
    _mark_network(right, times)
    _name_times(axes["b"], times)
    return figure


def _draw_history(axes: Axes, rows: dict, times: pd.DataFrame, window) -> Axes:
    """Loss (left) and alignment (right) of all runs, with the times; the right-hand axes."""
    right = cascade.alignment_axes(axes)
    cascade.draw_times(axes, times, TIMES)
    for side, series, color in ((axes, "loss", style.INK), (right, "alignment", BLUE)):
        for name, run in rows[series].groupby("channel", sort=False):
            shown = run[run["t"].between(*window)]
            t, value = shown["t"].to_numpy(), shown["value"].to_numpy()
            if name == "exact":
                t, value = (x[:: max(1, len(t) // 24)] for x in (t, value))
                side.plot(t, value, gid=f"{series} {name}", **style.CIRCLE | {"color": color})
            else:
                look = style.LINE if name == "training" else style.LAW
                side.plot(t, value, color=color, gid=f"{series} {name}", **look)
        side.set_ylim(0)
    axes.set_xlim(window)
    return right


def _handles():
    looks = (style.LINE, style.CIRCLE, style.LAW)
    names = ("network, trained", "exact flow, 30 variables", "decoupled modes")
    return [
        Line2D([], [], **{"color": style.INK} | look, label=name)
        for look, name in zip(looks, names, strict=True)
    ]


def _mark_network(axes: Axes, times: pd.DataFrame) -> None:
    """The network's own escape, on its alignment."""
    if "network" not in times.index:
        return
    t, value = times.loc["network", ["t", "value"]]
    axes.plot(t, value, gid="network", color=BLUE, **style.DIAMOND)
    axes.annotate(
        f"network {t:.0f}", (t, value), (5, -3), textcoords="offset points",
        ha="left", va="top", color=BLUE,
    )  # fmt: skip


def _name_times(axes: Axes, times: pd.DataFrame) -> None:
    """Neighbours turn away from each other; where names would touch, others turn or go higher."""
    settle(axes.figure)
    times = times.loc[list(TIMES), "t"]
    turned = [_turned_away(times, name) for name in TIMES]
    points = 72 / axes.figure.dpi
    at = [axes.transData.transform((t, 0))[0] * points for t in times]
    texts = [cascade.time_text(text, times[name]) for name, (text, _) in TIMES.items()]
    widths = [style.text_width(text, axes.figure) for text in texts]

    def cost(places):
        """How much of the names touches, how many are higher, and how many turned otherwise."""
        spans = sorted(
            (level, x + SIDES[side] * width, width)
            for x, width, (level, side) in zip(at, widths, places, strict=True)
        )
        pairs = [(a, b) for a, b in itertools.combinations(spans, 2) if a[0] == b[0]]
        touching = sum(max(a[1] + a[2] + APART - b[1], 0) for a, b in pairs)
        others = sum(side != before for (_, side), before in zip(places, turned, strict=True))
        return round(touching, 1), sum(level for level, _ in places), others

    for levels in ((0,), (0, 1)):
        choices = itertools.product(itertools.product(levels, SIDES), repeat=len(TIMES))
        places = min(choices, key=cost)
        if not cost(places)[0]:
            break
    for (name, (text, look)), (level, side) in zip(TIMES.items(), places, strict=True):
        cascade.name_time(axes, times[name], text, look["color"], side, level)


def _turned_away(times, name):
    """The side of the line on which its name is away from the nearest other line."""
    gaps = (times - times[name]).drop(name)
    nearest = gaps[gaps.abs().idxmin()]
    outwards = "right" if nearest > 0 else "left"
    return outwards if abs(nearest) < CLOSE * gaps.abs().max() else "center"
