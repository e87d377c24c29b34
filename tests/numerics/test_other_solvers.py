"""Our integrator against torchdiffeq and torchode on gradient flows of small networks.

Neither can replace it: torchdiffeq has one time for a whole batch, torchode no events.
"""

import math
import warnings

import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.training import bottleneck, integrate, network

torch.set_num_threads(1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torchdiffeq = pytest.importorskip("torchdiffeq")
    torchode = pytest.importorskip("torchode")

SETUP = bottleneck.Setup("tanh", 4, 8, 4, 64)


def problem(epsilons):
    """(start (B, P), velocity, plateau, layer sizes) of one seed at several epsilons, r = 3."""
    weights, x, y = bottleneck.draw(SETUP, 0)
    shapes = network.layer_shapes(4, 8, 4)
    act = activations.get("tanh")

    def gradient(flat):
        loss, _, gradients = network.loss_and_gradient(
            network.unflatten(flat, shapes), x, y, act, 1.0
        )
        return loss, -network.flatten(gradients)

    start = torch.stack([network.flatten(network.scale_layers(weights, 3, e)) for e in epsilons])
    return start, gradient, float(y.square().mean() / 2), [a * b for a, b in shapes]


def ours(start, gradient, plateau, sizes, clock, **options):
    def field(flat, index):
        loss, velocity = gradient(flat)
        return velocity, loss[:, None]

    level = torch.full((len(start),), plateau, dtype=torch.float64)
    event = integrate.loss_event(level, 0.5) if "t_max" not in options else None
    return integrate.integrate(
        field, start, event, sizes=sizes, clock=clock, rtol=1e-9, plateau=level, **options
    )


@pytest.mark.parametrize("clock", integrate.CLOCKS)
def test_event_times_agree_with_torchdiffeq(clock):
    start, gradient, plateau, sizes = problem([0.2, 0.1])
    found = ours(start, gradient, plateau, sizes, clock)
    for k in range(2):
        t, _ = torchdiffeq.odeint_event(
            lambda t, y: gradient(y)[1],
            start[k],
            torch.tensor(0.0, dtype=torch.float64),
            event_fn=lambda t, y: gradient(y)[0] - 0.5 * plateau,
            method="dopri5",
            rtol=1e-10,
            atol=1e-13,
        )
        assert math.isclose(float(found.t_escape[k]), float(t), rel_tol=1e-7)


def test_states_agree_with_torchode():
    start, gradient, plateau, sizes = problem([0.2, 0.1])
    end = 5.0
    found = ours(start, gradient, plateau, sizes, "plain", t_max=end)
    term = torchode.ODETerm(lambda t, y: gradient(y)[1])
    controller = torchode.IntegralController(atol=1e-12, rtol=1e-10, term=term)
    solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), controller)
    times = torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        solution = solver.solve(
            torchode.InitialValueProblem(y0=start, t_start=times, t_end=times + end)
        )
    torch.testing.assert_close(found.t_end, times + end, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.state, solution.ys[:, -1], rtol=1e-6, atol=1e-9)
