"""Companion of figure 5: one output per mode, its homotopy identity, and its spread over draws.

Its reduction to blocks is exact, and its loss falls mode by mode.

Times are flow times. Rows carry a status; a run that did not escape has no time.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import brentq

from ..status import ESCAPED
from ..theory import blocks, homotopy
from ..theory.cascade import OutputPerMode, stages


@dataclass(frozen=True)
class Identity(OutputPerMode):
    """nodes: Gauss-Legendre nodes in nu."""

    nodes: int


@dataclass(frozen=True)
class Trajectory(OutputPerMode):
    """points: equally spaced times up to t_end."""

    t_end: float
    points: int


@dataclass(frozen=True)
class Draws(OutputPerMode):
    """draws: of the start's off-diagonal entries, with the seeds seed, seed + 1, .."""

    draws: int


# --- the homotopy identity ------------------------------------------------------------------------


def summary(settings: Identity) -> tuple[dict, homotopy.Homotopy]:
    """The homotopy identity: its quantities by name, and all of it; times in flow time.

    Raises ValueError if mode 1 does not escape at some nu.
    """
    model = settings.model()
    path = homotopy.homotopy(
        model, settings.start(), settings.nodes, settings.threshold, settings.solver(model)
    )
    return {
        "t0": path.t0,
        "t1": path.t1,
        "integral": path.integral,
        "integral_error": path.integral_error,
        "adjoint_error": path.adjoint_error,
        "t_leading_order": settings.leading_order_time(model),
        "nodes": settings.nodes,
    }, path


def identity(settings: Identity) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables: the identity's quantities with grid halving and a finite difference, and A(nu).

    The first has columns quantity, value; the second nu, weight (0 at the nodes of the doubled
    rule), t_escape, status, channel, layer, value.
    """
    values, path = summary(settings)
    finer = settings.model(settings.quadrature.refined())
    for nu in (0, 1):
        t = settings.escape(finer, float(nu)).t
        values[f"t{nu}_refined_grid"] = t
        values[f"t{nu}_grid_change"] = abs(t / values[f"t{nu}"] - 1)
    values["identity_error"] = abs((values["t0"] + values["integral"]) / values["t1"] - 1)
    model = settings.model()
    values |= homotopy.adjoint_and_difference(
        model, settings.start(), 0.5, 0.02, settings.threshold, settings.solver(model, rtol=1e-11)
    )
    quantities = pd.DataFrame({"quantity": values.keys(), "value": map(float, values.values())})
    return quantities, _sensitivity_table(path, settings.nodes)


def _sensitivity_table(path, nodes):
    weights = dict(zip(*homotopy.gauss_legendre(nodes), strict=True))
    rows = [
        {
            "nu": s.nu,
            "weight": weights.get(s.nu, 0.0),
            "t_escape": s.t_escape,
            "status": ESCAPED,
            "channel": channel,
            "layer": layer,
            "value": value,
        }
        for s in path.sensitivities
        for channel, values in homotopy.by_channel_and_layer(s.contributions).items()
        for layer, value in enumerate(values, 1)
    ]
    return pd.DataFrame(rows)


# --- the trajectory and its drops -----------------------------------------------------------------


def trajectory(settings: Trajectory) -> tuple[xr.Dataset, pd.DataFrame]:
    """The full block flow up to t_end, and the table of its drops.

    Dataset, dimension t first: loss, descent_rate (-dLoss/dt), residual |f_1|, alignment (mode),
    norm (channel), state (layer, row, column). See :func:`theory.cascade.stages` for the drops.
    """
    model = settings.model()
    path = homotopy.trajectory(model, settings.start(), 1.0, settings.t_end, settings.solver(model))
    t = np.linspace(0, settings.t_end, settings.points)
    states = path(t).T.reshape(-1, *model.shape)
    fields = np.array([blocks.coupled_field(model, x) for x in states])
    masks = homotopy.channel_masks(model.shape)
    alignments = [blocks.alignment(states, k) for k in range(model.modes)]
    norms = [np.sqrt((states**2 * mask).sum((1, 2, 3))) for mask in masks.values()]
    one, rate = {"units": "1"}, {"units": "1 / flow time"}
    data = xr.Dataset(
        {
            "loss": ("t", [blocks.loss(model, x) for x in states], one),
            "descent_rate": ("t", (fields**2 / model.metric).sum((1, 2, 3)), rate),
            "residual": ("t", np.sqrt((fields**2).sum((1, 2, 3))), rate),
            "alignment": (("t", "mode"), np.stack(alignments, -1), one),
            "norm": (("t", "channel"), np.stack(norms, -1), one),
            "state": (("t", "layer", "row", "column"), states, one),
        },
        coords={
            "t": ("t", t, {"units": "flow time"}),
            "mode": ("mode", np.arange(1, model.modes + 1), one),
            "channel": list(masks),
        },
    )
    return data, _drops(data, lambda u: blocks.loss(model, path(u).reshape(model.shape)))


def _drops(data, loss):
    """One row per drop; its time is where the loss is midway between its two plateaus."""
    t, values = data["t"].values, data["loss"].values
    peaks, rests = stages(data["descent_rate"].values)
    rows = []
    for k, (before, after) in zip(peaks, itertools.pairwise(rests), strict=False):
        middle = (values[before] + values[after]) / 2
        t_drop = brentq(lambda u, m=middle: loss(u) - m, t[before], t[after])
        rows.append((len(rows) + 1, t_drop, t[k], values[before], values[after], t[after]))
    columns = ["drop", "t_drop", "t_steepest", "loss_before", "loss_after", "t_plateau_after"]
    return pd.DataFrame(rows, columns=columns)


# --- the spread over draws ------------------------------------------------------------------------


def draws(settings: Draws) -> pd.DataFrame:
    """T(0), T(1) and the leading-order time over draws of the off-diagonal entries.

    Columns seed, route, t_escape, status.
    """
    model = settings.model()
    solver = settings.solver(model)
    rows = [(settings.seed, "leading_order", settings.leading_order_time(model), ESCAPED)]
    for seed in range(settings.seed, settings.seed + settings.draws):
        for route, nu in (("decoupled", 0.0), ("coupled", 1.0)):
            run = settings.escape(model, nu, solver, seed)
            rows.append((seed, route, run.t, run.status))
    return pd.DataFrame(rows, columns=["seed", "route", "t_escape", "status"])


# --- the figure -----------------------------------------------------------------------------------


def figure_table(
    quantities: pd.DataFrame,
    sensitivities: pd.DataFrame,
    data: xr.Dataset,
    drops: pd.DataFrame,
) -> pd.DataFrame:
    """What the companion draws, columns series, t, nu, channel, value; every row complete.

    series "loss" and "alignment" (mode 1) against t at nu = 1; "drop": time and loss of each drop;
    "escape_time": the times, named by channel, value being the alignment at T(1);
    "sensitivity": A(nu) by channel, with t = T(nu).
    """
    values = dict(zip(quantities["quantity"], quantities["value"], strict=True))
    t, alignment = data["t"].values, data["alignment"].sel(mode=1).values
    at_escape = float(np.interp(values["t1"], t, alignment))
    parts = [
        _curve("loss", t, "all modes", data["loss"].values),
        _curve("alignment", t, "mode 1", alignment),
        _curve(
            "drop",
            drops["t_drop"],
            [f"mode {k}" for k in drops["drop"]],
            (drops["loss_before"] + drops["loss_after"]) / 2,
        ),
    ]
    times = {
        "leading order": (0.0, values["t_leading_order"]),
        "T(0)": (0.0, values["t0"]),
        "T(0) + integral": (1.0, values["t0"] + values["integral"]),
        "T(1)": (1.0, values["t1"]),
    }
    parts += [_curve("escape_time", [t], name, at_escape, nu) for name, (nu, t) in times.items()]
    summed = sensitivities.groupby(["nu", "t_escape", "channel"], sort=False)["value"].sum()
    a = summed.reset_index().rename(columns={"t_escape": "t"}).assign(series="sensitivity")
    return pd.concat([*parts, a[["series", "t", "nu", "channel", "value"]]], ignore_index=True)


def _curve(series, t, channel, value, nu=1.0):
    return pd.DataFrame({"series": series, "t": t, "nu": nu, "channel": channel, "value": value})
