"""Gaussian starts on what the limit flow reaches; T* over draws and its limit (figure S4)."""

import itertools
import math

import numpy as np
import pytest
import torch

from saddle_escape.figures import figureS4
from saddle_escape.settings import load
from saddle_escape.studies import prefactor
from saddle_escape.theory import gaussian_chain
from saddle_escape.theory.gaussian_chain import GAIN, small_layers
from saddle_escape.training.gaussian_chain import blow_up_times

torch.set_num_threads(1)
STUDY = load(
    prefactor.Study,
    {
        "activation": "tanh",
        "depth": 5,
        "widths": [16, 64],
        "rtol": 1e-6,
        "seed": 0,
        "cases": {"r3": {"r": 3, "input_dims": [4], "words": 4, "draws": 120, "batch": 50}},
    },
)


def limit(r, ratio, words=7):
    """T* at infinite width and |A| = |C| = 1."""
    small = small_layers(np.random.default_rng(0), 1, r, math.inf, words)
    return blow_up_times(small, ratio, 1e-9).item()


def whole(rng, draws, r, width):
    """V_1 c / |c| and V_2..V_r, with all their entries."""
    shapes = [(width, 1), *[(width, width)] * (r - 2), (1, width)]
    return [rng.normal(0, math.sqrt(GAIN / width), (draws, *shape)) for shape in shapes]


def squared_lengths(small):
    """Means of |V_l..V_1 c|^2, gamma(0)^2 last, and of |V_r..V_l|^2, with their errors."""
    up = itertools.accumulate(small, lambda right, left: left @ right)
    down = itertools.accumulate(small[:0:-1], lambda left, right: left @ right)
    squares = np.array([(v**2).sum((1, 2)) for v in (*up, *down)])
    return squares.mean(1), squares.std(1) / math.sqrt(squares.shape[1])


@pytest.mark.parametrize("r", [3, 4, 5])
def test_longer_words_change_the_blow_up_time_less_and_less(r):
    times = [limit(r, 4, words) for words in (2, 4, 6, 8)]
    changes = np.abs(np.diff(times)) / times[-1]
    assert np.all(changes[1:] < changes[:-1] / 4)
    assert changes[-1] < 1e-3


def test_a_wide_first_layer_drops_out_of_the_limit():
    """What is left is the flow of the other layers: linear for r = 3, r - 1 layers for r = 4."""
    size = math.sqrt(GAIN * 4096)
    assert limit(3, 4096) * size == pytest.approx(math.log(2 * size), rel=5 / size**2)
    assert limit(4, 4096) * size == pytest.approx(limit(3, 1) - 1 / size, rel=5 / size**2)
    assert limit(5, 4096) * size == pytest.approx(limit(4, 1), rel=10 / size**2)


@pytest.mark.parametrize(("r", "width"), [(3, 8), (4, 6), (4, 100)])
def test_what_the_layers_make_of_the_two_vectors_has_the_lengths_of_gaussian_layers(r, width):
    """E |V_l..V_1 c|^2 = GAIN^l, E gamma(0)^2 = GAIN^r / N."""
    small = small_layers(np.random.default_rng(3), 4000, r, width, 6)
    mean, error = squared_lengths(small)
    powers = [*range(1, r + 1), *range(1, r)]
    exact = np.array([GAIN**power for power in powers])
    exact[r - 1] /= width
    assert np.all(np.abs(mean - exact) < 4.5 * error)


@pytest.mark.parametrize(("r", "width"), [(3, 8), (4, 6)])
def test_compressed_starts_have_the_blow_up_times_of_whole_matrices(r, width):
    draws, rng = 800, np.random.default_rng(3)
    compressed, full = small_layers(rng, draws, r, width, 8), whole(rng, draws, r, width)
    assert compressed[1].shape == full[1].shape
    logs = [np.log(blow_up_times(start, 1, 1e-5)) for start in (compressed, full)]
    error = math.sqrt(sum(np.var(x) for x in logs) / draws)
    assert abs(logs[0].mean() - logs[1].mean()) < 4 * error
    assert np.std(logs[0]) == pytest.approx(np.std(logs[1]), rel=0.12)


def test_features_have_mean_zero_and_the_variance_of_a_length():
    """Of log(chi_N), 1/(2N); of gamma(0) relative to its factors, 1/N."""
    r, width, draws = 4, 50, 4000
    rng = np.random.default_rng(5)
    outer = np.sqrt(rng.chisquare(width, (draws, 2)) / width)
    columns = gaussian_chain.features(small_layers(rng, draws, r, width, 4), outer, width)
    assert columns.shape == (draws, 2 + 2 + 1 + 2 * (r - 2))
    np.testing.assert_allclose(columns.mean(0) / columns.std(0), 0, atol=4 / math.sqrt(draws))
    variance = np.full(columns.shape[1], 1 / (2 * width))
    variance[4] = 1 / width
    np.testing.assert_allclose(columns.var(0), variance, rtol=0.2)


def test_a_linear_quantity_is_explained_by_group():
    """y = 3 + 2 x_1 - x_4 of independent features: shares 4 : 1, nothing left."""
    columns = np.random.default_rng(0).normal(size=(5000, 1 + 2 + 1 + 2))
    explained = gaussian_chain.explain(3 + 2 * columns[:, 0] - columns[:, 3], columns, 3)
    assert explained.mean == pytest.approx(3)
    assert explained.unexplained < 1e-12
    shares = [explained.shares[name] for name in gaussian_chain.GROUPS]
    np.testing.assert_allclose(shares, [0.8, 0, 0.2, 0], atol=0.02)


def test_two_layers_do_not_blow_up():
    with pytest.raises(ValueError, match="r: 2 is too small"):
        small_layers(np.random.default_rng(0), 1, 2, 8, 2)


def test_the_study_has_the_figures_columns_and_its_order():
    table = prefactor.distribution(STUDY, "r3")
    assert tuple(table.columns) == figureS4.COLUMNS
    assert (table["blown_up"] == 120).all()
    quantiles = table[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert np.all(np.diff(quantiles) > 0)
    small, large = table["spread"]
    assert small > 1.5 * large
    again = prefactor.distribution(STUDY, "r3")
    np.testing.assert_array_equal(table["q50"], again["q50"])


def test_the_figure_draws_every_width_and_the_limit():
    table = prefactor.distribution(STUDY, "r3")
    times, _, parts = figureS4.draw(table).axes
    (line,) = (a for a in times.get_lines() if a.get_gid() == "limit")
    np.testing.assert_allclose(line.get_xydata(), np.column_stack([[4, 16], table["limit"]]))
    assert sum(bar.get_width() for bar in parts.patches) == pytest.approx(2)
    with pytest.raises(ValueError, match="figureS4: missing column"):
        figureS4.draw(table.drop(columns="limit"))
