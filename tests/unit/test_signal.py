"""The signal's linear path, Lemma 20 and Proposition 8's teacher term."""

import math

import numpy as np
import pytest

from saddle_escape.theory import activations, classes, manifold, printed, signal


def he_normal(depth, width, inputs, rng):
    shapes = [(width, inputs)] + [(width, width)] * (depth - 2) + [(1, width)]
    return [rng.standard_normal(s) * math.sqrt(2 / s[1]) for s in shapes]


def test_linear_path_is_the_matrix_product():
    weights = he_normal(4, 5, 3, np.random.default_rng(0))
    v = np.array([0.6, 0.0, 0.8])
    path = signal.linear_path(weights, v)
    assert [len(a) for a in path] == [3, 5, 5, 5, 1]
    np.testing.assert_allclose(path[-1], np.linalg.multi_dot(weights[::-1]) @ v)


@pytest.mark.parametrize(("name", "h"), [("tanh", 0.605706), ("gelu", 0.5)])
def test_the_signal_is_the_linear_path_without_the_hermite_coefficient(name, h):
    """E[f z] -> alpha^(L-1) q: the Hermite coefficient belongs to the teacher alone."""
    reduced = manifold.reduction(activations.get(name), 4, 64)
    x = 1e-3 * np.array([1.0, 2.0, 1.5, 3.0])
    gamma = reduced.beta1 * reduced.correlation(x)
    assert gamma / printed.linear_signal(reduced, x) == pytest.approx(1 / h, rel=1e-5)


@pytest.mark.parametrize(("name", "order"), [("tanh", 2), ("gelu", 1), ("swish", 1)])
def test_teacher_term_is_off_by_the_order_of_the_first_insertion(name, order):
    """Proposition 8: O(M^2) in class B; in class C already O(M)."""
    reduced = manifold.reduction(activations.get(name), 4, 64)
    errors = [signal.teacher_term_error(reduced, np.full(4, e)) for e in (1e-3, 2e-3)]
    assert np.log2(errors[1] / errors[0]) == pytest.approx(order, abs=5e-3)


def test_a_negative_product_runs_into_the_saddle():
    """gamma(0) < 0 on the scalar chain: no symmetry maps it to a positive start."""
    reduced = manifold.reduction(activations.get("tanh"), 3, 1)
    times = [0.0, 40.0, 400.0]
    negative, _ = manifold.trajectory(reduced, [0.1, 0.1, -0.1], times)
    positive, _ = manifold.trajectory(reduced, [0.1, 0.1, 0.1], times)
    assert np.all(np.abs(negative[2]) < 0.1 * np.abs(negative[0]))
    assert np.all(np.prod(negative, axis=1) < 0)
    assert np.all(positive[1] > 0.8)


def test_inputs_across_the_teacher_are_not_small_in_the_layer_tensors():
    """Eq. 40's Psi holds them: sqrt(d - 1) at layer 1, whatever the scale of the weights."""
    rng = np.random.default_rng(1)
    v = np.eye(16)[0]
    weights = he_normal(4, 24, 16, rng)
    ratios = signal.transverse_ratio(weights, v)
    assert ratios[0] == pytest.approx(math.sqrt(15))
    assert np.all(ratios > 1)
    np.testing.assert_allclose(signal.transverse_ratio([1e-3 * w for w in weights], v), ratios)


def test_nondegeneracy_and_smallest_singular_values_fall_with_width_and_depth():
    """Medians over He-normal draws: c_nd has no bound free of N and L, nor sigma_min one of N."""
    rng = np.random.default_rng(2)

    def alignment(depth, width):
        v = np.eye(width)[0]
        draws = (he_normal(depth, width, width, rng) for _ in range(200))
        return np.median([signal.nondegeneracy(w, v) for w in draws])

    def smallest(width):
        draws = rng.standard_normal((200, width, width)) * math.sqrt(2 / width)
        return np.median(np.linalg.svd(draws, compute_uv=False)[:, -1])

    assert alignment(3, 8) > 1.5 * alignment(3, 32) > 2.5 * alignment(6, 32)
    assert smallest(8) > 3 * smallest(32) > 3 * smallest(96)
    assert 0.5 < 32 * smallest(32) < 1.2


@pytest.mark.parametrize(
    ("name", "where", "slope"), [("gelu", -math.sqrt(2), -0.128904), ("swish", -2.39936, -0.099839)]
)
def test_gelu_and_swish_have_negative_slopes(name, where, slope):
    z, least = signal.least_slope(activations.get(name))
    assert (z, least) == (pytest.approx(where, abs=1e-4), pytest.approx(slope, abs=1e-6))
    assert signal.least_slope(activations.get("tanh"))[1] > 0


def test_a_class_b_activation_can_have_a_negative_hermite_coefficient():
    """Lemma 20 as stated: odd, smooth, sigma'(0) = 1, and E[z sigma(z)] = -3/e^2."""
    row = classes.classify(activations.get("z*cos(2*z)"))
    assert (row.paper_cls, row.alpha) == ("B", 1.0)
    assert row.beta1 == pytest.approx(-3 * math.exp(-2), rel=1e-13)


@pytest.mark.parametrize("delta", [0.3, 0.8])
def test_no_lower_bound_on_the_hermite_coefficient_but_the_family_of_the_remark(delta):
    act = activations.get(f"{delta}*sqrt(pi)/2*erf(z/{delta})")
    row = classes.classify(act)
    assert row.beta1 == pytest.approx(1 / math.sqrt(1 + 2 / delta**2), rel=1e-12)
    assert (row.beta1 < row.alpha / 2) == (delta < math.sqrt(2 / 3))
