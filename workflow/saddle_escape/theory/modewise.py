"""Escape of one mode after another in the reduced model (eqs. 52, 53; Appendix E.6).

With layer 1 of mode k at c_k, from 0, and its other layers at one scale rho, the leading-order flow
conserves X_l^2 - X_1^2 = rho^2, so that

    dc/dt = K (rho^2 + c^2)^((L-1)/2),   K = s h T_L(rho) / sqrt(n)         (eq. 52)

and in u = c / rho the time to reach theta is I_L(theta) / Gamma with Gamma = K rho^(L-2) (eq. 53):
modes escape in the order of their Gamma. h = E[sigma(z) z]; n is the number of neurons that carry
the mode, N for a network of one mode and N / K in K blocks.

E.6 reaches the same time from dU/dt = F + K U^(L-1) (eq. 65), F = K rho^(L-1) at leading order.
In u that is 1 + u^(L-1), which is (1 + u^2)^((L-1)/2) at L = 3 and at no other depth.
"""

import math

from scipy.integrate import quad
from scipy.special import hyp2f1

from .activations import Activation
from .classes import classify
from .quadrature import expectation


def profile(depth: int, theta: float) -> float:
    """I_L(theta) = integral_0^theta (1 + s^2)^(-(L-1)/2) ds, theta > 0, in closed form (eq. 53).

    arcsinh(theta) at L = 2, arctan(theta) at L = 3, theta / sqrt(1 + theta^2) at L = 4.
    """
    if depth == 2:
        return math.asinh(theta)
    if depth == 3:
        return math.atan(theta)
    return float(theta * hyp2f1(0.5, (depth - 1) / 2, 1.5, -(theta**2)))


def forced_profile(depth: int, theta: float) -> float:
    """Integral_0^theta ds / (1 + s^(L-1)): what eq. 65 gives in place of I_L(theta)."""
    return quad(lambda s: 1 / (1 + s ** (depth - 1)), 0, theta, epsabs=0, epsrel=1e-12)[0]


def chain_moment(act: Activation, depth: int, rho: float) -> float:
    """T_L(rho) = E[prod_{j=1}^{L-1} sigma'(h_j)], h_1 = rho g, h_{j+1} = rho sigma(h_j)."""

    def product(g):
        h, slopes = rho * g, 1.0
        for _ in range(depth - 1):
            slopes, h = slopes * act.prime(h), rho * act(h)
        return slopes

    return expectation(product)


def growth(act: Activation, amplitude: float, depth: int, width: int, rho: float) -> float:
    """Gamma of a mode in ``width`` neurons whose layers 2..L are at rho, per unit flow time."""
    k = amplitude * classify(act).beta1 * chain_moment(act, depth, rho) / math.sqrt(width)
    return k * rho ** (depth - 2)


def escape_time(
    act: Activation, amplitude: float, depth: int, width: int, rho: float, theta: float
) -> float:
    """t(theta) = I_L(theta) / Gamma, flow time from c = 0 to c = theta rho (eq. 53)."""
    return profile(depth, theta) / growth(act, amplitude, depth, width, rho)
