"""Leaving the plateau by flow and by descent: two routes to one time, weight decay in both."""

import pytest
import torch

from saddle_escape.training import bottleneck, runs
from saddle_escape.training.optimizers import GradientDescent

torch.set_num_threads(1)
SETUP = bottleneck.Setup("tanh", 4, 8, 3, 32)
FRACTION, RATE = 0.5, 0.01


@pytest.fixture(scope="module")
def network():
    """(problem, weights (1, P)) of one seed, all layers at 0.3 of He-normal."""
    raw, x, _ = bottleneck.draw(SETUP, 0)
    return SETUP.problem(x), bottleneck.start(SETUP, raw, 4, [0.3])


def descent(network, rate=RATE, **options):
    problem, start = network
    run = runs.descent(
        problem, start, GradientDescent(rate), FRACTION, max_steps=10**6, spacing=1e-9, **options
    )
    return run.t_escape.item()


def test_weight_decay_delays_descent_as_it_delays_the_flow(network):
    free = runs.flow(*network, FRACTION, rtol=1e-8).t_escape.item()
    decay = [0.1 / free] * SETUP.depth
    slowed = runs.flow(*network, FRACTION, rtol=1e-8, weight_decay=decay).t_escape.item()
    assert slowed > 1.05 * free
    for t, options in ((free, {}), (slowed, {"weight_decay": decay})):
        errors = [descent(network, rate, **options) / t - 1 for rate in (RATE, RATE / 2)]
        assert abs(errors[1]) < 5e-3 and abs(errors[1]) < 0.75 * abs(errors[0])


def test_a_minibatch_of_all_the_data_is_all_the_data(network):
    everything = torch.randperm(SETUP.samples, generator=torch.Generator().manual_seed(0))
    assert descent(network, minibatch=lambda: everything) == pytest.approx(descent(network))


def test_bottleneck_networks_take_the_same_flow(network):
    drawn = bottleneck.escape(SETUP, 0, 4, [0.3], FRACTION, rtol=1e-8)
    assert torch.equal(drawn.t_escape, runs.flow(*network, FRACTION, rtol=1e-8).t_escape)
