"""Class D: kicks and escape times without a parameter, against the reduced equations."""

import numpy as np
import pytest

from saddle_escape.theory import activations, escape, manifold, mean_fit

SOFTPLUS = activations.get("softplus")


def escape_time(depth, epsilon, teacher="own", fraction=0.5):
    """Flow time until E[f z] reaches ``fraction`` of its final value, all layers at epsilon."""
    reduced = manifold.reduction(SOFTPLUS, depth, 64, teacher=teacher)
    return escape.escape_time(reduced, [epsilon] * depth, "correlation", fraction).t_escape


def predicted(depth, epsilon):
    return mean_fit.escape_time(SOFTPLUS, depth, 64, epsilon)


def test_the_fit_of_the_mean_kicks_every_layer_but_the_first():
    """The reduced flow once |E[f - y]| < 1e-3: each kick about the square of the one above."""
    depth, epsilon = 4, 1e-8
    reduced = manifold.reduction(SOFTPLUS, depth, 64)
    expected = mean_fit.kicks(SOFTPLUS, depth, 64, epsilon)
    scales, _ = manifold.trajectory(reduced, [epsilon] * depth, [0.0, 30.0])
    assert abs(reduced.weights @ (reduced.output(scales[-1]) - reduced.targets)) < 1e-3
    np.testing.assert_allclose(scales[-1, 1:], expected[1:], rtol=1.5e-2)
    assert scales[-1, 0] < 1.2 * epsilon


@pytest.mark.parametrize(
    ("depth", "epsilons", "tolerance", "exponents"),
    [(4, (1e-2, 1e-3, 1e-4), 5e-3, (-0.686, -0.328)), (5, (1e-2, 1e-3), 1.5e-2, (-1.54,))],
)
def test_escape_times_and_local_exponents_of_class_d(depth, epsilons, tolerance, exponents):
    measured = np.array([escape_time(depth, e) for e in epsilons])
    law = np.array([predicted(depth, e) for e in epsilons])
    np.testing.assert_allclose(measured, law, rtol=tolerance)
    for times in (measured, law):
        np.testing.assert_allclose(-np.diff(np.log10(times)), exponents, atol=0.01)


@pytest.mark.parametrize(("epsilon", "tolerance"), [(1e-2, 2e-2), (1e-4, 4e-3)])
def test_the_sigmoid_escapes_as_predicted_by_alignment(epsilon, tolerance):
    """X_1 = 1/2: half of E[y z] is more than sigmoid layers on the manifold can give."""
    sigmoid = activations.get("sigmoid")
    reduced = manifold.reduction(sigmoid, 4, 64)
    measured = escape.escape_time(reduced, [epsilon] * 4).t_escape
    assert measured == pytest.approx(mean_fit.escape_time(sigmoid, 4, 64, epsilon), rel=tolerance)


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_class_d_escapes_in_bounded_time(depth):
    """Only the first layer is small in the end: Theorem 6 at r = 1."""
    times = [predicted(depth, 10.0**-k) for k in (16, 18, 20)]
    np.testing.assert_allclose(times, times[-1], rtol=1e-4)


@pytest.mark.parametrize(("depth", "epsilons"), [(3, (1e-2, 3e-3)), (4, (1e-2, 5e-3))])
def test_without_a_mean_to_fit_the_exponent_is_twice_depth_minus_two(depth, epsilons):
    measured = np.array([escape_time(depth, e, "centred") for e in epsilons])
    law = [mean_fit.escape_time_without_mean(SOFTPLUS, depth, 64, e) for e in epsilons]
    np.testing.assert_allclose(measured, law, rtol=7e-3)
    slope = np.log(measured[1] / measured[0]) / np.log(epsilons[1] / epsilons[0])
    assert slope == pytest.approx(-2 * (depth - 2), abs=0.02)


def test_a_linear_teacher_is_one_without_a_mean():
    """E[f z] stays far below 1, because softplus layers cannot give a signal and no mean."""
    measured = escape_time(3, 3e-3, "linear", fraction=0.05)
    law = mean_fit.escape_time_without_mean(SOFTPLUS, 3, 64, 3e-3, "linear")
    assert measured == pytest.approx(law, rel=2e-2)


def test_subtracting_the_constant_from_the_teacher_alone_does_not_recover_the_law():
    """Appendix C.4: y = sigma - sigma(0) keeps a mean, so the kicks remain and r - 2 = 1 fails."""
    times = [escape_time(3, e, "shifted") for e in (1e-2, 1e-3)]
    assert -0.2 < np.log10(times[0] / times[1]) < -0.1


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="not of class D"):
        mean_fit.kicks(activations.get("gelu"), 4, 64, 1e-3)
    with pytest.raises(ValueError, match="'centred' has no mean"):
        mean_fit.kicks(SOFTPLUS, 4, 64, 1e-3, "centred")
    with pytest.raises(ValueError, match="depth: 2 is too small"):
        mean_fit.escape_time_without_mean(SOFTPLUS, 2, 64, 1e-3)
