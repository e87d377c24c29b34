"""No finite set of row moments obeys a closed equation: certificates, and the next-order term.

Two-layer mean-field network: rows theta = (w_1, w_2, a) with masses mu, f(x) = E_mu[a sigma(w.x)],
teacher y = s_1 sigma(x_1) + s_2 sigma(x_2), x ~ N(0, I_2). Population gradient flow moves the rows,

    dw/dt = -E[(f - y) a sigma'(w . x) x],    da/dt = -E[(f - y) sigma(w . x)],

and with them the moments E_mu[w_1^i w_2^j a^k]. A certificate of order M is a pair of row laws with
equal moments of every order up to M for which the mean of w_1 (order 1) moves at different speeds:
then no function of those moments can give that speed. The laws sit on one line in the space of
rows: the Chebyshev points of order M + 1, alternately in one law and in the other, where sums with
alternating signs vanish for all polynomials of degree at most M.

For a polynomial activation the equations can be written out: the speed of a moment contains
moments of higher order, :func:`next_order_term`.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from . import blocks
from .activations import Activation

Law = tuple[np.ndarray, np.ndarray]  # rows (n, 3) and masses (n,)
Exponents = tuple[int, int, int]  # (i, j, k) of E[w_1^i w_2^j a^k]
MOMENT = "E[w_1]"
BASE = np.array([0.5, 0.3, 0.8])  # (w_1, w_2, a) at the middle of the line
DIRECTION = np.array([1.2, -0.7, 0.6])  # half of the line: all scales of order one


@dataclass(frozen=True)
class Certificate:
    """Two row laws, their moment error up to the order, and the two speeds of the named moment.

    round_off: machine epsilon times the sum of absolute values of everything summed;
    quadrature_change: of the gap, when the grid step is halved.
    """

    order: int
    moment: str
    moment_error: float
    speed_even: float
    speed_odd: float
    round_off: float
    quadrature_change: float

    @property
    def gap(self) -> float:
        """Difference of the two speeds, per unit flow time."""
        return abs(self.speed_even - self.speed_odd)


def row_laws(order: int) -> list[Law]:
    """Two laws, each rows (n, 3) and masses (n,) of sum one, with equal moments up to ``order``."""
    j = np.arange(order + 2)
    nodes = np.cos(np.pi * j / (order + 1))
    masses = np.where((j == 0) | (j == order + 1), 0.5, 1.0) * 2 / (order + 1)
    masses[0::2] /= masses[0::2].sum()
    masses[1::2] /= masses[1::2].sum()
    rows = BASE + nodes[:, None] * DIRECTION
    return [(rows[parity::2], masses[parity::2]) for parity in (0, 1)]


def moment(law: Law, exponents: Exponents) -> float:
    """E[w_1^i w_2^j a^k] of a law for exponents (i, j, k)."""
    rows, masses = law
    return math.fsum(masses * np.prod(rows ** np.asarray(exponents), axis=1))


def moment_error(laws: Sequence[Law], order: int) -> float:
    """Largest difference between the two laws' moments of order 0..order."""
    exponents = [e for e in itertools.product(range(order + 1), repeat=3) if sum(e) <= order]
    return max(abs(moment(laws[0], e) - moment(laws[1], e)) for e in exponents)


def speed(
    act: Activation, amplitudes: Sequence[float], law: Law, grid: blocks.Grid
) -> tuple[float, float]:
    """(d E[w_1] / dt, sum of the absolute values of its terms) for one law; grid in R^2."""
    rows, masses = law
    w, a = rows[:, :2], rows[:, 2]
    h = w @ grid.points
    f = (masses * a) @ act(h)
    residual = f - np.asarray(amplitudes) @ act(grid.points)
    slope = (masses * a) @ act.prime(h)
    terms = grid.weights * residual * slope * grid.points[0]
    largest = np.abs(masses * a) @ np.abs(act(h)) + np.abs(amplitudes) @ np.abs(act(grid.points))
    steepest = np.abs(masses * a) @ np.abs(act.prime(h)) * np.abs(grid.points[0])
    return -math.fsum(terms), float(grid.weights @ (largest * steepest))


def certificate(
    act: Activation,
    amplitudes: Sequence[float],
    order: int,
    step: float = 0.25,
    half_width: float = 7.0,
) -> Certificate:
    """The :class:`Certificate` of one order (>= 1), for an odd activation and two amplitudes.

    Raises ValueError for an activation that is not odd and bounded.
    """
    blocks.require_odd_bounded(act)
    laws = row_laws(order)
    speeds = []
    for h in (step, step / 2):
        grid = blocks.make_grid(2, step=h, half_width=half_width)
        speeds.append([speed(act, amplitudes, law, grid) for law in laws])
    (even, even_size), (odd, odd_size) = speeds[0]
    return Certificate(
        order,
        MOMENT,
        moment_error(laws, order),
        even,
        odd,
        np.finfo(float).eps * (even_size + odd_size),
        abs((even - odd) - (speeds[1][0][0] - speeds[1][1][0])),
    )


def moment_symbol(exponents: Exponents) -> sp.Expr:
    """The SymPy symbol of the moment E[w_1^i w_2^j a^k]; 1 for i = j = k = 0."""
    if not any(exponents):
        return sp.S.One
    return sp.Symbol("m_" + "".join(str(e) for e in exponents), real=True)


def moment_order(symbol: sp.Symbol) -> int:
    """Total order of a moment symbol."""
    return sum(int(c) for c in symbol.name.removeprefix("m_"))


def _gaussian_moment(power):
    return sp.factorial2(power - 1) if power % 2 == 0 else 0


def _average(polynomial, variables, values):
    """Replace each monomial of ``variables`` in a polynomial by values(exponents)."""
    terms = sp.Poly(sp.expand(polynomial), *variables).terms()
    return sp.expand(sum(values(exponents) * coefficient for exponents, coefficient in terms))


def moment_speed(
    sigma: sp.Expr, z: sp.Symbol, amplitudes: Sequence, exponents: Exponents
) -> sp.Expr:
    """d/dt E[w_1^i w_2^j a^k] as a polynomial in moment symbols, for a polynomial activation.

    sigma: SymPy polynomial in the symbol z; amplitudes: two numbers or symbols. Exact: the
    Gaussian expectation is taken monomial by monomial.
    """
    w1, w2, a, x1, x2 = sp.symbols("w_1 w_2 a x_1 x_2", real=True)
    rows, inputs = (w1, w2, a), (x1, x2)
    h = w1 * x1 + w2 * x2
    output = _average(a * sigma.subs(z, h), rows, moment_symbol)
    residual = output - sum(s * sigma.subs(z, x) for s, x in zip(amplitudes, inputs, strict=True))
    slope = sp.diff(sigma, z).subs(z, h)
    velocity = [a * slope * x1, a * slope * x2, sigma.subs(z, h)]
    monomial = sp.prod(r**e for r, e in zip(rows, exponents, strict=True))
    rate = sum(sp.diff(monomial, r) * v for r, v in zip(rows, velocity, strict=True))
    inner = _average(rate, rows, moment_symbol)
    return _average(
        -residual * inner, inputs, lambda e: _gaussian_moment(e[0]) * _gaussian_moment(e[1])
    )


def next_order_term(
    sigma: sp.Expr, z: sp.Symbol, amplitudes: Sequence, exponents: Exponents, order: int
) -> sp.Expr:
    """The part of d/dt E[w_1^i w_2^j a^k] that contains moments above ``order``; 0 if closed."""
    rate = sp.Add.make_args(moment_speed(sigma, z, amplitudes, exponents))
    return sp.Add(*(t for t in rate if _highest_order(t) > order))


def _highest_order(term):
    symbols = [s for s in term.free_symbols if s.name.startswith("m_")]
    return max((moment_order(s) for s in symbols), default=0)


def highest_order(sigma: sp.Expr, z: sp.Symbol, amplitudes: Sequence, exponents: Exponents) -> int:
    """The highest order of a moment in d/dt E[w_1^i w_2^j a^k]."""
    terms = sp.Add.make_args(moment_speed(sigma, z, amplitudes, exponents))
    return max(_highest_order(t) for t in terms)
