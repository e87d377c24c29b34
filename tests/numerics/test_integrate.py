"""The adaptive integrator: its coefficients, its order, its events, its clocks, its statuses."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from saddle_escape.theory import activations
from saddle_escape.training import integrate, network
from saddle_escape.training.optimizers import Adam, GradientDescent, HeavyBall, updating
from saddle_escape.training.problem import single_mode

torch.set_num_threads(1)
NODES, MATRIX = np.array(integrate.C), np.zeros((7, 7))
for _i, _row in enumerate(integrate.A):
    MATRIX[_i, : len(_row)] = _row
WEIGHTS, DENSE = np.array(integrate.B), np.array(integrate.P)

# Rooted trees up to order 5 as (elementary weights, density gamma): sum b Phi = 1 / gamma.
TREES = {
    1: [(NODES**0, 1)],
    2: [(NODES, 2)],
    3: [(NODES**2, 3), (MATRIX @ NODES, 6)],
    4: [
        (NODES**3, 4),
        (NODES * (MATRIX @ NODES), 8),
        (MATRIX @ NODES**2, 12),
        (MATRIX @ MATRIX @ NODES, 24),
    ],
    5: [
        (NODES**4, 5),
        (NODES**2 * (MATRIX @ NODES), 10),
        (NODES * (MATRIX @ NODES**2), 15),
        (NODES * (MATRIX @ MATRIX @ NODES), 30),
        ((MATRIX @ NODES) ** 2, 20),
        (MATRIX @ NODES**3, 20),
        (MATRIX @ (NODES * (MATRIX @ NODES)), 40),
        (MATRIX @ MATRIX @ NODES**2, 60),
        (MATRIX @ MATRIX @ MATRIX @ NODES, 120),
    ],
}


def order_violation(weights, order):
    return max(abs(weights @ phi - 1 / gamma) for phi, gamma in TREES[order])


def test_stages_are_consistent():
    np.testing.assert_allclose(MATRIX.sum(1), NODES, atol=1e-15)
    np.testing.assert_array_equal(MATRIX[6], WEIGHTS)  # first same as last


@pytest.mark.parametrize("order", range(1, 6))
def test_order_conditions_of_the_pair(order):
    embedded = WEIGHTS - np.array(integrate.E)
    assert order_violation(WEIGHTS, order) < 1e-15
    if order <= 4:
        assert order_violation(embedded, order) < 1e-15
    else:  # if the embedded method were of order 5 too, the estimate would see nothing
        assert order_violation(embedded, 5) > 1e-4


@pytest.mark.parametrize("theta", [0.2, 0.5, 0.9])
def test_dense_output_is_of_order_four(theta):
    weights = DENSE @ theta ** np.arange(1, 5)
    for order in range(1, 5):
        assert order_violation(weights / theta**order, order) < 1e-14 / theta**order


def test_dense_output_joins_the_steps_smoothly():
    first, last = np.eye(7)[0], np.eye(7)[6]
    np.testing.assert_allclose(DENSE.sum(1), WEIGHTS, atol=1e-15)
    np.testing.assert_allclose(DENSE[:, 0], first, atol=1e-15)
    np.testing.assert_allclose(DENSE @ np.arange(1, 5), last, atol=1e-14)


def pendulum(y, index):
    """Pendulum (angle, velocity), its energy seen. Nonlinear, smooth, no closed-form shortcut."""
    angle, velocity = y.unbind(-1)
    energy = velocity.square() / 2 - torch.cos(angle)
    return torch.stack([velocity, -torch.sin(angle)], -1), lambda: {"energy": energy}


def pendulum_errors(steps, theta):
    """(global error at t = 2, local error of the dense output in the first step)."""
    rhs = integrate.clocked(pendulum, "plain")
    exact = solve_ivp(
        lambda t, y: [y[1], -math.sin(y[0])],
        (0, 2), [1.0, 0.3], method="DOP853", rtol=1e-13, atol=1e-15, dense_output=True,
    ).sol  # fmt: skip
    h = torch.tensor([2 / steps], dtype=torch.float64)
    z, index = torch.tensor([[1.0, 0.3, 0.0]], dtype=torch.float64), torch.tensor([0])
    dz, _ = rhs(z, index)
    _, stages, _, _ = integrate.attempt_step(rhs, z, dz, h, index)
    inside = integrate.interpolate(z, h, stages, torch.tensor([theta], dtype=torch.float64))
    local = np.abs(inside[0, :2].numpy() - exact(theta * 2 / steps)).max()
    for _ in range(steps):
        z, stages, _, _ = integrate.attempt_step(rhs, z, dz, h, index)
        dz = stages[-1]
    return np.abs(z[0, :2].numpy() - exact(2.0)).max(), local


def test_convergence_orders_by_regression():
    steps = np.array([20, 28, 40, 56, 80])
    errors = np.array([pendulum_errors(n, 0.37) for n in steps])
    slope, local_slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(5, abs=0.2)
    assert 4.8 < local_slope < 5.5  # order 4, so locally h^5


def chain(y, index):
    """Four layer scales near a saddle, dX_l/dt = (1 - prod X) prod_{k != l} X_k, loss seen."""
    product = y.prod(-1, keepdim=True)
    return (1 - product) * product / y, lambda: {"loss": (1 - product[:, 0]).square() / 2}


def chain_starts(epsilon=(0.3, 0.1, 0.03)):
    shape = torch.tensor([1.0, 1.3, 0.8, 1.1], dtype=torch.float64)
    return torch.tensor(epsilon, dtype=torch.float64)[:, None] * shape


def chain_times(starts, clock="relative_rate", **options):
    plateau = torch.full((len(starts),), 0.5, dtype=torch.float64)
    event = integrate.loss_event(plateau, 0.5)
    return integrate.integrate(chain, starts, event, clock=clock, plateau=plateau, **options)


def scipy_chain_time(start, method):
    def slope(_, x):
        return (1 - x.prod()) * x.prod() / x

    def halfway(_, x):
        return (1 - x.prod()) ** 2 / 2 - 0.25

    halfway.terminal = True
    done = solve_ivp(slope, (0, 1e9), start, method, events=halfway, rtol=1e-11, atol=1e-14)
    return done.t_events[0][0]


@pytest.mark.parametrize("method", ["RK45", "DOP853"])
@pytest.mark.parametrize("clock", integrate.CLOCKS)
def test_event_times_agree_with_scipy(method, clock):
    starts = chain_starts()
    ours = chain_times(starts, clock, rtol=1e-10).t_escape.numpy()
    theirs = [scipy_chain_time(s.numpy(), method) for s in starts]
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)


@pytest.mark.parametrize("clock", integrate.CLOCKS)
def test_event_error_follows_the_tolerance(clock):
    starts = chain_starts()
    exact = chain_times(starts, rtol=1e-12).t_escape
    ladder = 10.0 ** -np.arange(4, 10)
    errors = [(chain_times(starts, clock, rtol=r).t_escape / exact - 1).abs().max() for r in ladder]
    assert all(error < 20 * r for error, r in zip(errors, ladder, strict=True))
    assert errors[-1] < 1e-3 * errors[0]


def test_long_plateaus_cost_few_steps():
    """As many for every decade of epsilon in the relative-rate clock, ever fewer in arc length."""
    epsilon = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
    relative, arc = (
        chain_times(chain_starts(epsilon), rtol=1e-6, clock=clock)
        for clock in ("relative_rate", "arc_length")
    )
    assert relative.t_escape[-1] > 1e19
    torch.testing.assert_close(arc.t_escape, relative.t_escape, rtol=1e-5, atol=0)
    steps = relative.accepted_steps.double().diff()
    assert steps.max() - steps.min() <= 2  # linear in log(1 / epsilon)
    assert steps.min() >= 10 and steps.max() <= 20  # for two decades
    steps = arc.accepted_steps.double().diff()
    assert (steps.diff() <= 0).all() and steps[-1] <= 3


def test_growth_along_a_line_costs_a_step_for_each_factor_of_ten():
    """dy/dt = |y|^7 v, as with eight layers, from y(0) across v: y = y(0) + u v, |y|^2 = 1 + u^2.

    With s = u / |y| the time is the integral of (1 + u^2)^(-7/2) du, s - 2 s^3 / 3 + s^5 / 5.
    """
    v = torch.tensor([0.6, 0.8], dtype=torch.float64)
    start = torch.tensor([[0.8, -0.6]], dtype=torch.float64)

    def field(y, index):
        size = y.norm(dim=-1, keepdim=True)
        return size**7 * v.expand_as(y), lambda: {"size": size[:, 0]}

    def run(growth, clock="arc_length"):
        return integrate.integrate(
            field, start, lambda seen, index: torch.log(growth / seen["size"]),
            sizes=(2,), clock=clock, rtol=1e-8,
        )  # fmt: skip

    near, far = run(1e4), run(1e10)
    assert far.accepted_steps - near.accepted_steps <= 7
    assert run(1e10, "relative_rate").accepted_steps > 2 * far.accepted_steps
    across = far.state - (far.state @ v)[:, None] * v
    torch.testing.assert_close(across, start, rtol=0, atol=1e-5)  # beside 1e10
    for outcome, growth in ((near, 1e4), (far, 1e10)):
        s = math.sqrt(1 - growth**-2)
        exact = s - 2 * s**3 / 3 + s**5 / 5
        assert outcome.t_escape.item() == pytest.approx(exact, rel=2e-8)


def test_a_trajectory_does_not_depend_on_its_batch():
    starts = chain_starts((0.3, 1e-5, 0.1, 0.02))
    together = chain_times(starts, rtol=1e-7)
    alone = [chain_times(starts[i : i + 1], rtol=1e-7) for i in range(len(starts))]
    times = torch.cat([run.t_escape for run in alone])
    torch.testing.assert_close(together.t_escape, times, rtol=1e-9, atol=0)
    steps = torch.cat([run.accepted_steps for run in alone])
    torch.testing.assert_close(together.accepted_steps, steps)


def test_whoever_has_finished_leaves_the_batch():
    sizes = []

    def counting(y, index):
        sizes.append(len(index))
        return chain(y, index)

    plateau = torch.full((3,), 0.5, dtype=torch.float64)
    event = integrate.loss_event(plateau, 0.5)
    run = integrate.integrate(counting, chain_starts(), event, clock="relative_rate", rtol=1e-6)
    assert sum(sizes) == run.gradient_evaluations.sum()
    attempted = run.accepted_steps + run.rejected_steps
    second, longest = sorted(attempted.tolist())[1:]
    assert sizes[0] == 3 and sizes.count(1) >= 6 * (longest - second) > 0


def test_what_is_seen_is_computed_at_the_ends_of_steps_and_in_the_search_of_the_event_alone():
    looks = []

    def counting(y, index):
        slope, see = chain(y, index)
        return slope, lambda: looks.append(len(index)) or see()

    plateau = torch.full((3,), 0.5, dtype=torch.float64)
    run = integrate.integrate(counting, chain_starts(), integrate.loss_event(plateau, 0.5))
    attempted = run.accepted_steps + run.rejected_steps
    searched = run.gradient_evaluations - 2 - 6 * attempted
    assert sum(looks) == (1 + attempted + searched).sum() and (searched > 0).all()


def test_events_of_different_steps_are_located_together():
    """However many cross, and in whichever steps: as many calls as the longest search."""
    calls = []

    def counting(y, index):
        calls.append(len(index))
        return chain(y, index)

    starts = chain_starts(np.geomspace(1e-4, 0.3, 12))
    plateau = torch.full((12,), 0.5, dtype=torch.float64)
    event = integrate.loss_event(plateau, 0.5)
    run = integrate.integrate(counting, starts, event, clock="relative_rate", rtol=1e-6)
    attempted = int((run.accepted_steps + run.rejected_steps).max())
    assert set(run.status) == {"escaped"} and len(set(run.accepted_steps.tolist())) > 5
    assert sum(calls) == run.gradient_evaluations.sum()
    assert len(calls) <= 2 + 6 * attempted + 12


def test_crossings_beyond_what_is_kept_are_located_on_the_way(monkeypatch):
    starts = chain_starts((0.3, 1e-4, 0.1, 0.02))
    at_once = chain_times(starts)
    monkeypatch.setattr(integrate, "MOST_KEPT", 0)
    torch.testing.assert_close(chain_times(starts).t_escape, at_once.t_escape, rtol=1e-13, atol=0)


def test_what_is_recorded_does_not_change_with_the_weights():
    """Also where what is seen is a view of them."""
    run = integrate.descend(
        lambda weights, x: weights.mul_(2),
        lambda: None,
        torch.ones(1, 1, dtype=torch.float64),
        event=integrate.never,
        evaluate=lambda weights, index: {"weight": weights[:, 0]},
        rate=1.0,
        max_steps=4,
        record=True,
    )
    assert run.steps["weight"].tolist() == [1, 2, 4, 8, 16]


# --- networks -------------------------------------------------------------------------------------


def small_problem(name, depth=4, width=8, input_dim=6, samples=48, seed=0):
    """(raw weights, problem in the standard parameterization)."""
    generator = torch.Generator().manual_seed(seed)
    raw = network.he_normal(generator, network.layer_shapes(depth, width, input_dim))
    x = torch.randn(samples, input_dim, generator=generator, dtype=torch.float64)
    return raw, single_mode(activations.get(name), depth, width, x, parameterization="standard")


def small_network(name, epsilon, bottleneck, **sizes):
    """(field that sees loss and layers' squared norms, y0 (E, P), plateau (E,), sizes)."""
    raw, problem = small_problem(name, **sizes)

    def norms(weights, f, gradients):
        return {"norms": torch.stack([w.square().sum((-2, -1)) for w in weights], -1)}

    epsilon = torch.tensor(epsilon, dtype=torch.float64)
    y0 = network.flatten(network.scale_layers(raw, bottleneck, epsilon))
    return problem.field(norms), y0, problem.plateau.expand(len(epsilon)), problem.sizes


def escape(problem, clock, rtol, fraction=0.5, **options):
    field, y0, plateau, sizes = problem
    event = integrate.loss_event(plateau, fraction)
    return integrate.integrate(
        field, y0, event, sizes=sizes, clock=clock, rtol=rtol, plateau=plateau, **options
    )


@pytest.mark.parametrize("clock", ["relative_rate", "arc_length"])
def test_the_clocks_agree_on_networks(clock):
    problem = small_network("tanh", (0.3, 0.1, 0.03), bottleneck=4)
    plain = escape(problem, "plain", 1e-8)
    run = escape(problem, clock, 1e-8)
    assert run.status == ["escaped"] * 3
    torch.testing.assert_close(plain.t_escape, run.t_escape, rtol=1e-6, atol=0)
    assert (run.accepted_steps < plain.accepted_steps).all()


def imbalance_drift(name, rtol=1e-6):
    """Largest change of |W_{l+1}|^2 - |W_l|^2 at any recorded step, relative to sum |W_l|^2."""
    run = escape(small_network(name, (0.3, 0.1), bottleneck=3), "plain", rtol, record=True)
    drift = 0.0
    for k in range(2):
        norms = run.path(k)["norms"]
        imbalance = norms.diff(dim=-1)
        drift = max(drift, ((imbalance - imbalance[0]).abs() / norms.sum(-1)[:, None]).max())
    return drift


@pytest.mark.parametrize("name", ["linear", "relu"])
def test_layer_imbalance_is_conserved_in_class_a(name):
    assert imbalance_drift(name) < 1e-5


def test_layer_imbalance_is_not_conserved_by_tanh():
    assert imbalance_drift("tanh") > 1e-3


def test_published_depth_costs_few_steps():
    """Depth 8, tanh: fifteen decades of time in at most 40 accepted steps, 1e-5 accurate."""
    problem = small_network(
        "tanh", (1e-1, 1e-2, 1e-3), 8, depth=8, width=24, input_dim=12, samples=128
    )
    run = escape(problem, "relative_rate", 1e-5, fraction=0.1)
    reference = escape(problem, "relative_rate", 1e-8, fraction=0.1)
    assert run.status == ["escaped"] * 3 and run.t_escape[-1] > 1e15
    assert (run.t_escape / reference.t_escape - 1).abs().max() < 1e-5
    assert run.accepted_steps.max() <= 40
    first, second = run.accepted_steps.diff().tolist()
    assert abs(first - second) <= 3  # linear in log(1 / epsilon)


# --- statuses -------------------------------------------------------------------------------------


def test_a_start_beyond_the_event_has_no_plateau():
    run = chain_times(torch.full((1, 4), 0.97, dtype=torch.float64))
    assert run.status == ["no_plateau"]
    assert run.t_escape.isnan().all() and run.t_crossing.tolist() == [0.0]


def test_a_start_above_the_plateau_is_followed_only_if_asked():
    start = torch.tensor([[0.2, 0.2, 0.2, 0.2], [1.0, 1.2, 1.0, 2.0]], dtype=torch.float64)
    left = chain_times(start)
    assert left.status == ["escaped", "no_plateau"] and left.t_crossing[1].isnan()
    followed = chain_times(start, follow_above_plateau=True)
    assert followed.status == ["escaped", "no_plateau"]
    assert followed.t_escape[1].isnan() and followed.t_crossing[1] > 0
    torch.testing.assert_close(followed.t_escape[0], left.t_escape[0])


@pytest.mark.parametrize("clock", integrate.CLOCKS)
@pytest.mark.parametrize("limit", [{"t_max": 5.0}, {"max_steps": 3}])
def test_who_meets_a_limit_has_not_escaped(clock, limit):
    run = chain_times(chain_starts((0.1,)), clock, **limit)
    assert run.status == ["not_escaped"]
    assert run.t_escape.isnan().all() and run.t_crossing.isnan().all()
    if clock == "plain" and "t_max" in limit:
        assert run.t_end.item() == 5.0


@pytest.mark.parametrize("clock", integrate.CLOCKS)
def test_a_crossing_after_the_time_limit_does_not_count(clock):
    late = chain_times(chain_starts((0.1,)), rtol=1e-4).t_escape.item()
    run = chain_times(chain_starts((0.1,)), clock, rtol=1e-4, t_max=late * (1 - 1e-3))
    assert run.status == ["not_escaped"] and run.t_escape.isnan().all()


def test_an_exact_saddle_is_never_left():
    run = integrate.integrate(
        lambda y, index: (torch.zeros_like(y), dict),
        torch.ones(1, 3, dtype=torch.float64),
        clock="relative_rate",
        t_max=1e30,
    )
    assert run.status == ["not_escaped"]


def test_finite_time_blow_up_diverges():
    def field(y, index):
        return y.square(), lambda: {"loss": y[:, 0]}

    start = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    run = integrate.integrate(field, start, rtol=1e-4)
    assert run.status == ["diverged"] * 2
    np.testing.assert_allclose(run.t_end, [1.0, 0.5], rtol=1e-3)
    plateau = torch.ones(2, dtype=torch.float64)
    run = integrate.integrate(field, start, plateau=plateau, follow_above_plateau=True)
    assert run.status == ["diverged", "no_plateau"]  # loss above 100 x plateau; how it began stays
    assert run.t_end[0] < 1 and run.t_crossing.isnan().all()


def test_a_field_that_is_not_finite_diverges():
    def field(y, index):
        return torch.log(1 - y), lambda: {"y": y}  # no slope beyond y = 1

    def never(y, index):
        return y.new_full(y.shape, math.nan), dict

    run = integrate.integrate(never, chain_starts((1.0,)))
    assert run.status == ["diverged"]
    run = integrate.integrate(field, torch.tensor([[2.0]], dtype=torch.float64))
    assert run.status == ["diverged"]


def test_recorded_steps_start_at_zero_and_end_at_the_event():
    run = chain_times(chain_starts(), record=True, rtol=1e-8)
    for k in range(3):
        t, loss = run.path(k)["t"], run.path(k)["loss"]
        assert t[0] == 0 and (t.diff() > 0).all() and t[-1] == run.t_escape[k]
        assert len(t) == run.accepted_steps[k] + 1
        assert loss[-1] == pytest.approx(0.25, rel=1e-6)


def test_bad_input_is_refused_in_one_line():
    y0 = chain_starts()
    with pytest.raises(ValueError, match=r"clock: unknown 'fast'"):
        integrate.integrate(chain, y0, clock="fast")
    with pytest.raises(ValueError, match="float64"):
        integrate.integrate(chain, y0.float())
    with pytest.raises(ValueError, match="sizes"):
        integrate.integrate(chain, y0, sizes=(1, 1))


# --- events that cannot be located ----------------------------------------------------------------


def event_of_line(event, start=(0.0,), rtol=1e-6, **options):
    """dy/dt = 1 from ``start``, with an event that is a function of y (b,)."""
    return integrate.integrate(
        lambda y, index: (torch.ones_like(y), lambda: {"y": y[:, 0]}),
        torch.tensor(start, dtype=torch.float64)[:, None],
        lambda seen, index: event(seen["y"]),
        atol=1e-6,
        rtol=rtol,
        **options,
    )


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e300])
@pytest.mark.parametrize("power", [1, 21])
def test_an_event_of_any_size_is_located(scale, power):
    """A secant through values of very different size moves by nothing: the bracket is halved."""
    run = event_of_line(lambda y: scale * (0.7**power - (y.clamp_max(1e10 / power)) ** power))
    assert run.status == ["escaped"]
    assert run.t_escape.item() == pytest.approx(0.7, rel=1e-6)


def test_an_event_that_falls_from_one_to_an_enormous_value_is_located():
    run = event_of_line(lambda y: torch.where(y < 0.7, 0.7 - y, 1e300 * (0.7 - y)))
    assert run.status == ["escaped"]
    assert run.t_escape.item() == pytest.approx(0.7, rel=1e-6)


def test_an_infinite_end_still_brackets_a_zero():
    run = event_of_line(lambda y: torch.log((1 - y).clamp_min(0.0) / 0.3))
    assert run.status == ["escaped"]
    assert run.t_escape.item() == pytest.approx(0.7, rel=1e-6)


def jump(y):
    return torch.where(y < 0.7, 1.0, -math.inf)


def gap(y):
    return torch.where((y > 0.3) & (y < 0.8), math.nan, 0.7 - y)


def hole(y):  # a zero at 0.7, but the step's first secant falls into (0.3, 0.6)
    return torch.where(y > 0.6, 0.7 - y, torch.where(y > 0.3, math.nan, 0.2))


@pytest.mark.parametrize("event", [jump, gap, hole])
def test_an_event_without_a_zero_in_its_step_is_unresolved(event):
    run = event_of_line(event)
    assert run.status == ["unresolved"]
    assert run.t_escape.isnan().all() and run.t_crossing.isnan().all() and run.t_end.isfinite()
    if event is jump:  # the bracket stands at the jump
        assert run.t_end.item() == pytest.approx(0.7, rel=1e-6)


@pytest.mark.parametrize("event", [jump, gap, hole])
def test_an_unresolved_event_and_the_others_leave_each_other_alone(event):
    def either(seen, index):
        others = torch.where(index == 1, jump(seen["y"]), 0.7**3 - seen["y"] ** 3)
        return torch.where(index == 0, event(seen["y"]), others)

    run = integrate.integrate(
        lambda y, index: (torch.ones_like(y), lambda: {"y": y[:, 0]}),
        torch.zeros(3, 1, dtype=torch.float64),
        either,
        atol=1e-6,
    )
    assert run.status == ["unresolved", "unresolved", "escaped"]
    assert run.t_escape[2].item() == pytest.approx(0.7)


# --- descent --------------------------------------------------------------------------------------


def decay(rates, *, rate=0.1, next_look=lambda step: step + 1, max_steps=1000, **options):
    """Descent of losses exp(-...): weight w decays by 1 - rate * k a step, loss = w^2 / 2."""
    factors = torch.tensor(rates, dtype=torch.float64)
    start = torch.stack([torch.ones_like(factors), factors], -1)  # (w, k): k rides along

    def update(weights, x):
        loss = weights[:, 0].square() / 2
        weights[:, 0] -= x * weights[:, 1] * weights[:, 0]
        return {"loss": loss}

    def evaluate(weights, index):
        return {"loss": weights[:, 0].square() / 2}

    plateau, x = torch.full_like(factors, 0.5), torch.tensor(rate, dtype=torch.float64)
    options = {"evaluate": evaluate, "plateau": plateau} | options
    if "levels" not in options:
        options = {"event": integrate.loss_event(plateau, 0.1)} | options
    return integrate.descend(
        update, lambda: x, start, rate=rate, max_steps=max_steps, next_look=next_look, **options
    )


def exact_decay_time(k, rate=0.1):
    return rate * math.log(0.1) / (2 * math.log(1 - rate * k))


@pytest.mark.parametrize("every", [1, 7, 40])
def test_descent_crossing_is_exact_for_exponential_decay(every):
    run = decay([0.3, 0.1, 0.7], next_look=lambda step: step + every)
    assert run.status == ["escaped"] * 3
    expected = [exact_decay_time(k) for k in (0.3, 0.1, 0.7)]
    np.testing.assert_allclose(run.t_escape, expected, rtol=1e-12)


def test_descent_converges_to_the_flow():
    errors = [
        abs(decay([0.3], rate=rate, max_steps=10**5).t_escape.item() - math.log(10) / 0.6)
        for rate in (0.1, 0.05, 0.025)
    ]
    np.testing.assert_allclose(np.diff(np.log2(errors)), -1, atol=0.02)


def test_descent_statuses():
    run = decay([0.3, 25.0, 0.001], max_steps=200)
    assert run.status == ["escaped", "diverged", "not_escaped"]
    assert run.t_escape.isfinite().tolist() == [True, False, False]
    assert run.accepted_steps[2] == 200 and run.t_end[2] == pytest.approx(20.0)


def test_gradient_descent_of_a_network_diverges_when_the_rate_is_too_large():
    field, y0, plateau, _ = small_network("linear", (0.5,), bottleneck=4)

    def train(rate):
        return integrate.descend(
            lambda weights, x: weights.add_(field(weights, None)[0], alpha=rate),
            lambda: None,
            y0,
            event=integrate.loss_event(plateau, 0.1),
            evaluate=lambda weights, index: field(weights, index)[1](),
            rate=rate,
            max_steps=4000,
            next_look=integrate.geometric_schedule(0.02),
            plateau=plateau,
        )

    flow = escape((field, y0, plateau, None), "plain", 1e-7, fraction=0.1)
    slow, fast = train(0.01), train(5.0)
    assert slow.status == ["escaped"]
    assert slow.t_escape.item() == pytest.approx(flow.t_escape.item(), rel=0.02)
    assert fast.status == ["diverged"] and fast.t_escape.isnan().all()


def test_a_loss_of_zero_at_a_look_is_unresolved():
    run = decay([10.0, 0.3], next_look=lambda step: step + 5)  # 1 - rate * k = 0
    assert run.status == ["unresolved", "escaped"]
    assert run.t_escape[0].isnan() and run.t_end[0] == pytest.approx(0.5)


# --- the event of a minibatch ---------------------------------------------------------------------

LEVELS = (0.12, 0.05, 0.02)


def on_minibatches(name="tanh", epsilons=(0.5, 0.35), batch=16, seed=3, **options):
    """Descent at rate 0.05 on fresh minibatches until their own loss is below all LEVELS."""
    raw, problem = small_problem(name)
    scales = torch.tensor(epsilons, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    rate = options.pop("rate", 0.05)
    optimizer = options.pop("optimizer", GradientDescent(rate))
    start = network.flatten(network.scale_layers(raw, 3, scales))

    def minibatch(x):
        return single_mode(problem.act, 4, 8, x, parameterization="standard")

    return integrate.descend(
        updating(minibatch, optimizer),
        lambda: torch.randn(batch, 6, generator=generator, dtype=torch.float64),
        start,
        rate=rate,
        **{"levels": LEVELS, "max_steps": 20_000, "memory": optimizer.memory(start)} | options,
    )


def plain_loop(epsilon, rate=0.05, batch=16, seed=3):
    """{level: steps made before the first minibatch whose own loss is below it}."""
    raw, _ = small_problem("tanh")
    weights = [w.requires_grad_() for w in network.scale_layers(raw, 3, torch.tensor(epsilon))]
    generator = torch.Generator().manual_seed(seed)
    met, step = {}, 0
    while len(met) < len(LEVELS):
        x = torch.randn(batch, 6, generator=generator, dtype=torch.float64)
        h = x
        for w in weights[:-1]:
            h = torch.tanh(h @ w.T)
        loss = 0.5 * (h @ weights[-1].T - torch.tanh(x[:, :1])).square().mean()
        for level in LEVELS:
            if loss < level:
                met.setdefault(level, step)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for w, gradient in zip(weights, gradients, strict=True):
                w -= rate * gradient
        step += 1
    return [met[level] for level in LEVELS]


def test_a_minibatch_event_is_that_of_the_plain_loop():
    run, expected = on_minibatches(), [plain_loop(epsilon) for epsilon in (0.5, 0.35)]
    assert run.status == ["escaped"] * 2
    assert all(a[0] < a[1] < a[2] for a in expected)
    np.testing.assert_allclose(run.t_levels / 0.05, expected, rtol=1e-12)
    torch.testing.assert_close(run.t_escape, run.t_levels[:, 2], rtol=0, atol=0)
    assert run.gradient_evaluations.tolist() == [steps[2] + 1 for steps in expected]


@pytest.mark.parametrize("every", [7, 64])
def test_looking_seldom_changes_no_crossing(every):
    each = on_minibatches()
    seldom = on_minibatches(next_look=lambda step: step + every)
    torch.testing.assert_close(seldom.t_levels, each.t_levels, rtol=0, atol=0)
    wait = seldom.gradient_evaluations - each.gradient_evaluations
    assert (wait >= 0).all() and (wait < every).all()
    assert (seldom.gradient_evaluations % every == 0).all()


def test_a_minibatch_event_asks_for_no_forward_pass():
    asked = []

    def evaluate(weights, index):
        asked.append(len(index))
        return {"loss": torch.zeros(len(index))}

    on_minibatches(evaluate=evaluate)
    assert asked == [2]  # at the start alone


def test_recorded_minibatches_are_one_a_step():
    path = on_minibatches(record=True).path(1)
    t, loss = path["t"] / 0.05, path["loss"]
    np.testing.assert_allclose(t, np.arange(len(t)), atol=1e-9)
    below = loss[:-1] < min(LEVELS)
    assert loss[-1] < min(LEVELS) and not below.any()


def test_statuses_of_minibatch_events():
    late = on_minibatches(max_steps=5)
    assert late.status == ["not_escaped"] * 2 and late.t_escape.isnan().all()
    assert late.accepted_steps.tolist() == [5, 5] and late.t_end[0] == pytest.approx(0.25)
    plateau = torch.full((2,), 0.2, dtype=torch.float64)
    wild = on_minibatches("linear", (1.0, 1.0), rate=50.0, plateau=plateau)
    assert wild.status == ["diverged"] * 2
    met = decay([0.3], levels=[0.6, 0.1])
    assert met.status == ["escaped"] and met.t_levels[0, 0] == 0
    at_once = decay([0.3], levels=[0.6])
    assert at_once.status == ["no_plateau"]
    assert at_once.t_escape.isnan().all() and at_once.t_crossing.tolist() == [0.0]


def test_a_start_above_the_plateau_needs_a_look_at_it():
    above = torch.full((1,), 0.3, dtype=torch.float64)
    left = decay([0.3], levels=[0.1], plateau=above)
    assert left.status == ["no_plateau"] and left.gradient_evaluations.tolist() == [0]
    followed = decay([0.3], levels=[0.1], plateau=above, follow_above_plateau=True)
    assert followed.status == ["no_plateau"]
    assert followed.t_escape.isnan().all() and followed.t_crossing[0] > 0


@pytest.mark.parametrize("optimizer", [HeavyBall(0.02, 0.8), Adam(0.002)])
def test_whoever_escapes_leaves_with_its_memory(optimizer):
    both = on_minibatches(rate=optimizer.rate, optimizer=optimizer)
    assert both.status == ["escaped"] * 2 and both.t_escape[0] != both.t_escape[1]
    for k, epsilon in enumerate((0.5, 0.35)):
        alone = on_minibatches(epsilons=(epsilon,), rate=optimizer.rate, optimizer=optimizer)
        torch.testing.assert_close(alone.t_levels[0], both.t_levels[k], rtol=0, atol=0)
        torch.testing.assert_close(alone.state[0], both.state[k], rtol=1e-9, atol=1e-12)


def test_descent_refuses_two_events_and_none():
    event = integrate.loss_event(torch.full((1,), 0.5), 0.1)
    for kinds in ({"event": None}, {"levels": [0.1], "event": event}, {"evaluate": None}):
        with pytest.raises(ValueError, match="event: give levels, or an event"):
            decay([0.3], **kinds)


def test_geometric_schedule_evaluates_often_at_first():
    schedule, step, seen = integrate.geometric_schedule(0.1), 0, []
    while step < 1000:
        step = schedule(step)
        seen.append(step)
    assert seen[:20] == list(range(1, 21))
    assert all(b - a <= max(1, 0.1 * a) for a, b in itertools.pairwise(seen))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_captured_step_equals_the_eager_one():
    def update(weights, x, sum_of_x):
        weights.sub_(torch.tanh(weights) * x)
        sum_of_x.add_(x)
        return {"norm": weights.norm(dim=-1)}

    generator = torch.Generator("cuda").manual_seed(0)
    start = torch.randn(4, 100, device="cuda", generator=generator)
    eager, graphed = start.clone(), start.clone()
    inputs = torch.rand(20, 100, device="cuda", generator=generator)
    memory = torch.zeros_like(start), torch.zeros_like(start)
    replay = integrate.captured(update, graphed, inputs[0], memory[0])
    torch.testing.assert_close(graphed, start, rtol=0, atol=0)  # capturing takes no step
    assert not memory[0].any()
    for x in inputs:
        expected, seen = update(eager, x, memory[1]), replay(x)
        torch.testing.assert_close(seen, expected, rtol=0, atol=0)
    torch.testing.assert_close(graphed, eager, rtol=0, atol=0)
    torch.testing.assert_close(*memory, rtol=0, atol=0)
