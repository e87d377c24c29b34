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
STATIC = "SADDLE_ESCAPE_STATIC"  # set where a page is made that is only read: no sliders in it
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


def pages(tier):
    """The folder of a tier's executed notebooks; the default tier's lie beside their sources."""
    return ROOT / "notebooks" if tier == "default" else RESULTS / tier / "notebooks"


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


def parameters(section, tier="default"):
    """One section of the tier's configuration, as a dict."""
    return load_tiers(ROOT / "config")[1][tier][section]


class Picture:
    """A Matplotlib figure as Jupyter shows it: PNG, in the figures' own style."""

    def __init__(self, figure):
        buffer = io.BytesIO()
        with style.figure_style():
            figure.savefig(buffer, dpi=SCREEN_DPI, metadata=style.UNDATED["png"])
        self._png = buffer.getvalue()

    def __repr__(self):
        return "Picture"  # without its place in memory, which every run changes

    def _repr_png_(self):
        return self._png


def turn(draw, **values):
    """Sliders for parameters of ``draw``, each over its list of values.

    They start at the defaults of ``draw``. Where Jupyter offers no widgets, or nobody is there to
    turn them (``SADDLE_ESCAPE_STATIC``), this is a plain call with the defaults.
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
    if STATIC in os.environ:
        return None
    try:
        import ipywidgets
        from IPython import get_ipython
    except ImportError:
        return None
    return ipywidgets if hasattr(get_ipython(), "kernel") else None


def phi_table(names, z=None):
    """phi_sigma of built-in activations or expressions, as :mod:`..figures.phi` draws it.

    z: (n,) positive, 0.001 to 3 unless given.
    """
    z = np.geomspace(1e-3, 3, 200) if z is None else z
    parts = []
    for act in map(activations.get, names):
        label, values = f"{act.label}: {_class_in_words(act)}", classes.phi(act, z)
        parts.append(pd.DataFrame({"activation": act.name, "label": label, "z": z, "phi": values}))
    return pd.concat(parts, ignore_index=True)


def _class_in_words(act):
    row = classes.classify(act)
    return (row.cls or "no class") + ("" if row.q is None else f", q = {row.q}")
