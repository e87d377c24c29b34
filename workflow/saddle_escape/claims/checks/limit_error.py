"""The error of the time that the limit flow predicts, on the symmetric manifold and off it."""

import functools
import math

import numpy as np

from ...settings import Quadrature
from ...theory import activations, corrections, exponents
from ...theory.builtin import BUILTIN
from ...training import bottleneck, error_law, limit_flow, reduced
from . import points, quantity
from .runs import furthest

RULE = Quadrature("trapezoid", 0.25, 8.0, 80)
RTOL, FRACTION = 1e-9, 0.5


def orders(case):
    """Claim s3: orders of the error, and its logarithms with their coefficients.

    Controls: curved, z^2/8 added to the last activation, its q left as it was; another_seed, T* of
    other weights; ray_coefficient, logarithms without the drift of the balance; half_outer, with
    the layer at order one half as large in the formula.
    """
    settings, wanted, quantities, shown = case.settings, case.quantities, [], []
    for place in ("on", "off"):
        if f"order_{place}" in wanted:
            order, drawn = _orders(settings, place, case.control)
            quantities.append(order)
            shown += drawn
        if f"logarithm_{place}" in wanted:
            quantities.append(_logarithms(settings, place, case.control))
    return quantities, shown


def _orders(settings, place, control):
    """Orders of the error less those of the law, with the points they come from."""
    distances, shown = {}, []
    cases = settings["orders"][-1:] if control == "curved" else settings["orders"]  # one is enough
    for name, r, outer, *epsilon in cases:
        q, _ = corrections.insertion(activations.get(name))
        used = f"({_expression(name)})+z**2/8" if control == "curved" else name
        error = np.abs(_error(settings, used, r, outer, place, tuple(epsilon), control))
        order = exponents.local_exponents(epsilon, error)[1][0]
        law = exponents.correction_order(r, q, outer_layers=outer > 0)
        distances[f"q = {q}, r = {r} of {r + outer}"] = order - law
        shown += points(f"{place}, q = {q}, r = {r}", epsilon, error, "joined")
    order = quantity(f"order_{place}", furthest(distances.values(), 0), distances=distances)
    return order, shown


def _expression(name):
    """What a name stands for; an expression stands for itself."""
    return BUILTIN.get(name, (name,))[0]


def _logarithms(settings, place, control):
    """Measured over predicted slopes of error epsilon^-(r-2) against log 1/epsilon."""
    ratios = {}
    for name, r, outer, *epsilon in settings["logarithms"]:
        error = _error(settings, name, r, outer, place, tuple(epsilon), None)
        scaled = error / np.array(epsilon) ** (r - 2)
        slope = -np.diff(scaled)[0] / np.diff(np.log(epsilon))[0]
        law = _log_slope(settings, name, r, outer, place)
        q, _ = corrections.insertion(activations.get(name))
        if control == "ray_coefficient" and not outer:
            law *= (q + 1) / (2 * q)
        if control == "half_outer" and outer:
            law *= 4
        ratios[f"q = {q}, r = {r} of {r + outer}"] = slope / law
    return quantity(f"logarithm_{place}", furthest(ratios.values(), 1) - 1, ratios=ratios)


def _start(settings, name, r, outer, place, seed=0):
    """(problem, raw weights) of one neuron per layer, or of a He-normal network."""
    if place == "on":
        return reduced.problem(name, r + outer, RULE), reduced.balanced(r + outer)
    size = [settings["network"][key] for key in ("width", "input_dim", "samples")]
    setup = bottleneck.Setup(name, r + outer, *size)
    raw, x, _ = bottleneck.draw(setup, seed)
    return setup.problem(x), raw


@functools.cache
def _times(activation, r, outer, place, epsilon, size):
    """Escape times (E,)."""
    settings = {"network": dict(size)}
    problem, raw = _start(settings, activation, r, outer, place)
    run = error_law.escapes(problem, raw, r, np.array(epsilon), FRACTION, RTOL)
    return run.t_escape.numpy()


@functools.cache
def _blow_up_time(activation, r, outer, place, seed, size):
    """T* of a start."""
    problem, raw = _start({"network": dict(size)}, activation, r, outer, place, seed)
    flow = limit_flow.limit_flow(problem, raw, r)
    return limit_flow.blow_up_time(flow, raw[:r], rtol=RTOL).t_star.item()


def _error(settings, name, r, outer, place, epsilon, control):
    """t / t_predicted - 1 (E,)."""
    size = tuple(settings["network"].items())
    t = _times(name, r, outer, place, epsilon, size)
    t_star = _blow_up_time(name, r, outer, place, int(control == "another_seed"), size)
    return t * np.array(epsilon) ** (r - 2) / t_star - 1


@functools.cache
def _slope(activation, r, outer, place, size):
    problem, raw = _start({"network": dict(size)}, activation, r, outer, place)
    flow = limit_flow.limit_flow(problem, raw, r)
    t_star = _blow_up_time(activation, r, outer, place, 0, size)
    slope = error_law.log_slope(flow, problem, raw, r, t_star)
    return slope if math.isfinite(slope) else 0.0


def _log_slope(settings, name, r, outer, place):
    return _slope(name, r, outer, place, tuple(settings["network"].items()))
