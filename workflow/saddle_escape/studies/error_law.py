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
from ..training import bottleneck, error_law, limit_flow, reduced
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
        error_law.escapes(problem, raw, r, epsilon, settings.loss_fraction, rtol)
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
        "log_slope": error_law.log_slope(flow, problem, raw, r, t_star),
        "status": fine.status,
    }
    spent = (run.gradient_evaluations.sum() for run in (fine, coarse))
    return columns, int(sum(spent))


def constant(problem: Problem, r: int) -> float:
    """C of error = C epsilon^(q-1) on the manifold, where this is the largest of the corrections
    and the only one of its order; else NaN."""
    q, _ = corrections.insertion(problem.act)
    alone = r > q + 1 and (r == len(problem.shapes) or q < 3)
    return (
        corrections.error_coefficient(r, q, corrections.kappa(problem.act)) if alone else math.nan
    )
