"""The palette and the style of seaborn 0.13.2 that the figures use; `make docs` writes it."""

COLORBLIND = (
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#ca9161",
    "#fbafe4",
    "#949494",
    "#ece133",
    "#56b4e9",
)
TICKS = {  # where it differs from Matplotlib's defaults
    "axes.labelcolor": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "axes.axisbelow": True,
    "text.color": ".15",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "axes.edgecolor": ".15",
    "grid.color": ".8",
}
