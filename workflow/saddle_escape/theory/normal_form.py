"""Theorem 16: the balanced normal form as formal series, by computer algebra.

On the cone X_L = s, X_i = s sqrt(1 + y_i) the leading-order field V_0 = K sum_l prod_{m != l} X_m
d_l conserves X_i^2 - X_L^2 = s^2 y_i, not y_i itself, so that on s^n F(y) it acts as K Omega
s^(n+L-2) (n F - 2 sum_i y_i dF/dy_i). Monomials y^a with 2|a| = n are its kernel: they make the
series of first integrals I_i = s^2 y_i + sum_n s^n F_{i,n}(y) free to choose where they are absent
from the right-hand side, and force terms s^n log s where they are present.

Everything is in units of K prod_m X_m, with kappa as in :mod:`corrections` symbolic or a number.
"""

import functools
import itertools
import operator
from collections.abc import Sequence

import sympy as sp

S = sp.Symbol("s", positive=True)


def cone(depth: int) -> tuple[tuple[sp.Symbol, ...], list[sp.Expr]]:
    """Symbols y_1..y_{L-1} and the scales X_1..X_L as expressions in s and y."""
    y = sp.symbols(f"y1:{depth}", real=True)
    return y, [*(S * sp.sqrt(1 + yi) for yi in y), S]


def leading_field(expression: sp.Expr, depth: int) -> sp.Expr:
    """V_0 of an expression in s, y, over K prod_m X_m: sum_l (1/X_l) d/dX_l by the chain rule.

    Computed from s = X_L and y_i = X_i^2 / X_L^2 - 1, independently of the formula above.
    """
    y, scales = cone(depth)
    x = sp.symbols(f"x1:{depth + 1}", positive=True)
    back = dict(zip(x, scales, strict=True))
    coordinates = {S: x[-1], **{yi: xi**2 / x[-1] ** 2 - 1 for yi, xi in zip(y, x, strict=False)}}
    rates = {q: sum(sp.diff(f, xl) / xl for xl in x).subs(back) for q, f in coordinates.items()}
    return sp.simplify(sum(sp.diff(expression, q) * rate for q, rate in rates.items()))


def homological(polynomial: sp.Expr, n: int, y: Sequence[sp.Symbol]) -> sp.Expr:
    """n F - 2 sum_i y_i dF/dy_i, the action of V_0 on s^n F over K prod_m X_m s^(n-2)."""
    return sp.expand(n * polynomial - 2 * sum(yi * sp.diff(polynomial, yi) for yi in y))


def insertion_source(layer: int, depth: int, order: int, at: int = 1) -> tuple[int, sp.Expr]:
    """Over kappa K prod_m X_m s^n: minus what one insertion of order q does to X_layer^2 - X_L^2.

    Insertion at activation ``at``: rates (1 + q_l kappa' (X_1..X_at)^(q-1)) with q_l = q for
    l <= at, else 1. Returns (n, R(y)), n = (q-1) at the degree in s: V_0 must give s^n R.
    """
    _, scales = cone(depth)
    product = functools.reduce(operator.mul, scales[:at]) ** (order - 1)
    difference = (order if layer <= at else 1) - (order if depth <= at else 1)
    degree = (order - 1) * at
    return degree + 2, sp.powsimp(-2 * difference * product / S**degree, force=True)


def self_interaction_source(layer: int, depth: int, order: int, at: int = 1) -> tuple[int, sp.Expr]:
    """What the self-interaction -E[f df/dX_l] adds to one insertion's source: (n, R(y)).

    At leading order the self-interaction is -(mu / K) P V_0, P = prod_m X_m, which changes the
    speed alone; with the insertion it is minus the gradient of nu P^2 (X_1..X_at)^(q-1). Together
    they ask for V_0 I = s^n R in units of (nu - mu kappa) P. That is the insertion's own source
    times -P: n is larger by L. Free terms of lower order change nothing, since V_0 and with it
    the self-interaction vanish on them. For alpha = 1, beta_1 = 1 and the first activation
    nu - mu kappa = a_q (E[g^(q+1)] - E[sigma(g) g^q] / h).
    """
    n, source = insertion_source(layer, depth, order, at)
    omega = sp.prod(sp.sqrt(1 + yi) for yi in cone(depth)[0])
    return n + depth, -source * omega


@functools.cache  # what is asked of one source asks for its series again
def taylor(expression: sp.Expr, y: tuple[sp.Symbol, ...], degree: int) -> sp.Expr:
    """Taylor polynomial of an expression in y about 0, total degree ``degree``."""
    t = sp.Symbol("t")
    along = expression.subs({yi: t * yi for yi in y}, simultaneous=True)
    return sp.expand(sp.series(along, t, 0, degree + 1).removeO().subs(t, 1))


def obstruction(source: sp.Expr, n: int, y: tuple[sp.Symbol, ...]) -> sp.Expr:
    """The part of R with 2|a| = n: what no series without log s can remove. 0 for odd n."""
    if n % 2:
        return sp.Integer(0)
    polynomial = sp.Poly(taylor(source, y, n // 2), *y)
    return sum(
        coefficient * sp.prod(yi**a for yi, a in zip(y, powers, strict=True))
        for powers, coefficient in polynomial.terms()
        if 2 * sum(powers) == n
    )


def solve(source: sp.Expr, n: int, y: tuple[sp.Symbol, ...], degree: int) -> sp.Expr:
    """F(y) up to total degree with n F - 2 y.dF/dy = R, kernel terms set to zero.

    Raises ValueError where R has a resonant part.
    """
    resonant = obstruction(source, n, y)
    if resonant != 0:
        raise ValueError(f"n = {n}: the resonant part {resonant} forces a term s^{n} log s")
    polynomial = sp.Poly(taylor(source, y, degree), *y)
    return sum(
        coefficient
        / (n - 2 * sum(powers))
        * sp.prod(yi**a for yi, a in zip(y, powers, strict=True))
        for powers, coefficient in polynomial.terms()
        if 2 * sum(powers) != n
    )


def kernel(n: int, y: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """The monomials y^a with 2|a| = n: the freedom in F_{i,n} (products of lower I_j)."""
    if n % 2:
        return []
    return [sp.prod(c) for c in itertools.combinations_with_replacement(y, n // 2)]


def insertion_degree(depth: int, order: int, at: int) -> int:
    """Lowest weighted degree in X of f's monomials whose one insertion is at activation ``at``.

    By expansion of z_L with sigma(u) = u + u^q at that activation alone: q at + (L - at), which is
    L + (q-1) at (Lemma 15).
    """
    t, signal = sp.Symbol("t"), sp.Integer(1)
    for layer in range(1, depth):
        signal = t * signal
        signal = sp.expand(signal + signal**order) if layer == at else signal
    return min(m for (m,) in sp.Poly(t * signal, t).monoms() if m > depth)
