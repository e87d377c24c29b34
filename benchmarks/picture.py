"""``benchmarks/results.png``: by what factor each row reaches its bar."""

import textwrap
from collections import Counter

import numpy as np

from saddle_escape.figures import style

from .rows import number

ROW_HEIGHT, MARGIN = 0.27, 0.75  # inches
LINE = 68  # characters of a row's name in one line: two lines are as much as a row holds
LIMITS = 0.1, 30.0  # what is beyond stands at the edge with its number
TICKS = 0.1, 0.3, 1, 3, 10, 30
REACHED, MISSED = style.CATEGORICAL[2], style.CATEGORICAL[1]


def margin(row):
    """The factor by which a row meets its bar, above 1 where it does."""
    subject, relation, limit = row.bar.split()
    value = getattr(row, subject)
    return value / float(limit) if relation == ">=" else float(limit) / value


def labels(rows):
    """Names of the rows, with the peer's first word where two are alike."""
    alike = Counter(row.work for row in rows)
    peers = [f", {row.peer.split()[0]}" if alike[row.work] > 1 else "" for row in rows]
    return [
        textwrap.fill(row.work.replace("`", "") + peer, LINE)
        for row, peer in zip(rows, peers, strict=True)
    ]


@style.figure_style()
def draw(table):
    """A Figure of the rows of results.csv that were measured."""
    rows = list(table[table["reached"] != "skipped"].itertuples())
    figure = style.new_figure(style.DOUBLE_WIDTH, MARGIN + ROW_HEIGHT * len(rows))
    axes = figure.subplots()
    places, factors = np.arange(len(rows))[::-1], np.array([margin(row) for row in rows])
    ends = np.clip(factors, *LIMITS)
    reached = np.array([str(row.reached).lower() == "true" for row in rows])
    looks = ((reached, REACHED, "o", "reached"), (~reached, MISSED, "X", "missed"))
    for mask, color, marker, name in looks:
        axes.hlines(places[mask], 1, ends[mask], color=color, linewidth=1.2)
        axes.plot(ends[mask], places[mask], marker, color=color, label=name, clip_on=False)
    for place, end, factor in zip(places, ends, factors, strict=True):
        if end != factor:
            axes.annotate(
                f"{number(factor)} ", (end, place), (-4, 5), textcoords="offset points", ha="right"
            )
    axes.axvline(1, color=style.INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(*LIMITS)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_xlabel("factor by which the bar is reached")
    axes.set_yticks(places, labels(rows), fontsize=5.5)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.legend(loc="lower right", frameon=False)
    return figure


@style.figure_style()
def save(table, path):
    """Write the picture as PNG; the same table gives the same bytes."""
    figure = draw(table)
    figure.dpi = style.DPI  # the smallest letters are wider at a coarser one
    style.freeze(figure)
    figure.savefig(path, metadata=style.UNDATED["png"])
