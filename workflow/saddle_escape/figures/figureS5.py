"""Figure S5: where the law of the escape time ends, and what takes its place."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .axes import (
    EPSILON_LABEL,
    TIME_LABEL,
    assign_colors,
    check_columns,
    check_values,
    log_axes,
    panel_label,
    power,
)

COLUMNS = ("case", "quantity", "series", "seed", "epsilon", "measured", "predicted", "status")
MARKER = style.CIRCLE | {"markersize": 3.2, "markeredgewidth": 0.8}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Six ways out of t = epsilon^-(r-2) T*, a panel each: markers measured, lines predicted.

    table: columns COLUMNS. (a) class D's local exponents; (b) the scales that fitting the mean
    kicks its layers to; (c) its times without the teacher's mean and without its own constant;
    (d) rate x steps of Adam; (e) flow time over the law's from starts that are not small, and their
    loss over the plateau's; (f) times at sigma'(0) = 0. Raises ValueError on other columns or
    cases.
    """
    check_columns(table, COLUMNS, "figureS5")
    check_values(table["case"], PANELS, "figureS5: case")
    figure = style.new_figure(style.DOUBLE_WIDTH, 1.75 * style.PANEL_HEIGHT)
    axes = figure.subplots(2, 3).flat
    for letter, panel, (case, (title, panel_of)) in zip(
        "abcdef", axes, PANELS.items(), strict=True
    ):
        panel_of(panel, table[table["case"] == case])
        panel_label(panel, letter, title)
    return figure


def _draw_series(axes: Axes, rows: pd.DataFrame, name: Callable[[str], str] = str) -> None:
    """A colour for each series: its law a line, its measurements circles; with a legend."""
    for series, color in _colors(rows).items():
        one = rows[rows["series"] == series]
        for _, of_seed in one.groupby("seed"):
            axes.plot(of_seed["epsilon"], of_seed["predicted"], color=color, **style.LAW)
        axes.plot(one["epsilon"], one["measured"], color=color, label=name(series), **MARKER)
    axes.legend(handlelength=0.8, fontsize=7.5)


def _colors(rows):
    """Colours of the series in the table's order."""
    order = list(dict.fromkeys(rows["series"]))
    return dict(zip(order, assign_colors(range(len(order))).values(), strict=True))


def _staircase(axes, rows):
    rows = rows[rows["quantity"] == "exponent"]
    _draw_series(axes, rows, "${}$".format)
    axes.set(xscale="log", xlabel=EPSILON_LABEL, ylabel="Local exponent")
    axes.set_ylim(rows["predicted"].min() - 0.25, 0.1)


def _kicks(axes, rows):
    _draw_series(axes, rows, lambda series: f"$X_{series.removeprefix('l=')}$")
    log_axes(axes, EPSILON_LABEL, "Scale once the mean is fitted")


def _remedies(axes, rows):
    _draw_series(axes, rows)
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)


def _adam(axes, rows):
    _draw_series(axes, rows, lambda constant: rf"$\varepsilon_A={power(constant)}$")
    log_axes(axes, EPSILON_LABEL, r"Rate $\times$ steps")
    low = rows["measured"].min()
    axes.set_ylim(low / 3, 3 * rows["measured"].max())


def _large_starts(axes, rows):
    times, losses = (rows[rows["quantity"] == quantity] for quantity in ("time", "loss"))
    axes.axhline(1, color=style.GREY, **style.LAW)
    ratio = times["measured"] / times["predicted"]
    for x, y, label, color in (
        (times["epsilon"], ratio, "time / law", style.CATEGORICAL[0]),
        (losses["epsilon"], losses["measured"], "loss of start / plateau", style.CATEGORICAL[1]),
    ):
        axes.plot(x, y, color=color, label=label, **MARKER)
    log_axes(axes, EPSILON_LABEL, "Ratio")
    axes.legend(handlelength=0.8, fontsize=7.5)


def _flat_origin(axes, rows):
    _draw_series(axes, rows, lambda series: "$" + series.replace(" ", "$, $") + "$")
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)


PANELS = {
    "staircase": ("Class D: exponents", _staircase),
    "kicks": ("Class D: kicks", _kicks),
    "remedies": ("Class D: what removes it", _remedies),
    "adam": ("Adam", _adam),
    "large_starts": ("Large starts", _large_starts),
    "flat_origin": (r"$\sigma$ flat at 0", _flat_origin),
}
