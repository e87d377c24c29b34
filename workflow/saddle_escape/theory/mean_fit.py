"""Class D (sigma(0) != 0): the teacher's mean is fitted first, and the r - 2 law is another.

Every layer above the first carries the constant sigma(0), so at X = eps the output already has a
mean, sqrt(N) X_L sigma(0), and fitting the teacher's mean is much faster than the signal. While
that happens dX_l/dX_{l+1} = alpha X_{l+1} for 1 < l < L, and the upper layers are kicked to scales
that do not shrink with eps. Afterwards X_L is slaved to the fitted mean, and the others escape with
one layer less. A teacher without a mean kicks nothing: X_L then falls to the product of the other
scales, and the escape is slower than the r - 2 law, not faster. Nothing here is fitted.
"""

import math

import numpy as np

from . import teachers
from .activations import Activation
from .classes import classify, rate_constant
from .escape import quadrature_time
from .teachers import moment

ROUND_OFF = 1e-13  # a mean of a quadrature that is 0


def kicks(
    act: Activation, depth: int, width: int, epsilon: float, teacher: str = teachers.OWN
) -> np.ndarray:
    """Layer scales (L,) once the teacher's mean is fitted, from X_l(0) = epsilon.

    X_L = E[y] / (sqrt(N) sigma(0)), X_l = eps + alpha/2 (X_{l+1}^2 - eps^2) for 1 < l < L, and
    X_1 = eps. Raises ValueError unless sigma(0) != 0 and the teacher's mean has its sign.
    """
    top = moment(teachers.teacher(teacher, act), 0) / (math.sqrt(width) * _constant(act))
    if top <= ROUND_OFF:
        raise ValueError(f"teacher: '{teacher}' has no mean that positive scales could fit")
    alpha, scales = classify(act).alpha, [top]
    for _ in range(depth - 2):
        scales.insert(0, epsilon + alpha / 2 * (scales[0] ** 2 - epsilon**2))
    return np.array([epsilon, *scales])


def escape_time(
    act: Activation,
    depth: int,
    width: int,
    epsilon: float,
    teacher: str = teachers.OWN,
    threshold: float = 0.5,
) -> float:
    """Flow time for X_1 to reach ``threshold`` after the kicks, X_L held at its own.

    t = int du / (2 K X_L prod_{l<L} sqrt(u + X_l^2 - eps^2)). Bounded as
    eps -> 0, because only the first layer remains small.
    """
    scales = kicks(act, depth, width, epsilon, teacher)
    rate = rate_constant(act, depth, width, teacher) * scales[-1]
    return quadrature_time(rate, scales[:-1], threshold)


def escape_time_without_mean(
    act: Activation, depth: int, width: int, epsilon: float, teacher: str = teachers.CENTRED
) -> float:
    """Leading-order flow time with E[y] = 0 from X_l(0) = epsilon, L >= 3.

    The slaved X_L = (K / sigma(0)^2) prod_{l<L} X_l makes dX_l/dt of order 2L - 3, so
    t = sigma(0)^2 eps^(-2(L-2)) / (2 (L-2) K^2): exponent 2(L-2) in place of L - 2.
    Raises ValueError for a depth below 3 or a class other than D.
    """
    if depth < 3:
        raise ValueError(f"depth: {depth} is too small, the power law needs at least 3 layers")
    power = 2 * (depth - 2)
    rate = rate_constant(act, depth, width, teacher)
    return _constant(act) ** 2 * epsilon**-power / (power * rate**2)


def _constant(act):
    if classify(act).cls != "D":
        raise ValueError(f"activation: '{act.name}' is not of class D, it fits no mean first")
    return float(act(0.0))
