"""Identical neurons are one: against the full network, step by step and in its loss."""

import numpy as np
import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.theory.manifold import reduction
from saddle_escape.theory.quadrature import gaussian_rule
from saddle_escape.training import identical, network
from saddle_escape.training.data import Normals
from saddle_escape.training.optimizers import GradientDescent, updating
from saddle_escape.training.problem import single_mode

WIDTH, DEPTH, DIM = 7, 4, 5
SCALES = torch.tensor([[0.3, 0.5, 0.7, 0.9], [0.2, 0.2, 0.2, 0.2]], dtype=torch.float64)


def minibatches(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(16, DIM, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_descent_on_minibatches_is_that_of_the_full_network(name):
    act, rate = activations.get(name), 0.3
    small = identical.start(SCALES, DIM)
    large = network.flatten(identical.expand(small, DIM, WIDTH))
    descent = GradientDescent(rate)
    step_small = updating(lambda x: identical.one_neuron(act, DEPTH, WIDTH, x), descent)
    step_large = updating(lambda x: single_mode(act, DEPTH, WIDTH, x), descent)
    for x in minibatches(30):
        losses = WIDTH * step_small(small, x)["loss"], step_large(large, x)["loss"]
        torch.testing.assert_close(*losses, rtol=1e-12, atol=0)
    assert (small[:, 1:DIM].abs() > 1e-3).any()  # the batches have turned w away from v
    expanded = network.flatten(identical.expand(small, DIM, WIDTH))
    torch.testing.assert_close(expanded, large, rtol=1e-12, atol=1e-14)
    weights = network.unflatten(large, network.layer_shapes(DEPTH, WIDTH, DIM))
    scales = identical.layer_scales(small, DIM)
    torch.testing.assert_close(scales, network.layer_scales(weights, WIDTH), rtol=1e-12, atol=0)


def test_start_is_on_the_manifold():
    direction = torch.eye(DIM, dtype=torch.float64)[0]
    expected = network.manifold_weights(SCALES[:1], WIDTH, direction)
    expanded = identical.expand(identical.start(SCALES[:1], DIM), DIM, WIDTH)
    for ours, theirs in zip(expanded, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=0)


def test_population_loss_is_the_reductions_on_the_manifold_and_the_networks_off_it():
    act, rule = activations.get("tanh"), gaussian_rule("trapezoid", step=0.25, half_width=8.0)
    on = identical.start(SCALES, DIM)
    model = reduction(act, DEPTH, WIDTH)
    expected = [model.loss(scales) for scales in SCALES.numpy()]
    losses = identical.population_loss(act, WIDTH, on, DIM, rule)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    off = on + 0.1 * torch.arange(on.shape[1])
    x = torch.randn(400_000, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sampled = WIDTH * identical.one_neuron(act, DEPTH, WIDTH, x).mean_loss(off)
    losses = identical.population_loss(act, WIDTH, off, DIM, rule)
    np.testing.assert_allclose(losses, sampled, rtol=0.01)


@pytest.mark.parametrize("name", ["tanh", "linear"])
def test_the_plane_gives_the_minibatch_gradient_in_mean_and_covariance(name):
    """Against minibatches drawn in all d directions: mean and covariance of one step."""
    act, batch, count, rate = activations.get(name), 4, 40_000, 1.0
    base = identical.start(SCALES[:1], DIM)
    base[0, 1:DIM] = torch.linspace(0.1, 0.4, DIM - 1)
    generator = torch.Generator().manual_seed(0)
    flat = base.repeat(count, 1)
    x = torch.randn(count, batch, DIM, generator=generator, dtype=torch.float64)
    updating(lambda x: identical.one_neuron(act, DEPTH, WIDTH, x), GradientDescent(rate))(flat, x)
    sampled = (flat - base).numpy()
    flat = base.repeat(count, 1)
    drawn = identical.draw_minibatch(Normals(0), count, batch, DIM)
    update = identical.minibatch_descent(act, DEPTH, WIDTH, DIM, rate)
    update(flat, drawn, torch.arange(count))
    planar = (flat - base).numpy()
    spread = sampled.std(0)
    assert np.abs(sampled.mean(0) - planar.mean(0)).max() < 5 * (spread * np.sqrt(2 / count)).max()
    a, b = np.cov(sampled / spread, rowvar=False), np.cov(planar / spread, rowvar=False)
    assert np.abs(a - b).max() < 0.06  # fourth moments of products of normals


def test_on_the_manifold_the_plane_has_no_direction_of_its_own():
    update = identical.minibatch_descent(activations.get("tanh"), DEPTH, WIDTH, DIM, 0.1)
    flat = identical.start(SCALES, DIM)
    update(flat, identical.draw_minibatch(Normals(0), 2, 8, DIM), torch.tensor([1, 0]))
    assert torch.isfinite(flat).all() and (flat[:, 1:DIM] != 0).all()


def test_normals_are_a_seeded_stream_of_standard_normal_numbers():
    first, again, other = (Normals(seed)(1000, 50) for seed in (3, 3, 4))
    assert first.dtype == torch.float64 and torch.equal(first, again)
    assert not torch.equal(first, other)
    normals = Normals(3)
    torch.testing.assert_close(
        torch.cat([normals(400, 50), normals(600, 50)]), first, rtol=0, atol=0
    )
    moments = [float((first**k).mean()) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.08)  # 5 deviations of the fourth
