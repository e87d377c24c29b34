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
from .critical_depth import epsilon_grid
from .reduction import first_axis, symmetrized_inputs

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
    return pd.DataFrame([{"route": route, **row} for row in found])


def _escape(cfg, route, seed, r, epsilons, device):
    own, fraction = cfg[route], cfg["loss_fraction"]
    if route == "sgd":
        return bottleneck.descend(setup_of(cfg, cfg, 0), seed, r, epsilons, fraction, own, device)
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
    return pd.DataFrame([{"L": depth, **row} for row in found])


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
        _, _, y = bottleneck.draw(setup, seed)
        for epsilon in cfg["signal"]["epsilon"]:
            run = bottleneck.escape(
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
