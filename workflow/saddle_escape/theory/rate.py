"""The rate constant K of the leading-order flow dX_l/dt = K prod_{m != l} X_m, from constants."""

import math
from collections.abc import Callable

from .quadrature import expectation


def linear_rate(moment: float, alpha: float, depth: int, width: int) -> float:
    """K = E[y z] alpha^(L-1) / sqrt(N), moment being E[y z] and alpha sigma'(0)."""
    return moment * alpha ** (depth - 1) / math.sqrt(width)


def kinked_rate(act: Callable, target: Callable, depth: int, width: int) -> float:
    """K = E[y sigma(.. sigma(z))] / sqrt(N) with a kink at 0 but p = 1 (ReLU, leaky ReLU).

    The composed activation is the signal path. act, target: z (n,) -> (n,).
    """

    def path(z):
        signal = z
        for _ in range(depth - 1):
            signal = act(signal)
        return target(z) * signal

    return expectation(path) / math.sqrt(width)
