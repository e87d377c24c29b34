"""Figure 5: three modes and one output. Escape times, the homotopy by channel, and the flow.

The paper's closure of 24 variables is the projection of the exact flow, which has 30: see
:func:`theory.homotopy.closures`. Times are flow times; the network's training is in
:mod:`studies.cascade_training`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..status import ESCAPED
from ..theory import blocks, homotopy
from ..theory.cascade import OneOutput

PATHS = {"24 variables": homotopy.PAPER_CLOSURE, "exact": "exact"}
PRINTED_NODES = 2


@dataclass(frozen=True)
class Times(OneOutput):
    """The cascade alone."""


@dataclass(frozen=True)
class Homotopy(OneOutput):
    """nodes: numbers of Gauss-Legendre nodes in nu; A(nu) is drawn at the last one's."""

    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Flow(OneOutput):
    """points: equally spaced times up to t_end; flow_rtol: its tolerance in place of rtol."""

    flow_rtol: float
    t_end: float
    points: int


def times(settings: Times) -> pd.DataFrame:
    """When mode 1 escapes: by Theorem 5, and in every field between decoupled and exact.

    Columns closure, variables (that move), t_escape, alignment (|W_1 v_1| / sqrt(N) then), refined
    (t_escape on a grid of half the step), status.
    """
    model = settings.model()
    finer = settings.model(settings.quadrature.refined())
    law = settings.leading_order_time(model)
    own = settings.threshold / np.sqrt(model.modes)
    rows = [("Theorem 5", model.depth, law, own, law, ESCAPED)]
    for name, nu in homotopy.closures(model.shape).items():
        run, again = (settings.escape(grid, nu) for grid in (model, finer))
        moving = np.count_nonzero(((nu > 0) | (model.diagonal > 0)) & (model.metric > 0))
        alignment = blocks.alignment(run.state)
        rows.append((name, moving, run.t, alignment, again.t, run.status))
    columns = ["closure", "variables", "t_escape", "alignment", "refined", "status"]
    return pd.DataFrame(rows, columns=columns)


def identity(settings: Homotopy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proposition 24 on both paths: to the exact flow and to the paper's 24 variables.

    First table: path, nodes, t0, t1, integral, adjoint_error (largest |p . f - 1|), and at
    nu = 1/2 the adjoint's A, a fourth-order difference of T, and their relative distance. Second
    one: path, nodes, nu, weight, t_escape, channel, layer, value (A's contribution), status.
    Raises ValueError if mode 1 does not escape at some nu.
    """
    model, start = settings.model(), settings.start()
    solver, tight = settings.solver(model), settings.solver(model, rtol=1e-11)
    rules, sensitivities = [], []
    for path, closure in PATHS.items():
        target = homotopy.closures(model.shape)[closure]
        ends = [settings.escape(model, nu * target).t for nu in (0.0, 1.0)]
        for nodes in settings.nodes:
            along, parts = homotopy.over_nu(model, start, nodes, settings.threshold, solver, target)
            error = max(s.adjoint_error for s in along)
            rules.append((path, nodes, *ends, parts.sum(), error))
            weights = homotopy.gauss_legendre(nodes)[1]
            for s, weight in zip(along, weights, strict=True):
                sensitivities += [
                    (path, nodes, s.nu, weight, s.t_escape, *part) for part in _parts(s)
                ]
    checks = homotopy.adjoint_and_difference(model, start, 0.5, 0.02, settings.threshold, tight)
    columns = ["path", "nodes", "t0", "t1", "integral", "adjoint_error"]
    table = pd.DataFrame(rules, columns=columns).assign(**checks)
    columns = ["path", "nodes", "nu", "weight", "t_escape", "channel", "layer", "value"]
    return table, pd.DataFrame(sensitivities, columns=columns).assign(status=ESCAPED)


def _parts(sensitivity):
    return [
        (channel, layer, value)
        for channel, values in homotopy.by_channel_and_layer(sensitivity.contributions).items()
        for layer, value in enumerate(values, 1)
    ]


def flow(settings: Flow) -> xr.Dataset:
    """Loss, mode-1 alignment and state (field, t, ..) of the exact and of the decoupled field."""
    model, start = settings.model(), settings.start()
    solver = settings.solver(model, method="LSODA", rtol=settings.flow_rtol)
    t = np.linspace(0, settings.t_end, settings.points)
    fields = {"exact": 1.0, "decoupled": 0.0}
    paths = [
        homotopy.trajectory(model, start, nu, settings.t_end, solver) for nu in fields.values()
    ]
    states = np.stack([path(t).T.reshape(-1, *model.shape) for path in paths])
    loss = [[blocks.loss(model, x) for x in along] for along in states]
    one = {"units": "1"}
    return xr.Dataset(
        {
            "loss": (("field", "t"), loss, one),
            "alignment": (("field", "t"), blocks.alignment(states), one),
            "state": (("field", "t", "layer", "row", "column"), states, one),
        },
        coords={"t": ("t", t, {"units": "flow time"}), "field": list(fields)},
    )


# --- the figure -----------------------------------------------------------------------------------


def figure_table(
    times: pd.DataFrame,
    rules: pd.DataFrame,
    sensitivities: pd.DataFrame,
    flow: xr.Dataset,
    training: xr.Dataset,
    trained: pd.DataFrame,
) -> pd.DataFrame:
    """What figure 5 draws, columns series, t, nu, channel, value; every row complete.

    series "loss" and "alignment" (mode 1) against t, channel naming the run: training (first seed),
    exact or decoupled flow; "escape_time": times named by channel, value being the alignment at
    that time; "sensitivity": A(nu) by channel on the path to the exact flow, with t = T(nu).
    """
    runs = {"training": training.isel(seed=0)}
    runs |= {name: flow.sel(field=name) for name in flow["field"].values}
    parts = [
        _rows(series, run["t"].values, name, run[series].values)
        for series in ("loss", "alignment")
        for name, run in runs.items()
    ]
    parts += _escape_times(times.set_index("closure"), rules, runs["training"], trained)
    last = sensitivities["nodes"].max()
    exact = sensitivities[(sensitivities["path"] == "exact") & (sensitivities["nodes"] == last)]
    off_block, layer = exact["channel"] == homotopy.CHANNELS[1], exact["layer"]
    exact = exact[~off_block | layer.between(2, layer.max() - 1)]  # the inner layers alone have one
    names = "off-block $W_" + exact["layer"].astype(str) + "$"
    exact = exact.assign(channel=exact["channel"].mask(off_block, names))
    a = exact.groupby(["nu", "t_escape", "channel"], sort=False)["value"].sum().reset_index()
    a = a.rename(columns={"t_escape": "t"}).assign(series="sensitivity")
    return pd.concat([*parts, a[["series", "t", "nu", "channel", "value"]]], ignore_index=True)


def _escape_times(times, rules, run, trained):
    """Rows of the vertical lines; a time that there is not has no row."""
    lines = {
        "Theorem 5": ("Theorem 5", 0.0),
        "T(0)": ("decoupled", 0.0),
        "24 variables": (homotopy.PAPER_CLOSURE, 1.0),
        "30 variables": ("exact", 1.0),
    }
    rows = [
        _rows("escape_time", times.loc[key, ["t_escape"]], name, times.loc[key, "alignment"], nu)
        for name, (key, nu) in lines.items()
    ]
    printed = rules[(rules["path"] == "exact") & (rules["nodes"] == PRINTED_NODES)].iloc[0]
    value, t = times.loc["exact", "alignment"], printed["t0"] + printed["integral"]
    rows.append(_rows("escape_time", [t], "2 nodes", value))
    first = trained.iloc[0]
    if first["status"] == ESCAPED:
        value = np.interp(first["t_escape"], run["t"], run["alignment"])
        rows.append(_rows("escape_time", [first["t_escape"]], "network", value))
    return rows


def _rows(series, t, channel, value, nu=1.0):
    return pd.DataFrame({"series": series, "t": t, "nu": nu, "channel": channel, "value": value})
