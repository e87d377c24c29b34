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


def figure5_model(block_size=20, **grid):
    """The paper's: one output, beta = (1, .3, .08), c = 1/sqrt(n)."""
    made = blocks.make_grid(3, **({"step": 1.0, "half_width": 5.0} | grid))
    return blocks.make_model(
        TANH, (1.0, 0.3, 0.08), 4, block_size, made, summed=True, fan=block_size
    )


MODELS = {"separate": small_model, "summed": figure5_model}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


def random_state(model, scale=0.6, seed=3):
    """Standard normal entries times ``scale``, where the model has entries."""
    draw = np.random.default_rng(seed).standard_normal(model.shape)
    return scale * draw * (model.metric > 0)


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
def test_hessian_products_agree_with_the_closed_form_at_every_depth(depth):
    check_hessian(small_model(depth=depth))


def test_hessian_products_agree_with_the_closed_form(model):
    check_hessian(model)


def check_hessian(model):
    state, direction = random_state(model), random_state(model, seed=4)
    _, product = model.coupled.gradient_and_hessian_vector(state, direction)
    dense = model.coupled.hessian(state)
    np.testing.assert_allclose(dense, dense.T, atol=1e-13)
    np.testing.assert_allclose(product.ravel(), dense @ direction.ravel(), atol=1e-12)
    h = 1e-5
    shifted = [blocks.gradient(model, state + s * h * direction) for s in (1, -1)]
    np.testing.assert_allclose((shifted[0] - shifted[1]) / (2 * h), product, atol=1e-8)


@pytest.mark.parametrize("nu", [0.0, 0.3, 1.0, "channels"])
def test_jacobian_is_the_field_s_derivative_and_the_adjoint_its_transpose(model, nu):
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


def test_decoupled_field_ignores_off_diagonals_and_is_the_coupled_one_s_diagonal(model):
    state = random_state(model)
    f0 = blocks.decoupled_field(model, state)
    np.testing.assert_array_equal(f0, f0 * model.diagonal)
    diagonal = state * model.diagonal
    np.testing.assert_array_equal(f0, blocks.decoupled_field(model, diagonal))
    f1 = blocks.coupled_field(model, diagonal)
    np.testing.assert_allclose(f0, f1 * model.diagonal, atol=1e-15)


@pytest.mark.parametrize(("name", "invariant"), [("separate", True), ("summed", False)])
def test_blocks_on_their_own_modes_are_invariant_with_one_output_per_mode_alone(name, invariant):
    model = MODELS[name]()
    state = random_state(model) * model.diagonal
    leak = np.abs(blocks.coupled_field(model, state) * (1 - model.diagonal)).max()
    assert (leak < 1e-16) == invariant


def test_block_flow_is_the_full_network_s_flow(model):
    """N = 60 neurons in the paper's case; inputs in R^16, teacher along oblique directions."""
    state, teacher = random_state(model), random_directions(16, model.modes)
    first, *rest = (torch.tensor(w) for w in blocks.expand(model, state))
    shapes = network.layer_shapes(model.depth, model.width, 16, model.outputs)
    weights = [first @ teacher.T, *rest]
    assert [tuple(w.shape) for w in weights] == shapes
    x = torch.tensor(model.grid.points.T) @ teacher.T
    y = torch.tensor(np.ascontiguousarray(model.coupled.targets.T))
    w, c = torch.tensor(model.grid.weights), 1 / math.sqrt(model.fan)
    loss, _, gradient = network.loss_and_gradient(weights, x, y, TANH, c, w)
    assert float(loss) == pytest.approx(blocks.loss(model, state), rel=1e-13)
    velocity = [(-gradient[0] @ teacher).numpy(), *(-g.numpy() for g in gradient[1:])]
    means = blocks.block_means(model, velocity)
    np.testing.assert_allclose(means, blocks.coupled_field(model, state), rtol=1e-11, atol=2e-16)
    for moved, kept in zip(velocity, blocks.expand(model, means), strict=True):
        np.testing.assert_allclose(moved, kept, atol=1e-15)
    np.testing.assert_allclose(gradient[0], gradient[0] @ teacher @ teacher.T, atol=1e-15)


def random_directions(dimension, modes):
    draw = np.random.default_rng(1).standard_normal((dimension, modes))
    return torch.tensor(np.linalg.qr(draw)[0])


def test_jacobian_agrees_with_automatic_differentiation():
    """At three random states of figure 5's model, as the paper does (3e-11 there)."""
    model = figure5_model()
    z, w = torch.tensor(model.grid.points), torch.tensor(model.grid.weights)
    y = torch.tensor(model.amplitudes) @ torch.tanh(z)

    def loss(flat):
        a, p, q, s = flat.reshape(model.shape)
        hidden = torch.tanh(q @ torch.tanh(p @ torch.tanh(a @ z)))
        f = math.sqrt(model.block_size) * s.diagonal() @ hidden
        return 0.5 * (w * (f - y) ** 2).sum()

    for seed in range(3):
        state = random_state(model, seed=seed)
        hessian = torch.autograd.functional.hessian(loss, torch.tensor(state.ravel()))
        jacobian = blocks.jacobian(model, state)
        entries = np.flatnonzero(model.metric)
        error = np.abs(jacobian + hessian.numpy() / model.block_size)[np.ix_(entries, entries)]
        assert error.max() < 1e-15


def test_neurons_of_a_block_stay_alike_on_minibatches(model):
    """All N neurons beside one per block: the same descent, step by step."""
    rate, steps = 3.0, 20
    state = random_state(model)
    small, rates = blocks.collapse(model, state)
    small = [torch.tensor(w) for w in small]
    full = [torch.tensor(w) for w in blocks.expand(model, state)]
    generator = torch.Generator().manual_seed(0)
    pool = torch.tensor(model.coupled.pool * model.amplitudes)
    for _ in range(steps):
        x = torch.randn(32, model.modes, generator=generator, dtype=torch.float64)
        y = torch.tanh(x) @ pool.T
        for weights, c, own in (
            (full, 1 / math.sqrt(model.fan), np.ones(model.depth)),
            (small, 1.0, rates),
        ):
            gradient = network.loss_and_gradient(weights, x, y, TANH, c)[2]
            for w, g, r in zip(weights, gradient, own, strict=True):
                w -= rate * r * g
    moved = blocks.block_means(model, [w.numpy() for w in full])
    for one, other in zip(blocks.collapse(model, moved)[0], small, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    for w, kept in zip(full, blocks.expand(model, moved), strict=True):
        np.testing.assert_allclose(w, kept, atol=1e-13)
    assert np.abs(moved - state).max() > 0.01


def test_block_means_invert_expand(model):
    state = random_state(model)
    back = blocks.block_means(model, blocks.expand(model, state))
    np.testing.assert_allclose(back, state, rtol=1e-14)


def test_aligned_start_is_definition_3_in_every_block():
    weights = blocks.expand(figure5_model(), blocks.aligned_state(figure5_model(), 0.05))
    c, n = 1 / math.sqrt(20), 20
    np.testing.assert_allclose(weights[0], np.repeat(0.05 * np.eye(3), n, axis=0))
    np.testing.assert_allclose(c * weights[1], np.kron(np.eye(3), np.full((n, n), 0.05 / n)))
    np.testing.assert_allclose(c * weights[3], np.full((1, 60), 0.05 / math.sqrt(n)))


def test_aligned_start_is_the_other_start_without_off_diagonals():
    model = small_model()
    start = blocks.initial_state(3, 4, 0.1, 0.0, 0)
    np.testing.assert_allclose(blocks.aligned_state(model, 0.1), start, rtol=1e-14)


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


@pytest.mark.parametrize("name", MODELS)
def test_small_single_mode_grows_at_the_leading_order_rate(name):
    model, epsilon = MODELS[name](step=0.5, half_width=6.5), 1e-3
    for mode in range(3):
        velocity = blocks.decoupled_field(model, blocks.aligned_state(model, epsilon))
        leading = homotopy.leading_order_time(model, epsilon, 2 * epsilon, mode)
        rate = (epsilon**-2 - (2 * epsilon) ** -2) / (2 * leading)
        assert velocity[0, mode, mode] == pytest.approx(rate * epsilon**3, rel=1e-5)
