"""Theorem 16 and Lemma 15 by computer algebra."""

import pytest
import sympy as sp

from saddle_escape.theory import normal_form as nf
from saddle_escape.theory import printed

Y1, Y2 = nf.cone(3)[0]


def test_the_leading_field_conserves_the_imbalances_and_not_y():
    for i, (y, scale) in enumerate(zip(*nf.cone(4), strict=False)):
        assert nf.leading_field(scale**2 - nf.S**2, 4) == 0, f"imbalance of layer {i + 1}"
        assert sp.simplify(nf.leading_field(y, 4) + 2 * y / nf.S**2) == 0


@pytest.mark.parametrize("n", [3, 4, 7])
def test_homological_operator_is_the_leading_field_on_powers_of_s(n):
    polynomial = Y1**2 * Y2 + 3 * Y1 - 2
    field = nf.leading_field(nf.S**n * polynomial, 3)
    assert sp.expand(field / nf.S ** (n - 2) - nf.homological(polynomial, n, (Y1, Y2))) == 0


@pytest.mark.parametrize("order", [2, 3])
def test_the_first_correction_exists_and_is_a_power_of_the_first_scale(order):
    """n = q + 1: I_1 = X_1^2 - X_L^2 + 2 kappa (q-1)/(q+1) X_1^(q+1), up to the kernel."""
    n, source = nf.insertion_source(1, 3, order)
    assert n == order + 1 and nf.obstruction(source, n, (Y1, Y2)) == 0
    series = nf.solve(source, n, (Y1, Y2), 4)
    power = sp.Rational(-2 * (order - 1), order + 1) * (1 + Y1) ** sp.Rational(n, 2)
    difference = sp.Poly(sp.expand(nf.taylor(power, (Y1, Y2), 4) - series), Y1, Y2)
    assert all(2 * sum(m) == n for m in difference.monoms() if difference != 0)
    assert nf.insertion_source(2, 3, order)[1] == 0, "deeper pairs are unchanged at this order"


def test_the_series_is_unique_for_odd_n_only():
    """Class C at n = 3; in class B already n = 4 leaves the products y_i y_j free."""
    assert nf.kernel(3, (Y1, Y2)) == []
    assert set(nf.kernel(4, (Y1, Y2))) == {Y1**2, Y1 * Y2, Y2**2}


def test_class_c_meets_a_resonance_at_the_second_activation():
    """(X_1 X_2)^(q-1) at q = 2, n = 4: a term s^4 log s, which no power series has."""
    y = nf.cone(4)[0]
    for layer in (1, 2):
        n, source = nf.insertion_source(layer, 4, 2, at=2)
        resonant = nf.obstruction(source, n, y)
        assert n == 4 and sp.expand(resonant - (y[0] - y[1]) ** 2 / 4) == 0
        with pytest.raises(ValueError, match=r"forces a term s\^4 log s"):
            nf.solve(source, n, y, 4)
    for at in (1, 2, 3):
        n, source = nf.insertion_source(1, 4, 3, at)
        assert nf.obstruction(source, n, y) == 0, "odd insertions are polynomials below n / 2"


@pytest.mark.parametrize("depth", [2, 3])
def test_source_of_the_self_interaction_is_that_of_the_reduced_loss(depth):
    """Along the gradient of the reduced loss, one insertion of order 3 at the first activation.

    K = 1: dX_l/dt = dE/dX_l; I_1 = -kappa X_1^4 is the first correction of X_1^2 - X_L^2.
    """
    kappa, mu, nu = sp.symbols("kappa mu nu")
    x = sp.symbols(f"x1:{depth + 1}", positive=True)
    p = sp.prod(x)
    energy = p + kappa * p * x[0] ** 2 - mu * p**2 / 2 - nu * p**2 * x[0] ** 2
    integral = x[0] ** 2 - x[-1] ** 2 - kappa * x[0] ** 4
    drift = sp.Poly(sum(sp.diff(integral, xl) * sp.diff(energy, xl) for xl in x), kappa, mu, nu)
    assert drift.coeff_monomial(kappa) == 0, "the first correction is one"
    assert drift.coeff_monomial(mu) == 0, "the self-interaction alone conserves the imbalance"
    mixed = drift.coeff_monomial(nu)
    assert sp.expand(mixed + drift.coeff_monomial(mu * kappa)) == 0, "they enter as nu - mu kappa"
    _, scales = nf.cone(depth)
    n, source = nf.self_interaction_source(1, depth, 3)
    wanted = -sp.prod(scales) * nf.S ** (n - 2) * source
    assert sp.simplify(mixed.subs(dict(zip(x, scales, strict=True))) - wanted) == 0


def test_class_b_meets_a_resonance_with_its_self_interaction_at_even_depth():
    for depth, resonant in ((2, -(Y1**3) / 4), (3, 0)):
        n, source = nf.self_interaction_source(1, depth, 3)
        assert n == depth + 4
        assert sp.expand(nf.obstruction(source, n, nf.cone(depth)[0]) - resonant) == 0


@pytest.mark.parametrize(("depth", "order", "at"), [(4, 3, 1), (4, 3, 3), (5, 2, 4), (6, 2, 2)])
def test_insertion_degree_is_the_lemmas_and_not_its_proofs(depth, order, at):
    degree = nf.insertion_degree(depth, order, at)
    assert degree == order * at + depth - at == depth + (order - 1) * at
    assert (printed.insertion_degree(depth, order, at) == degree) == (at == 1)
