"""Figure 5's full network: all N neurons beside the block flow, on the same grid."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ..settings import Quadrature
from ..theory import blocks
from ..theory.cascade import OutputPerMode
from ..training import integrate, network
from ..training.optimizers import GradientDescent, updating
from ..training.problem import Problem


@dataclass(frozen=True)
class Runs:
    """rates: of descent; t_max: the flow time of all; noise: of each layer's root mean square."""

    quadrature: Quadrature
    rtol: float
    rates: tuple[float, ...]
    t_max: float
    noise: tuple[float, ...]
    noise_draws: int


@dataclass(frozen=True)
class Network(OutputPerMode):
    """The cascade, and the runs of all its neurons."""

    network: Runs


class _Network:
    """The full network on the model's grid, as the field and the event of :mod:`integrate`."""

    def __init__(self, model, threshold):
        self.model, modes = model, model.modes
        grid = model.grid
        x, y, sample_weights = (
            torch.tensor(np.ascontiguousarray(v.T))
            for v in (grid.points, model.coupled.targets, grid.weights)
        )
        shapes = network.layer_shapes(model.depth, model.width, modes, modes)
        c = network.prefactor("ntk", model.width)
        self.problem = Problem(model.activation, shapes, c, x, y, sample_weights)
        self.threshold = threshold

    def observe(self, weights, f, gradients):
        """Mode 1's layer "scale" in its own block, X_{1,1} (b,)."""
        return {"scale": weights[0][..., : self.model.block_size, 0].mean(-1)}

    def event(self, seen, index):
        """Positive before the escape: threshold minus scale."""
        return self.threshold - seen["scale"]

    def flow(self, weights, spec):
        """Adaptive gradient flow from weights (1, P) with the relative-rate clock, up to t_max."""
        return integrate.integrate(
            self.problem.field(self.observe), weights, self.event,
            sizes=self.problem.sizes, clock="relative_rate", rtol=spec.rtol, t_max=spec.t_max,
        )  # fmt: skip

    def descend(self, weights, rate, max_steps):
        """Full-batch gradient descent from weights (1, P)."""
        return integrate.descend(
            updating(self.problem, GradientDescent(rate)),
            lambda: None,
            weights,
            event=self.event,
            evaluate=lambda flat, index: self.observe(self.problem.unflatten(flat), None, None),
            rate=rate,
            max_steps=max_steps,
        )

    def block_weights(self, state):
        """Flat weights (1, P) of a block state (L, K, K)."""
        return network.flatten([torch.tensor(w) for w in blocks.expand(self.model, state)])[None]

    def off_block_fraction(self, flat):
        """|W - its block means|_F / |W|_F of weights (1, P)."""
        weights = [w.numpy() for w in self.problem.unflatten(flat[0])]
        inside = blocks.expand(self.model, blocks.block_means(self.model, weights))
        gaps = [np.sum((w - b) ** 2) for w, b in zip(weights, inside, strict=True)]
        return math.sqrt(sum(gaps) / sum(np.sum(w**2) for w in weights))


def full_network(settings: Network) -> pd.DataFrame:
    """Escape times of all N neurons beside the block flow's on the same grid.

    Columns route ("flow", "descent"), rate (0 for flow), noise, seed, t_escape, status, t_block,
    off_block (fraction of the final weights' norm off the blocks). Noise: Gaussian, with that
    multiple of each layer's root-mean-square weight as standard deviation.
    """
    spec, first = settings.network, settings.seed
    model = settings.model(spec.quadrature)
    net = _Network(model, settings.threshold)
    t_block = settings.escape(model, 1.0, settings.solver(model, rtol=1e-10)).t
    clean = net.block_weights(settings.start())
    runs = [("flow", 0.0, 0.0, first, net.flow(clean, spec))]
    for rate in spec.rates:
        descent = net.descend(clean, rate, math.ceil(spec.t_max / rate))
        runs.append(("descent", rate, 0.0, first, descent))
    for noise in spec.noise:
        for seed in range(first, first + spec.noise_draws):
            weights = _with_noise(clean, net.problem.sizes, noise, seed)
            runs.append(("flow", 0.0, noise, seed, net.flow(weights, spec)))
    rows = [
        (*labels, float(run.t_escape[0]), run.status[0], t_block, net.off_block_fraction(run.state))
        for *labels, run in runs
    ]
    columns = ["route", "rate", "noise", "seed", "t_escape", "status", "t_block", "off_block"]
    table = pd.DataFrame(rows, columns=columns)
    table.attrs["gradient_evaluations"] = sum(int(run[-1].gradient_evaluations) for run in runs)
    return table


def _with_noise(flat, sizes, noise, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [
        w + noise * w.square().mean().sqrt() * torch.randn(w.shape, generator=generator).double()
        for w in flat.split(sizes, dim=-1)
    ]
    return torch.cat(layers, -1)
