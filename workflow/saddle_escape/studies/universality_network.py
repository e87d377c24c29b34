"""Figure 3's full networks: gradient descent on symmetrized population data."""

from dataclasses import dataclass

import pandas as pd
import torch

from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training.data import first_axis, symmetrized_inputs
from ..training.integrate import descend
from ..training.network import manifold_weights, mode_alignment
from ..training.optimizers import GradientDescent, updating
from ..training.problem import single_mode


@dataclass(frozen=True)
class Training:
    """rate, evaluate_every, t_max: in flow time."""

    input_dim: int
    quadrature: Quadrature
    rate: float
    evaluate_every: float
    t_max: float


@dataclass(frozen=True)
class Network:
    """epsilon: scales of each activation; threshold: alignment at which a network has escaped."""

    depth: int
    width: int
    threshold: float
    epsilon: dict[str, tuple[float, ...]]
    network: Training


def escape_times(settings: Network, activation: str, device) -> pd.DataFrame:
    """Escape times (flow time) of one activation, all layers at epsilon on the manifold.

    All epsilons are one batch; who has escaped leaves it. The mode alignment is evaluated every
    ``evaluate_every`` units of flow time and its crossing interpolated linearly. Columns
    activation, epsilon, route, t_escape, status.
    """
    training, width = settings.network, settings.width
    inputs = symmetrized_inputs(*gaussian_rule(**vars(training.quadrature)), training.input_dim)
    x, sample_weights = (a.to(device) for a in inputs)
    problem = single_mode(activations.get(activation), settings.depth, width, x, sample_weights)
    direction = first_axis(training.input_dim, device)
    epsilon = torch.tensor(settings.epsilon[activation], dtype=torch.float64, device=device)
    stride = max(1, round(training.evaluate_every / training.rate))
    run = descend(
        updating(problem, GradientDescent(training.rate)),
        lambda: None,
        problem.flatten(
            manifold_weights(epsilon[:, None].expand(-1, settings.depth), width, direction)
        ),
        evaluate=lambda flat, index: {
            "alignment": mode_alignment(problem.unflatten(flat), direction, width)
        },
        event=lambda seen, index: settings.threshold - seen["alignment"],
        rate=training.rate,
        max_steps=round(training.t_max / training.rate),
        next_look=lambda step: step + stride,
    )
    columns = {"activation": activation, "epsilon": epsilon.cpu().numpy(), "route": "network"}
    table = pd.DataFrame(columns | {"t_escape": run.t_escape.cpu().numpy(), "status": run.status})
    table.attrs["gradient_evaluations"] = int(run.gradient_evaluations.sum())
    return table
