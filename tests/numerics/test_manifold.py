"""Theorem 4 and Proposition 13 on the scalar reduction: values, invariants, convergence."""

import numpy as np
import pytest

from saddle_escape.theory import activations, manifold, printed
from saddle_escape.theory.quadrature import expectation, gaussian_rule, require_finite_moments

TANH = activations.get("tanh")
FIGURE1 = [0.03, 0.05, 0.07, 0.09]

# Measured independently with LSODA and 80 Gauss-Hermite nodes: t, loss, X_1..X_4.
REFERENCE = np.array(
    [
        [1900, 0.1436981, 0.323241, 0.337861, 0.342234, 0.346950],
        [2000, 0.00285337, 0.522728, 0.560765, 0.568967, 0.573072],
        [3000, 7.26046e-4, 0.674856, 0.572516, 0.540468, 0.532298],
        [6000, 3.44648e-5, 0.827783, 0.593027, 0.511890, 0.488937],
    ]
)


def test_figure_1_trajectory_has_its_reference_values():
    model = manifold.reduction(TANH, 4, 64)
    scales, loss = manifold.trajectory(model, FIGURE1, [0.0, *REFERENCE[:, 0]])
    assert abs(loss[0] - 0.1971015) < 1e-7
    np.testing.assert_allclose(loss[1:], REFERENCE[:, 1], rtol=1e-5)
    np.testing.assert_allclose(scales[1:], REFERENCE[:, 2:], atol=1e-6)


def test_halving_the_trapezoidal_step_changes_nothing_and_gauss_hermite_converges_to_it():
    def final_loss(**rule):
        model = manifold.reduction(TANH, 4, 64, **rule)
        return manifold.trajectory(model, FIGURE1, [0.0, 6000.0])[1][-1]

    fine = final_loss(step=0.125, half_width=9.0)
    assert abs(final_loss() / fine - 1) < 1e-8
    errors = [abs(final_loss(rule="gauss_hermite", nodes=n) / fine - 1) for n in (40, 80, 160)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert 1e-8 < errors[1] < 1e-5  # the paper's rule: right, but slow here


@pytest.mark.parametrize(("rule", "exact"), [("trapezoid", 1e-14), ("gauss_hermite", 1e-13)])
def test_rules_integrate_gaussian_moments(rule, exact):
    z, w = gaussian_rule(rule, half_width=10.0)
    for power, moment in ((0, 1), (1, 0), (2, 1), (4, 3), (6, 15)):
        assert abs(w @ z**power - moment) < 20 * exact * max(moment, 1)


def test_the_half_line_rule_is_exact_at_a_kink_where_the_others_are_not():
    exact = 0.5  # E[relu(z)^2]
    errors = {}
    for rule in ("trapezoid", "gauss_hermite", "half_line"):
        z, w = gaussian_rule(rule, half_width=10.0)
        errors[rule] = abs(w @ np.maximum(z, 0) ** 3 - np.sqrt(2 / np.pi))
        assert abs(w @ np.maximum(z, 0) ** 2 - exact) < 1e-2
    assert errors["half_line"] < 1e-14
    assert errors["gauss_hermite"] > 1e-8


def test_unknown_rule_is_refused():
    with pytest.raises(ValueError, match=r"quadrature\.rule: unknown 'simpson'"):
        gaussian_rule("simpson")


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus", "arctan"])
def test_velocity_is_minus_the_gradient_of_the_loss_over_the_width(name):
    model = manifold.reduction(activations.get(name), 5, 7)
    x = np.array([0.4, 0.7, 0.5, 0.9, 0.6])
    h = 1e-5
    slope = [(model.loss(x + h * e) - model.loss(x - h * e)) / (2 * h) for e in np.eye(5)]
    np.testing.assert_allclose(model.velocity(x), -np.array(slope) / 7, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_output_gradients_are_the_derivatives_of_the_output(name):
    """Eq. 5, whose last factor is the input itself for l = 1."""
    model = manifold.reduction(activations.get(name), 4, 7)
    x, h = np.array([0.4, 0.7, 0.5, 0.9]), 1e-5
    slopes = [(model.output(x + h * e) - model.output(x - h * e)) / (2 * h) for e in np.eye(4)]
    np.testing.assert_allclose(model.output_gradients(x), slopes, rtol=1e-7, atol=1e-9)
    drive = model.weights * model.targets
    assert abs(drive @ printed.first_layer_gradient(model, x) / (drive @ slopes[0]) - 1) > 0.05


@pytest.mark.parametrize("teacher", ["own", "linear", "centred", "shifted", "tanh"])
def test_the_teacher_is_a_parameter(teacher):
    act = activations.get("softplus")
    model = manifold.reduction(act, 3, 5, teacher=teacher)
    z = model.nodes
    expected = {
        "own": act(z),
        "linear": z,
        "centred": act(z) - model.weights @ act(z),
        "shifted": act(z) - np.log(2),
        "tanh": np.tanh(z),
    }[teacher]
    np.testing.assert_allclose(model.targets, expected, atol=1e-12)
    x, h = np.array([0.4, 0.7, 0.5]), 1e-5
    slope = [(model.loss(x + h * e) - model.loss(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(model.velocity(x), -np.array(slope) / 5, rtol=1e-7, atol=1e-10)


def test_an_unknown_teacher_is_refused():
    with pytest.raises(ValueError, match="unknown 'matched'"):
        manifold.reduction(TANH, 3, 4, teacher="matched")


@pytest.mark.parametrize("name", ["tanh", "swish", "softplus", "relu"])
def test_drift_agrees_with_the_velocity(name):
    """Theorem 1 on the manifold, where both sides are large enough to subtract."""
    rule = "half_line" if name == "relu" else "trapezoid"
    model = manifold.reduction(activations.get(name), 4, 9, rule=rule)
    x = np.array([0.8, 0.9, 0.7, 0.6])
    rates = 2 * x * model.velocity(x)
    np.testing.assert_allclose(model.drift(x), np.diff(rates), atol=1e-14)


def test_linear_and_relu_networks_conserve_the_imbalances():
    for name, rule in (("linear", "trapezoid"), ("relu", "half_line"), ("leaky_relu", "half_line")):
        model = manifold.reduction(activations.get(name), 4, 16, rule=rule)
        scales, loss = manifold.trajectory(model, [0.2, 0.25, 0.3, 0.35], [0.0, 100.0, 400.0])
        assert loss[-1] < 0.1 * loss[0]
        imbalance = np.diff(scales**2, axis=1)
        np.testing.assert_allclose(imbalance[1:], imbalance[[0, 0]], atol=1e-9)


def test_cubic_conserves_its_weighted_imbalance():
    """z sigma' = 3 sigma: |W_l|^2 - 3 |W_{l+1}|^2 is conserved."""
    model = manifold.reduction(activations.get("cubic"), 3, 4)
    scales, _ = manifold.trajectory(model, [0.5, 0.6, 0.7], [0.0, 1.0, 5.0])
    conserved = scales[:, :-1] ** 2 - 3 * scales[:, 1:] ** 2
    assert np.ptp(scales[:, 0]) > 0.01
    np.testing.assert_allclose(conserved[1:], conserved[[0, 0]], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "q", "tolerance"), [("tanh", 3, 1e-3), ("gelu", 2, 2e-2), ("softplus", 0, 2e-2)]
)
@pytest.mark.parametrize("depth", [4, 6])
def test_drift_exponents_are_depth_plus_layer_times_q_minus_one(name, q, tolerance, depth):
    """Proposition 13, layer-resolved; layer 1 gives the paper's L + q - 1."""
    model = manifold.reduction(activations.get(name), depth, 64)
    slopes = manifold.drift_exponents(model, [1e-3, 2e-3])[0]
    expected = depth + (q - 1) * np.arange(1, depth)
    np.testing.assert_allclose(slopes, expected, atol=tolerance)


def test_drift_of_class_a_is_zero_and_has_no_exponent():
    model = manifold.reduction(activations.get("linear"), 4, 64)
    assert np.all(model.drift(np.full(4, 0.3)) == 0)
    assert np.all(np.isnan(manifold.drift_exponents(model, [0.1, 0.2])))


@pytest.mark.parametrize("name", ["expm1(z)", "sinh(z)", "z*exp(z)", "cosh(z)*z"])
def test_divergent_expectations_are_refused(name):
    act = activations.get(name)
    with pytest.raises(ValueError, match="is infinite"):
        require_finite_moments(act, depth=3)
    require_finite_moments(act, depth=2)  # one hidden activation: E[expm1(z)^2] is finite


def test_gaussian_growth_diverges_at_once_and_tame_growth_never():
    with pytest.raises(ValueError, match="is infinite"):
        require_finite_moments(activations.get("exp(z**2/9)"), depth=2)
    for name in (*activations.BUILTIN, "-expm1(z)", "z*exp(-z**2)", "z**3+z", "log(1+z**2)"):
        require_finite_moments(activations.get(name), depth=8)


def test_expectation_reports_overflow():
    with pytest.raises(ValueError, match="diverges"), np.errstate(over="ignore"):
        expectation(lambda z: np.exp(z**2))
