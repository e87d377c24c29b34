"""Figure 1: the full network against its reduction to L scalar equations (Theorem 4).

The paper's own training, on fresh minibatches, and a sharper test beside it: descent on inputs on
which the symmetric manifold is invariant to round-off.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import xarray as xr

from ..settings import Quadrature
from ..theory import activations, manifold
from ..theory.quadrature import gaussian_rule
from ..training import identical, network
from ..training.data import first_axis, symmetrized_inputs
from ..training.integrate import descend
from ..training.optimizers import GradientDescent, updating
from ..training.problem import single_mode


@dataclass(frozen=True)
class Reduced:
    """init: initial layer scales; points: equally spaced times up to t_end."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    t_end: float
    points: int
    quadrature: Quadrature


@dataclass(frozen=True)
class Training:
    """rate, record_every: of gradient descent, in flow time."""

    input_dim: int
    quadrature: Quadrature
    rate: float
    record_every: float


@dataclass(frozen=True)
class Network:
    """The full network from the same start."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    t_end: float
    network: Training


@dataclass(frozen=True)
class Batches:
    """steps: of rate ``rate``, each on fresh inputs; snapshots: equally spaced, until the end."""

    input_dim: int
    batch: int
    rate: float
    steps: int
    snapshots: int
    seed: int


@dataclass(frozen=True)
class Minibatch:
    """The paper's own training of the network from the same start."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    quadrature: Quadrature
    minibatch: Batches


def reduced(settings: Reduced) -> xr.Dataset:
    """The reduced ODE: loss and layer scales at ``points`` times up to t_end."""
    act = activations.get(settings.activation)
    model = manifold.reduction(act, settings.depth, settings.width, **vars(settings.quadrature))
    t = np.linspace(0.0, settings.t_end, settings.points)
    scales, loss = manifold.trajectory(model, settings.init, t)
    return _dataset(t, loss, scales)


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


def network_run(settings: Network, device) -> xr.Dataset:
    """The full network, all N d + (L-2) N^2 + N weights, from the same start as :func:`reduced`.

    Gradient descent on symmetrized inputs, recorded every record_every units of flow time, with the
    distance from the manifold.
    """
    training = settings.network
    inputs = symmetrized_inputs(*gaussian_rule(**vars(training.quadrature)), training.input_dim)
    act = activations.get(settings.activation)
    problem = single_mode(act, settings.depth, settings.width, *(a.to(device) for a in inputs))
    run = _descent(problem, settings, _start(problem, settings.init))
    steps = {name: column.cpu().numpy() for name, column in run.steps.items()}
    dataset = _dataset(steps["t"], steps["loss"], steps["scale"], steps["distance"])
    return dataset.assign_attrs(gradient_evaluations=int(run.gradient_evaluations.sum()))


def minibatch_run(settings: Minibatch, device) -> xr.Dataset:
    """The paper's training: descent on fresh Gaussian minibatches, at its snapshots, in float32.

    The rates eta, eta/N, .. of the paper's network are one rate eta of this one, and its identical
    neurons are one (:mod:`training.identical`). Losses are the population's; off the manifold is
    only the part of W_1 across v.
    """
    batches, act = settings.minibatch, activations.get(settings.activation)
    dim, depth, width = batches.input_dim, settings.depth, settings.width
    rule = gaussian_rule(**vars(settings.quadrature))
    generator = torch.Generator(device).manual_seed(batches.seed)

    def observe(flat, index):
        loss = identical.population_loss(act, width, flat.cpu(), dim, rule)
        flat = flat.double().cpu()
        distance = torch.zeros(len(flat), depth, dtype=torch.float64)
        distance[:, 0] = flat[:, 1:dim].norm(dim=-1) / flat[:, :dim].norm(dim=-1)
        scale = identical.layer_scales(flat, dim)
        return {"loss": loss, "scale": scale, "distance": distance}

    run = descend(
        identical.minibatch_descent(act, depth, width, dim, batches.rate),
        lambda: identical.draw_minibatch(generator, 1, batches.batch, dim),
        identical.start(torch.tensor([settings.init]), dim).to(device, torch.float32),
        memory=(torch.zeros(1, dtype=torch.long, device=device),),
        event=_never,
        evaluate=observe,
        rate=batches.rate,
        max_steps=batches.steps,
        next_look=lambda step: step + batches.steps // batches.snapshots,
        record=True,
    )
    steps = {name: column.cpu().numpy()[1:] for name, column in run.steps.items()}
    dataset = _dataset(steps["t"], steps["loss"], steps["scale"], steps["distance"])
    return dataset.assign_attrs(gradient_evaluations=int(run.gradient_evaluations.sum()))


def _start(problem, init):
    """Weights (1, P) on the manifold with layer scales ``init`` (L,)."""
    direction = first_axis(problem.x.shape[1], problem.x.device)
    scales = torch.tensor([init], dtype=torch.float64, device=direction.device)
    return problem.flatten(network.manifold_weights(scales, problem.shapes[0][0], direction))


def _observer(problem):
    """observe of :meth:`Problem.field`: layer "scale"s, and "distance"s off the manifold."""
    width, direction = problem.shapes[0][0], first_axis(problem.x.shape[1], problem.x.device)

    def observe(weights, f, gradients):
        return {
            "scale": network.layer_scales(weights, width),
            "distance": network.distance_from_manifold(weights, direction),
        }

    return observe


def _never(seen, index):
    return torch.ones(len(index), dtype=torch.float64, device=index.device)


def _descent(problem, settings, start):
    training = settings.network
    stride = max(1, round(training.record_every / training.rate))
    field = problem.field(_observer(problem))
    return descend(
        updating(problem, GradientDescent(training.rate)),
        lambda: None,
        start,
        event=_never,
        evaluate=lambda flat, index: field(flat, index)[1],
        rate=training.rate,
        max_steps=round(settings.t_end / training.rate),
        next_look=lambda step: step + stride,
        record=True,
    )


def figure_table(
    reduced: xr.Dataset, population: xr.Dataset, minibatch: xr.Dataset
) -> pd.DataFrame:
    """What figure 1 draws: rows of panel (a: loss, b: X_l), series, t (flow time), value."""
    runs = {"reduced_ode": reduced, "network": population, "minibatch": minibatch}
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
