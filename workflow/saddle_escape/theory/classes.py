"""The four universality classes of activations, read off phi_sigma(z) = z sigma'(z) - sigma(z).

phi_sigma is what Theorem 1's exact identity averages. With q the order of its first nonzero Taylor
coefficient c_q at 0: class A if phi vanishes identically (almost everywhere), B if q is odd, C if q
is even and positive, D if q = 0. q = 1 cannot occur, because c_k = (k - 1) a_k.
"""

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from ..status import CONSTANT_PATH, NO_LINEAR_PATH, NOT_ANALYTIC, OK
from . import activations, teachers
from .activations import IDENTICAL, PROBES, TAYLOR_ORDER, Activation, Z, vanishes
from .quadrature import expectation
from .rate import kinked_rate, linear_rate

if TYPE_CHECKING:
    import pandas as pd

EXACT_ORDER = 8  # exact Taylor coefficients are derived symbolically up to this order
ZERO = 1e-30  # Taylor coefficients below this are zero: they are computed to 35 digits


@dataclass(frozen=True)
class Classification:
    """One row of the table of classes.

    cls is "A".."D" or None, by leading order; paper_cls is the class of Proposition 2, which is
    narrower (:func:`paper_class`); q and c_q are None in class A and without a class; alpha =
    sigma'(0) is None where sigma has no derivative at 0; beta1 = E[sigma(z) z]; homogeneity is p
    where z sigma' = p sigma, in which case |W_l|^2 - p |W_{l+1}|^2 is conserved.
    """

    activation: str
    cls: str | None
    paper_cls: str | None
    q: int | None
    c_q: float | None
    c_q_exact: str | None
    alpha: float | None
    beta1: float
    homogeneity: float | None
    status: str


@functools.lru_cache(maxsize=256)
def _phi_series(act):
    """Taylor coefficients of phi, shape (order + 1,), and the switch-over |z|.

    Below 0.4 of the radius of convergence the series of order 40 is exact to round-off.
    """
    a = act.taylor()
    c = (np.arange(len(a)) - 1) * a
    orders = np.nonzero(c[TAYLOR_ORDER // 2 :])[0] + TAYLOR_ORDER // 2
    radius = np.min(np.abs(a[orders]) ** (-1.0 / orders)) if len(orders) else math.inf
    return c, min(0.4 * radius, 1.0)


def phi(act: Activation, z: ArrayLike) -> np.ndarray:
    """phi_sigma(z) = z sigma'(z) - sigma(z), elementwise, without cancellation near 0 (Theorem 1).

    Taylor series up to 0.4 of the radius of convergence (at most |z| = 1), the difference beyond.
    With a kink there is no series: the difference everywhere, exactly 0 for ReLU and leaky ReLU.
    """
    z = np.asarray(z, dtype=float)
    direct = z * act.prime(z) - act(z)
    if not act.smooth or not act.analytic_at_zero:
        return direct
    coefficients, switch = _phi_series(act)
    small = np.abs(z) < switch
    series = np.polynomial.polynomial.polyval(np.where(small, z, 0.0), coefficients)
    return np.where(small, series, direct)


def _phi_vanishes(act):
    """Whether phi is identically 0 off the kinks."""
    expression = Z * sp.diff(act.expression, Z) - act.expression
    return vanishes(expression, [sign * z for z in PROBES for sign in (1, -1)])


def homogeneity(act: Activation) -> float | None:
    """p with z sigma'(z) = p sigma(z) on both sides of 0, or None."""
    with mpmath.workdps(40):
        values = [(z, act.mp(z), act.mp(z, 1)) for p in PROBES for z in (p, -p)]
        degrees = [z * slope / value for z, value, slope in values if value != 0]
        if not degrees or any(slope != 0 for _, value, slope in values if value == 0):
            return None
        return float(degrees[0]) if max(degrees) - min(degrees) < IDENTICAL else None


def _leading_term(act):
    """(q, c_q, exact form or None) of phi at 0; (None, None, None) if none up to order 40."""
    a = act.taylor()
    for k in range(len(a)):
        if k != 1 and abs(a[k]) > ZERO:
            exact = sp.simplify((k - 1) * act.taylor_exact(k)) if k <= EXACT_ORDER else None
            return k, float((k - 1) * a[k]), None if exact is None else str(exact)
    return None, None, None


def paper_class(act: Activation) -> str | None:
    """The class of Proposition 2, or None where its hypotheses leave an activation out.

    A: phi = 0 (ReLU almost everywhere). Else sigma is smooth with sigma'(0) != 0 and D: sigma(0)
    != 0; C: sigma(0) = 0, sigma''(0) != 0, so q = 2 exactly; B: odd, not merely of odd leading
    order. z + z^4 and tanh(z) + z^4 are in none.
    """
    if _phi_vanishes(act):
        return "A"
    a = act.taylor(2)
    if a is None or not act.smooth or abs(a[1]) <= ZERO:
        return None
    if abs(a[0]) > ZERO:
        return "D"
    return "C" if abs(a[2]) > ZERO else "B" if act.parity == "odd" else None


@functools.lru_cache(maxsize=256)
def classify(act: Activation) -> Classification:
    """The universality class of an activation and the constants of its escape-time law.

    Raises ValueError if beta1 = E[sigma(z) z] diverges.
    """
    beta1 = expectation(lambda z: act(z) * z)
    degree = homogeneity(act)
    alpha = act.slope_at_zero
    row = functools.partial(
        Classification,
        activation=act.name,
        paper_cls=paper_class(act),
        alpha=alpha,
        beta1=beta1,
        homogeneity=degree,
    )
    if _phi_vanishes(act):
        return row(cls="A", q=None, c_q=None, c_q_exact=None, status=OK)
    if not act.analytic_at_zero:
        return row(cls=None, q=None, c_q=None, c_q_exact=None, status=NOT_ANALYTIC)
    q, c_q, exact = _leading_term(act)
    if q is None:
        status = f"phi has no Taylor term up to order {TAYLOR_ORDER}: no class"
        return row(cls=None, q=None, c_q=None, c_q_exact=None, status=status)
    cls = "D" if q == 0 else "B" if q % 2 else "C"
    status = NO_LINEAR_PATH if abs(alpha) < ZERO else CONSTANT_PATH if cls == "D" else OK
    return row(cls=cls, q=q, c_q=c_q, c_q_exact=exact, status=status)


def rate_constant(
    act: Activation, depth: int, width: int, teacher: str = teachers.OWN
) -> float | None:
    """K(sigma) of the leading-order flow dX_l/dt = K prod_{k != l} X_k, for c = 1/sqrt(N).

    K = E[y z] alpha^(L-1) / sqrt(N), and E[y z] = beta1 with the student's own activation as
    teacher. With a kink at 0 but p = 1 (ReLU, leaky ReLU) the composed activation is the signal
    path: K = E[y sigma(...sigma(z))] / sqrt(N). None where there is no linear signal path
    (alpha = 0, or no derivative at 0).
    """
    row = classify(act)
    target = teachers.teacher(teacher, act)
    if row.alpha is not None and abs(row.alpha) > ZERO:
        return linear_rate(teachers.moment(target, 1), row.alpha, depth, width)
    if row.alpha is None and row.homogeneity == 1:
        return kinked_rate(act, target, depth, width)
    return None


def describe(name: str) -> dict:
    """The classification of a built-in name or an expression, as a plain dict for JSON.

    Raises ValueError (one line) for an activation that cannot be read.
    """
    row = classify(activations.get(name))
    return {
        "activation": row.activation,
        "class": row.cls,
        "paper_class": row.paper_cls,
        "q": row.q,
        "c_q": row.c_q,
        "c_q_exact": row.c_q_exact,
        "alpha": row.alpha,
        "beta1": row.beta1,
        "homogeneity": row.homogeneity,
        "conserved": conserved_combination(row),
        "status": row.status,
    }


def conserved_combination(row: Classification) -> str | None:
    """What gradient flow conserves for a positively homogeneous activation, as text; or None."""
    if row.homogeneity is None:
        return None
    p = f"{row.homogeneity:g} " if row.homogeneity != 1 else ""
    return f"|W_l|^2 - {p}|W_(l+1)|^2"


def row_of(table: "pd.DataFrame", activation: str) -> "pd.Series":
    """The row of one activation in a table of classes, a DataFrame with a column ``activation``.

    Raises ValueError, one line, where it is not listed.
    """
    listed = table[table["activation"] == activation]
    if listed.empty:
        raise ValueError(f"classes.activations: '{activation}' is used but not listed; add it")
    return listed.iloc[0]


def rate_of(table: "pd.DataFrame", activation: str, depth: int, width: int) -> float:
    """K = beta1 alpha^(L-1) / sqrt(N) at any depth and width, from the constants of the table.

    Raises ValueError for an activation without a linear signal path (alpha missing or 0).
    """
    constants = row_of(table, activation)
    if not abs(constants["alpha"]) > 0:
        raise ValueError(f"activation: '{activation}' has no linear signal path, K is undefined")
    return float(linear_rate(constants["beta1"], constants["alpha"], depth, width))
