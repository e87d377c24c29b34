"""Exponents of escape times: local slopes, their limit epsilon -> 0, intervals over seeds.

The law t_escape ~ epsilon^-(r-2) (Theorem 11) holds as epsilon -> 0. At finite epsilon the slope of
log t against log epsilon differs from -(r-2) by a power of epsilon, which is fitted along with it.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


def local_exponents(epsilon: ArrayLike, t: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Slopes d log t / d log epsilon between neighbours.

    epsilon: (E,), monotonic; t: (..., E) times in any unit. Returns (epsilon (E-1,), geometric mean
    of the neighbours; slopes (..., E-1)). Raises ValueError unless epsilon is monotonic.
    """
    x = np.log(np.asarray(epsilon, dtype=float))
    steps = np.diff(x)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise ValueError("epsilon: values must increase, or decrease, throughout")
    return np.exp(x[1:] - steps / 2), np.diff(np.log(t), axis=-1) / steps


def pointwise_exponents(epsilon: ArrayLike, t: ArrayLike) -> np.ndarray:
    """d log t / d log epsilon at every epsilon itself, by second-order differences, (E,).

    epsilon, t: (E,), t in any unit. NaN next to a missing time, and for a single epsilon.
    """
    if len(t) < 2:
        return np.full(len(t), np.nan)
    return np.gradient(np.log(np.asarray(t, dtype=float)), np.log(epsilon))


def fitted_slope(epsilon: ArrayLike, t: ArrayLike) -> tuple[float, float]:
    """Slope of log t against log epsilon by ordinary least squares, and its standard error.

    epsilon, t: (E,), t in any unit. The error is that of the residuals, whatever the scatter that a
    time itself carries. Raises ValueError for fewer than three points.
    """
    x, y = np.log(np.asarray(epsilon, dtype=float)), np.log(np.asarray(t, dtype=float))
    if len(x) < 3:
        raise ValueError(f"points: {len(x)} given, a slope with its error needs at least 3")
    (slope, level), deviation = np.polyfit(x, y, 1), np.sum((x - x.mean()) ** 2)
    residual = y - slope * x - level
    return float(slope), float(np.sqrt(residual @ residual / (len(x) - 2) / deviation))


def correction_order(r: int, q: int | None, outer_layers: bool = False) -> int:
    """Power of epsilon by which t_escape epsilon^(r-2) first departs from a constant, r >= 3.

    Corrections compete: the activation's first nonlinear term (relative size X^(q-1) while the
    scales are X; q as in the universality classes), the end of the escape, which lasts a time of
    order one, and, where layers at order one follow (r < L), their own growth by X^2, balance's
    share. Hence min(q - 1, r - 2), and at most 2 with outer layers; :func:`has_logarithm` says
    whether a logarithm multiplies it. q None (class A) leaves the others. Raises ValueError for r
    below 3.
    """
    if r < 3:
        raise ValueError(f"r: {r} is too small, the power law needs at least 3 bottleneck layers")
    return min(r - 2, *_growing(q, outer_layers))


def has_logarithm(r: int, q: int | None, outer_layers: bool = False) -> bool:
    """Whether log(1/epsilon) multiplies that power: the largest of the corrections that the
    scales' size brings is then as large as the end of the escape's."""
    return min(_growing(q, outer_layers)) == r - 2


def _growing(q, outer_layers):
    """Powers of the scales in the corrections from the activation and from the outer layers."""
    return (math.inf if q is None else q - 1, 2 if outer_layers else math.inf)


def extrapolated_exponent(
    epsilon: ArrayLike, t: ArrayLike, order: float, points: int = 4
) -> np.ndarray:
    """The exponent s as epsilon -> 0, from a fit of log t = a + s log epsilon + b epsilon^order.

    Least squares over the ``points`` smallest epsilon; with three points it is Richardson's
    extrapolation of two local exponents. epsilon: (E,); t: (..., E). Returns (...). Raises
    ValueError for fewer than 3 points.
    """
    epsilon, t = np.asarray(epsilon, dtype=float), np.asarray(t, dtype=float)
    if not 3 <= points <= len(epsilon):
        raise ValueError(f"points: {points} of {len(epsilon)} epsilon, the fit needs at least 3")
    smallest = np.argsort(epsilon)[:points]
    x = epsilon[smallest]
    design = np.stack([np.ones(points), np.log(x), (x / x.max()) ** order], axis=-1)
    return np.log(t[..., smallest]) @ np.linalg.pinv(design)[1]


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable = np.mean,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of a statistic over seeds (first axis), resampling whole seeds.

    values: (S, ...), everything one seed gave in one row: with common random numbers (all epsilon
    of a seed share its raw weights) the rows are what is independent. statistic(values, axis=0).
    Returns (low, high) of the statistic's shape.
    """
    values = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    replicas = np.stack([statistic(values[rows], axis=0) for rows in draws])
    tail = 50 * (1 - level)
    return tuple(np.percentile(replicas, [tail, 100 - tail], axis=0))
