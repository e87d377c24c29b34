"""The one figure style: sizes, colours, line and marker conventions, and a reproducible `save`.

All lengths are inches (widths) or points (lines, markers, fonts). Nothing here needs LaTeX or a
display: text is set with the STIX fonts that Matplotlib ships, and figures carry an Agg canvas of
their own, whatever backend the session has chosen.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .from_seaborn import COLORBLIND, TICKS

SINGLE_WIDTH = 3.4
DOUBLE_WIDTH = 7.0
PANEL_HEIGHT = 2.75
DPI = 300
UNDATED = {  # metadata by format, with which the same picture gives the same bytes
    "png": {"Software": "saddle_escape"},
    "pdf": {"Creator": "saddle_escape", "Producer": "Matplotlib", "CreationDate": None},
    "svg": {"Creator": "saddle_escape", "Date": None},
}

INK = "#1a1a1a"
GREY = "#8c8c8c"
# Okabe and Ito's colour-blind safe set as adapted by seaborn, reordered so that neighbours in the
# list differ in hue and in lightness.
CATEGORICAL = tuple(mpl.colors.to_rgb(COLORBLIND[i]) for i in (0, 1, 2, 4, 3, 9, 5, 7))

DASHED = (0, (4, 1.6))

# One name and one look per route, in every figure: a prediction is a line, a computation a marker.
LABEL = {
    "closed_form": "closed form (Thm. 5)",
    "reduced_ode": "reduced ODE (Thm. 4)",
    "network": "full network",
    "minibatch": "minibatch descent",
    "published": "published",
    "flow": "gradient flow",
    "sgd": "SGD",
}
LINE = {"linewidth": 1.4, "solid_capstyle": "round", "zorder": 2}
GUIDE = {"linewidth": 0.9, "linestyle": (0, (1.2, 1.4)), "zorder": 1.5}
LAW = {"linewidth": 0.9, "linestyle": DASHED, "zorder": 1.5}
DIAMOND = {
    "marker": "D",
    "markersize": 3.8,
    "markeredgewidth": 0.6,
    "markeredgecolor": "white",
    "linestyle": "none",
    "zorder": 4,
}
CIRCLE = {
    "marker": "o",
    "markersize": 4.2,
    "markeredgewidth": 0.9,
    "markerfacecolor": "white",
    "linestyle": "none",
    "zorder": 3,
}
CROSS = {  # reaches beyond the circle in which it lies
    "marker": "x",
    "markersize": 6.5,
    "markeredgewidth": 0.6,
    "linestyle": "none",
    "color": INK,
    "zorder": 5,
}
PLUS = {
    "marker": "+",
    "markersize": 5.5,
    "markeredgewidth": 0.8,
    "linestyle": "none",
    "zorder": 3.5,
}
LOOK = {
    "closed_form": LINE,
    "reduced_ode": DIAMOND,
    "network": PLUS,
    "minibatch": CIRCLE,
    "published": CROSS,
    # Nested rather than side by side: on a line as steep as r = 8 a sideways shift would look like
    # an error of the time. The flow's diamond lies in the circle.
    "flow": DIAMOND | {"markersize": 2.9, "markeredgewidth": 0},
    "sgd": CIRCLE | {"markersize": 5.4},
}
_OPEN = {"markersize": 4.2, "markerfacecolor": "none", "markeredgewidth": 0.9, "linestyle": "none"}
STATUS_LOOK = {
    "no_plateau": {"marker": "v", **_OPEN},
    "not_escaped": {"marker": "^", **_OPEN},
    "diverged": {"marker": "x", **_OPEN},
}

_RC = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 9.5,
    "axes.titlesize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.minor.size": 2.0,
    "ytick.minor.size": 2.0,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.handlelength": 1.7,
    "legend.handletextpad": 0.5,
    "legend.labelspacing": 0.3,
    "legend.borderaxespad": 0.3,
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "savefig.dpi": DPI,
    "savefig.bbox": None,
    "pdf.fonttype": 42,
    "text.usetex": False,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the figure style inside a `with` block, or to a function as a decorator.

    User settings (a matplotlibrc, an earlier `rcParams` change) do not leak in, and are restored
    on the way out.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(TICKS | _RC)
        yield


def new_figure(width: float = DOUBLE_WIDTH, height: float = PANEL_HEIGHT) -> Figure:
    """Empty figure of the given size in inches, laid out automatically, on an Agg canvas."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.05, hspace=0.02)
    FigureCanvasAgg(figure)
    return figure


def ordered_colors(count: int) -> Sequence[tuple[float, float, float]]:
    """`count` colours of increasing lightness (viridis without its pale end), for ordered values.

    Lightness carries the order, so it survives greyscale printing and colour-blindness.
    """
    return mpl.colormaps["viridis"]([0.8 * i / max(count - 1, 1) for i in range(count)])[:, :3]


@figure_style()
def save(figure: Figure, stem: Path | str) -> tuple[Path, Path]:
    """Write `stem`.pdf and `stem`.png (300 dpi) and return both paths.

    The same figure gives the same bytes on every call: no creation date, no version strings, and
    a layout that is frozen here, because a second pass of the automatic layout would shift it.
    Parent directories are made.
    """
    freeze(figure)
    pdf, png = (Path(f"{stem}.{suffix}") for suffix in ("pdf", "png"))
    pdf.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(pdf, metadata=UNDATED["pdf"])
    figure.savefig(png, dpi=DPI, metadata=UNDATED["png"])
    return pdf, png


def text_width(text: str, figure: Figure) -> float:
    """How wide a text is in the figure's font, in points."""
    label = figure.text(0, 0, text)
    width = label.get_window_extent(figure.canvas.get_renderer()).width
    label.remove()
    return width * 72 / figure.dpi


def freeze(figure: Figure) -> None:
    """Settle the layout for good: a second pass would part names from their lines."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
