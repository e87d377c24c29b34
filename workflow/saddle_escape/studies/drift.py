"""How the layers' balance drifts, and what an escape costs by three methods (figure S6).

Drift and imbalance: the reduced flow from balanced starts, all layers at epsilon. Cost: He-normal
networks all of whose layers are small, by descent at a fixed rate and by the adaptive integrator
with either clock.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ..settings import LogSpaced, Quadrature
from ..status import ESCAPED, NOT_ESCAPED
from ..theory import activations, corrections, manifold
from ..theory.classes import classify
from ..training import bottleneck, integrate, reduced
from ..training.optimizers import GradientDescent, updating
from ..training.problem import Problem

EXTRAPOLATED = "extrapolated"
SLOPES = (1.0, 1.1)  # epsilons, relative, between which the drift's order is taken


@dataclass(frozen=True)
class Cost:
    """Networks whose cost is counted; seeds: how many, from 0; rate, max_steps: of the descent."""

    width: int
    input_dim: int
    samples: int
    seeds: int
    loss_fraction: float
    rtol: float
    rate: float
    max_steps: int


@dataclass(frozen=True)
class Case:
    """depth: L, every layer small."""

    activation: str
    depth: int


@dataclass(frozen=True)
class Study:
    """threshold: the X_1 at which the reduced flow has escaped; rtol: of that flow."""

    epsilon: LogSpaced
    threshold: float
    quadrature: Quadrature
    rtol: float
    network: Cost
    cases: dict[str, Case]


def table(settings: Study, name: str, device: str | torch.device = "cpu") -> pd.DataFrame:
    """One case: columns case, activation, q, L, quantity, layer, seed, epsilon, value, law, status.

    quantity: drift_order, of d(X_(l+1)^2 - X_l^2)/dt in epsilon at its smallest, law L + l(q-1);
    imbalance, X_(l+1)^2 - X_l^2 at the escape, law its leading order; and the gradient evaluations
    of an escape by descent (status "extrapolated": escape time of the flow over the rate) and in
    each of :data:`integrate.CLOCKS`. layer: l, 0 where there is none.
    """
    case = settings.cases[name]
    rows = [*_orders(settings, case), *_imbalances(settings, case)]
    for seed in range(settings.network.seeds):
        rows += _costs(settings, case, seed, device)
    names = ["quantity", "layer", "seed", "epsilon", "value", "law", "status"]
    result = pd.DataFrame(rows, columns=names)
    q = classify(activations.get(case.activation)).q
    labels = {"case": name, "activation": case.activation, "q": q, "L": case.depth}
    for at, (column, value) in enumerate(labels.items()):
        result.insert(at, column, value)
    counted = result[result["quantity"].isin(("descent", *integrate.CLOCKS))]
    counted = counted[counted["status"] == ESCAPED]
    result.attrs["gradient_evaluations"] = int(counted["value"].sum())
    return result


# --- the reduced flow -----------------------------------------------------------------------------


def _model(settings, case):
    """The reduction at N = 1."""
    act = activations.get(case.activation)
    return manifold.reduction(act, case.depth, 1, **vars(settings.quadrature))


def _orders(settings, case):
    """The drift's order for every pair of layers."""
    model, epsilon = _model(settings, case), settings.epsilon.min
    orders = manifold.drift_exponents(model, epsilon * np.array(SLOPES))[0]
    q, _ = corrections.insertion(model.act)
    for layer, order in enumerate(orders, start=1):
        law = case.depth + layer * (q - 1)
        yield "drift_order", layer, 0, epsilon, order, law, ESCAPED


def _imbalances(settings, case):
    """X_(l+1)^2 - X_l^2 at the escape for every pair of layers and epsilon."""
    model, epsilon = _model(settings, case), settings.epsilon.points()
    problem = reduced.problem(case.activation, case.depth, settings.quadrature)
    run = reduced.grown(problem, epsilon, settings.threshold, settings.rtol)
    changes = np.diff(run.state.numpy() ** 2, axis=1)
    for e, status, imbalances in zip(epsilon, run.status, changes, strict=True):
        laws = corrections.accumulated_imbalance(model, e, settings.threshold)
        for layer, (imbalance, law) in enumerate(zip(imbalances, laws, strict=True), start=1):
            yield "imbalance", layer, 0, e, imbalance if status == ESCAPED else np.nan, law, status


# --- gradient evaluations -------------------------------------------------------------------------


def _costs(settings, case, seed, device):
    """Gradient evaluations of one network's escapes, for every epsilon by each method."""
    size, epsilons = settings.network, settings.epsilon.points().tolist()
    setup = bottleneck.Setup(case.activation, case.depth, size.width, size.input_dim, size.samples)
    raw, x, _ = bottleneck.draw(setup, seed)
    problem, times = setup.problem(x).to(device), None
    for clock in integrate.CLOCKS:
        run = bottleneck.escape(
            setup, seed, case.depth, epsilons, size.loss_fraction,
            clock=clock, rtol=size.rtol, device=device,
        )  # fmt: skip
        times = run.t_escape.tolist()  # of the last clock, which is right at any epsilon
        yield from _counted(clock, seed, epsilons, run)
    starts = bottleneck.start(setup, raw, case.depth, epsilons).to(device)
    for epsilon, t, start in zip(epsilons, times, starts, strict=True):
        steps = t / size.rate
        if steps > size.max_steps:
            yield "descent", 0, seed, epsilon, steps, np.nan, EXTRAPOLATED
        else:
            count, status = descent_steps(
                problem, start, size.rate, size.loss_fraction, size.max_steps
            )
            yield "descent", 0, seed, epsilon, count, np.nan, status


def _counted(method, seed, epsilons, run):
    counts = run.gradient_evaluations.tolist()
    for epsilon, count, status in zip(epsilons, counts, run.status, strict=True):
        yield method, 0, seed, epsilon, count if status == ESCAPED else np.nan, np.nan, status


def descent_steps(
    problem: Problem, start: torch.Tensor, rate: float, fraction: float, max_steps: int
) -> tuple[float, str]:
    """Steps of full-batch descent from weights (P,) until the loss is this fraction of the plateau,
    NaN if it does not fall so far, and the status. Twice max_steps are allowed."""
    run = integrate.descend(
        updating(problem, GradientDescent(rate)),
        lambda: None,
        start[None],
        rate=rate,
        max_steps=2 * max_steps,
        levels=[fraction * problem.plateau.item()],
    )
    t = run.t_levels[0, 0].item()
    escaped = run.status[0] == ESCAPED
    return (t / rate, ESCAPED) if escaped else (np.nan, run.status[0] or NOT_ESCAPED)
