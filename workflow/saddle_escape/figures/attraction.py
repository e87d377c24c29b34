"""Companion of figure 4: the symmetric manifold is preserved but does not attract."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .axes import (
    assign_colors,
    check_columns,
    check_values,
    draw_law,
    label_along,
    log_axes,
    settle,
    two_panels,
)

COLUMNS = (
    "kind",
    "seed",
    "epsilon",
    "delta",
    "t",
    "loss",
    "growth",
    "distance",
    "status",
)
KINDS = {"noise": "independent noise", "profile": "uneven neurons"}


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """The symmetric manifold does not attract: relative distance from it along the escape.

    table: columns COLUMNS. Distance over its start against the growth of the weights, (a) for
    independent noise, (b) for uneven neuron profiles; dashed what a perturbation that merely stays
    would give. Raises ValueError on other columns or kinds.
    """
    check_columns(table, COLUMNS, "attraction")
    check_values(table["kind"], KINDS, "attraction, kind")
    figure, *panels = two_panels()
    colors = assign_colors(table["epsilon"])
    laws = [
        _draw_kind(axes, table[table["kind"] == kind], colors)
        for axes, kind in zip(panels, KINDS, strict=True)
    ]
    for axes, title in zip(panels, KINDS.values(), strict=True):
        axes.set_title(title, size="medium")
        log_axes(axes, r"Growth $\|W\|/\|W(0)\|$", "Distance from the manifold / start")
        axes.set_ylim(0.02, 1.5)
    panels[0].legend(loc="lower left")
    settle(figure)
    for axes, line in zip(panels, laws, strict=True):
        label_along(axes, *line, 0.45, "frozen perturbation", style.GREY)
    return figure


def _draw_kind(axes: Axes, rows: pd.DataFrame, colors: dict) -> tuple[np.ndarray, np.ndarray]:
    """Draw every run of one kind and the frozen perturbation; return the latter's coordinates."""
    for (epsilon, seed), steps in rows.groupby(["epsilon", "seed"]):
        label = rf"$\varepsilon={epsilon:g}$" if seed == rows["seed"].min() else None
        relative = steps["distance"] / steps["distance"].iloc[0]
        axes.plot(steps["growth"], relative, color=colors[epsilon], label=label, linewidth=0.9)
    return draw_law(axes, (1.0, 1.0), -1.0, (1.0, rows["growth"].max()), style.GREY)
