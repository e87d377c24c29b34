"""sigma(0) = sigma'(0) = 0: no linear signal path, and a law in which depth counts.

With sigma(z) = a z^p + ..., p >= 2, the output of a small network has the degree p^(L-l) in layer
l, the number of times that the later activations multiply it with itself. On the symmetric manifold

    f = sqrt(N) a^(1 + p + ... + p^(L-2)) z^(p^(L-1)) prod_l X_l^(p^(L-l))

at leading order, homogeneous of degree D = (p^L - 1)/(p - 1) in all layers together, hence
t_escape ~ epsilon^-(D-2). At p = 1 the law is Theorem 5's: D = L. Not of the paper, which leaves
alpha = 0 out. Times are flow times.
"""

import math

import numpy as np
from scipy.integrate import quad

from . import teachers
from .activations import Activation
from .teachers import moment


def leading_power(act: Activation) -> tuple[int, float]:
    """(p, a) of sigma(z) = a z^p + .... Raises ValueError unless sigma(0) = sigma'(0) = 0."""
    series = act.taylor()
    powers = np.flatnonzero(series) if series is not None else []
    if not len(powers) or powers[0] < 2:
        raise ValueError(f"activation: '{act.name}' has no power above 1 as its first at 0")
    return int(powers[0]), float(series[powers[0]])


def degrees(p: int, depth: int) -> np.ndarray:
    """Degree p^(L-l) of the output in layer l, (L,); their sum is D."""
    return p ** np.arange(depth - 1, -1, -1)


def escape_exponent(p: int, depth: int) -> int:
    """D - 2 of t_escape ~ epsilon^-(D-2)."""
    return int(degrees(p, depth).sum()) - 2


def escape_time(
    act: Activation, depth: int, width: int, epsilon: float, teacher: str = teachers.OWN
) -> float:
    """Leading-order flow time from X_l(0) = epsilon, D > 2.

    Of dX_l/dt = K p_l f/X_l, p_l the degrees and f the product of the X_l^p_l, w = (X_l^2 -
    epsilon^2)/p_l is the same for all layers, so t = int_0^inf dw / (2 K prod (epsilon^2 + p_l
    w)^(p_l/2)) up to a time of order one. Infinite if K <= 0: the signal shrinks.
    """
    p, a = leading_power(act)
    powers = degrees(p, depth)
    target = teachers.teacher(teacher, act)
    coefficient = a ** int(powers[1:].sum()) * moment(target, int(powers[0]))
    rate = coefficient / math.sqrt(width)
    if rate <= 0:
        return math.inf

    def slowness(log_w):
        w = math.exp(log_w)
        return math.exp(log_w - powers @ np.log1p(powers * w) / 2)

    integral, _ = quad(slowness, -60, 120, limit=500, epsabs=0, epsrel=1e-11)
    return integral / (2 * rate) * float(epsilon) ** -escape_exponent(p, depth)
