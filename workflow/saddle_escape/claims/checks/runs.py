"""Escape times of the reduced equations, which several groups of claims share."""

import functools

import numpy as np

from ...status import ESCAPED
from ...theory import activations, classes, escape, manifold, teachers


@functools.cache  # class D's quadrature is the same for every run
def model(name, depth, width, teacher=teachers.OWN):
    """The reduced model of an activation, with the rule that its kinks allow."""
    act = activations.get(name)
    rule = "trapezoid" if act.smooth else "half_line"
    return manifold.reduction(act, depth, width, rule=rule, teacher=teacher)


@functools.cache  # controls share most runs with the check
def _escape(name, init, width, criterion, threshold, teacher):
    reduced = model(name, len(init), width, teacher)
    run = escape.escape_time(reduced, np.array(init), criterion, threshold)
    if run.status != ESCAPED:
        raise ValueError(f"claims: {name} from {init} did not escape ({run.status})")
    return run.t_escape


def time(name, init, width, criterion="alignment", threshold=0.5, teacher=teachers.OWN):
    """Escape time of the reduced equations; ValueError unless they escape."""
    return _escape(name, tuple(map(float, init)), width, criterion, threshold, teacher)


def times(name, depth, width, epsilons, *criterion, **options):
    """Escape times (E,) from balanced starts."""
    return np.array([time(name, [e] * depth, width, *criterion, **options) for e in epsilons])


def slopes(x, y):
    """Local slopes of log y against log x."""
    return np.diff(np.log(y)) / np.diff(np.log(x))


def rate(name, depth, width, teacher=teachers.OWN):
    """K of an activation by name."""
    return classes.rate_constant(activations.get(name), depth, width, teacher)


def scaled(name, factor):
    """The activation factor * sigma, as an expression."""
    return f"({factor})*({activations.get(name).expression})"


def extrapolated(values, ratio, order):
    """The limit of values at e and ratio * e whose error is of this order in e."""
    near, far = values
    return near + (near - far) / (ratio**order - 1)


def furthest(values, target):
    """The value furthest from ``target``."""
    return max(values, key=lambda v: abs(v - target))
