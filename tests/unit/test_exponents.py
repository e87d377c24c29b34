"""Exponents: exact power laws, known corrections, intervals that cover."""

import numpy as np
import pytest

from saddle_escape.theory import exponents

EPSILON = np.geomspace(1e-4, 1e-1, 7)


def test_local_exponents_of_a_power_law_are_its_exponent_in_either_order():
    for epsilon in (EPSILON, EPSILON[::-1]):
        middle, slopes = exponents.local_exponents(epsilon, 7.0 * epsilon**-3)
        np.testing.assert_allclose(slopes, -3.0, rtol=1e-12)
        np.testing.assert_allclose(middle, np.sqrt(epsilon[1:] * epsilon[:-1]), rtol=1e-12)


def test_local_exponents_refuse_unordered_epsilon():
    with pytest.raises(ValueError, match="epsilon"):
        exponents.local_exponents([0.1, 0.01, 0.02], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("r, q, order", [(3, 3, 1), (4, 3, 2), (8, 3, 2), (8, 2, 1), (5, None, 3)])
def test_correction_order(r, q, order):
    assert exponents.correction_order(r, q) == order
    assert exponents.correction_order(r, q, outer_layers=True) == min(order, 2)


@pytest.mark.parametrize("order", [1, 2])
def test_extrapolation_removes_the_stated_correction(order):
    t = 3 * EPSILON**-1.0 * np.exp(0.8 * EPSILON**order)
    assert exponents.extrapolated_exponent(EPSILON, t, order) == pytest.approx(-1, abs=1e-10)
    # the wrong order, or no correction, would miss: the test can fail
    assert abs(exponents.extrapolated_exponent(EPSILON[3:], t[3:], 3 - order) + 1) > 1e-4


def test_three_points_are_richardson_extrapolation():
    epsilon = np.array([0.01, 0.02, 0.04])
    t = epsilon**-2 * (1 + epsilon + epsilon**2)
    _, (fine, coarse) = exponents.local_exponents(epsilon, t)
    richardson = 2 * fine - coarse
    assert exponents.extrapolated_exponent(epsilon, t, 1, 3) == pytest.approx(richardson, abs=1e-12)


def test_extrapolation_needs_three_points():
    with pytest.raises(ValueError, match="points"):
        exponents.extrapolated_exponent(EPSILON, EPSILON, 1, points=2)


def test_common_factors_of_a_seed_leave_its_exponent_alone():
    factors = np.random.default_rng(1).lognormal(size=(5, 1))
    slopes = exponents.extrapolated_exponent(EPSILON, factors * EPSILON**-6.0, 2)
    np.testing.assert_allclose(slopes, -6, atol=1e-10)


def test_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(200):
        low, high = exponents.bootstrap_interval(rng.normal(size=30), resamples=300, seed=trial)
        hits += low < 0 < high
    assert 0.88 < hits / 200 < 0.99


def test_bootstrap_interval_resamples_whole_seeds():
    rows = np.repeat(np.arange(4.0)[:, None], 3, axis=1)  # every column of a seed is the same
    low, high = exponents.bootstrap_interval(rows, np.median)
    assert low.shape == (3,) and np.ptp(low) == 0 and np.ptp(high) == 0
