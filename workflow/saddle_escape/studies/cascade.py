"""Figure 5, the three-mode cascade: the config's ``cascade`` section in, tables out.

Times are flow times. Rows carry a status; a run that did not escape has one instead of a time.
"""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import sympy as sp
import xarray as xr
from scipy.optimize import brentq

from ..theory import activations, blocks, closure, homotopy, stability

CONFIG = Path(__file__).parents[3] / "config"
MAX_NODES = 64  # of the command line: the doubled rule solves three adjoints per node


def block_model(cfg, **grid):
    """The :class:`blocks.BlockModel` of a config section; ``grid`` overrides its quadrature."""
    quadrature = {**cfg["quadrature"], **grid}
    return blocks.make_model(
        activations.get(cfg["activation"]),
        cfg["amplitudes"],
        cfg["depth"],
        cfg["block_size"],
        blocks.make_grid(len(cfg["amplitudes"]), **quadrature),
    )


def start(cfg, seed=None):
    """The initial state (L, K, K) of one draw, the config's own by default."""
    modes, seed = len(cfg["amplitudes"]), cfg["seed"] if seed is None else seed
    return blocks.initial_state(modes, cfg["depth"], cfg["epsilon"], cfg["rho"], seed)


def solver(cfg, model, **changes):
    """The solver of a config section; who needs 20 times the leading-order time has not escaped."""
    leading = homotopy.leading_order_time(model, cfg["epsilon"], cfg["threshold"])
    return homotopy.Solver(**{"rtol": cfg["rtol"], "t_max": 20 * leading, **changes})


def summary(cfg):
    """The homotopy identity: (summary dict, :class:`homotopy.Homotopy`); times in flow time.

    Raises ValueError if mode 1 does not escape at some nu.
    """
    model = block_model(cfg)
    found = homotopy.homotopy(model, start(cfg), cfg["nodes"], cfg["threshold"], solver(cfg, model))
    return {
        "t0": found.t0,
        "t1": found.t1,
        "integral": found.integral,
        "integral_error": found.integral_error,
        "channel_sum_error": found.channel_sum_error,
        "t_leading_order": homotopy.leading_order_time(model, cfg["epsilon"], cfg["threshold"]),
        "nodes": cfg["nodes"],
    }, found


def add_arguments(parser):
    """What ``python -m saddle_escape homotopy`` lets vary."""
    parser.add_argument("--epsilon", type=float, help="initial scale, below the threshold")
    parser.add_argument("--rho", type=float, help="off-diagonal entries relative to the diagonal")
    parser.add_argument("--nodes", type=int, help="Gauss-Legendre nodes in nu")


def run(args):
    """The summary of the default tier's cascade with the given changes, as a dict.

    Raises ValueError for an argument out of range, or if mode 1 does not escape at some nu.
    """
    from ..config import load_tiers  # here: importing its JSON-schema library takes a second

    cfg = load_tiers(CONFIG)[1]["default"]["cascade"]
    given = {k: getattr(args, k) for k in ("epsilon", "rho", "nodes")}
    cfg = {**cfg, **{k: v for k, v in given.items() if v is not None}}
    ranges = {
        "epsilon": (0 < cfg["epsilon"] < cfg["threshold"], f"between 0 and {cfg['threshold']}"),
        "rho": (0 <= cfg["rho"] < math.inf, "at least 0"),
        "nodes": (1 <= cfg["nodes"] <= MAX_NODES, f"between 1 and {MAX_NODES}"),
    }
    for name, (valid, text) in ranges.items():
        if not valid:
            raise ValueError(f"--{name}: {cfg[name]} given; it must be {text}")
    return summary(cfg)[0]


def identity(cfg):
    """Two tables: the identity's quantities with grid halving and a finite difference, and A(nu).

    The first has columns quantity, value; the second nu, weight (0 at the nodes of the doubled
    rule), t_escape, channel, layer, value.
    """
    values, found = summary(cfg)
    finer = block_model(cfg, **_refined(cfg["quadrature"]))
    for nu in (0, 1):
        settings = solver(cfg, finer)
        t = homotopy.escape(finer, start(cfg), float(nu), cfg["threshold"], settings).t
        values[f"t{nu}_refined_grid"] = t
        values[f"t{nu}_grid_change"] = abs(t / values[f"t{nu}"] - 1)
    values["identity_error"] = abs((values["t0"] + values["integral"]) / values["t1"] - 1)
    values |= _adjoint_against_difference(cfg)
    quantities = pd.DataFrame({"quantity": values.keys(), "value": map(float, values.values())})
    return quantities, _sensitivity_table(found, cfg["nodes"])


def _refined(quadrature):
    """The overrides that halve the step (trapezoidal) or double the nodes (Gauss-Hermite)."""
    if quadrature["rule"] == "trapezoid":
        return {"step": quadrature["step"] / 2}
    return {"nodes": 2 * quadrature["nodes"]}


def difference_quotient(f, h):
    """Fourth-order central difference f'(0) from f(+-h), f(+-2h)."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def _adjoint_against_difference(cfg, nu=0.5, h=0.02):
    """A(1/2) by adjoint and by finite difference of T at a tight tolerance."""
    model = block_model(cfg)
    tight = solver(cfg, model, rtol=1e-11)

    def t(shift):
        return homotopy.escape(model, start(cfg), nu + shift, cfg["threshold"], tight).t

    adjoint = homotopy.sensitivity(model, start(cfg), nu, cfg["threshold"], tight).total
    difference = difference_quotient(t, h)
    return {
        "a_half_adjoint": adjoint,
        "a_half_difference": difference,
        "a_half_error": abs(adjoint / difference - 1),
    }


def _sensitivity_table(found, nodes):
    weights = dict(zip(*homotopy.gauss_legendre(nodes), strict=True))
    rows = [
        {
            "nu": s.nu,
            "weight": weights.get(s.nu, 0.0),
            "t_escape": s.t_escape,
            "status": "escaped",
            "channel": channel,
            "layer": layer,
            "value": value,
        }
        for s in found.sensitivities
        for channel, values in homotopy.by_channel_and_layer(s.contributions).items()
        for layer, value in enumerate(values, 1)
    ]
    return pd.DataFrame(rows)


def trajectory(cfg):
    """The full block flow up to t_end: (dataset of loss, alignments, off-block norms; drops table).

    Dataset, dimension t first: loss, descent_rate (-dLoss/dt), residual |f_1|, alignment (mode),
    norm (channel), state (layer, row, column). See :func:`stages` for the drops.
    """
    model = block_model(cfg)
    path = homotopy.trajectory(model, start(cfg), 1.0, cfg["t_end"], solver(cfg, model))
    t = np.linspace(0, cfg["t_end"], cfg["points"])
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


def stages(data):
    """Indices of the drops (d,) and plateaus (d + 1,) of the loss along t of a trajectory.

    A drop is a local maximum of -dLoss/dt that stands out by a factor 3; the plateaus are where it
    is smallest in between, the start and the end.
    """
    from scipy.signal import find_peaks  # here: it takes half a second, and most jobs do without

    slope = np.log(data["descent_rate"].values)
    drops = find_peaks(slope, prominence=math.log(3))[0]
    between = [a + int(np.argmin(slope[a:b])) for a, b in itertools.pairwise(drops)]
    return drops, np.array([0, *between, len(slope) - 1])


def _drops(data, loss):
    """One row per drop; its time is where the loss is midway between its two plateaus."""
    t, values = data["t"].values, data["loss"].values
    peaks, rests = stages(data)
    rows = []
    for k, (before, after) in zip(peaks, itertools.pairwise(rests), strict=False):
        middle = (values[before] + values[after]) / 2
        t_drop = brentq(lambda u, m=middle: loss(u) - m, t[before], t[after])
        rows.append((len(rows) + 1, t_drop, t[k], values[before], values[after], t[after]))
    columns = ["drop", "t_drop", "t_steepest", "loss_before", "loss_after", "t_plateau_after"]
    return pd.DataFrame(rows, columns=columns)


def draws(cfg):
    """T(0), T(1) and the leading-order time for cfg["draws"] draws of the off-diagonal entries.

    Columns seed, route, t_escape, status; the draws have the seeds seed, seed + 1, ..
    """
    model = block_model(cfg)
    settings = solver(cfg, model)
    leading = homotopy.leading_order_time(model, cfg["epsilon"], cfg["threshold"])
    rows = [(cfg["seed"], "leading_order", leading, "escaped")]
    for seed in range(cfg["seed"], cfg["seed"] + cfg["draws"]):
        for route, nu in (("decoupled", 0.0), ("coupled", 1.0)):
            found = homotopy.escape(model, start(cfg, seed), nu, cfg["threshold"], settings)
            rows.append((seed, route, found.t, found.status))
    return pd.DataFrame(rows, columns=["seed", "route", "t_escape", "status"])


def off_block_stability(cfg, data):
    """Proposition 25 at the stage reference states: one row per reference, stage, time and pair.

    ``data``: the dataset of :func:`trajectory`, whose plateaus are the "cascade" references. See
    :mod:`stability` for references, pairs and sign convention. Columns: residual
    |f_1|; learned (the smallest M_1[k,k] of the stage's modes: below the threshold the state is not
    that stage's yet); A, B, C, D, gain, eigenvalue of the pair; subspace_gain, subspace_eigenvalue,
    off_block_eigenvalue, full_eigenvalue; off_diagonal, smallest_coupling (how far the proposition
    applies); growth of the pair's two entries, of all off-block amplitudes and rotations (d log/dt,
    in the cascade); status.
    """
    model = block_model(cfg)
    rows = []
    stiff = solver(cfg, model, method="LSODA")
    decoupled = homotopy.trajectory(model, start(cfg), 0.0, max(cfg["ideal_times"]), stiff)
    for stage in range(1, model.modes):
        for t in cfg["ideal_times"]:
            state = stability.ideal_state(model, decoupled(t).reshape(model.shape), stage)
            rows += _stability_rows(model, state, stage, t, "ideal")
    rests = stages(data)[1][1:-1]
    for stage, i in zip(range(1, model.modes), rests, strict=False):
        state = data["state"].values[i]
        rows += _stability_rows(model, state, stage, float(data["t"][i]), "cascade")
    return pd.DataFrame(rows)


def _stability_rows(model, state, stage, t, reference):
    found = stability.linearize(model, state, stage, t)
    velocity, masks = blocks.coupled_field(model, state), homotopy.channel_masks(model.shape)
    _, amplitudes, rotations = masks.values()

    def growth(mask):
        return stability.growth_rate(state, velocity, mask) if reference == "cascade" else 0.0

    common = {
        "reference": reference,
        "stage": stage,
        "t": float(t),
        "residual": found.residual,
        "learned": float(np.diagonal(state[0])[:stage].min()),
        "subspace_gain": found.gain,
        "subspace_eigenvalue": found.eigenvalue,
        "off_block_eigenvalue": found.off_block_eigenvalue,
        "full_eigenvalue": found.full_eigenvalue,
        "off_diagonal": found.off_diagonal,
        "smallest_coupling": found.smallest_coupling,
        "growth_amplitudes": growth(amplitudes),
        "growth_rotations": growth(rotations),
    }
    rows = []
    for pair, (block, mode) in zip(stability.pair_rows(found), found.pairs, strict=True):
        mask = np.zeros(model.shape, bool)
        mask[0, block, mode] = mask[-1, mode, block] = True
        agrees = "agrees" if (pair["gain"] > 1) == (pair["eigenvalue"] > 0) else "disagrees"
        rows.append({**common, **pair, "growth_pair": growth(mask), "status": agrees})
    return rows


def no_closure(cfg):
    """Certificates of orders 1..cfg["closure_orders"], one row each (see :mod:`closure`)."""
    act, amplitudes = activations.get(cfg["activation"]), cfg["amplitudes"][:2]
    rows = []
    for order in range(1, cfg["closure_orders"] + 1):
        c = closure.certificate(act, amplitudes, order)
        rows.append({**vars(c), "gap": c.gap, "gap_over_round_off": c.gap / c.round_off})
    return pd.DataFrame(rows)


def hierarchy(cfg):
    """The moment hierarchy of the polynomial activation z - z^3/3, beside the linear one.

    Columns activation, moment, order, highest_order (of a moment in its speed), next_order_term.
    """
    z = sp.Symbol("z")
    amplitudes = sp.symbols("s_1 s_2", positive=True)
    rows = []
    for sigma in (z, z - z**3 / 3):
        for order in range(1, cfg["hierarchy_orders"] + 1):
            exponents = (order, 0, 0)
            term = closure.next_order_term(sigma, z, amplitudes, exponents, max(order, 2))
            highest = closure.highest_order(sigma, z, amplitudes, exponents)
            rows.append((str(sigma), f"E[w_1^{order}]", order, highest, str(term)))
    columns = ["activation", "moment", "order", "highest_order", "next_order_term"]
    return pd.DataFrame(rows, columns=columns)


def figure_table(cfg, quantities, sensitivities, data, drops):
    """What figure 5 draws, columns series, t, nu, channel, value; every row complete.

    series "loss" and "alignment" (mode 1) against t at nu = 1; "drop": time and loss of each drop;
    "escape_time": the times, named by channel, value being the alignment that defines them;
    "sensitivity": A(nu) by channel, with t = T(nu).
    """
    values = dict(zip(quantities["quantity"], quantities["value"], strict=True))
    t, threshold = data["t"].values, cfg["threshold"] / math.sqrt(len(cfg["amplitudes"]))
    parts = [
        _curve("loss", t, "all modes", data["loss"].values),
        _curve("alignment", t, "mode 1", data["alignment"].sel(mode=1).values),
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
    parts += [_curve("escape_time", [t], name, threshold, nu) for name, (nu, t) in times.items()]
    summed = sensitivities.groupby(["nu", "t_escape", "channel"], sort=False)["value"].sum()
    a = summed.reset_index().rename(columns={"t_escape": "t"}).assign(series="sensitivity")
    return pd.concat([*parts, a[["series", "t", "nu", "channel", "value"]]], ignore_index=True)


def _curve(series, t, channel, value, nu=1.0):
    return pd.DataFrame({"series": series, "t": t, "nu": nu, "channel": channel, "value": value})
