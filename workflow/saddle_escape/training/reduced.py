"""The reduced flow of Theorem 4 as a network one neuron wide, for what full networks are run by.

With Gaussian quadrature nodes as inputs and N = 1 the weights are the layer scales X_l, and their
gradient flow is dX_l/dt = -dLoss/dX_l, the one of :mod:`saddle_escape.theory.manifold` at N = 1.
"""

import numpy as np
import torch
from torch import Tensor

from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from . import integrate, network
from .problem import Problem, single_mode


def problem(activation: str, depth: int, rule: Quadrature) -> Problem:
    """Activation by name, its own teacher, and the population loss by a quadrature rule."""
    nodes, weights = (torch.from_numpy(v) for v in gaussian_rule(**vars(rule)))
    return single_mode(activations.get(activation), depth, 1, nodes[:, None], weights)


def balanced(depth: int) -> list[Tensor]:
    """The start X_l = 1 of every layer, (1, 1) each: raw weights, before layers are made small."""
    return [torch.ones(1, 1, dtype=torch.float64) for _ in range(depth)]


def grown(
    on: Problem, epsilon: np.ndarray, threshold: float, rtol: float
) -> integrate.Trajectories:
    """The flows from X_l = epsilon, (E,), until X_1 = threshold; their states are X, (E, L)."""
    depth = len(on.shapes)
    starts = network.scale_layers(balanced(depth), depth, torch.as_tensor(epsilon))
    return integrate.integrate(
        on.field(lambda weights, f, gradients: {"first": weights[0][:, 0, 0]}),
        network.flatten(starts),
        lambda seen, index: threshold - seen["first"],
        sizes=on.sizes,
        clock="relative_rate",
        rtol=rtol,
    )
