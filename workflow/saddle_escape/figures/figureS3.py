"""Figure S3: the error of the predicted escape time, on the symmetric manifold and off it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..theory import activations
from . import style
from .axes import EPSILON_LABEL, assign_colors, check_columns, check_values, log_axes

COLUMNS = (
    "epsilon",
    "t_escape",
    "t_predicted",
    "error",
    "tolerance",
    "log_slope",
    "status",
    "case",
    "activation",
    "start",
    "seed",
    "q",
    "r",
    "L",
    "order",
    "constant",
)
ROWS = {"symmetric": "on the manifold", "he_normal": "off the manifold"}
MARKERS = "osD^v"  # of the seeds
HEIGHT = 5.9
LOWEST = 1e-13
UNSEEN = "#c4c4c4"
MARK = {"linestyle": "none", "markersize": 3.2, "markeredgewidth": 0.7, "zorder": 3}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """|t / t_predicted - 1| against epsilon, a column for each case; below, the logarithms.

    table: columns COLUMNS. Grey: errors below what the integration's tolerance changes. Lines: the
    law's power, with its own constant where the table has one (solid), else through the smallest
    epsilon seen (dashed). Bottom row: error epsilon^-(r-2) of the r with a logarithm, and its slope
    by law. Raises ValueError on other columns or starts.
    """
    check_columns(table, COLUMNS, "figureS3")
    check_values(table["start"], ROWS, "figureS3: start")
    cases = list(dict.fromkeys(table.sort_values(["q", "L", "case"])["case"]))
    figure = style.new_figure(style.DOUBLE_WIDTH, HEIGHT)
    grid = figure.subplots(3, len(cases), squeeze=False, sharex=True, height_ratios=(1, 1, 0.75))
    colors = assign_colors(table["r"])
    for column, (case, panels) in enumerate(zip(cases, grid.T, strict=True)):
        rows = table[table["case"] == case]
        panels[0].set_title(_title(rows), pad=5, fontsize="medium")
        for panel, start in zip(panels, ROWS, strict=False):
            _draw_errors(panel, rows[rows["start"] == start], colors)
        _draw_logarithms(panels[2], rows.dropna(subset="log_slope"), colors)
        panels[2].set_xlabel(EPSILON_LABEL)
        if column:
            for panel in panels[:2]:
                panel.tick_params(labelleft=False)
    _label_rows(grid)
    figure.legend(handles=_handles(table, colors), loc="outside upper center", ncols=4)
    return figure


def _title(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    name = activations.get(first["activation"])
    extra = "" if first["L"] == first["r"] else ", $r<L$"
    known = "" if "(" in name.label else f", {name.label}"
    return f"$q={first['q']}${known}{extra}"


def _draw_errors(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    """Errors of one start, seed by seed, with the law of each r."""
    for (r, seed), run in rows.dropna(subset="error").groupby(["r", "seed"]):
        run = run.sort_values("epsilon").assign(size=lambda t: t["error"].abs())
        seen = run["size"] > run["tolerance"]
        look = MARK | _marker(seed, colors[r])
        axes.plot("epsilon", "size", data=run[seen], color=colors[r], gid=f"r{r}", **look)
        below = {"color": UNSEEN, "gid": "below"} | MARK | {"marker": "o"}
        axes.plot("epsilon", "size", data=run[~seen], **below)
        if seed == 0:
            _draw_power(axes, run[seen], colors[r])
    axes.set(xscale="log", yscale="log")


def _draw_power(axes: Axes, run: pd.DataFrame, color) -> None:
    """The law: a power with its own constant, or through the first point, logarithm included."""
    if run.empty:
        return
    first, epsilon = run.iloc[0], run["epsilon"].to_numpy()
    known = pd.notna(first["constant"])
    level = first["constant"] if known else first["error"] / first["epsilon"] ** first["order"]
    if pd.notna(first["log_slope"]):
        level = level - first["log_slope"] * np.log(epsilon / first["epsilon"])
    look = style.LAW | ({"linestyle": "-"} if known else {})
    axes.plot(epsilon, np.abs(level) * epsilon ** first["order"], color=color, gid="law", **look)


def _draw_logarithms(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    """error epsilon^-(r-2) against log epsilon, with the slope by law through the smallest."""
    rows = rows[rows["error"].abs() > rows["tolerance"]]
    for (start, r, seed), run in rows.groupby(["start", "r", "seed"]):
        run = run.sort_values("epsilon")
        scaled = run["error"] / run["epsilon"] ** (r - 2)
        look = _marker(seed, colors[r]) if start == "he_normal" else {"marker": "D"}
        axes.plot(run["epsilon"], scaled, gid=start, color=colors[r], **MARK | look)
        law = scaled.iloc[0] - run["log_slope"] * np.log(run["epsilon"] / run["epsilon"].iloc[0])
        axes.plot(run["epsilon"], law, color=colors[r], gid="law", **style.LAW)
    axes.set_xscale("log")


def _marker(seed: int, color) -> dict:
    """Circles for seed 0, open ones of another shape for each further seed."""
    face = color if seed == 0 else "white"
    return {"marker": MARKERS[seed % len(MARKERS)], "markerfacecolor": face}


def _label_rows(grid) -> None:
    """What each row shows, and a common range for its panels."""
    for start, panels in zip(ROWS, grid, strict=False):
        panels[0].set_ylabel(rf"$|t_{{\mathrm{{esc}}}}/t_{{\mathrm{{law}}}}-1|$ {ROWS[start]}")
        low, high = zip(*(panel.get_ylim() for panel in panels), strict=True)
        for panel in panels:
            panel.set_ylim(max(min(low), LOWEST), max(high))
            log_axes(panel, "", panel.get_ylabel())
    grid[2, 0].set_ylabel(r"$(t_{\mathrm{esc}}/t_{\mathrm{law}}-1)\,\varepsilon^{-(r-2)}$")


def _handles(table: pd.DataFrame, colors: dict) -> list[Line2D]:
    """Legend entries: r, what is not seen, the two kinds of law."""
    dots = [
        Line2D([], [], color=color, label=f"$r={r}$", **MARK | {"marker": "o"})
        for r, color in colors.items()
    ]
    below = Line2D([], [], color=UNSEEN, label="below the tolerance", **MARK | {"marker": "o"})
    lines = [Line2D([], [], color=style.INK, label="law", **style.LAW)]
    if table["constant"].notna().any():
        look = style.LAW | {"linestyle": "-"}
        lines.insert(0, Line2D([], [], color=style.INK, label="law with its constant", **look))
    return [*dots, below, *lines]
