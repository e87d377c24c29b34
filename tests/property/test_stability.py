"""Proposition 25 in both directions, and the off-block linearization of the cascade."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from saddle_escape.theory import activations, blocks, homotopy, stability

MARGIN = 1e-6
POSITIVE = st.floats(1e-3, 1e3)
NONNEGATIVE = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


@st.composite
def matrices(draw, entries=NONNEGATIVE):
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    a, d = (draw(hnp.arrays(float, k, elements=POSITIVE)) for k in (n, m))
    b, c = (draw(hnp.arrays(float, shape, elements=entries)) for shape in ((n, m), (m, n)))
    return a, b, c, d


def scaled_to_gain(a, b, c, d, gain):
    return a, b * (gain / stability.loop_gain(a, b, c, d)), c, d


@given(matrices(), st.floats(1 + 1e-3, 1e2))
@settings(max_examples=150, deadline=None)
def test_gain_above_one_gives_a_positive_real_eigenvalue(parts, gain):
    if stability.loop_gain(*parts) > 0:
        matrix = stability.block_matrix(*scaled_to_gain(*parts, gain))
        eigenvalues = np.linalg.eigvals(matrix)
        top = eigenvalues[np.argmax(eigenvalues.real)]
        assert top.real > 0
        assert abs(top.imag) <= 1e-9 * np.abs(matrix).max()


@given(matrices(), st.floats(0, 1 - 1e-3))
@settings(max_examples=150, deadline=None)
def test_gain_below_one_gives_none(parts, gain):
    if stability.loop_gain(*parts) > 0:
        parts = scaled_to_gain(*parts, gain)
    assert stability.spectral_abscissa(stability.block_matrix(*parts)) < 0


@given(matrices(POSITIVE))
@settings(max_examples=100, deadline=None)
def test_gain_one_is_the_borderline(parts):
    """At gain one J is singular and 0 is its largest eigenvalue; a hair to either side decides."""
    at = stability.block_matrix(*scaled_to_gain(*parts, 1.0))
    assert abs(stability.spectral_abscissa(at)) < 1e-9 * np.abs(at).max()
    above, below = (scaled_to_gain(*parts, 1 + s * MARGIN) for s in (1, -1))
    assert stability.spectral_abscissa(
        stability.block_matrix(*below)
    ) < stability.spectral_abscissa(stability.block_matrix(*above))


def test_negative_couplings_break_the_proposition():
    """The control: without nonnegative B and C a gain above one need not destabilize."""
    a = d = np.array([1.0])
    b, c = np.array([[-3.0]]), np.array([[3.0]])
    assert stability.loop_gain(a, b, c, d) > 1
    assert stability.spectral_abscissa(stability.block_matrix(a, b, c, d)) < 0


def test_loop_gain_needs_damping():
    with pytest.raises(ValueError, match="positive"):
        stability.loop_gain(np.array([0.0]), np.eye(1), np.eye(1), np.array([1.0]))


@pytest.fixture(scope="module")
def model():
    grid = blocks.make_grid(3, step=0.75, half_width=6.0)
    return blocks.make_model(activations.get("tanh"), (1.0, 0.75, 0.5), 4, 32, grid)


def stage_state(model, scales, stage):
    state = np.array(scales)[:, None, None] * np.eye(3)
    return stability.ideal_state(model, state, stage)


@pytest.mark.parametrize("stage", [1, 2])
def test_block_diagonal_states_meet_the_proposition_s_conditions(model, stage):
    linear = stability.linearize(model, stage_state(model, (0.8, 0.43, 0.43, 0.8), stage), stage, 0)
    assert len(linear.pairs) == 2
    assert linear.off_diagonal < 1e-12
    assert linear.smallest_coupling > -1e-15
    assert min(np.diag(linear.a).min(), np.diag(linear.d).min()) > 0
    assert (linear.gain > 1) == (linear.eigenvalue > 0)
    assert linear.gain == pytest.approx(max(r["gain"] for r in stability.pair_rows(linear)))


def test_off_block_loop_turns_stable_as_the_learned_mode_grows(model):
    """Small learned scales: gain above one; learned: below one, and the eigenvalue follows."""
    stages = [
        stability.linearize(model, stage_state(model, x * np.array([1, 0.577, 0.577, 1]), 1), 1, 0)
        for x in (0.3, 0.6, 0.9, 1.0)
    ]
    gains = [f.gain for f in stages]
    assert gains == sorted(gains, reverse=True)
    assert (
        [g > 1 for g in gains] == [f.eigenvalue > 0 for f in stages] == [True, True, False, False]
    )


@pytest.mark.parametrize(("epsilon", "over_square"), [(0.1, 0.01510), (0.03, 0.01542)])
def test_companion_s_plateau(model, epsilon, over_square):
    """Against another program: gain 1.6e5 at 0.1, eigenvalue / epsilon^2 as stated."""
    found = stability.linearize(model, blocks.aligned_state(model, epsilon), 1, 0)
    assert found.eigenvalue / epsilon**2 == pytest.approx(over_square, abs=1e-5)
    if epsilon == 0.1:
        assert found.gain == pytest.approx(1.6e5, rel=0.01)


def figure5(depth=4):
    """Figure 5's model: one output, beta = (1, .3, .08)."""
    grid = blocks.make_grid(3, step=0.75, half_width=6.0)
    return blocks.make_model(
        activations.get("tanh"), (1.0, 0.3, 0.08), depth, 20, grid, summed=True, fan=20
    )


@pytest.fixture(scope="module")
def paper():
    return figure5()


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_plateau_s_orders(depth):
    """Couplings like epsilon^(L-2), negative ones like epsilon^L; damping like epsilon^L in layer 1
    and epsilon^(2(L-1)) in the last; so the gain like epsilon^-(L+2)."""
    coarse, fine = (stability.plateau(figure5(depth), e) for e in (2.5e-3, 1.25e-3))
    assert coarse.b.shape == (3 * depth, 6)
    orders = {"eigenvalue": depth - 2, "gain": -(depth + 2), "smallest_coupling": depth}
    for name, order in orders.items():
        ratio = getattr(coarse, name) / getattr(fine, name)
        assert math.log2(ratio) == pytest.approx(order, abs=0.1)
    assert fine.smallest_coupling < 0 < fine.b.max()
    last = 3 * (depth - 1)
    for block, entry, order in (("d", 0, depth), ("a", 0, depth), ("a", last, 2 * (depth - 1))):
        damping = [np.diag(getattr(found, block))[entry] for found in (coarse, fine)]
        assert min(damping) > 0
        assert math.log2(damping[0] / damping[1]) == pytest.approx(order, abs=0.05)


def test_plateau_grows_without_rotations(paper):
    """A is not diagonal: the layer scales alone grow at (L-1) K epsilon^(L-2), the mode's rate;
    rotations add a few percent."""
    epsilon = 0.01
    found = stability.plateau(paper, epsilon)
    alone = stability.spectral_abscissa(-found.a)
    rate = (1 / epsilon**2 - 1 / 0.25) / (2 * homotopy.leading_order_time(paper, epsilon))
    assert alone == pytest.approx(3 * rate * epsilon**2, rel=1e-3)
    assert 1.01 * alone < found.eigenvalue < 1.05 * alone
    assert -found.a[0, 3] == pytest.approx(found.b.max(), rel=0.01)


def test_split_of_a_matrix():
    matrix = np.arange(16.0).reshape(4, 4)
    found = stability.split(matrix, [0, 2], [3])
    np.testing.assert_array_equal(found.a, -matrix[np.ix_([0, 2], [0, 2])])
    np.testing.assert_array_equal(found.b, [[3.0], [11.0]])
    assert found.smallest_coupling == 3.0
    keep = [0, 2, 3]
    top = np.linalg.eigvals(matrix[np.ix_(keep, keep)]).real.max()
    assert found.eigenvalue == pytest.approx(top)


def test_stages_need_one_output_per_mode(paper):
    with pytest.raises(ValueError, match="one output per mode"):
        stability.linearize(paper, blocks.aligned_state(paper, 0.1), 1, 0.0)


def test_pairs_and_their_names(model):
    assert stability.stage_pairs(model, 2) == ((0, 2), (1, 2))
    linear = stability.linearize(model, stage_state(model, (0.8, 0.4, 0.4, 0.8), 1), 1, 0)
    assert [r["rotation"] for r in stability.pair_rows(linear)] == ["M_1[1,2]", "M_1[1,3]"]
    for stage in (0, 3):
        with pytest.raises(ValueError, match="stage"):
            stability.stage_pairs(model, stage)


def test_gain_without_damping_is_not_a_number(model):
    linear = stability.linearize(model, 1e-3 * np.ones(model.shape), 1, 0)
    assert math.isnan(linear.gain) or linear.gain > 0


def test_growth_rate_of_an_exponential():
    state = np.arange(1.0, 9.0).reshape(2, 2, 2)
    assert stability.growth_rate(state, 0.3 * state, state > 2) == pytest.approx(0.3)
