"""Growth of the signal gamma = E[f g], g = v x, on the plateau (Theorem 11): the flows.

What is read off them is in :mod:`studies.offmanifold_tables`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ..training import bottleneck, network


@dataclass(frozen=True)
class Flows:
    """seeds: how many, from 0."""

    width: int
    input_dim: int
    samples: int
    rtol: float
    seeds: int


@dataclass(frozen=True)
class Scales:
    """epsilon: bottleneck scales, at least two."""

    epsilon: tuple[float, ...]


@dataclass(frozen=True)
class Signal:
    """The asymptotics' networks at the figure's depth."""

    activation: str
    depth: int
    loss_fraction: float
    asymptotics: Flows
    signal: Scales


def trajectories(settings: Signal, r: int, device="cpu") -> pd.DataFrame:
    """The signal along flows at one r: a row for each seed, epsilon and accepted step.

    Columns r, seed, epsilon, t, gamma, growth (dgamma/dt), gamma_start, plateau (1/2 E y^2), and
    the smallest and largest over the layers of the two ratios of :func:`observer`, as spectral_min,
    spectral_max, along_min, along_max.
    """
    flows = settings.asymptotics
    setup = bottleneck.Setup(
        settings.activation, settings.depth, flows.width, flows.input_dim, flows.samples
    )
    tables, evaluations = [], 0
    for seed in range(flows.seeds):
        _, _, y = bottleneck.draw(setup, seed)
        for epsilon in settings.signal.epsilon:
            run = bottleneck.escape(
                setup, seed, r, [epsilon], settings.loss_fraction,
                device=device, rtol=flows.rtol, observer=observer,
                clock="relative_rate", record=True,
            )  # fmt: skip
            labels = {"r": r, "seed": seed, "epsilon": epsilon}
            steps = {name: column.cpu().numpy() for name, column in run.steps.items()}
            tables.append(_steps(labels, steps, float(y.square().mean() / 2)))
            evaluations += int(run.gradient_evaluations.sum())
    table = pd.concat(tables, ignore_index=True)
    table.attrs["gradient_evaluations"] = evaluations
    return table


def _steps(labels, steps, plateau):
    spectral, along = steps["spectral"], steps["along"]
    return pd.DataFrame(
        labels
        | {
            "t": steps["t"],
            "gamma": steps["gamma"],
            "growth": steps["growth"],
            "gamma_start": steps["gamma"][0],
            "plateau": plateau,
            "spectral_min": spectral.min(1),
            "spectral_max": spectral.max(1),
            "along_min": along.min(1),
            "along_max": along.max(1),
        }
    )


def observer(problem):
    """observe of :meth:`Problem.field`: the signal, its growth and its rank-one products.

    "gamma" (b,) is the signal E[f g], g = x_1, "growth" (b,) its dgamma/dt from the exact gradient
    G_l of gamma. "spectral" (b, L) is |G_l|_F / (|u| |B_l|_2 |A_{l-1}|_2) and "along" (b, L)
    |G_l|_F / (|B_l|_2 |A_{l-1} u|), where A_{l-1} = W_{l-1}...W_1, B_l = alpha^(L-1) W_L...W_{l+1}
    and u = E[g x], the teacher's direction but for the sample: the first is of order one, the
    second tends to 1 on the plateau.
    """
    alpha, depth = float(problem.act.prime(np.zeros(1))[0]), len(problem.shapes)
    x, g = problem.x, problem.x[:, :1]
    u = (x * g).mean(0)

    def gradient(weights, target):
        return network.output_and_gradient(weights, x, target, problem.act, 1.0)[1]

    def observe(weights, f, gradients):
        # the loss gradient is affine in the target, with slope -G where the target is g
        targets = (torch.zeros_like(g), g)
        silent, driven = (gradient(weights, target) for target in targets)
        signal = [s - d for s, d in zip(silent, driven, strict=True)]
        growth = -sum((s * w).sum((-2, -1)) for s, w in zip(signal, gradients, strict=True))
        below, above = _products(weights)
        above = [alpha ** (depth - 1) * b.norm(dim=(-2, -1)) for b in above]
        norms = torch.stack([s.norm(dim=(-2, -1)) for s in signal], -1) / torch.stack(above, -1)
        spectral = torch.stack([torch.linalg.matrix_norm(a, 2) for a in below], -1) * u.norm()
        along = torch.stack([(a @ u).norm(dim=-1) for a in below], -1)
        return {
            "gamma": (f * g).mean((-2, -1)),
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
