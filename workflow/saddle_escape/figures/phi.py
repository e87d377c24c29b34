"""|phi_sigma| near zero, whose order decides the class of an activation (Theorem 1)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from . import style
from .axes import check_columns

COLUMNS = ("activation", "label", "z", "phi")


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """|phi_sigma(z)| against z, one line for each activation, in the table's order.

    table: columns COLUMNS, `label` what the legend says. Near 0 the slope on these axes is q, the
    order of phi; class A, where phi vanishes, has no line. Raises ValueError on other columns.
    """
    check_columns(table, COLUMNS, "phi")
    figure = style.new_figure(style.SINGLE_WIDTH, 2.8)
    axes = figure.subplots()
    for k, (_, rows) in enumerate(table.groupby("activation", sort=False)):
        size = rows["phi"].abs()
        if size.any():
            color = style.CATEGORICAL[k % len(style.CATEGORICAL)]
            label = rows["label"].iloc[0]
            axes.loglog(rows["z"], size.where(size > 0, np.nan), color=color, label=label)
    axes.set(xlabel="$z$", ylabel=r"$|\varphi_\sigma(z)|$")
    axes.legend(loc="lower right", fontsize="small")
    return figure
