"""No closure: certificates stand on equal moments, and linear networks are the control."""

import math

import numpy as np
import pytest
import sympy as sp

from saddle_escape.theory import activations, blocks, closure

TANH = activations.get("tanh")
Z = sp.Symbol("z")
AMPLITUDES = sp.symbols("s_1 s_2", positive=True)


@pytest.mark.parametrize("order", range(1, 9))
def test_certificate(order):
    certificate = closure.certificate(TANH, (1.0, 0.75), order)
    assert certificate.moment_error <= 1e-13
    assert certificate.gap >= 1000 * (
        certificate.round_off + certificate.moment_error + certificate.quadrature_change
    )


@pytest.mark.parametrize("order", [1, 4, 8])
def test_laws_differ_in_the_next_order(order):
    even, odd = closure.row_laws(order)
    assert closure.moment_error((even, odd), order) < 1e-13
    exponents = (order + 1, 0, 0)
    assert abs(closure.moment(even, exponents) - closure.moment(odd, exponents)) > 1e-4
    for _, masses in (even, odd):
        assert masses.min() > 0
        assert math.fsum(masses) == pytest.approx(1, abs=1e-15)


def test_linear_network_has_no_gap():
    """Its equations close at order two, so equal moments must give equal speeds."""
    grid = blocks.make_grid(2, step=0.5, half_width=6.5)
    linear = activations.get("linear")
    speeds = [closure.speed(linear, (1.0, 0.75), law, grid)[0] for law in closure.row_laws(2)]
    assert abs(speeds[0] - speeds[1]) < 1e-13


def test_unsuitable_activation_is_refused():
    with pytest.raises(ValueError, match="not odd"):
        closure.certificate(activations.get("gelu"), (1.0, 0.75), 2)


@pytest.mark.parametrize("exponents", [(1, 0, 0), (2, 0, 1), (0, 3, 0)])
def test_symbolic_speed_is_the_numerical_one(exponents):
    """The moment equation of z - z^3/3 against a finite difference along the rows' flow."""
    sigma = activations.get("z - z**3/3")
    rows = np.array([[0.5, -0.2, 0.7], [0.1, 0.4, -0.6], [-0.3, 0.2, 0.9]])
    masses = np.array([0.5, 0.2, 0.3])
    z, w = np.polynomial.hermite_e.hermegauss(12)
    x = np.array(np.meshgrid(z, z)).reshape(2, -1)
    weights = np.outer(w, w).ravel() / (2 * np.pi)

    def velocity(rows):
        h = rows[:, :2] @ x
        residual = (masses * rows[:, 2]) @ sigma(h) - np.array([1.0, 0.75]) @ sigma(x)
        slope = rows[:, 2:] * sigma.prime(h) * residual * weights
        return -np.column_stack([slope @ x.T, sigma(h) @ (residual * weights)])

    step = 1e-5
    ahead, behind = (
        closure.moment((rows + s * step * velocity(rows), masses), exponents) for s in (1, -1)
    )
    symbolic = closure.moment_speed(Z - Z**3 / 3, Z, (1, sp.Rational(3, 4)), exponents)
    moments = {
        s: closure.moment((rows, masses), tuple(map(int, s.name.removeprefix("m_"))))
        for s in symbolic.free_symbols
    }
    assert float(symbolic.subs(moments)) == pytest.approx((ahead - behind) / (2 * step), rel=1e-8)


@pytest.mark.parametrize(("order", "highest"), [(1, 4), (2, 4), (3, 5), (4, 6)])
def test_cubic_hierarchy_always_asks_for_more(order, highest):
    exponents = (order, 0, 0)
    sigma = Z - Z**3 / 3
    assert closure.highest_order(sigma, Z, AMPLITUDES, exponents) == highest
    assert closure.next_order_term(sigma, Z, AMPLITUDES, exponents, order) != 0
    assert closure.next_order_term(sigma, Z, AMPLITUDES, exponents, highest) == 0


@pytest.mark.parametrize("order", [2, 3])
def test_linear_hierarchy_closes(order):
    assert closure.next_order_term(Z, Z, AMPLITUDES, (order, 0, 0), order) == 0
