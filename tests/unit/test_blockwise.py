"""One neuron per block trains as all N do, on the same Gaussian minibatches."""

import math

import numpy as np
import pytest
import torch

from saddle_escape.theory import activations, blocks
from saddle_escape.training import blockwise, network
from saddle_escape.training.data import Normals
from saddle_escape.training.optimizers import updating

TANH = activations.get("tanh")
AMPLITUDES = (1.0, 0.3, 0.08)


def collapsible(n):
    """Figure 5's model, blocks of n neurons."""
    grid = blocks.make_grid(3, step=1.0, half_width=5.0)
    return blocks.make_model(TANH, AMPLITUDES, 4, n, grid, summed=True, fan=n)


def turned(model, dim):
    """Flat weights (1, P) whose W_1 has a part across the teacher's directions."""
    flat = blockwise.start(model, blocks.aligned_state(model, 0.5), dim)
    generator = torch.Generator().manual_seed(5)
    return flat + 0.3 * torch.randn(flat.shape, generator=generator, dtype=torch.float64)


def sampled_step(model, dim, rate):
    """The step on inputs that are drawn in all d directions."""
    return updating(blockwise.on_batch(model, dim), blockwise.layer_rates(model, dim, rate))


def test_collapsed_descent_is_the_network_s():
    """Figure 5's N = 60 in d = 16 dimensions, in float64; the paper's rates, rate and rate / n."""
    dim, rate, n = 16, 0.5, 20
    model = collapsible(n)
    state = blocks.aligned_state(model, 0.3)
    on_batch = blockwise.on_batch(model, dim)
    small = blockwise.start(model, state, dim)
    step = updating(on_batch, blockwise.layer_rates(model, dim, rate))
    c = 1 / math.sqrt(n)
    full = [torch.tensor(w) * (c if k else 1) for k, w in enumerate(blocks.expand(model, state))]
    full[0] = torch.cat([full[0], torch.zeros(60, dim - 3, dtype=torch.float64)], -1)
    rates = [rate] + [rate / n] * 3  # of the paper's network, which has no prefactor
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        x = torch.randn(64, dim, generator=generator, dtype=torch.float64)
        y = torch.tanh(x[:, :3]) @ torch.tensor([[1.0], [0.3], [0.08]], dtype=torch.float64)
        gradients = network.loss_and_gradient(full, x, y, TANH, 1.0)[2]
        loss = network.loss_and_gradient(full, x, y, TANH, 1.0)[0]
        for w, gradient, own in zip(full, gradients, rates, strict=True):
            w -= own * gradient
        seen = step(small, x)
        torch.testing.assert_close(seen["loss"][0], loss, rtol=1e-11, atol=1e-14)
    first = on_batch(x).unflatten(small)[0][0]
    torch.testing.assert_close(full[0].view(3, n, dim)[:, 0], first, rtol=1e-11, atol=1e-13)
    assert first[:, 3:].norm() > 1e-3  # noise has turned it across the teacher's directions
    assert (first[:, :3].diagonal() - 0.3).abs().max() > 0.1


@pytest.mark.parametrize("dim", [3, 4, 9])
def test_within_the_plane_a_step_is_the_minibatch_s_own(dim):
    """The same inputs, and none across the plane: the gradient without its part across."""
    model = collapsible(20)
    whole, plane = turned(model, dim), turned(model, dim)
    x = torch.randn(50, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shapes = blockwise.layer_shapes(model, dim)
    basis = torch.linalg.qr(network.unflatten(whole, shapes)[0][0, :, 3:].mT)[0]
    seen = torch.cat([x[:, :3], x[:, 3:] @ basis], -1).ravel()
    start = whole.clone()
    sampled_step(model, dim, 0.5)(whole, x)
    drawn = torch.cat([seen, torch.zeros(3 * (dim - 3), dtype=torch.float64)])
    assert drawn.shape == blockwise.draw_minibatch(Normals(0), 50, 3, dim).shape
    blockwise.minibatch_descent(model, dim, 0.5)(plane, drawn)
    expected, *others = (b - a for a, b in both(start, whole, shapes))
    step, *rest = (b - a for a, b in both(start, plane, shapes))
    across = expected[..., 3:] @ basis @ basis.mT
    torch.testing.assert_close(step[..., :3], expected[..., :3], rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(step[..., 3:], across, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(rest, others, rtol=1e-11, atol=1e-14)


def both(before, after, shapes):
    return zip(network.unflatten(before, shapes), network.unflatten(after, shapes), strict=True)


def test_steps_have_the_mean_and_covariance_of_those_on_minibatches():
    model, dim, batch, count = collapsible(20), 8, 4, 10_000
    start, normals = turned(model, dim), Normals(0)
    drawn = blockwise.minibatch_descent(model, dim, 1.0)
    steps = []
    for update, draw in [
        (sampled_step(model, dim, 1.0), lambda: normals(batch, dim)),
        (drawn, lambda: blockwise.draw_minibatch(normals, batch, 3, dim)),
    ]:
        ends = []
        for _ in range(count):
            flat = start.clone()
            update(flat, draw())
            ends.append(flat - start)
        steps.append(torch.cat(ends)[:, : 3 * dim].numpy())  # of W_1
    sampled, planar = steps
    spread = sampled.std(0)
    assert np.abs((sampled.mean(0) - planar.mean(0)) / spread).max() < 5 * np.sqrt(2 / count)
    a, b = (np.cov(s / spread, rowvar=False) for s in steps)
    assert np.abs(a - b).max() < 0.13  # fourth moments of products of normals


def test_on_the_teacher_s_directions_and_with_one_error_for_all_a_step_is_finite():
    """W_1 without a part across; a covariance of rank one, and one that is 0."""
    model, dim = collapsible(20), 8
    flat = blockwise.start(model, np.zeros(model.shape), dim)
    blockwise.minibatch_descent(model, dim, 0.5)(
        flat, blockwise.draw_minibatch(Normals(0), 16, 3, dim)
    )
    assert torch.isfinite(flat).all()
    flat = blockwise.start(model, blocks.aligned_state(model, 1e-3), dim)
    before = flat.clone()
    blockwise.minibatch_descent(model, dim, 0.5)(
        flat, blockwise.draw_minibatch(Normals(0), 16, 3, dim)
    )
    first = (flat - before)[0, : 3 * dim].view(3, dim)
    assert torch.isfinite(flat).all() and (first[:, 3:] != 0).all()
