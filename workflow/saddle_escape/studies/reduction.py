"""Figure 1: the reduction of a network to L scalar equations (Theorem 4), and what is drawn.

The full network beside it: :mod:`studies.reduction_minibatch`, the paper's own training, and
:mod:`studies.reduction_network`, a sharper test.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from .. import trajectories
from ..settings import Quadrature
from ..theory import activations, manifold


@dataclass(frozen=True)
class Reduced:
    """init: initial layer scales; points: equally spaced times up to t_end."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    t_end: float
    points: int
    quadrature: Quadrature


def reduced(settings: Reduced) -> xr.Dataset:
    """The reduced ODE: loss and layer scales at ``points`` times up to t_end."""
    act = activations.get(settings.activation)
    model = manifold.reduction(act, settings.depth, settings.width, **vars(settings.quadrature))
    t = np.linspace(0.0, settings.t_end, settings.points)
    scales, loss = manifold.trajectory(model, settings.init, t)
    return trajectories.of_scales(t, loss, scales)


def figure_table(
    reduced: xr.Dataset, population: xr.Dataset, minibatch: xr.Dataset
) -> pd.DataFrame:
    """What figure 1 draws: rows of panel (a: loss, b: X_l), series, t (flow time), value."""
    runs = {"reduced_ode": reduced, "network": population, "minibatch": minibatch}
    rows = []
    for name, run in runs.items():
        t = run["t"].to_numpy()
        rows.append(pd.DataFrame({"panel": "a", "series": name, "t": t, "value": run["loss"]}))
    for name, run in runs.items():
        for layer in run["layer"].to_numpy():
            value = run["scale"].sel(layer=layer).to_numpy()
            series = f"{name}_X{layer}"
            rows.append(
                pd.DataFrame({"panel": "b", "series": series, "t": run["t"], "value": value})
            )
    return pd.concat(rows, ignore_index=True)
