"""Figure 3's full networks: gradient flow on symmetrized population data."""

from dataclasses import dataclass

import pandas as pd
import torch

from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training.data import first_axis, symmetrized_inputs
from ..training.integrate import integrate
from ..training.network import manifold_weights, mode_alignment
from ..training.problem import single_mode


@dataclass(frozen=True)
class Flow:
    """rtol: of the integrator; t_max: in flow time."""

    input_dim: int
    quadrature: Quadrature
    rtol: float
    t_max: float


@dataclass(frozen=True)
class Network:
    """epsilon: scales of each activation; threshold: alignment at which a network has escaped."""

    depth: int
    width: int
    threshold: float
    epsilon: dict[str, tuple[float, ...]]
    network: Flow


def escape_times(settings: Network, activation: str, device) -> pd.DataFrame:
    """Escape times (flow time) of one activation, all layers at epsilon on the manifold.

    All epsilons are one batch; who has escaped leaves it. Columns activation, epsilon, route,
    t_escape, status.
    """
    flow, width = settings.network, settings.width
    inputs = symmetrized_inputs(*gaussian_rule(**vars(flow.quadrature)), flow.input_dim)
    x, sample_weights = (a.to(device) for a in inputs)
    problem = single_mode(activations.get(activation), settings.depth, width, x, sample_weights)
    direction = first_axis(flow.input_dim, device)
    epsilon = torch.tensor(settings.epsilon[activation], dtype=torch.float64, device=device)
    scales = epsilon[:, None].expand(-1, settings.depth)
    run = integrate(
        problem.field(lambda weights, *_: {"alignment": mode_alignment(weights, direction, width)}),
        problem.flatten(manifold_weights(scales, width, direction)),
        lambda seen, index: settings.threshold - seen["alignment"],
        sizes=problem.sizes,
        clock="arc_length",
        rtol=flow.rtol,
        t_max=flow.t_max,
    )
    columns = {"activation": activation, "epsilon": epsilon.cpu().numpy(), "route": "network"}
    table = pd.DataFrame(columns | {"t_escape": run.t_escape.cpu().numpy(), "status": run.status})
    table.attrs["gradient_evaluations"] = int(run.gradient_evaluations.sum())
    return table
