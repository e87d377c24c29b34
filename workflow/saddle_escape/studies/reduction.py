"""Figure 1: the full network against its reduction to L scalar equations (Theorem 4)."""

import math

import numpy as np
import pandas as pd
import torch
import xarray as xr

from ..theory import activations, manifold
from ..theory.quadrature import gaussian_rule
from ..training import network
from ..training.integrate import descend, integrate


def symmetrized_inputs(nodes, weights, input_dim):
    """Inputs (n, d) and sample weights (n,) that stand for the population x ~ N(0, I_d).

    The quadrature nodes lie along v = e_1; in each other direction every node is mirrored, at
    +-sqrt(d-1), so that the inputs have mean 0 and covariance I there. On such data the symmetric
    manifold is invariant under gradient descent up to round-off; on Gaussian samples it is not.
    """
    others = input_dim - 1
    if others == 0:
        return torch.tensor(nodes)[:, None], torch.tensor(weights)
    mirrored = math.sqrt(others) * np.concatenate([np.eye(others), -np.eye(others)])
    copies = len(mirrored)
    x = np.hstack([np.repeat(nodes, copies)[:, None], np.tile(mirrored, (len(nodes), 1))])
    return torch.tensor(x), torch.tensor(np.repeat(weights, copies) / copies)


def gaussian_inputs(samples, input_dim, seed):
    """Inputs (n, d) drawn from N(0, I_d), and equal sample weights (n,)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, input_dim, generator=generator, dtype=torch.float64)
    return x, torch.full((samples,), 1.0 / samples, dtype=torch.float64)


def first_axis(input_dim, device="cpu"):
    """The teacher's direction v = e_1, (d,)."""
    return torch.eye(input_dim, dtype=torch.float64, device=device)[0]


class Training:
    """Full-batch gradient descent of networks in the NTK parameterization on fixed data.

    Gives :func:`integrate.descend` its update and its measurements. x: (n, d), sample_weights:
    (n,); the teacher is y = sigma(x_1). Weights travel flattened, (b, P), float64.
    """

    def __init__(self, act, depth, width, x, sample_weights, rate):
        self.act, self.width, self.rate = act, width, rate
        self.shapes = network.layer_shapes(depth, width, x.shape[1])
        self.c = network.prefactor("ntk", width)
        self.x, self.sample_weights = x, sample_weights
        self.y = act.torch(x[:, :1])
        self.direction = first_axis(x.shape[1], x.device)

    def start(self, inits):
        """Manifold weights for layer scales (b, L), flattened to (b, P)."""
        inits = torch.as_tensor(inits, dtype=torch.float64, device=self.x.device)
        flat = [network.manifold_weights(s, self.width, self.direction) for s in inits]
        return torch.stack([network.flatten(w) for w in flat])

    def gradient(self, flat):
        """(loss (b,), list of gradients) at flattened weights (b, P)."""
        weights = network.unflatten(flat, self.shapes)
        loss, _, gradients = network.loss_and_gradient(
            weights, self.x, self.y, self.act, self.c, self.sample_weights
        )
        return loss, gradients

    def update(self, flat, _):
        """One step of gradient descent, in place."""
        flat.sub_(network.flatten(self.gradient(flat)[1]), alpha=self.rate)

    def alignment(self, flat, index):
        """Mode alignment |W_1 v|_2 / sqrt(N), (b, 1)."""
        weights = network.unflatten(flat, self.shapes)
        return network.mode_alignment(weights, self.direction, self.width)[:, None]

    def flow(self, flat, index):
        """dW/dt (b, P) and what :meth:`observe` returns, for :func:`integrate.integrate`."""
        loss, gradients = self.gradient(flat)
        return -network.flatten(gradients), self._observed(flat, loss)

    def observe(self, flat, index):
        """Loss, layer scales and relative distances from the manifold, (b, 1 + 2 L)."""
        return self._observed(flat, self.gradient(flat)[0])

    def _observed(self, flat, loss):
        weights = network.unflatten(flat, self.shapes)
        scales = network.layer_scales(weights, self.width)
        distance = network.distance_from_manifold(weights, self.direction)
        return torch.cat([loss[:, None], scales, distance], dim=-1)


def _dataset(t, loss, scales, distance=None):
    """Trajectory with named dimensions: t (flow time) and layer (1..L)."""
    variables = {
        "loss": ("t", loss, {"units": "1", "long_name": "population loss"}),
        "scale": (("t", "layer"), scales, {"units": "1", "long_name": "layer scale X_l"}),
    }
    if distance is not None:
        long_name = "relative Frobenius distance of W_l from the symmetric manifold"
        variables["distance"] = (("t", "layer"), distance, {"units": "1", "long_name": long_name})
    coordinates = {
        "t": ("t", t, {"units": "flow time"}),
        "layer": ("layer", np.arange(1, scales.shape[1] + 1), {"units": "1"}),
    }
    return xr.Dataset(variables, coordinates)


def reduced(cfg):
    """The reduced ODE from cfg's init: loss and layer scales at ``points`` times up to t_end."""
    act = activations.get(cfg["activation"])
    model = manifold.reduction(act, cfg["depth"], cfg["width"], **cfg["quadrature"])
    t = np.linspace(0.0, cfg["t_end"], cfg["points"])
    scales, loss = manifold.trajectory(model, cfg["init"], t)
    return _dataset(t, loss, scales)


def network_run(cfg, data, device):
    """The full network, all N d + (L-2) N^2 + N weights, from the same start as :func:`reduced`.

    data: "population", gradient descent on symmetrized inputs, recorded every record_every units of
    flow time; or "gaussian", the adaptive gradient flow on plain Gaussian samples, recorded at its
    accepted steps, which shows how far sampling strays. Both carry the distance from the manifold.
    Raises ValueError for another name.
    """
    if data not in ("population", "gaussian"):
        raise ValueError(f"data: unknown '{data}', choose from population, gaussian")
    own = cfg["network"]
    if data == "population":
        inputs = symmetrized_inputs(*gaussian_rule(**own["quadrature"]), own["input_dim"])
    else:
        inputs = gaussian_inputs(own["gaussian_samples"], own["input_dim"], own["seed"])
    x, sample_weights = (a.to(device) for a in inputs)
    act, depth = activations.get(cfg["activation"]), cfg["depth"]
    training = Training(act, depth, cfg["width"], x, sample_weights, own["rate"])
    follow = _descent if data == "population" else _flow
    steps = follow(training, cfg, training.start([cfg["init"]])).steps
    aux = steps["aux"].cpu().numpy()
    t = steps["t"].cpu().numpy()
    return _dataset(t, aux[:, 0], aux[:, 1 : depth + 1], aux[:, depth + 1 :])


def _never(aux, index):
    return torch.ones(len(index), dtype=torch.float64, device=aux.device)


def _descent(training, cfg, start):
    own = cfg["network"]
    stride = max(1, round(own["record_every"] / own["rate"]))
    return descend(
        training.update,
        lambda: training.x,
        training.observe,
        start,
        _never,
        rate=own["rate"],
        max_steps=round(cfg["t_end"] / own["rate"]),
        next_evaluation=lambda step: step + stride,
        record=True,
    )


def _flow(training, cfg, start):
    return integrate(
        training.flow,
        start,
        sizes=[rows * columns for rows, columns in training.shapes],
        rtol=cfg["network"]["gaussian_rtol"],
        t_max=cfg["t_end"],
        record=True,
    )


def figure_table(reduced, population, gaussian):
    """What figure 1 draws: rows of panel (a: loss, b: X_l), series, t (flow time), value."""
    runs = {"reduced_ode": reduced, "network": population, "network_gaussian": gaussian}
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
