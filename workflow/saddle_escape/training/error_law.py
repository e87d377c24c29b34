"""Escapes of any network from small layers, and the logarithm in the error of their prediction.

t epsilon^(r-2) / T* - 1 is of order epsilon^k (:func:`~saddle_escape.theory.exponents
.correction_order`). Where two corrections have the same order it has a logarithm, whose coefficient
depends on where the limit flow ends, and not on the way there: it is known seed by seed.
"""

import math

import numpy as np
import torch

from ..theory import corrections
from . import integrate, limit_flow, network, runs
from .problem import Problem


def escapes(
    problem: Problem, raw: list[torch.Tensor], r: int, epsilon: np.ndarray, fraction: float,
    rtol: float,
) -> integrate.Trajectories:  # fmt: skip
    """The flows from raw weights whose first r layers are multiplied by each epsilon (E,), until
    the loss is this fraction of its plateau; in a clock whose errors are alike at all epsilons."""
    scales = torch.as_tensor(epsilon, device=raw[0].device)
    start = network.flatten(network.scale_layers(raw, r, scales))
    return runs.flow(problem, start, fraction, rtol=rtol, clock="relative_rate")


def log_slope(
    flow: limit_flow.LimitFlow, problem: Problem, raw: list[torch.Tensor], r: int, t_star: float
) -> float:
    """d(error epsilon^-(r-2)) / d log(1/epsilon) by law; NaN where no logarithm leads.

    The limit flow ends aligned, and there the slope of :func:`corrections.logarithm_slope` is that
    of K (t - t_leading) with K = |A| |C|, in the norms of the layers.
    """
    q, _ = corrections.insertion(problem.act)
    outer = [w.norm().item() for w in raw[r:]]
    if math.isnan(corrections.logarithm_slope(r, q, 0.0, outer)):
        return math.nan
    slope = corrections.logarithm_slope(r, q, aligned_kappa(flow, problem, raw, r), outer)
    return slope / (flow.outer.norm() * flow.correlation.norm()).item() / t_star


def aligned_kappa(
    flow: limit_flow.LimitFlow, problem: Problem, raw: list[torch.Tensor], r: int
) -> float:
    """kappa of the first layer's direction at the blow-up (:func:`corrections.aligned_kappa`)."""
    u = limit_flow.first_layer_direction(flow, raw[:r])[0]
    v = flow.correlation[0] / flow.correlation.norm()
    weights = problem.sample_weights
    weights = None if weights is None else weights.cpu()
    return corrections.aligned_kappa(
        problem.act, u.cpu(), (problem.x @ v).cpu(), problem.y[:, 0].cpu(), weights
    )
