"""Figure 5's full network: all N neurons beside the block flow, on the same grid."""

import math

import numpy as np
import pandas as pd
import torch

from ..theory import blocks, homotopy
from ..training import integrate, network
from .cascade import block_model, solver, start


class _Network:
    """The full network on the model's grid, as the field and the event of :mod:`integrate`."""

    def __init__(self, model, threshold):
        self.model = model
        self.act, self.c = model.activation, network.prefactor("ntk", model.width)
        outputs = model.modes
        self.shapes = network.layer_shapes(model.depth, model.width, model.modes, outputs)
        self.sizes = tuple(rows * columns for rows, columns in self.shapes)
        grid = model.grid
        self.x, self.y, self.weights = (
            torch.tensor(np.ascontiguousarray(v.T))
            for v in (grid.points, model.coupled.targets, grid.weights)
        )
        self.threshold = homotopy.alignment_threshold(model, threshold)
        self.direction = torch.eye(model.modes, dtype=torch.float64)[0]

    def field(self, flat, index):
        """(-gradient (b, P), [loss, alignment] (b, 2)) at weights (b, P)."""
        weights = network.unflatten(flat, self.shapes)
        loss, _, gradient = network.loss_and_gradient(
            weights, self.x, self.y, self.act, self.c, self.weights
        )
        aux = torch.stack([loss, self.alignment(flat, index)[:, 0]], -1)
        return -network.flatten(gradient), aux

    def alignment(self, flat, index):
        """Mode-1 alignment (b, 1)."""
        weights = network.unflatten(flat, self.shapes)
        return network.mode_alignment(weights, self.direction, self.model.width)[:, None]

    def event(self, aux, index):
        """Positive before the escape: threshold minus the last column of aux."""
        return self.threshold - aux[:, -1]

    def flow(self, weights, rtol):
        """Adaptive gradient flow from weights (1, P) with the relative-rate clock."""
        return integrate.integrate(
            self.field, weights, self.event, sizes=self.sizes, clock="relative_rate", rtol=rtol
        )

    def descend(self, weights, rate, max_steps):
        """Full-batch gradient descent from weights (1, P)."""
        return integrate.descend(
            lambda flat, x: flat.add_(self.field(flat, None)[0], alpha=rate),
            lambda: None,
            self.alignment,
            weights,
            self.event,
            rate=rate,
            max_steps=max_steps,
            next_evaluation=lambda step: step + 1,
        )

    def block_weights(self, state):
        """Flat weights (1, P) of a block state (L, K, K)."""
        return network.flatten([torch.tensor(w) for w in blocks.expand(self.model, state)])[None]

    def off_block_fraction(self, flat):
        """|W - its block means|_F / |W|_F of weights (1, P)."""
        weights = [w.numpy() for w in network.unflatten(flat[0], self.shapes)]
        inside = blocks.expand(self.model, blocks.block_means(self.model, weights))
        gaps = [np.sum((w - b) ** 2) for w, b in zip(weights, inside, strict=True)]
        return math.sqrt(sum(gaps) / sum(np.sum(w**2) for w in weights))


def full_network(cfg):
    """Escape times of all N neurons beside the block flow's on the same grid.

    Columns route ("flow", "descent"), rate (0 for flow), noise, seed, t_escape, status, t_block,
    off_block (fraction of the final weights' norm off the blocks). Noise: Gaussian, with that
    multiple of each layer's root-mean-square weight as standard deviation.
    """
    spec = cfg["network"]
    model = block_model(cfg, **spec["quadrature"])
    net, x0 = _Network(model, cfg["threshold"]), start(cfg)
    tight = solver(cfg, model, rtol=1e-10)
    t_block = homotopy.escape(model, x0, 1.0, cfg["threshold"], tight).t
    clean = net.block_weights(x0)
    runs = [("flow", 0.0, 0.0, cfg["seed"], net.flow(clean, spec["rtol"]))]
    for rate in spec["rates"]:
        found = net.descend(clean, rate, math.ceil(spec["t_max"] / rate))
        runs.append(("descent", rate, 0.0, cfg["seed"], found))
    for noise in spec["noise"]:
        for seed in range(cfg["seed"], cfg["seed"] + spec["noise_draws"]):
            weights = _with_noise(clean, net.sizes, noise, seed)
            runs.append(("flow", 0.0, noise, seed, net.flow(weights, spec["rtol"])))
    rows = [
        (*run, float(f.t_escape[0]), f.status[0], t_block, net.off_block_fraction(f.state))
        for *run, f in runs
    ]
    columns = ["route", "rate", "noise", "seed", "t_escape", "status", "t_block", "off_block"]
    return pd.DataFrame(rows, columns=columns)


def _with_noise(flat, sizes, noise, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [
        w + noise * w.square().mean().sqrt() * torch.randn(w.shape, generator=generator).double()
        for w in flat.split(sizes, dim=-1)
    ]
    return torch.cat(layers, -1)
