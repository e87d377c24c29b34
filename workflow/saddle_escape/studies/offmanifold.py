"""Figure 4: escape off the manifold (Theorem 11). He-normal networks, first r layers at epsilon.

Two routes, adaptive gradient flow and stochastic gradient descent, both of the full network; the
asymptotics of the flow, its independence of depth, the growth of the signal, and what becomes of a
perturbation off the symmetric manifold. Times are flow times (rate x step for descent). What is
shown of these runs is in :mod:`~saddle_escape.studies.offmanifold_tables`.
"""

import numpy as np
import pandas as pd
import torch

from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training import bottleneck, integrate, network
from ..training.data import first_axis, symmetrized_inputs
from ..training.problem import single_mode
from .critical_depth import epsilon_grid

# --- the published points -------------------------------------------------------------------------


def setup_of(cfg, own, samples=None):
    """The :class:`bottleneck.Setup` of cfg's activation and depth with ``own`` width and data.

    ``samples`` overrides own's.
    """
    samples = own["samples"] if samples is None else samples
    return bottleneck.Setup(
        cfg["activation"], cfg["depth"], own["width"], own["input_dim"], samples
    )


def seed_block(cfg, block, seeds):
    """Seeds of one block of ``cfg["seed_block"]``, below ``seeds``."""
    first = block * cfg["seed_block"]
    return range(first, min(first + cfg["seed_block"], seeds))


def points(cfg, route, r, block, device="cpu"):
    """One route at one r: a row for each seed of the block and each epsilon that wants it.

    Columns route and those of :func:`bottleneck.rows`. Those that start above their plateau are
    followed too: the published figure shows them.
    """
    wanted = [p for p in cfg["points"] if p["r"] == r]
    found = []
    for seed in seed_block(cfg, block, max(p[route] for p in wanted)):
        epsilons = [p["epsilon"] for p in wanted if seed < p[route]]
        for group in bottleneck.groups(epsilons, device) if route == "flow" else [epsilons]:
            found += bottleneck.rows(_escape(cfg, route, seed, r, group, device), seed, r, group)
    return _with_evaluations(pd.DataFrame([{"route": route, **row} for row in found]))


def _escape(cfg, route, seed, r, epsilons, device):
    own, fraction = cfg[route], cfg["loss_fraction"]
    if route == "sgd":
        setup = setup_of(cfg, cfg, 0)
        return bottleneck.descend(setup, seed, r, epsilons, own, fraction=fraction, device=device)
    return bottleneck.escape(
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


# --- asymptotics and depth ------------------------------------------------------------------------


def asymptotics(cfg, depth, r, block, device="cpu"):
    """Flow times far below the published range: one row for each seed of the block and epsilon.

    Columns L and those of :func:`bottleneck.rows`.
    """
    own = cfg["asymptotics"]
    setup = setup_of(cfg | {"depth": depth}, own)
    epsilons = [float(e) for e in epsilon_grid(own["epsilon"])]
    found = []
    for seed in seed_block(cfg, block, own["seeds"]):
        for group in bottleneck.groups(epsilons, device):
            run = bottleneck.escape(
                setup, seed, r, group, cfg["loss_fraction"], device=device, rtol=own["rtol"]
            )
            found += bottleneck.rows(run, seed, r, group)
    return _with_evaluations(pd.DataFrame([{"L": depth, **row} for row in found]))


# --- the signal -----------------------------------------------------------------------------------


def signal_observer(problem):
    """observe of :meth:`Problem.field`: the signal, its growth and its rank-one products.

    "gamma" (b,) is the signal E[f y], "growth" (b,) its dgamma/dt from the exact gradient G_l of
    gamma. "spectral" (b, L) is |G_l|_F / (|u| |B_l|_2 |A_{l-1}|_2) and "along" (b, L) |G_l|_F /
    (|B_l|_2 |A_{l-1} u|), where A_{l-1} = W_{l-1}...W_1, B_l = alpha^(L-1) W_L...W_{l+1} and u =
    E[y x]: the first is of order one, the second tends to 1 on the plateau (figure 4's caption).
    """
    alpha, depth = float(problem.act.prime(np.zeros(1))[0]), len(problem.shapes)
    x, y = problem.x, problem.y
    u = (x * y).mean(0)

    def observe(weights, f, gradients):
        # the loss gradient is affine in the target, with slope -G
        silent = network.loss_and_gradient(weights, x, torch.zeros_like(y), problem.act, 1.0)[2]
        signal = [s - g for s, g in zip(silent, gradients, strict=True)]
        growth = -sum((s * g).sum((-2, -1)) for s, g in zip(signal, gradients, strict=True))
        below, above = _products(weights)
        above = [alpha ** (depth - 1) * b.norm(dim=(-2, -1)) for b in above]
        norms = torch.stack([s.norm(dim=(-2, -1)) for s in signal], -1) / torch.stack(above, -1)
        spectral = torch.stack([torch.linalg.matrix_norm(a, 2) for a in below], -1) * u.norm()
        along = torch.stack([(a @ u).norm(dim=-1) for a in below], -1)
        gamma = (f * y).mean((-2, -1))
        return {
            "gamma": gamma,
            "growth": growth,
            "spectral": norms / spectral,
            "along": norms / along,
        }

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
    own, found, evaluations = cfg["asymptotics"], [], 0
    setup = setup_of(cfg, own)
    for seed in range(own["seeds"]):
        _, _, y = bottleneck.draw(setup, seed)
        for epsilon in cfg["signal"]["epsilon"]:
            run = bottleneck.escape(
                setup, seed, r, [epsilon], cfg["loss_fraction"],
                device=device, rtol=own["rtol"], observer=signal_observer, record=True,
            )  # fmt: skip
            steps = {name: column.cpu().numpy() for name, column in run.steps.items()}
            spectral, along = steps["spectral"], steps["along"]
            evaluations += int(run.gradient_evaluations.sum())
            table = {
                "r": r,
                "seed": seed,
                "epsilon": epsilon,
                "t": steps["t"],
                "gamma": steps["gamma"],
                "growth": steps["growth"],
                "gamma_start": steps["gamma"][0],
                "plateau": float(y.square().mean() / 2),
                "spectral_min": spectral.min(1),
                "spectral_max": spectral.max(1),
                "along_min": along.min(1),
                "along_max": along.max(1),
            }
            found.append(pd.DataFrame(table))
    return _with_evaluations(pd.concat(found, ignore_index=True), evaluations)


def _with_evaluations(table, count=None):
    """The table with the gradient evaluations that it took, for its manifest.

    By default the sum of its column of that name.
    """
    count = table["gradient_evaluations"].sum() if count is None else count
    table.attrs["gradient_evaluations"] = int(count)
    return table


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
    nodes = gaussian_rule(**own["quadrature"])
    problem = single_mode(
        act, own["depth"], own["width"], *symmetrized_inputs(*nodes, own["input_dim"])
    )
    plateau = problem.plateau.expand(len(cases))
    run = integrate.integrate(
        problem.field(_distance_observer(direction)),
        torch.stack(starts),
        integrate.loss_event(plateau, cfg["loss_fraction"]),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=own["rtol"],
        plateau=plateau,
        record=True,
    )
    tables = []
    for k, case in enumerate(cases):
        path = {name: column.numpy() for name, column in run.path(k).items()}
        norm = path["norm"]
        columns = {"t": path["t"], "loss": path["loss"], "growth": norm / norm[0]}
        columns |= {"distance": path["distance"], "status": run.status[k]}
        tables.append(pd.DataFrame(case | columns))
    return _with_evaluations(pd.concat(tables, ignore_index=True), run.gradient_evaluations.sum())


def _distance_observer(direction):
    """observe of :meth:`Problem.field`: "norm" |W| and relative "distance" off the manifold."""

    def observe(weights, f, gradients):
        sizes = torch.stack([w.norm(dim=(-2, -1)) for w in weights], -1)
        off = (network.distance_from_manifold(weights, direction) * sizes).norm(dim=-1)
        norm = sizes.norm(dim=-1)
        return {"norm": norm, "distance": off / norm}

    return observe
