"""Figure 1's full network on inputs on which the symmetric manifold is invariant to round-off."""

from dataclasses import dataclass

import torch
import xarray as xr

from .. import trajectories
from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training import network
from ..training.data import first_axis, symmetrized_inputs
from ..training.integrate import descend, never
from ..training.optimizers import GradientDescent, updating
from ..training.problem import single_mode


@dataclass(frozen=True)
class Training:
    """rate, record_every: of gradient descent, in flow time."""

    input_dim: int
    quadrature: Quadrature
    rate: float
    record_every: float


@dataclass(frozen=True)
class Network:
    """The full network from the start of the reduction."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    t_end: float
    network: Training


def trajectory(settings: Network, device) -> xr.Dataset:
    """The full network, all N d + (L-2) N^2 + N weights, on its manifold.

    Gradient descent on symmetrized inputs, recorded every record_every units of flow time, with the
    distance from the manifold.
    """
    training = settings.network
    inputs = symmetrized_inputs(*gaussian_rule(**vars(training.quadrature)), training.input_dim)
    act = activations.get(settings.activation)
    problem = single_mode(act, settings.depth, settings.width, *(a.to(device) for a in inputs))
    run = _descent(problem, settings, _start(problem, settings.init))
    steps = {name: column.cpu().numpy() for name, column in run.steps.items()}
    columns = (steps[name] for name in ("t", "loss", "scale", "distance"))
    dataset = trajectories.of_scales(*columns)
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


def _descent(problem, settings, start):
    training = settings.network
    stride = max(1, round(training.record_every / training.rate))
    field = problem.field(_observer(problem))
    return descend(
        updating(problem, GradientDescent(training.rate)),
        lambda: None,
        start,
        event=never,
        evaluate=lambda flat, index: field(flat, index)[1](),
        rate=training.rate,
        max_steps=round(settings.t_end / training.rate),
        next_look=lambda step: step + stride,
        record=True,
    )
