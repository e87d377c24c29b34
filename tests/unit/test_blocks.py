"""The block reduction: grids, gradient, Hessian, and exactness against the full network."""

import math

import numpy as np
import pytest
import torch

from saddle_escape.theory import activations, blocks, homotopy
from saddle_escape.training import network

TANH = activations.get("tanh")


def small_model(act="tanh", amplitudes=(1.0, 0.75, 0.5), depth=4, block_size=4, **grid):
    grid = {"step": 1.0, "half_width": 5.0} | grid
    made = blocks.make_grid(len(amplitudes), **grid)
    return blocks.make_model(activations.get(act), amplitudes, depth, block_size, made)


def random_state(model, scale=0.6, seed=3):
    return scale * np.random.default_rng(seed).standard_normal(model.shape)


@pytest.mark.parametrize("rule", [{"rule": "gauss_hermite", "nodes": 7}, {"step": 0.75}, {}])
def test_half_grid_equals_full_grid(rule):
    half, full = small_model(**rule), small_model(**rule, halve=False)
    state = random_state(half)
    assert half.grid.size == (full.grid.size + full.grid.size % 2) // 2
    for grid in (half.grid, full.grid):
        assert grid.weights.sum() == pytest.approx(1, abs=1e-14)
        assert grid.axis_weights.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(blocks.loss(half, state), blocks.loss(full, state), rtol=1e-14)
    reference = blocks.gradient(full, state)
    error = np.abs(blocks.gradient(half, state) - reference).max()
    assert error < 1e-14 * max(1, np.abs(reference).max())


def test_grid_reproduces_gaussian_moments():
    grid = blocks.make_grid(3, step=0.5, half_width=6.5)
    x, y, z = grid.points
    assert grid.weights @ (x**2 * y**2) == pytest.approx(1, abs=1e-6)
    assert grid.weights @ (x**4 + z**2) == pytest.approx(4, abs=1e-5)
    assert grid.axis_weights @ grid.axis_nodes**2 == pytest.approx(1, abs=1e-7)


def test_axis_weights_are_the_grid_s_marginal():
    grid = blocks.make_grid(3, step=0.5, half_width=4.0)
    marginal = [grid.weights[np.abs(grid.points[1]) == z].sum() for z in grid.axis_nodes]
    np.testing.assert_allclose(marginal, grid.axis_weights, rtol=1e-12)


def test_too_large_grid_is_refused_with_its_size():
    with pytest.raises(ValueError, match="53 nodes on each of 4 axes make 7,890,481 points"):
        blocks.make_grid(4, step=0.25, half_width=6.5)


@pytest.mark.parametrize(
    ("act", "amplitudes", "message"),
    [
        ("gelu", (1, 0.5, 0.2), "not odd"),
        ("linear", (1, 0.5, 0.2), "not bounded"),
        ("tanh", (1, 1, 1, 1, 1), "5 modes"),
    ],
)
def test_unsuitable_models_are_refused(act, amplitudes, message):
    grid = blocks.make_grid(3, step=1.0)
    with pytest.raises(ValueError, match=message):
        blocks.make_model(activations.get(act), amplitudes, 4, 8, grid)


@pytest.mark.parametrize("act", ["tanh", "erf", "sin", "arctan", "z*exp(-z**2)"])
def test_gradient_is_the_loss_s_derivative(act):
    model = small_model(act)
    state, direction = random_state(model), random_state(model, seed=4)
    h = 1e-5
    change = blocks.loss(model, state + h * direction) - blocks.loss(model, state - h * direction)
    slope = np.sum(blocks.gradient(model, state) * direction)
    assert change / (2 * h) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_hessian_products_agree_with_the_closed_form(depth):
    model = small_model(depth=depth)
    state, direction = random_state(model), random_state(model, seed=4)
    product = blocks.hessian_vector(model, state, direction)
    dense = model.coupled.hessian(state)
    np.testing.assert_allclose(dense, dense.T, atol=1e-13)
    np.testing.assert_allclose(product.ravel(), dense @ direction.ravel(), atol=1e-12)
    h = 1e-5
    shifted = [blocks.gradient(model, state + s * h * direction) for s in (1, -1)]
    np.testing.assert_allclose((shifted[0] - shifted[1]) / (2 * h), product, atol=1e-8)


@pytest.mark.parametrize("nu", [0.0, 0.3, 1.0, "channels"])
def test_jacobian_is_the_field_s_derivative_and_the_adjoint_its_transpose(nu):
    model = small_model()
    if nu == "channels":
        nu = np.random.default_rng(5).uniform(size=model.shape)
    state, direction = random_state(model), random_state(model, seed=4)
    jacobian = blocks.jacobian(model, state, nu)
    h = 1e-5
    ahead, behind = (blocks.field(model, state + s * h * direction, nu) for s in (1, -1))
    np.testing.assert_allclose(
        ((ahead - behind) / (2 * h)).ravel(), jacobian @ direction.ravel(), atol=1e-9
    )
    transported, switched = blocks.adjoint_field(model, state, nu, direction)
    np.testing.assert_allclose(transported.ravel(), jacobian.T @ direction.ravel(), atol=1e-13)
    difference = blocks.field(model, state, 1.0) - blocks.field(model, state, 0.0)
    np.testing.assert_allclose(switched, difference, atol=1e-15)


def test_decoupled_field_ignores_off_diagonals_and_equals_the_coupled_one_without_them():
    model = small_model()
    state = random_state(model)
    f0 = blocks.decoupled_field(model, state)
    np.testing.assert_array_equal(f0, f0 * model.diagonal)
    diagonal = state * model.diagonal
    np.testing.assert_array_equal(f0, blocks.decoupled_field(model, diagonal))
    np.testing.assert_allclose(f0, blocks.coupled_field(model, diagonal), atol=1e-15)


def test_block_flow_is_the_full_network_s_flow():
    model = small_model()
    state = random_state(model)
    weights = [torch.tensor(w) for w in blocks.expand(model, state)]
    shapes = network.layer_shapes(model.depth, model.width, model.modes, model.modes)
    assert [tuple(w.shape) for w in weights] == shapes
    x, y, w = (
        torch.tensor(np.ascontiguousarray(v.T))
        for v in (model.grid.points, model.coupled.targets, model.grid.weights)
    )
    c = network.prefactor("ntk", model.width)
    loss, _, gradient = network.loss_and_gradient(weights, x, y, TANH, c, w)
    assert float(loss) == pytest.approx(blocks.loss(model, state), rel=1e-13)
    velocity = [-g.numpy() for g in gradient]
    means = blocks.block_means(model, velocity)
    np.testing.assert_allclose(means, blocks.coupled_field(model, state), rtol=1e-11, atol=1e-15)
    for moved, kept in zip(velocity, blocks.expand(model, means), strict=True):
        np.testing.assert_allclose(moved, kept, atol=1e-15)


def test_block_means_invert_expand():
    model = small_model()
    state = random_state(model)
    back = blocks.block_means(model, blocks.expand(model, state))
    np.testing.assert_allclose(back, state, rtol=1e-14)


def test_start_is_the_stated_one():
    state = blocks.initial_state(3, 4, 0.1, 0.3, 0)
    draw = np.random.default_rng(0).standard_normal((4, 3, 3))
    assert state[0, 0, 0] == 0.1
    assert state[1, 2, 2] == pytest.approx(0.1 / math.sqrt(3))
    assert state[0, 0, 1] == pytest.approx(0.03 * draw[0, 0, 1])
    assert state[2, 1, 0] == pytest.approx(0.03 / math.sqrt(3) * draw[2, 1, 0])


def test_alignment_is_the_network_s():
    model = small_model()
    state = random_state(model)
    first = torch.tensor(blocks.expand(model, state)[0])
    for mode in range(3):
        direction = torch.eye(3, dtype=torch.float64)[mode]
        expected = float(network.mode_alignment([first], direction, model.width))
        assert blocks.alignment(state, mode) == pytest.approx(expected, rel=1e-14)


def test_small_single_mode_grows_at_the_leading_order_rate():
    model = small_model(step=0.5, half_width=6.5, amplitudes=(1.0, 0.75))
    scales = np.array([1, 1 / math.sqrt(2), 1 / math.sqrt(2), 1])[:, None, None]
    epsilon = 1e-3
    velocity = blocks.coupled_field(model, epsilon * scales * np.eye(2))[0, 0, 0]
    leading = homotopy.leading_order_time(model, epsilon, scale=2 * epsilon)
    rate = (epsilon**-2 - (2 * epsilon) ** -2) / (2 * leading)
    assert velocity == pytest.approx(rate * epsilon**3, rel=1e-5)
