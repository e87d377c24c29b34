"""The first nonlinear correction and the error of the closed forms, against the reduced flow."""

import numpy as np
import pytest

from saddle_escape.theory import (
    activations,
    classes,
    corrections,
    escape,
    manifold,
    printed,
    teachers,
)


def model(name, depth, teacher="own", width=64):
    return manifold.reduction(activations.get(name), depth, width, teacher=teacher)


def relative_error(reduced, init, threshold=0.5):
    """t / t_leading - 1 of the reduced equations, against the leading-order quadrature."""
    rate = reduced.beta1 * classes.classify(reduced.act).alpha ** (reduced.depth - 1)
    rate /= np.sqrt(reduced.width)
    t = escape.escape_time(reduced, init, "alignment", threshold).t_escape
    return t / escape.quadrature_time(rate, init, threshold) - 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("sin", -1 / 3), ("erf", -7 / 9), ("tanh", -0.799905305732), ("gelu", 1.125395395196)],
)
def test_kappa(name, value):
    assert corrections.kappa(activations.get(name)) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "value"), [("tanh", 1.45352), ("erf", 1.52010), ("sin", 1.21306), ("arctan", 1.65568)]
)
def test_third_moments_of_class_b_are_positive(name, value):
    """Appendix B.3: E[sigma(z) z^3], without which the drift would not be sharp."""
    assert teachers.moment(activations.get(name), 3) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("name", ["linear", "softplus", "z/(1+abs(z))"])
def test_no_insertion_outside_classes_b_and_c(name):
    with pytest.raises(ValueError, match="not of class B or C"):
        corrections.kappa(activations.get(name))


@pytest.mark.parametrize(("name", "depth"), [("tanh", 3), ("tanh", 5), ("gelu", 2), ("swish", 4)])
def test_the_first_correction_is_in_the_first_layers_scale_and_larger_for_the_first_layer(
    name, depth
):
    """R_l of the reduced flow, extrapolated to X = 0, is eq. 24 with 1/sqrt(N)."""
    reduced = model(name, depth)
    rate = classes.rate_constant(reduced.act, depth, 64)
    shape = np.linspace(1.0, 2.0, depth)

    def ratio(size):
        x = size * shape
        return (reduced.velocity(x) - rate * np.prod(x) / x) / corrections.remainder(reduced, x)

    q = corrections.insertion(reduced.act)[0]
    sizes = (2e-3, 4e-3) if q == 2 else (5e-3, 1e-2)
    order = min(2, depth + 1 - q) if q == 3 else 1
    near, far = map(ratio, sizes)
    limit = near + (near - far) / (2**order - 1)
    np.testing.assert_allclose(limit, 1.0, atol=2e-4)


def test_at_two_layers_the_self_interaction_joins_the_cubic_remainder():
    reduced = model("tanh", 2, width=1)
    x = np.array([2e-3, 3e-3])
    rest = reduced.velocity(x) - classes.rate_constant(reduced.act, 2, 1) * x[::-1]
    self_interaction = -np.prod(x) * x[::-1]  # -E[f df/dX_l] at leading order
    np.testing.assert_allclose(
        rest, corrections.remainder(reduced, x) + self_interaction, rtol=1e-4
    )
    assert np.all(np.abs(self_interaction / corrections.remainder(reduced, x)) > 0.4)


@pytest.mark.parametrize("name", ["tanh", "gelu", "erf"])
def test_drift_of_each_pair_has_its_leading_coefficient(name):
    reduced = model(name, 5)
    x = 1e-3 * np.array([1.0, 2.0, 3.0, 1.5, 2.5])
    np.testing.assert_allclose(reduced.drift(x), corrections.imbalance_drift(reduced, x), rtol=6e-3)


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_deeper_pairs_are_q_minus_one_orders_tighter_per_layer(name):
    """Pairs beyond the first: L + 2(q-1), one order below L + q - 1 only for q = 2."""
    reduced = model(name, 4)
    q = corrections.insertion(reduced.act)[0]
    slopes = manifold.drift_exponents(reduced, [1e-3, 2e-3])[0]
    np.testing.assert_allclose(np.diff(slopes), q - 1, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "depth", "epsilons", "tolerance"),
    [
        ("gelu", 4, (1e-3, 2e-3), 2e-3),
        ("gelu", 5, (1e-3, 2e-3), 1e-3),
        ("gelu", 7, (1e-3, 2e-3), 1e-3),
        ("swish", 4, (1e-3, 2e-3), 1e-3),
        ("tanh", 6, (1e-2, 2e-2), 1e-3),
        ("sin", 6, (1e-2, 2e-2), 1e-3),
    ],
)
def test_error_law_with_its_constant(name, depth, epsilons, tolerance):
    """t / t_closed - 1 = C eps^(q-1), C extrapolated from two epsilon."""
    reduced = model(name, depth)
    q = corrections.insertion(reduced.act)[0]
    near, far = (relative_error(reduced, [e] * depth) / e ** (q - 1) for e in epsilons)
    order = 1 if q == 2 else 2
    limit = near + (near - far) / (2**order - 1)
    constant = corrections.error_coefficient(depth, q, corrections.kappa(reduced.act))
    assert limit == pytest.approx(constant, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "depth", "outer", "epsilon"), [("gelu", 6, [0.5, 1.3], 1e-3), ("tanh", 7, [1.2], 1e-2)]
)
def test_error_law_counts_bottleneck_layers_only(name, depth, outer, epsilon):
    reduced = model(name, depth)
    q, r = corrections.insertion(reduced.act)[0], depth - len(outer)
    error = relative_error(reduced, [epsilon] * r + outer, 0.3)
    constant = corrections.error_coefficient(r, q, corrections.kappa(reduced.act))
    assert error / epsilon ** (q - 1) == pytest.approx(constant, rel=1e-2)


@pytest.mark.parametrize("teacher", ["own", "centred"])
def test_the_teachers_mean_square_moment_sets_class_cs_error(teacher):
    reduced = model("gelu", 5, teacher)
    constant = corrections.error_coefficient(5, 2, corrections.kappa(reduced.act, teacher))
    assert relative_error(reduced, [1e-3] * 5) / 1e-3 == pytest.approx(constant, rel=3e-3)


def test_an_odd_teacher_does_not_see_class_cs_first_insertion():
    assert corrections.kappa(activations.get("gelu"), "linear") == pytest.approx(0, abs=1e-15)
    reduced = model("gelu", 6, "linear")
    near, far = (relative_error(reduced, [e] * 6) for e in (1e-2, 2e-2))
    assert np.log2(far / near) == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize(("name", "depth", "value"), [("tanh", 4, 1.19986), ("gelu", 3, -1.50053)])
def test_resonance_slope(name, depth, value):
    """K (t - t_closed) grows by -2q/(q+1) kappa per unit of log(1/eps) at L = q + 1."""
    reduced = model(name, depth)
    rate = classes.rate_constant(reduced.act, depth, 64)
    epsilons = np.array([1e-3, 2e-3]) if name == "gelu" else np.array([1e-2, 2e-2])
    t = np.array([escape.escape_time(reduced, [e] * depth).t_escape for e in epsilons])
    excess = rate * (t - escape.closed_form(rate, epsilons, depth))
    slope = corrections.resonance_slope(depth - 1, corrections.kappa(reduced.act))
    assert slope == pytest.approx(value, rel=1e-5)
    assert (excess[0] - excess[1]) / np.log(2) == pytest.approx(slope, rel=5e-3)


def test_the_error_law_needs_more_layers_than_the_resonance():
    with pytest.raises(ValueError, match=r"r: 4 is not above q \+ 1 = 4"):
        corrections.error_coefficient(4, 3, -0.8)


def test_three_layers_of_class_b_differ_by_order_epsilon_not_its_square():
    """Corollary 7 at L = 3: the end of the escape, of order one, outweighs the nonlinearity."""

    def scaled(name, epsilon):
        reduced = model(name, 3)
        rate = classes.rate_constant(reduced.act, 3, 64)
        return rate * escape.escape_time(reduced, [epsilon] * 3).t_escape

    ratios = [scaled("tanh", e) / scaled("erf", e) - 1 for e in (1e-2, 1e-3, 1e-4)]
    np.testing.assert_allclose(ratios, [-0.0248, -0.00301, -0.000308], rtol=5e-3)
    assert abs(np.log10(ratios[1] / ratios[2]) - 1) < 0.02


def test_printed_coefficients_of_class_c_and_of_the_balanced_ray():
    for name, value in (("gelu", 3.8197), ("swish", 1.5)):
        act = activations.get(name)
        first, second, _ = corrections.rate_factors(2, corrections.kappa(act), 3)
        assert printed.gamma_c(act) == pytest.approx(value, rel=1e-4)
        assert printed.gamma_c(act) > 1.3 * first and first == pytest.approx(2 * second)
    assert printed.gamma_c(activations.get("tanh")) == 0
    assert printed.balanced_coefficient(activations.get("tanh")) == pytest.approx(0, abs=1e-12)
    assert corrections.leaf_coefficient(3, -0.8) == pytest.approx(-1.2)
