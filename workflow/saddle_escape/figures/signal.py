"""Companion of figure 4: how the signal grows on the plateau, and its gradients' rank-one form."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .axes import (
    assign_colors,
    check_columns,
    darker,
    draw_law,
    label_along,
    log_axes,
    settle,
    two_panels,
)

COLUMNS = (
    "r",
    "seed",
    "epsilon",
    "t",
    "gamma",
    "growth",
    "gamma_start",
    "plateau",
    "spectral_min",
    "spectral_max",
    "along_min",
    "along_max",
)
SIGNAL_LABEL = r"Signal $\gamma=\mathrm{E}[fg]$"
ANCHOR = 1e-3  # the law is drawn through the step whose gamma is nearest to it


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """The signal gamma = E[f g] on the plateau: its growth, and the gradients' rank-one form.

    table: columns COLUMNS; only the smallest epsilon of each r is drawn, every seed a line.
    (a) dgamma/dt against gamma, dashed the power 2 - 2/r; (b) smallest over the layers of
    |G_l|_F / (|u| |B_l|_2 |A_(l-1)|_2), which tends to 1. Raises ValueError on other columns.
    """
    check_columns(table, COLUMNS, "signal")
    figure, left, right = two_panels()
    colors, last = assign_colors(table["r"]), {}
    smallest = table.groupby("r")["epsilon"].transform("min")
    drawn = table[(table["epsilon"] == smallest) & (table["gamma"] > 0)]
    for (r, _), rows in drawn.groupby(["r", "seed"]):
        look = {"color": colors[r], "linewidth": 0.7, "alpha": 0.6}
        left.plot(rows["gamma"], rows["growth"], **look)
        right.plot(rows["gamma"], rows["spectral_min"], **look)
        last[r] = rows
    log_axes(left, SIGNAL_LABEL, r"Growth $\mathrm{d}\gamma/\mathrm{d}t$")
    log_axes(
        right,
        SIGNAL_LABEL,
        r"$\min_\ell\ \|G_\ell\|_F\,/\,(\|u\|\,\|B_\ell\|_2\,\|A_{\ell-1}\|_2)$",
    )
    right.set(yscale="linear", ylim=(0, 1.05))
    laws = {r: _draw_growth_law(left, rows, colors[r]) for r, rows in last.items()}
    settle(figure)
    for r, line in laws.items():
        text = rf"$r={r}$:  $\gamma^{{{2 - 2 / r:.3g}}}$"
        at = 0.45 if r == min(laws) else 0.25  # clear of its own start, and of the next curve's
        label_along(left, *line, at, text, darker(colors[r]))
    return figure


def _draw_growth_law(axes: Axes, rows: pd.DataFrame, color) -> tuple[np.ndarray, np.ndarray]:
    """Draw gamma^(2 - 2/r) through one seed's step nearest to ANCHOR; return its coordinates."""
    gamma, growth = rows["gamma"].to_numpy(), rows["growth"].to_numpy()
    nearest = np.abs(np.log(gamma) - np.log(ANCHOR)).argmin()
    reach, power = (gamma.min(), gamma.max()), 2 - 2 / rows["r"].iloc[0]
    return draw_law(axes, (gamma[nearest], growth[nearest]), power, reach, color)
