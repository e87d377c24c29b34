"""The error of t = epsilon^-(r-2) T*, on the symmetric manifold and off it (figure S3).

On the manifold the network is one neuron wide: with Gaussian quadrature as data its flow is the
reduced flow of Theorem 4. Off it the network is He-normal. Everything else is the same.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ..settings import LogSpaced, Quadrature
from ..theory import activations, corrections
from ..theory.classes import classify
from ..theory.exponents import correction_order
from ..training import bottleneck, integrate, limit_flow, network, reduced
from ..training.problem import Problem

STARTS = ("symmetric", "he_normal")
COARSER = 10  # times the tolerance, in the run that tells what a time is good to


@dataclass(frozen=True)
class HeNormal:
    """Networks off the manifold; seeds: how many, from 0."""

    width: int
    input_dim: int
    samples: int
    seeds: int


@dataclass(frozen=True)
class Case:
    """outer_layers: at order one, after the small ones; one at most."""

    activation: str
    outer_layers: int


@dataclass(frozen=True)
class Study:
    """r: numbers of small layers, L = r + outer_layers; loss_fraction: of the plateau, at the
    escape; quadrature: of the data on the manifold.
    """

    r: tuple[int, ...]
    epsilon: LogSpaced
    loss_fraction: float
    rtol: float
    quadrature: Quadrature
    network: HeNormal
    cases: dict[str, Case]


def table(settings: Study, name: str, device: str | torch.device = "cpu") -> pd.DataFrame:
    """Escape times of one case against their prediction, a row for each r, start and epsilon.

    Columns: case, activation, q, r, L, start (STARTS), seed, epsilon, t_escape and t_predicted
    (flow time), error = t_escape / t_predicted - 1, tolerance (what changes of it in a run ten
    times coarser), order (of the error in epsilon, by law), constant (of it, where it is known:
    :func:`corrections.error_coefficient`, on the manifold), log_slope (of error epsilon^-(r-2)
    against log 1/epsilon by law, NaN where there is no logarithm), status.
    """
    case, rows, evaluations = settings.cases[name], [], 0
    q = classify(activations.get(case.activation)).q
    for r in settings.r:
        depth = r + case.outer_layers
        law = {"q": q, "r": r, "L": depth}
        law["order"] = correction_order(r, q, outer_layers=depth > r)
        for start, seed, problem, raw in _starts(settings, case, depth):
            problem, raw = problem.to(device), [w.to(device) for w in raw]
            labels = {"case": name, "activation": case.activation, "start": start, "seed": seed}
            law["constant"] = constant(problem, r) if start == "symmetric" else math.nan
            columns, spent = _errors(settings, problem, raw, r)
            rows.append(pd.DataFrame(columns).assign(**labels, **law))
            evaluations += spent
    result = pd.concat(rows, ignore_index=True)
    result.attrs["gradient_evaluations"] = evaluations
    return result


def _starts(settings, case, depth):
    """(start, seed, problem, raw weights W_1..W_L) on the manifold, then off it."""
    problem = reduced.problem(case.activation, depth, settings.quadrature)
    yield "symmetric", 0, problem, reduced.balanced(depth)
    size = settings.network
    setup = bottleneck.Setup(case.activation, depth, size.width, size.input_dim, size.samples)
    for seed in range(size.seeds):
        raw, x, _ = bottleneck.draw(setup, seed)
        yield "he_normal", seed, setup.problem(x), raw


def _errors(settings, problem, raw, r):
    """(columns by epsilon, gradient evaluations) of one start."""
    epsilon = settings.epsilon.points()
    fine, coarse = (
        escapes(problem, raw, r, epsilon, settings.loss_fraction, rtol)
        for rtol in (settings.rtol, COARSER * settings.rtol)
    )
    t = fine.t_escape.cpu().numpy()
    flow = limit_flow.limit_flow(problem, raw, r)
    t_star = limit_flow.blow_up_time(flow, raw[:r], rtol=settings.rtol).t_star.item()
    t_predicted = t_star / epsilon ** (r - 2)
    columns = {
        "epsilon": epsilon,
        "t_escape": t,
        "t_predicted": t_predicted,
        "error": t / t_predicted - 1,
        "tolerance": np.abs(coarse.t_escape.cpu().numpy() / t - 1),
        "log_slope": log_slope(flow, problem, raw, r, t_star),
        "status": fine.status,
    }
    spent = (run.gradient_evaluations.sum() for run in (fine, coarse))
    return columns, int(sum(spent))


def escapes(
    problem: Problem, raw: list[torch.Tensor], r: int, epsilon: np.ndarray, fraction: float,
    rtol: float,
) -> integrate.Trajectories:  # fmt: skip
    """The flows from raw weights whose first r layers are multiplied by each epsilon (E,), until
    the loss is this fraction of its plateau."""
    scales = torch.as_tensor(epsilon, device=raw[0].device)
    plateau = problem.plateau.expand(len(scales))
    return integrate.integrate(
        problem.field(),
        network.flatten(network.scale_layers(raw, r, scales)),
        integrate.loss_event(plateau, fraction),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=rtol,
        plateau=plateau,
    )


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


def constant(problem: Problem, r: int) -> float:
    """C of error = C epsilon^(q-1) on the manifold, where this is the largest of the corrections
    and the only one of its order; else NaN."""
    q, _ = corrections.insertion(problem.act)
    alone = r > q + 1 and (r == len(problem.shapes) or q < 3)
    return (
        corrections.error_coefficient(r, q, corrections.kappa(problem.act)) if alone else math.nan
    )


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
