"""What the notebooks share: cached results by tier, pictures, and parameters to turn.

A notebook reads what the workflow has computed and redraws it; it never computes what a rule
computes. ``SADDLE_ESCAPE_TIER`` chooses the tier whose results are read.
"""

import inspect
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd

from .. import results
from ..config import load_tiers, tiers
from ..figures import style
from ..theory import activations, classes

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results"
VARIABLE = "SADDLE_ESCAPE_TIER"
SCREEN_DPI = 130


class MissingResult(FileNotFoundError):
    """A result that the tier has not computed yet; Jupyter shows it as one line."""

    def _render_traceback_(self):
        return [str(self)]


def tier():
    """The tier to read: ``SADDLE_ESCAPE_TIER``, else "default". Raises ValueError if unknown."""
    name = os.environ.get(VARIABLE, "default")
    if name not in tiers():
        raise ValueError(f"{VARIABLE}: '{name}' is not a tier, choose from {', '.join(tiers())}")
    return name


def load(name, tier="default"):
    """The table (.csv) or dataset (.nc) at results/<tier>/<name>.

    Raises MissingResult, one line with the command to run, if the tier has not computed it.
    """
    path = RESULTS / tier / name
    if not path.is_file():
        raise _missing(name, tier)
    return (results.load_dataset if path.suffix == ".nc" else results.load_table)(path)


def load_all(pattern, tier="default"):
    """The rows of all tables results/<tier>/<pattern>, one below the other.

    Raises MissingResult if there is none.
    """
    paths = sorted((RESULTS / tier).glob(pattern))
    if not paths:
        raise _missing(pattern, tier)
    return pd.concat(map(results.load_table, paths), ignore_index=True)


def _missing(name, tier):
    command = "make figures" if tier == "default" else f"TIER={tier} make figures"
    return MissingResult(f"results/{tier}/{name} is not there yet; run `{command}`")


def published_points():
    """The paper's plotted values, as in paper_check/published_points.csv."""
    return pd.read_csv(ROOT / "paper_check/published_points.csv", comment="#")


def parameters(section, tier="default"):
    """One section of the tier's configuration, as a dict."""
    return load_tiers(ROOT / "config")[1][tier][section]


class Picture:
    """A Matplotlib figure as Jupyter shows it: PNG, in the figures' own style."""

    def __init__(self, figure):
        buffer = io.BytesIO()
        with style.figure_style():
            figure.savefig(buffer, dpi=SCREEN_DPI)
        self._png = buffer.getvalue()

    def _repr_png_(self):
        return self._png


def turn(draw, **values):
    """Sliders for parameters of ``draw``, each over its list of values.

    They start at the defaults of ``draw``. Where Jupyter offers no widgets this is a plain call
    with the defaults.
    """
    first = {name: p.default for name, p in inspect.signature(draw).parameters.items()}
    widgets = _widgets()
    if widgets is None:
        return draw()
    sliders = {
        name: widgets.SelectionSlider(
            options=choices, value=first[name], description=name, continuous_update=False
        )
        for name, choices in values.items()
    }
    return widgets.interactive(draw, **sliders)


def _widgets():
    """The ipywidgets library inside a Jupyter kernel that has it, else None."""
    try:
        import ipywidgets
        from IPython import get_ipython
    except ImportError:
        return None
    return ipywidgets if hasattr(get_ipython(), "kernel") else None


@style.figure_style()
def draw_phi(names, z=None):
    """|phi_sigma(z)| against z for built-in activations or expressions, one line each.

    Near 0 the slope on these axes is q, the order that decides the class; class A, where phi
    vanishes, has no line. z: (n,) positive, 0.001 to 3 unless given.
    """
    z = np.geomspace(1e-3, 3, 200) if z is None else z
    figure = style.new_figure(style.SINGLE_WIDTH, 2.8)
    axes = figure.subplots()
    for name, color in zip(names, style.CATEGORICAL * len(names), strict=False):
        act = activations.get(name)
        row, values = classes.classify(act), np.abs(classes.phi(act, z))
        if np.any(values > 0):
            label = f"{act.label}: {row.cls or 'no class'}" + (
                f", q = {row.q}" * (row.q is not None)
            )
            axes.loglog(z, np.where(values > 0, values, np.nan), color=color, label=label)
    axes.set(xlabel="$z$", ylabel=r"$|\varphi_\sigma(z)|$")
    axes.legend(loc="lower right", fontsize="small")
    return figure
