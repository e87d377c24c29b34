"""What figure 5 and its companion share: loss and alignment against t, escape times, A(nu)."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from . import style
from .axes import darker

COLUMNS = ("series", "t", "nu", "channel", "value")
BLUE = style.CATEGORICAL[0]
LIGHT_PURPLE, DARK_PURPLE = "#b48ede", "#5e2b97"


def alignment_axes(axes: Axes) -> Axes:
    """Axes of the loss, and right-hand ones of the alignment, which are returned."""
    axes.set(xlabel="Flow time $t$", ylabel="Training loss")
    right = axes.twinx()
    right.set_ylabel("Mode-1 alignment", color=BLUE)
    right.spines["right"].set(visible=True, color=BLUE)
    right.tick_params(axis="y", colors=BLUE)
    return right


def log_loss(axes: Axes, lowest: float) -> None:
    """Logarithmic axis of the loss, from below its lowest value."""
    axes.set_yscale("log")
    axes.set_ylim(lowest / 1.6, 1)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_times(axes: Axes, times: pd.DataFrame, looks: Mapping[str, tuple[str, dict]]) -> None:
    """A vertical line for each escape time; looks: channel -> (name, look)."""
    for name, (_, look) in looks.items():
        if name in times.index:
            axes.axvline(times.loc[name, "t"], zorder=1.2, gid=name, **look)


def time_text(text: str, t: float) -> str:
    """Name and value of an escape time."""
    return f"{text}\n{t:.0f}"


def name_time(axes: Axes, t: float, text: str, color, side: str, level: int = 0) -> None:
    """Name and value of an escape time above its line, on one side of it, or higher (level 1)."""
    lift = 3 + 2.4 * level * mpl.rcParams["font.size"]
    axes.annotate(
        time_text(text, t), (t, 1), ({"left": -1, "center": 0, "right": 1}[side], lift),
        xycoords=axes.get_xaxis_transform(), textcoords="offset points", ha=side, va="bottom",
        color=darker(mpl.colors.to_rgb(color)), linespacing=1.1,
    )  # fmt: skip


def draw_channels(axes: Axes, rows: pd.DataFrame, colors: Mapping[str, Sequence]) -> None:
    """A(nu): contributions of one sign stacked on either side of zero, their sum as a line."""
    values = rows.pivot(index="nu", columns="channel", values="value")
    nu = values.index.to_numpy()
    up, down = np.zeros(len(nu)), np.zeros(len(nu))
    for name, color in colors.items():
        part = values[name].to_numpy()
        for base, piece in ((up, part.clip(0)), (down, part.clip(max=0))):
            axes.fill_between(nu, base, base + piece, color=color, alpha=0.75, linewidth=0)
            base += piece
        axes.fill_between([], [], color=color, alpha=0.75, linewidth=0, label=name)
    look = {"color": style.INK, "linewidth": 1, "marker": "o", "markersize": 1.8}
    axes.plot(nu, values.sum(axis=1), label=r"$A(\nu)$", **look)
    axes.axhline(0, color=style.INK, linewidth=0.6)
    axes.set(xlabel=r"Homotopy parameter $\nu$", ylabel=r"$A(\nu)=dT/d\nu$", xlim=(0, 1))
    axes.legend(loc="lower left", handlelength=1.1, handletextpad=0.5, borderaxespad=0.2)
