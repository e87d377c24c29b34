"""One-dimensional Gaussian expectations E[g(z)], z ~ N(0, 1), as weighted sums.

Three rules. ``trapezoid``: the plain trapezoidal rule on the Gaussian weight, whose error falls
like exp(-2 pi a / step) for an integrand analytic in a strip of half-width a; the default.
``gauss_hermite``: the paper's rule, which converges slowly here because tanh and its kin have poles
near the axis. ``half_line``: Gauss-Legendre panels of width 1/2 on either side of 0, for
activations with kinks at multiples of it. No rule sees a divergent expectation, so
:func:`require_finite_moments` decides that from the activation's growth.
"""

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import mpmath
import numpy as np

if TYPE_CHECKING:
    from .activations import Activation

RULES = ("trapezoid", "gauss_hermite", "half_line")
OCTAVE = 16  # points per factor 2 in |z| at which an activation's growth is read off
PANEL, PANEL_NODES = 0.5, 12  # width, nodes: kinks of torch's activations are at halves


def gaussian_rule(
    rule: str = "trapezoid", step: float = 0.25, half_width: float = 8.0, nodes: int = 80
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (n,), (n,) with sum_i w_i g(z_i) = E[g(z)].

    ``step`` and ``half_width`` serve the trapezoidal rule, ``half_width`` the half-line rule,
    ``nodes`` Gauss-Hermite. Raises ValueError for an unknown rule.
    """
    if rule == "trapezoid":
        count = round(half_width / step)
        z = step * np.arange(-count, count + 1)
        return z, step * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    if rule == "gauss_hermite":
        z, w = np.polynomial.hermite_e.hermegauss(nodes)
        return z, w / math.sqrt(2 * math.pi)
    if rule == "half_line":
        z, w = panels(0.0, PANEL * math.ceil(half_width / PANEL), PANEL)
        w = w * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return np.concatenate([-z[::-1], z]), np.concatenate([w[::-1], w])
    raise ValueError(f"quadrature.rule: unknown '{rule}', choose from {', '.join(RULES)}")


def panels(low: float, high: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights (n,), (n,) in equal panels of at most ``width``."""
    x, w = np.polynomial.legendre.leggauss(PANEL_NODES)
    count = max(1, math.ceil((high - low) / width))
    size = (high - low) / count
    left = low + size * np.arange(count)[:, None]
    return (left + size * (x + 1) / 2).ravel(), np.tile(size * w / 2, count)


def expectation(g: Callable[[np.ndarray], np.ndarray], half_width: float = 38.0) -> float:
    """E[g(z)] to about 1e-14, for g smooth between multiples of 1/2.

    Raises ValueError where g overflows against the Gaussian weight.
    """
    z, w = gaussian_rule("half_line", half_width=half_width)
    with np.errstate(over="ignore", invalid="ignore"):
        total = math.fsum(w * g(z))  # exact summation: odd integrands give exactly 0
    if not math.isfinite(total):
        raise ValueError("quadrature: the Gaussian expectation diverges or overflows")
    return total


@functools.lru_cache(maxsize=512)
def growth(act: "Activation", side: int) -> tuple[int, float, float]:
    """How sigma grows as z -> side * infinity: (sign, order, degree).

    sign 0: bounded. order 0: |sigma| ~ |z|^degree; order p > 0: log|sigma| ~ |z|^p, in halves. Read
    off the maxima of |sigma| over the octaves that end at |z| = 100, 200 and 400: oscillations
    do not count as growth.
    """
    points = [side * 50 * mpmath.mpf(2) ** (mpmath.mpf(k) / OCTAVE) for k in range(3 * OCTAVE + 1)]
    values = [abs(act.mp(z)) for z in points]
    first, second, third = (max(values[k * OCTAVE : (k + 1) * OCTAVE + 1]) for k in range(3))
    if third <= 1.1 * second:
        return 0, 0.0, 0.0
    near, far = mpmath.log(second / first), mpmath.log(third / second)
    order = float(mpmath.log(far / near, 2)) if near > 0 else 0.0
    sign = int(mpmath.sign(act.mp(points[-1])))
    if order < 0.5:
        return sign, 0.0, max(round(2 * float(far) / math.log(2)) / 2, 0.5)
    return sign, round(2 * order) / 2, 0.0


def _composed_order(act, side, layers):
    """Order p of log|sigma o ... o sigma(z)| ~ |z|^p as z -> side * infinity; inf beyond all."""
    sign, order, degree = side, 0.0, 1.0
    for _ in range(layers):
        if sign == 0:
            return 0.0
        sign, layer_order, layer_degree = growth(act, sign)
        if layer_order > 0:
            order = math.inf if order > 0 else layer_order * degree
        else:
            degree *= layer_degree
    return order if sign else 0.0


def require_finite_moments(act: "Activation", depth: int) -> None:
    """Refuse a network whose mean squared output is infinite for Gaussian inputs.

    The output composes depth - 1 activations. E[f^2] is finite when log|f| grows more slowly than
    z^2; a composed expm1 or sinh grows like exp(exp(z)), which no finite rule would show.
    Raises ValueError.
    """
    orders = [_composed_order(act, side, depth - 1) for side in (+1, -1)]
    if max(orders) >= 2:
        raise ValueError(
            f"activation: E[f^2] is infinite for '{act.name}' at depth {depth} with Gaussian "
            "inputs (the composed activation outgrows the Gaussian); choose a bounded or "
            "polynomially growing activation, or a smaller depth"
        )
