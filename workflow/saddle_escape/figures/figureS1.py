"""Figure S1: measured escape times of all kinds of networks against the limit flow's."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from . import style
from .axes import check_columns, check_values, label_along, panel_label, settle

COLUMNS = (
    "case",
    "activation",
    "cls",
    "data",
    "target",
    "loss",
    "training",
    "decayed",
    "decay_ratio",
    "L",
    "width",
    "r",
    "order",
    "error_size",
    "epsilon",
    "seed",
    "t_star",
    "t_predicted",
    "t_escape",
    "status",
    "rtol",
    "accepted_steps",
    "gradient_evaluations",
)
# Kinds of networks, the first that a row answers to: name, marker, columns and their values.
KINDS = (
    ("momentum", "v", {"training": ["momentum"]}),
    ("minibatch SGD", "^", {"training": ["minibatch"]}),
    ("digits", "*", {"data": ["digits"]}),
    ("weight decay", "s", {"decayed": ["small", "all"], "decay_ratio": None}),
    ("logistic, Huber loss", "D", {"loss": ["logistic", "huber"]}),
    ("class A, kinks too", "o", {"cls": ["A"]}),
    ("class B", "P", {"cls": ["B"]}),
    ("class C", "X", {"cls": ["C"]}),
)
ORDER = (5, 6, 7, 4, 2, 3, 0, 1)  # of the legend
SIZE = {"*": 6.2, "P": 4.8, "X": 4.8, "D": 3.6, "s": 3.9}
MARK = {"linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 0.8}
COLORS = (*style.CATEGORICAL[:-1], style.INK)  # of the legend; grey says something else
HEIGHT = 4.6
PREDICTED = r"Predicted escape time (flow time)"
MEASURED = r"Measured escape time"
DISTANCE = r"$|t_{\mathrm{esc}}/t_{\mathrm{predicted}}-1|$"
LOWEST = 1e-9  # a distance below is the tolerance's


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """(a) measured against predicted times; (b), (c) how far their ratio is from 1.

    table: columns COLUMNS; times in flow time. Rows without a time, predicted or measured, are left
    out. Raises ValueError on other columns, or for a row of no kind.
    """
    check_columns(table, COLUMNS, "figureS1")
    check_values(table["cls"], "ABC", "figureS1, column cls")
    rows = table.dropna(subset=["t_predicted", "t_escape"])
    rows = rows.assign(
        kind=kinds(rows), distance=(rows["t_escape"] / rows["t_predicted"] - 1).abs()
    )
    rows["distance"] = rows["distance"].clip(lower=LOWEST)
    figure = style.new_figure(style.DOUBLE_WIDTH, HEIGHT)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.75, 1), width_ratios=(1.25, 1))
    times = figure.add_subplot(grid[0, 0])
    below = figure.add_subplot(grid[1, 0], sharex=times)
    law = figure.add_subplot(grid[:, 1])
    for axes, letter in ((times, "a"), (below, "b"), (law, "c")):
        panel_label(axes, letter)
    _draw_kinds(times, rows, "t_predicted", "t_escape")
    _draw_kinds(below, rows, "t_predicted", "distance")
    resolved = rows["error_size"] > rows["rtol"]
    _draw_kinds(law, rows[~resolved], "error_size", "distance", style.GREY)
    _draw_kinds(law, rows[resolved], "error_size", "distance")
    ends = _draw_diagonal(times, rows)
    _decades(times, 4, 4)
    _decades(below, 4, 3)
    _decades(law, 3, 1)
    times.tick_params(labelbottom=False)
    times.set(ylabel=MEASURED)
    below.set(xlabel=PREDICTED, ylabel=DISTANCE)
    law.set(
        xlabel=r"Error law $\varepsilon^k$ ($\times\log 1/\varepsilon$ where due)", ylabel=DISTANCE
    )
    guide = _draw_guide(law, rows)
    times.legend(loc="upper left", fontsize="small", handletextpad=0.2, borderpad=0)
    settle(figure)
    label_along(times, *ends, 0.68, "measured = predicted", style.INK, lift=-15)
    label_along(law, *guide, 0.5, r"slope 1", style.INK, lift=3)
    return figure


def kinds(rows: pd.DataFrame) -> pd.Series:
    """The index in KINDS of each row's kind, the first that it answers to."""
    kind = pd.Series(-1, index=rows.index)
    for number, (_, _, wanted) in enumerate(KINDS):
        answers = pd.Series(True, index=rows.index)
        for column, values in wanted.items():
            answers &= rows[column] > 0 if values is None else rows[column].isin(values)
        kind = kind.mask((kind < 0) & answers, number)
    return kind


def _draw_kinds(axes: Axes, rows: pd.DataFrame, x: str, y: str, color=None) -> None:
    """One series of markers for each kind; in its own colour unless one is given."""
    axes.set(xscale="log", yscale="log")
    for place, number in enumerate(ORDER):
        name, marker, _ = KINDS[number]
        look = {"marker": marker, "markersize": SIZE.get(marker, 4.3)} | MARK
        of_kind = rows[rows["kind"] == number]
        if len(of_kind):
            look["color"] = color or COLORS[place]
            axes.plot(of_kind[x], of_kind[y], label=name, gid="times", **look)


def _draw_diagonal(axes: Axes, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    x = np.geomspace(rows["t_predicted"].min() / 3, rows["t_predicted"].max() * 3, 50)
    axes.plot(x, x, color=style.INK, gid="law", **style.LAW)
    return x, x


def _draw_guide(axes: Axes, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """A line of slope 1 through the geometric mean of distance over size, and the tolerance."""
    seen = rows[(rows["distance"] > 10 * rows["rtol"]) & (rows["training"] == "flow")]
    low = axes.get_ylim()[0]
    axes.axhspan(low / 10, rows["rtol"].min(), color="#f0f0f0", zorder=0)
    axes.set_ylim(bottom=low)
    axes.text(
        0.98, 0.02, "relative tolerance", transform=axes.transAxes, ha="right", fontsize="small",
        color=style.GREY,
    )  # fmt: skip
    x = np.geomspace(seen["error_size"].min(), seen["error_size"].max(), 50)
    y = x * np.exp(np.log(seen["distance"] / seen["error_size"]).mean())
    axes.plot(x, y, color=style.INK, gid="law", **style.GUIDE)
    return x, y


def _decades(axes: Axes, x: int, y: int) -> None:
    """Ticks at every x-th and y-th decade."""
    for axis, step in ((axes.xaxis, x), (axes.yaxis, y)):
        low, high = np.log10(axis.get_view_interval())
        decades = np.arange(np.ceil(low), np.floor(high) + 1)
        axis.set_major_locator(LogLocator(base=10.0**step, numticks=30))
        axis.set_minor_locator(LogLocator(base=10.0, subs=(1,), numticks=len(decades) + 30))
        axis.set_minor_formatter(NullFormatter())
