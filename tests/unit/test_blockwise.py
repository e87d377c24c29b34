"""One neuron per block trains as all N do, on the same Gaussian minibatches."""

import math

import torch

from saddle_escape.theory import activations, blocks
from saddle_escape.training import blockwise, network
from saddle_escape.training.optimizers import updating

TANH = activations.get("tanh")


def test_collapsed_descent_is_the_network_s():
    """Figure 5's N = 60 in d = 16 dimensions, in float64; the paper's rates, rate and rate / n."""
    dim, rate, n = 16, 0.5, 20
    grid = blocks.make_grid(3, step=1.0, half_width=5.0)
    model = blocks.make_model(TANH, (1.0, 0.3, 0.08), 4, n, grid, summed=True, fan=n)
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
