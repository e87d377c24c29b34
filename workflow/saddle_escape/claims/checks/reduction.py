"""Theorem 4: the symmetric manifold is invariant, and on it L scalars are enough (claim 4)."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy.interpolate import CubicSpline

from ...results import load_dataset
from ...theory import activations, manifold
from . import points, row


def figure1(case):
    """Claim 4. Control: the reduced equations are integrated for another width, hence K."""
    reduced, network = (load_dataset(case.inputs[name]) for name in ("reduced", "network"))
    if case.control:
        reduced = _other_width(case.settings, reduced)
    scales = CubicSpline(reduced["t"], reduced["scale"])(network["t"])
    rows = [
        row("invariance", network["distance"].max(), note="largest relative distance of a W_l"),
        row("scales", np.abs(scales - network["scale"].to_numpy()).max(), note="largest in X_l"),
    ]
    if "published_loss" in case.quantities:
        rows += _published(reduced, case.inputs["published"])
    return rows, _shown(reduced, network, case.inputs["published"])


def _other_width(settings, reduced):
    own = settings["reduction"]
    model = manifold.reduction(
        activations.get(own["activation"]),
        own["depth"],
        round(settings["width_factor"] * own["width"]),
        **own["quadrature"],
    )
    scales, loss = manifold.trajectory(model, own["init"], reduced["t"].to_numpy())
    return reduced.assign(scale=(("t", "layer"), scales), loss=("t", loss))


def _points(path):
    table = pd.read_csv(path, comment="#")
    return table[table["figure"] == 1]


def _published(reduced, path):
    """Largest relative deviations from the published markers, panels (a) and (b)."""
    loss = CubicSpline(reduced["t"], np.log(reduced["loss"]))
    scale = CubicSpline(reduced["t"], reduced["scale"])
    found = {"a": [], "b": []}
    for p in _points(path).itertuples():
        ours = np.exp(loss(p.x)) if p.panel == "a" else scale(p.x)[int(p.series[1:]) - 1]
        found[p.panel].append(abs(float(ours) / p.y - 1))
    return [
        row("published_loss", max(found["a"]), note=f"{len(found['a'])} markers of figure 1a"),
        row("published_scales", max(found["b"]), note=f"{len(found['b'])} markers of figure 1b"),
    ]


def _shown(reduced: xr.Dataset, network: xr.Dataset, path):
    t = reduced["t"].to_numpy()[::10]
    thin = slice(None, None, 15)
    published = _points(path)
    a = published[published["panel"] == "a"]
    return (
        points("reduced equations", t, reduced["loss"][::10], "line")
        + points("network", network["t"][thin], network["loss"][thin])
        + points("published", a["x"], a["y"], "published")
    )
