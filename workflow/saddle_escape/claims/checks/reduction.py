"""Theorem 4: the symmetric manifold is invariant, and on it L scalars are enough (claim 4)."""

import numpy as np
from scipy.interpolate import CubicSpline

from ... import published
from ...theory import activations, manifold
from . import points, quantity


def figure1(case):
    """Claim 4: network against reduced equations, both against figure 1's markers.

    Controls: wrong_width, the reduced equations for another width, hence K; plain_samples, inputs
    that are not symmetrized.
    """
    tables = case.tables
    reduced = tables["reduced"]
    network = tables["minibatch" if case.control == "plain_samples" else "network"]
    if case.control == "wrong_width":
        reduced = _other_width(case.settings, reduced)
    scales = CubicSpline(reduced["t"], reduced["scale"])(network["t"])
    quantities = [
        quantity("invariance", network["distance"].max(), steps=network.sizes["t"]),
        quantity("scales", np.abs(scales - network["scale"].to_numpy()).max()),
    ]
    if "published_loss" in case.quantities:
        quantities += _published(reduced, tables["published"])
    return quantities, _shown(reduced, network, tables["published"])


def _other_width(settings, reduced):
    """The reduced equations of another width at the same times."""
    configured = settings["reduction"]
    model = manifold.reduction(
        activations.get(configured["activation"]),
        configured["depth"],
        round(settings["width_factor"] * configured["width"]),
        **configured["quadrature"],
    )
    scales, loss = manifold.trajectory(model, configured["init"], reduced["t"].to_numpy())
    return reduced.assign(scale=(("t", "layer"), scales), loss=("t", loss))


def _published(reduced, markers):
    """Largest relative deviations from the published markers, panels (a) and (b)."""
    loss = CubicSpline(reduced["t"], np.log(reduced["loss"]))
    scale = CubicSpline(reduced["t"], reduced["scale"])
    a, b = (published.select(markers, 1, panel) for panel in "ab")
    layers = [int(series[1:]) - 1 for series in b["series"]]
    deviations = {
        "published_loss": np.exp(loss(a["x"])) / a["y"] - 1,
        "published_scales": scale(b["x"])[np.arange(len(b)), layers] / b["y"] - 1,
    }
    return [quantity(k, np.abs(d).max(), markers=len(d)) for k, d in deviations.items()]


def _shown(reduced, network, markers):
    t, thin = reduced["t"].to_numpy()[::10], slice(None, None, 15)
    a = published.select(markers, 1, "a")
    return (
        points("reduced equations", t, reduced["loss"][::10], "line")
        + points("network", network["t"][thin], network["loss"][thin])
        + points("published", a["x"], a["y"], "published")
    )
