"""Our integrator against torchdiffeq and torchode on gradient flows of small networks.

Neither can replace it: torchdiffeq has one time for a whole batch, torchode no events.
"""

import math
import warnings

import pytest
import torch

from saddle_escape.training import bottleneck, integrate

torch.set_num_threads(1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torchdiffeq = pytest.importorskip("torchdiffeq")
    torchode = pytest.importorskip("torchode")

SETUP = bottleneck.Setup("tanh", 4, 8, 4, 64)


def case(epsilons):
    """(start (B, P), problem) of one seed at several epsilons, r = 3."""
    raw, x, _ = bottleneck.draw(SETUP, 0)
    return bottleneck.start(SETUP, raw, 3, epsilons), SETUP.problem(x)


def velocity(problem, flat):
    return -problem.loss_and_gradient(flat)[2]


def ours(start, problem, clock, **options):
    plateau = problem.plateau.expand(len(start))
    event = integrate.loss_event(plateau, 0.5) if "t_max" not in options else None
    return integrate.integrate(
        problem.field(), start, event,
        sizes=problem.sizes, clock=clock, rtol=1e-9, plateau=plateau, **options,
    )  # fmt: skip


@pytest.mark.parametrize("clock", integrate.CLOCKS)
def test_event_times_agree_with_torchdiffeq(clock):
    start, problem = case([0.2, 0.1])
    run = ours(start, problem, clock)
    for k in range(2):
        t, _ = torchdiffeq.odeint_event(
            lambda t, y: velocity(problem, y),
            start[k],
            torch.tensor(0.0, dtype=torch.float64),
            event_fn=lambda t, y: problem.mean_loss(y) - 0.5 * problem.plateau,
            method="dopri5",
            rtol=1e-10,
            atol=1e-13,
        )
        assert math.isclose(float(run.t_escape[k]), float(t), rel_tol=1e-7)


def test_states_agree_with_torchode():
    start, problem = case([0.2, 0.1])
    end = 5.0
    run = ours(start, problem, "plain", t_max=end)
    term = torchode.ODETerm(lambda t, y: velocity(problem, y))
    controller = torchode.IntegralController(atol=1e-12, rtol=1e-10, term=term)
    solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), controller)
    times = torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        solution = solver.solve(
            torchode.InitialValueProblem(y0=start, t_start=times, t_end=times + end)
        )
    torch.testing.assert_close(run.t_end, times + end, rtol=1e-12, atol=0)
    torch.testing.assert_close(run.state, solution.ys[:, -1], rtol=1e-6, atol=1e-9)
