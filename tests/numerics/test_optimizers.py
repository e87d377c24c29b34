"""Steps of descent against torch.optim."""

import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.training import network
from saddle_escape.training.optimizers import Adam, GradientDescent, HeavyBall, updating
from saddle_escape.training.problem import single_mode

torch.set_num_threads(1)
DECAY = (0.3, 0.0, 0.1, 0.2)
CASES = {
    "plain": (GradientDescent(0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "heavy_ball": (HeavyBall(0.02, 0.9), lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "adam": (Adam(0.01), lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam_betas": (
        Adam(0.003, 0.7, 0.99, 1e-4),
        lambda p: torch.optim.Adam(p, lr=0.003, betas=(0.7, 0.99), eps=1e-4),
    ),
}


def minibatch(x):
    return single_mode(activations.get("tanh"), 4, 6, x, parameterization="standard")


def problem_and_start(batch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 20, 3, generator=generator, dtype=torch.float64)
    shapes = network.layer_shapes(4, 6, 3)
    starts = [network.flatten(network.he_normal(generator, shapes)) for _ in range(batch)]
    return x, torch.stack(starts)


def by_torch(make, x, start, decay):
    """The weights after torch.optim's steps on autograd's gradients of one network."""
    shapes = network.layer_shapes(4, 6, 3)
    layers = [w.clone().requires_grad_() for w in network.unflatten(start, shapes)]
    optimizer = make(
        [{"params": [w], "weight_decay": d} for w, d in zip(layers, decay, strict=True)]
    )
    for inputs in x:
        h = inputs
        for w in layers[:-1]:
            h = torch.tanh(h @ w.T)
        loss = 0.5 * (h @ layers[-1].T - torch.tanh(inputs[:, :1])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.flatten([w.detach() for w in layers])


@pytest.mark.parametrize("decay", [None, DECAY])
@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_torch(name, decay):
    optimizer, make = CASES[name]
    x, start = problem_and_start(batch=2)
    weights, memory = start.clone(), optimizer.memory(start)
    update = updating(minibatch, optimizer, decay)
    for inputs in x:
        before = minibatch(inputs).mean_loss(weights)
        seen = update(weights, inputs, *memory)
        torch.testing.assert_close(seen["loss"], before, rtol=1e-12, atol=0)
    for k in range(2):
        expected = by_torch(make, x, start[k], decay or (0.0,) * 4)
        assert (expected - start[k]).norm() > 0.02 * start[k].norm()
        torch.testing.assert_close(weights[k], expected, rtol=1e-9, atol=1e-11)


def test_adam_in_single_precision_keeps_its_bias_correction():
    optimizer = Adam(0.01)
    start = torch.ones(2, 5)
    weights, memory = start.clone(), optimizer.memory(start)
    assert [m.dtype for m in memory] == [torch.float32, torch.float32, torch.float64]
    optimizer.step(weights, torch.full_like(weights, 1e-3), *memory)
    # the first step has length rate in every component, whatever the gradient
    torch.testing.assert_close(start - weights, torch.full_like(weights, 0.01), rtol=2e-5, atol=0)
