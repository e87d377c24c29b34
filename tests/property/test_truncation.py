"""Theorem 26: what truncations of a linearization do, and what its hypotheses do not give."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from saddle_escape.theory import stability, truncation

POSITIVE = st.floats(0.1, 10)
SPARSE = st.one_of(st.just(0.0), POSITIVE)
ROUND_OFF = 1e-7  # of an eigenvalue that is nearly defective


@st.composite
def parts(draw):
    n = draw(st.integers(2, 4))
    a, d = (draw(hnp.arrays(float, n, elements=POSITIVE)) for _ in range(2))
    b, c = (draw(hnp.arrays(float, (n, n), elements=SPARSE)) for _ in range(2))
    return a, b, c, d


@given(parts())
@settings(max_examples=200, deadline=None)
def test_rates_never_fall_and_rise_where_the_larger_truncation_is_irreducible(case):
    rates = truncation.growth_rates(case)
    size = max(np.abs(x).max() for x in case)
    assert np.all(np.diff(rates) >= -ROUND_OFF * size)
    rises = np.diff(rates)[truncation.irreducible_truncations(case)[1:]]
    assert np.all(rises > 1e-14 * size)


@given(parts())
@settings(max_examples=100, deadline=None)
def test_a_positive_rate_is_a_gain_above_one(case):
    rates, gains = truncation.growth_rates(case), truncation.loop_gains(case)
    clear = np.abs(gains - 1) > 1e-6
    np.testing.assert_array_equal((rates > 0)[clear], (gains > 1)[clear])


def test_what_the_theorem_has_in_mind_is_strict():
    case = truncation.chain(8, 2.0)
    rises = np.diff(truncation.growth_rates(case))
    assert truncation.irreducible_truncations(case).all()
    assert np.all(rises[:4] > 1e-9)
    assert np.all(rises > -1e-14)
    exact = np.sqrt(truncation.loop_gains(case)) - 1
    np.testing.assert_allclose(truncation.growth_rates(case), exact, rtol=1e-12)


def loop(case):
    a, b, c, d = case
    return (c / d[:, None]) @ (b / a[:, None])


@pytest.mark.parametrize(
    "example",
    [
        truncation.with_reducible_truncation,
        truncation.with_late_gain,
        truncation.with_loop_outside,
    ],
)
def test_examples_meet_the_hypotheses(example):
    """Damping, nonnegative couplings, an irreducible loop of gain above 1, a positive vector of
    weight beyond every cutoff, truncations that converge."""
    case = example(12)
    assert all(x.min() >= 0 for x in case)
    assert truncation.is_irreducible(loop(case))
    values, vectors = np.linalg.eig(loop(case))
    top = np.argmax(values.real)
    assert values[top].real > 1
    assert np.all(np.abs(np.delete(values, top)) < values[top].real)
    vector = vectors[:, top].real / vectors[0, top].real
    assert np.all(vector > 0)
    tail = [np.linalg.norm(loop(case)[k:, k:], 2) for k in (4, 8)]
    assert tail[1] < tail[0] / 8


def test_a_reducible_truncation_adds_nothing():
    case = truncation.with_reducible_truncation(8)
    assert list(truncation.irreducible_truncations(case)[:3]) == [True, False, True]
    rates = truncation.growth_rates(case)
    assert rates[0] == pytest.approx(1.0, abs=1e-14)
    assert rates[1] == pytest.approx(rates[0], abs=1e-14)
    assert rates[2] > rates[1] + 1e-4


def test_a_small_truncation_need_not_grow():
    case = truncation.with_late_gain(8)
    assert truncation.growth_rates(case)[0] == pytest.approx(-1.0)
    assert truncation.loop_gains(case)[0] == 0.0
    assert truncation.loop_gains(case)[-1] > 2


def test_the_truncated_loop_is_not_the_loop_of_the_truncation():
    case = truncation.with_loop_outside(8)
    assert truncation.compressed_gains(case)[0] == pytest.approx(4.0)
    assert truncation.loop_gains(case)[0] == 0.0


@pytest.mark.parametrize("epsilon", [1e-2, 1e-8, 1e-16])
def test_truncations_escape_later(epsilon):
    """Corollary 27, and its law: time x rate / log(1/epsilon) tends to 1."""
    case = truncation.chain(8, 2.0)
    times, ratios = [], []
    for order in (1, 2, 3, 8):
        matrix = stability.block_matrix(*truncation.truncate(case, order))
        t = truncation.linear_escape_time(matrix, np.full(2 * order, epsilon))
        times.append(t)
        ratios.append(t * stability.spectral_abscissa(matrix) / math.log(1 / epsilon))
    assert times == sorted(times, reverse=True)
    assert np.all(np.abs(np.array(ratios) - 1) < 1 / math.log(1 / epsilon))


def test_linear_escape_time_of_one_rate():
    matrix = np.array([[0.5]])
    assert truncation.linear_escape_time(matrix, np.array([1e-3])) == pytest.approx(
        2 * math.log(1e3)
    )
    assert math.isinf(truncation.linear_escape_time(-matrix, np.array([1e-3])))
    with pytest.raises(ValueError, match="level"):
        truncation.linear_escape_time(matrix, np.array([2.0]))
