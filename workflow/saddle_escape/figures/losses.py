"""Losses of trained networks against time in units of what was predicted for each of them."""

import pandas as pd
from matplotlib.figure import Figure

from . import style
from .axes import check_columns, settle

COLUMNS = ("name", "t", "predicted", "loss")
LATEST = 1.25  # of the predicted time


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """A line for each network; where the prediction is right they fall at 1.

    table: columns COLUMNS, in increasing t for each name; loss in units of its plateau, t and
    predicted in the same unit. Raises ValueError on other columns.
    """
    check_columns(table, COLUMNS, "losses")
    figure = style.new_figure(style.DOUBLE_WIDTH * 0.8, style.PANEL_HEIGHT)
    axes = figure.subplots()
    names = list(dict.fromkeys(table["name"]))
    colors = style.ordered_colors(len(names))
    for name, color in zip(names, colors, strict=True):
        run = table[table["name"] == name]
        axes.plot(run["t"] / run["predicted"], run["loss"], label=name, color=color, **style.LINE)
    axes.axvline(1, color=style.INK, **style.LAW)
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
    axes.annotate("predicted", (1, 1), (4, 0), **place)
    axes.set(xlabel="Time / predicted time", ylabel="Loss / plateau")
    axes.set_xlim(0, LATEST)
    axes.set_ylim(0, None)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    settle(figure)
    return figure
