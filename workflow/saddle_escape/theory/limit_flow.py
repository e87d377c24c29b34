"""The limit flow: escape times from the initial weights, without a balance law.

Let the first r of L layers start small, W_l = epsilon V_l, the others at order one, and let
sigma(0) = 0, alpha = sigma'(0) != 0. While they are small the network is linear in each of them,
so the signal gamma = E[f y] is epsilon^r <A V_r ... V_1, C>, with

    A = (c alpha)^(L-1) W_L ... W_(r+1),   C = E[rho x^T],   rho = -dl/df(0, y),

c being the layers' prefactor and rho the residual of a network whose output is 0 (y itself for the
squared loss). In the time s = epsilon^(r-2) t the small layers follow the limit flow

    dV_l/ds = d/dV_l <A V_r ... V_1, C>,

which does not contain epsilon. Its field is homogeneous of degree r - 1: for r >= 3 it blows up at
a time T*, a functional of the initial weights alone, for r = 2 it is linear. Hence

    t_escape = epsilon^-(r-2) T* (1 + O(epsilon^k)),

k = min(q-1, r-2), and at most 2 where r < L
(:func:`~saddle_escape.theory.exponents.correction_order`). Theorem 5 is
the balanced case, Theorem 11's exponent a corollary. docs/limit_flow.md derives it.

Matrices may be numpy arrays or torch tensors, with leading batch dimensions. Times are flow times.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..status import LOGARITHMIC, NO_SADDLE, OK
from .activations import Activation
from .classes import classify

DECAYED = ("small", "all")  # which layers weight decay acts on

Matrix = TypeVar("Matrix")


# --- the flow -------------------------------------------------------------------------------------


def law_status(act: Activation, r: int) -> str:
    """Whether t_escape = epsilon^-(r-2) T* holds: "ok", or the sentence that says why not."""
    if (status := classify(act).status) != OK:
        return status
    return {1: NO_SADDLE, 2: LOGARITHMIC}.get(r, OK)


def is_multilinear(act: Activation) -> bool:
    """Whether small layers act linearly: sigma has a derivative at 0.

    With a kink there (ReLU, leaky ReLU) they are positively homogeneous instead, of degree r.
    """
    return act.slope_at_zero is not None


def outer_product(outer: Sequence[Matrix], identity: Matrix, gain: float) -> Matrix:
    """A = gain W_L ... W_(r+1), (..., K, n_r), of the layers at order one.

    outer: W_(r+1)..W_L, (..., n_l, n_(l-1)) each; identity: (K, K), all there is if r = L;
    gain: (c alpha)^(L-1).
    """
    product = gain * identity
    for w in reversed(outer):
        product = product @ w
    return product


def signal_and_gradient(
    small: Sequence[Matrix], outer: Matrix, correlation: Matrix
) -> tuple[Matrix, list[Matrix]]:
    """gamma = <A V_r ... V_1, C> (...), and its gradient in every V_l, the limit flow's velocity.

    small: V_1..V_r, (..., n_l, n_(l-1)); outer: A (..., K, n_r); correlation: C (..., K, d).
    """
    right = [correlation.mT]  # V_(l-1) ... V_1 C^T, (..., n_(l-1), K)
    for v in small[:-1]:
        right.append(v @ right[-1])
    left, gradient = outer, []  # A V_r ... V_(l+1), (..., K, n_l)
    for v, w in zip(reversed(small), reversed(right), strict=True):
        gradient.append(left.mT @ w.mT)
        left = left @ v
    return (left * correlation).sum((-2, -1)), gradient[::-1]


def time_left(signal: Matrix, signal_rate: Matrix, r: int) -> Matrix:
    """T* - s = r gamma / ((r - 2) dgamma/ds): exact for gamma ~ (T* - s)^(-r/(r-2)).

    Once the weights have grown by a factor G the error is O(G^-(r+2)) of T*; what it adds to s is
    O(G^-(r-2)). The balance of the layers, which the flow conserves, enters at second order.
    """
    return r * signal / ((r - 2) * signal_rate)


# --- from the limit flow to times -----------------------------------------------------------------


def escape_time(
    t_star: float,
    r: int,
    epsilon: float,
    decay: float = 0.0,
    decayed: str = "small",
    depth: int | None = None,
) -> float:
    """t = epsilon^-(r-2) T*, r >= 3; with weight decay lambda, infinite from lambda_c on.

    With W = exp(-lambda t) V the flow of V is the one without decay, in the time
    (1 - exp(-lambda k t)) / (lambda k), where k = r - 2 if the small layers decay and L - 2 if all
    do (the outer product then decays as well). So

        t_escape = -log(1 - lambda k T* epsilon^-(r-2)) / (lambda k).

    decayed: "small" or "all" layers; depth: L, needed for "all". Raises ValueError for r below 3
    or an unknown name.
    """
    t = t_star * _stretch(r, epsilon)
    spent = decay * _clock_degree(r, decayed, depth) * t
    if not spent:
        return t
    return t * -math.log1p(-spent) / spent if spent < 1 else math.inf


def critical_decay(
    t_star: float, r: int, epsilon: float, decayed: str = "small", depth: int | None = None
) -> float:
    """lambda_c = epsilon^(r-2) / (k T*): with this much weight decay a network never escapes.

    Arguments, k and errors as in :func:`escape_time`. 1 / flow time.
    """
    return 1 / (_clock_degree(r, decayed, depth) * t_star * _stretch(r, epsilon))


def _stretch(r, epsilon):
    """epsilon^-(r-2), flow time per unit of s; infinite beyond the floats."""
    if r < 3:
        raise ValueError(f"r: {r} is too small, the limit flow blows up from r = 3 on")
    with np.errstate(over="ignore"):
        return float(np.float64(epsilon) ** -(r - 2))


def _clock_degree(r, decayed, depth):
    if decayed not in DECAYED:
        raise ValueError(f"decayed: unknown '{decayed}', choose from {', '.join(DECAYED)}")
    return (r if decayed == "small" else depth) - 2


def logarithmic_escape_time(rate: float, epsilon: float, decay: float = 0.0) -> float:
    """r = 2: log(1/epsilon) / (rate - lambda), up to O(1); infinite if the rate is no larger.

    rate: of the weights' growth in the end (:func:`saddle_escape.training.limit_flow.growth_rate`);
    decay: lambda on the small layers.
    """
    return -math.log(epsilon) / (rate - decay) if rate > decay else math.inf


def descent_steps(
    t_escape: float, rate: float, momentum: float = 0.0, adam_epsilon: float | None = None
) -> float:
    """Steps of descent at a learning rate that take as long as the flow time t_escape.

    Heavy ball: t (1 - momentum) / rate. Adam, where the gradients, of size epsilon^(r-1), lie far
    below its constant epsilon_A: t epsilon_A / rate (above it Adam sees no plateau).
    """
    return t_escape * (1 - momentum if adam_epsilon is None else adam_epsilon) / rate


def balanced_blow_up_time(rate: float, depth: int) -> float:
    """T* = 1 / ((L - 2) K) of the balanced start on the symmetric manifold (Theorem 5), r = L."""
    return 1 / ((depth - 2) * rate)
