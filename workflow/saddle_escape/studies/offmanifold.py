"""Figure 4: escape off the manifold (Theorem 11). He-normal networks, first r layers at epsilon.

Two routes, adaptive gradient flow and stochastic gradient descent, both of the full network; the
asymptotics of the flow, its independence of depth, the growth of the signal, and what becomes of a
perturbation off the symmetric manifold. Times are flow times (rate x step for descent).
"""

import numpy as np
import pandas as pd
import torch

from .. import activations, classes, exponents, flow, integrate, network
from ..quadrature import gaussian_rule
from .critical_depth import epsilon_grid
from .reduction import first_axis, symmetrized_inputs

FIGURE4_COLUMNS = (
    "route",
    "r",
    "epsilon",
    "t_median",
    "t_q25",
    "t_q75",
    "n_seeds",
    "published",
    "ratio",
    "accepted_steps",
    "gradient_evaluations",
    "status",
)
ROUTES = ("flow", "sgd")
LEFT_OUT = "left_out"  # no seed computed in this tier


# --- the published points -------------------------------------------------------------------------


def setup_of(cfg, own, samples=None):
    """The :class:`flow.Setup` of cfg's activation and depth with ``own`` width, input_dim, samples.

    ``samples`` overrides own's.
    """
    samples = own["samples"] if samples is None else samples
    return flow.Setup(cfg["activation"], cfg["depth"], own["width"], own["input_dim"], samples)


def seed_block(cfg, block, seeds):
    """Seeds of one block of ``cfg["seed_block"]``, below ``seeds``."""
    first = block * cfg["seed_block"]
    return range(first, min(first + cfg["seed_block"], seeds))


def points(cfg, route, r, block, device="cpu"):
    """One route at one r: a row for each seed of the block and each epsilon that wants it.

    Columns route and those of :func:`flow.rows`. Those that start above their plateau are followed
    too: the published figure shows them.
    """
    wanted = [p for p in cfg["points"] if p["r"] == r]
    found = []
    for seed in seed_block(cfg, block, max(p[route] for p in wanted)):
        epsilons = [p["epsilon"] for p in wanted if seed < p[route]]
        for group in flow.groups(epsilons, device) if route == "flow" else [epsilons]:
            found += flow.rows(_escape(cfg, route, seed, r, group, device), seed, r, group)
    return pd.DataFrame([{"route": route, **row} for row in found])


def _escape(cfg, route, seed, r, epsilons, device):
    own, fraction = cfg[route], cfg["loss_fraction"]
    if route == "sgd":
        return flow.descend(setup_of(cfg, cfg, 0), seed, r, epsilons, fraction, own, device)
    return flow.escape(
        setup_of(cfg, cfg, own["samples"]),
        seed,
        r,
        epsilons,
        fraction,
        device=device,
        dtype=getattr(torch, own["dtype"]),
        rtol=own["rtol"],
        max_steps=own["max_steps"],
        follow_above_plateau=True,
    )


def published_times(table):
    """{(r, epsilon): t} of the published figure 4, from the table of all published points."""
    rows = table[table["figure"] == 4]
    return {
        (int(series.removeprefix("r")), x): y
        for series, x, y in zip(rows["series"], rows["x"], rows["y"], strict=True)
    }


def figure4(cfg, runs, published):
    """What figure 4 draws: medians and quartiles over seeds, one row for each route and point.

    runs: the tables of :func:`points`; published: all published points. A seed that never crossed
    counts as later than all others. status: that of most seeds, or "left_out" where this tier has
    none. A point without a published time has none, and no ratio.
    """
    times, rows = published_times(published), []
    for route in ROUTES:
        for point in cfg["points"]:
            r, epsilon = point["r"], point["epsilon"]
            same = (runs["route"] == route) & (runs["r"] == r) & (runs["epsilon"] == epsilon)
            row = {"route": route, "r": r, "epsilon": epsilon, **_summary(runs[same])}
            rows.append(row | {"published": times.get((r, epsilon), np.nan)})
    table = pd.DataFrame(rows, columns=FIGURE4_COLUMNS)
    return table.assign(ratio=table["t_median"] / table["published"])


def _summary(mine):
    if mine.empty:
        return {"n_seeds": 0, "status": LEFT_OUT}
    t = _quantiles(mine["t_crossing"])
    return {
        **dict(zip(("t_q25", "t_median", "t_q75"), t, strict=True)),
        "n_seeds": len(mine),
        "accepted_steps": mine["accepted_steps"].median(),
        "gradient_evaluations": mine["gradient_evaluations"].median(),
        "status": mine["status"].mode().iloc[0],
    }


def _quantiles(times):
    """Quartiles with missing times as infinite; NaN for a quartile that they reach."""
    with np.errstate(invalid="ignore"):
        t = np.quantile(times.fillna(np.inf), [0.25, 0.5, 0.75])
    t[1] = np.median(times.fillna(np.inf))
    return np.where(np.isfinite(t), t, np.nan)


def agreement(runs, published):
    """Ratio of the median time to the published one for each route and point, with its interval.

    Columns route, r, epsilon, n_seeds, ratio, low, high (95 %, bootstrap over seeds).
    """
    times, rows = published_times(published), []
    for (route, r, epsilon), mine in runs.groupby(["route", "r", "epsilon"]):
        t = mine["t_crossing"].dropna().to_numpy() / times.get((r, epsilon), np.nan)
        if np.isfinite(t).all() and len(t):
            low, high = exponents.bootstrap_interval(t, np.median)
            rows.append((route, r, epsilon, len(t), np.median(t), low, high))
    names = ("route", "r", "epsilon", "n_seeds", "ratio", "low", "high")
    return pd.DataFrame(rows, columns=names)


# --- asymptotics and depth ------------------------------------------------------------------------


def asymptotics(cfg, depth, r, block, device="cpu"):
    """Flow times far below the published range: one row for each seed of the block and epsilon.

    Columns L and those of :func:`flow.rows`.
    """
    own = cfg["asymptotics"]
    setup = setup_of(cfg | {"depth": depth}, own)
    epsilons = [float(e) for e in epsilon_grid(own["epsilon"])]
    found = []
    for seed in seed_block(cfg, block, own["seeds"]):
        for group in flow.groups(epsilons, device):
            run = flow.escape(
                setup, seed, r, group, cfg["loss_fraction"], device=device, rtol=own["rtol"]
            )
            found += flow.rows(run, seed, r, group)
    return pd.DataFrame([{"L": depth, **row} for row in found])


def exponent_table(cfg, runs):
    """Exponents as epsilon -> 0 for each (L, r), with 95 % intervals over seeds.

    runs: the tables of :func:`asymptotics`. Columns L, r, exponent, low, high, expected, deviation,
    correction_order, fit_points, epsilon_min, n_seeds, status. Every seed's exponent is
    extrapolated by itself (all its epsilons share the raw weights); the mean over seeds is
    reported. A seed that did not escape everywhere is left out and n_seeds says so.
    """
    q = classes.classify(activations.get(cfg["activation"])).q
    rows = []
    for (depth, r), mine in runs.groupby(["L", "r"]):
        t = mine.pivot(index="seed", columns="epsilon", values="t_escape").dropna()
        order = exponents.correction_order(r, q)
        found = exponents.extrapolated_exponent(
            t.columns.to_numpy(), t.to_numpy(), order, cfg["asymptotics"]["fit_points"]
        )
        low, high = exponents.bootstrap_interval(found)
        rows.append(
            {
                "L": depth,
                "r": r,
                "exponent": found.mean(),
                "low": low,
                "high": high,
                "expected": 2 - r,
                "deviation": found.mean() + r - 2,
                "correction_order": order,
                "fit_points": cfg["asymptotics"]["fit_points"],
                "epsilon_min": t.columns.min(),
                "n_seeds": len(t),
            }
        )
    return pd.DataFrame(rows)


def depth_verdict(found, tolerance=0.005):
    """One line: whether the exponents of one r at several depths agree, which Theorem 11 asserts.

    found: the table of :func:`exponent_table`.
    """
    counts = found.groupby("r")["L"].nunique()
    same = found[found["r"] == counts.idxmax()]
    spread = float(np.ptp(same["exponent"]))
    verdict = "independent of depth" if spread < tolerance else "NOT independent of depth"
    depths = ", ".join(map(str, same["L"]))
    return f"r = {same['r'].iloc[0]}, L = {depths}: {verdict}, exponents within {spread:.1e}"


def asymptotic_table(runs):
    """Median flow time and its local exponent at each epsilon: what the companion panel draws.

    Columns L, r, epsilon, t_median, t_q25, t_q75, n_seeds, local_exponent (towards the next larger
    epsilon; the mean over seeds, NaN at the largest), accepted_steps, gradient_evaluations (their
    maxima over seeds), status.
    """
    tables = []
    for (depth, r), mine in runs.groupby(["L", "r"]):
        t = mine.pivot(index="seed", columns="epsilon", values="t_escape")
        _, slopes = exponents.local_exponents(t.columns, t.to_numpy())
        by_epsilon = mine.groupby("epsilon")
        low, middle, high = np.array([_quantiles(v) for _, v in by_epsilon["t_escape"]]).T
        tables.append(
            pd.DataFrame(
                {
                    "L": depth,
                    "r": r,
                    "epsilon": t.columns,
                    "t_median": middle,
                    "t_q25": low,
                    "t_q75": high,
                    "n_seeds": by_epsilon.size().to_numpy(),
                    "local_exponent": [*slopes.mean(0), np.nan],
                    "accepted_steps": by_epsilon["accepted_steps"].max().to_numpy(),
                    "gradient_evaluations": by_epsilon["gradient_evaluations"].max().to_numpy(),
                    "status": [v.mode().iloc[0] for _, v in by_epsilon["status"]],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


# --- the signal -----------------------------------------------------------------------------------


def signal_observer(setup, x, y):
    """observe(weights, gradients) -> (b, 1 + 2 L): growth of the signal and its rank-one products.

    First dgamma/dt of the signal gamma = E[f y], from the exact gradient G_l of gamma. Then for
    each layer |G_l|_F / (|u| |B_l|_2 |A_{l-1}|_2) and |G_l|_F / (|B_l|_2 |A_{l-1} u|), where
    A_{l-1} = W_{l-1}...W_1, B_l = alpha^(L-1) W_L...W_{l+1} and u = E[y x]: the first is of order
    one, the second tends to 1 on the plateau (figure 4's caption).
    """
    alpha = float(setup.act.prime(np.zeros(1))[0])
    u = (x * y).mean(0)

    def observe(weights, gradients):
        # the loss gradient is affine in the target, with slope -G
        silent = network.loss_and_gradient(weights, x, torch.zeros_like(y), setup.act, 1.0)[2]
        signal = [s - g for s, g in zip(silent, gradients, strict=True)]
        growth = -sum((s * g).sum((-2, -1)) for s, g in zip(signal, gradients, strict=True))
        below, above = _products(weights)
        above = [alpha ** (setup.depth - 1) * b.norm(dim=(-2, -1)) for b in above]
        norms = torch.stack([s.norm(dim=(-2, -1)) for s in signal], -1) / torch.stack(above, -1)
        spectral = torch.stack([torch.linalg.matrix_norm(a, 2) for a in below], -1) * u.norm()
        along = torch.stack([(a @ u).norm(dim=-1) for a in below], -1)
        return torch.cat([growth[:, None], norms / spectral, norms / along], -1)

    return observe


def _products(weights):
    """A_0..A_{L-1} and B_1..B_L: products of the layers below and above, B_l (b, 1, n_l)."""
    identity = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype, device=weights[0].device)
    below = [identity.expand(len(weights[0]), -1, -1)]
    for w in weights[:-1]:
        below.append(w @ below[-1])
    above = [torch.ones_like(weights[-1][:, :1, :1])]
    for w in reversed(weights[1:]):
        above.append(above[-1] @ w)
    return below, above[::-1]


def signal(cfg, r, device="cpu"):
    """Trajectories of the signal gamma = E[f y] at one r: a row for each seed and accepted step.

    Columns r, seed, epsilon, t, gamma, growth (dgamma/dt), gamma_start, plateau (1/2 E y^2), and
    the smallest and largest over the layers of the two ratios of :func:`signal_observer`, as
    spectral_min, spectral_max, along_min, along_max.
    """
    own, found = cfg["asymptotics"], []
    setup, layers = setup_of(cfg, own), cfg["depth"]
    for seed in range(own["seeds"]):
        _, _, y = flow.draw(setup, seed)
        for epsilon in cfg["signal"]["epsilon"]:
            run = flow.escape(
                setup, seed, r, [epsilon], cfg["loss_fraction"],
                device=device, rtol=own["rtol"], observer=signal_observer, record=True,
            )  # fmt: skip
            aux = run.steps["aux"].cpu().numpy()
            spectral, along = aux[:, 3 : 3 + layers], aux[:, 3 + layers :]
            table = {
                "r": r,
                "seed": seed,
                "epsilon": epsilon,
                "t": run.steps["t"].cpu().numpy(),
                "gamma": aux[:, 1],
                "growth": aux[:, 2],
                "gamma_start": aux[0, 1],
                "plateau": float(y.square().mean() / 2),
                "spectral_min": spectral.min(1),
                "spectral_max": spectral.max(1),
                "along_min": along.min(1),
                "along_max": along.max(1),
            }
            found.append(pd.DataFrame(table))
    return pd.concat(found, ignore_index=True)


def in_window(steps):
    """Mask of the steps on the way out: 1000 |gamma(0)| < gamma < 0.01 E y^2."""
    low, high = 1000 * steps["gamma_start"].abs(), 0.02 * steps["plateau"]
    return (low < steps["gamma"]) & (steps["gamma"] < high)


def signal_table(steps):
    """Exponents of the signal for each r and seed, at the smallest epsilon of :func:`signal`.

    Columns r, seed, epsilon, slope (of log growth against log gamma in the window), expected
    (2 - 2/r), start_exponent (of |gamma(0)| between the two smallest epsilons), expected_start (r),
    spectral_min, spectral_max and along_error (largest |ratio - 1|) in the window, n_steps.
    """
    rows = []
    for (r, seed), mine in steps.groupby(["r", "seed"]):
        epsilon = np.sort(mine["epsilon"].unique())[:2]
        starts = [mine.loc[mine["epsilon"] == e, "gamma_start"].iloc[0] for e in epsilon]
        smallest = mine[mine["epsilon"] == epsilon[0]]
        window = smallest[in_window(smallest)]
        slope = np.polyfit(np.log(window["gamma"]), np.log(window["growth"]), 1)[0]
        along = np.abs(window[["along_min", "along_max"]] - 1).to_numpy().max()
        rows.append(
            {
                "r": r,
                "seed": seed,
                "epsilon": epsilon[0],
                "slope": slope,
                "expected": 2 - 2 / r,
                "start_exponent": np.log(starts[1] / starts[0]) / np.log(epsilon[1] / epsilon[0]),
                "expected_start": r,
                "spectral_min": window["spectral_min"].min(),
                "spectral_max": window["spectral_max"].max(),
                "along_error": along,
                "n_steps": len(window),
            }
        )
    return pd.DataFrame(rows)


# --- the manifold does not attract ----------------------------------------------------------------


KINDS = ("noise", "profile")


def perturbed(shapes, direction, kind, seed, epsilon, delta):
    """Weights near the symmetric manifold, all layer scales X_l = epsilon (NTK parameterization).

    kind "noise": every layer plus independent Gaussian noise of delta times its norm. kind
    "profile": neuron i of layer l weighs p_li = 1 + delta xi_li, in its own layer and for the one
    above, so that the layers still fit together. delta 0 is the manifold itself.
    """
    generator = torch.Generator().manual_seed(seed)
    width = shapes[0][0]
    if kind == "noise":
        scales = torch.full((len(shapes),), epsilon, dtype=torch.float64)
        base = network.manifold_weights(scales, width, direction)
        noise = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
        return [b + delta * b.norm() / n.norm() * n for b, n in zip(base, noise, strict=True)]
    xi = torch.randn(len(shapes) - 1, width, generator=generator, dtype=torch.float64)
    p = torch.nn.functional.normalize(1 + delta * xi, dim=-1) * width**0.5
    inner = [torch.outer(p[k + 1], p[k]) / width**0.5 for k in range(len(shapes) - 2)]
    layers = [torch.outer(p[0], direction), *inner, p[-1][None, :]]
    return [epsilon * w for w in layers]


def attraction(cfg):
    """Relative distance from the symmetric manifold along population flows that start off it.

    Columns kind, seed, epsilon, delta, t, loss, growth (|W| / |W(0)|), distance (|W - PW| / |W|
    over all layers, P the projection on the manifold) and status, a row for each accepted step.
    """
    own = cfg["attraction"]
    act = activations.get(cfg["activation"])
    shapes = network.layer_shapes(own["depth"], own["width"], own["input_dim"])
    direction = first_axis(own["input_dim"])
    cases = [
        {"kind": kind, "seed": seed, "epsilon": epsilon, "delta": own["delta"]}
        for kind in KINDS
        for seed in range(own["seeds"])
        for epsilon in own["epsilon"]
    ]
    starts = [network.flatten(perturbed(shapes, direction, **case)) for case in cases]
    field, plateau = _population_field(own, act, shapes, direction)
    plateau = plateau.expand(len(cases))
    run = integrate.integrate(
        field,
        torch.stack(starts),
        integrate.loss_event(plateau, cfg["loss_fraction"]),
        sizes=tuple(rows * columns for rows, columns in shapes),
        clock="relative_rate",
        rtol=own["rtol"],
        plateau=plateau,
        record=True,
    )
    tables = []
    for k, case in enumerate(cases):
        mine = (run.steps["trajectory"] == k).numpy()
        loss, norm, distance = run.steps["aux"].numpy()[mine].T
        path = {"t": run.steps["t"].numpy()[mine], "loss": loss, "growth": norm / norm[0]}
        tables.append(pd.DataFrame(case | path | {"distance": distance, "status": run.status[k]}))
    return pd.concat(tables, ignore_index=True)


def _population_field(cfg, act, shapes, direction):
    """(field with aux = loss, |W|, relative distance from the manifold; plateau value)."""
    nodes = gaussian_rule(**cfg["quadrature"])
    x, sample_weights = symmetrized_inputs(*nodes, cfg["input_dim"])
    y, c = act.torch(x[:, :1]), network.prefactor("ntk", cfg["width"])

    def field(flat, index):
        weights = network.unflatten(flat, shapes)
        loss, _, gradients = network.loss_and_gradient(weights, x, y, act, c, sample_weights)
        sizes = torch.stack([w.norm(dim=(-2, -1)) for w in weights], -1)
        off = (network.distance_from_manifold(weights, direction) * sizes).norm(dim=-1)
        total = sizes.norm(dim=-1)
        return -network.flatten(gradients), torch.stack([loss, total, off / total], -1)

    return field, (sample_weights[:, None] * y.square()).sum() / 2


def attraction_table(steps):
    """Distance at the start and at the escape for each case, and their ratio.

    steps: the tables of :func:`attraction`. Columns kind, seed, epsilon, delta, start, end, ratio,
    growth (of the whole weight norm), status. Were the manifold attracting, the ratio would tend to
    0 with epsilon.
    """
    keys = ["kind", "seed", "epsilon", "delta"]
    ends = steps.groupby(keys, sort=False).agg(
        start=("distance", "first"),
        end=("distance", "last"),
        growth=("growth", "last"),
        status=("status", "last"),
    )
    return ends.assign(ratio=ends["end"] / ends["start"]).reset_index()
