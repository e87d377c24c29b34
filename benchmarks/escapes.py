"""Escape times of full networks: the adaptive flow and the limit flow beside what else there is.

All run on one thread. A gradient evaluation is one network's on all its data.
"""

import functools
import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from saddle_escape.theory import exponents
from saddle_escape.theory import limit_flow as theory
from saddle_escape.training import bottleneck, limit_flow, runs

from .rows import COST, RATE, Row, accurate, missing, number
from .timing import in_turns, once, threads

FRACTION = 0.5  # of the plateau's loss, at which a network has escaped
ACCURACY = 1e-5  # of the event's time
# The tolerances of each solver that cost it least and leave all event times right to ACCURACY
RTOL, PEER_RTOL, PEER_ATOL = 1e-5, 2e-6, 2e-8
RATE_OF_SGD = 0.01


@dataclass(frozen=True)
class Size:
    """How much is measured: see DEFAULT, and TINY for tests."""

    repeats: int = 3
    depth: int = 8
    width: int = 32
    samples: int = 256
    seeds: int = 8
    epsilons: tuple[float, ...] = tuple(np.geomspace(0.15, 0.5, 8))
    torchode_steps: int = 150
    plain_width: int = 64
    plain_samples: int = 512
    plain_steps: int = 300
    plain_epsilons: tuple[float, ...] = (0.15, 1e-3)
    limit_accuracy: float = 1e-4
    law_epsilons: tuple[float, ...] = (0.1, 0.05)
    bottlenecks: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    range_epsilons: tuple[float, ...] = (0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4)
    range_seeds: int = 2


DEFAULT = Size()
TINY = Size(
    repeats=1, depth=4, width=8, samples=32, seeds=1, epsilons=(0.3, 0.5), torchode_steps=3,
    plain_width=8, plain_samples=32, plain_steps=3, plain_epsilons=(0.3,), bottlenecks=(3, 4),
    limit_accuracy=1.0, range_epsilons=(0.1, 0.01), range_seeds=1,
)  # fmt: skip


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module."""
    with threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers
        yield from ensemble(size)
        yield from plain_loop(size)
        yield from limit(size)
        yield from steps(size)


# --- an ensemble ----------------------------------------------------------------------------------


def starts(size):
    """(problem, flat starts (B, P)): every seed at every epsilon, on the first seed's inputs."""
    setup = bottleneck.Setup("tanh", size.depth, size.width, 16, size.samples)
    draws = [bottleneck.draw(setup, seed) for seed in range(size.seeds)]
    weights = [bottleneck.start(setup, raw, size.depth, size.epsilons) for raw, *_ in draws]
    return setup.problem(draws[0][1]), torch.cat(weights)


def follow(problem, start, rtol, **options):
    """(escape times (B,), gradient evaluations) of our flow, all trajectories in one batch."""
    run = runs.flow(problem, start, FRACTION, rtol=rtol, **options)
    return run.t_escape, int(run.gradient_evaluations.sum())


class Counted:
    """The flow's field (t, y) -> dy/dt as the peers want it, which counts evaluations.

    By autograd: a gradient derived by hand is a part of ours.
    """

    def __init__(self, problem):
        self.problem, self.evaluations = problem, 0

    def __call__(self, t, y):
        self.evaluations += y.shape[0] if y.ndim == 2 else 1
        with torch.enable_grad():
            y = y.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.problem.mean_loss(y).sum(), y)
        return -gradient


def torchdiffeq_times(problem, start, rtol=PEER_RTOL, atol=PEER_ATOL):
    """(escape times (B,), gradient evaluations) by torchdiffeq, one call for each trajectory."""
    from torchdiffeq import odeint_event

    field, target = Counted(problem), FRACTION * problem.plateau
    zero = torch.zeros((), dtype=torch.float64)

    def escape(y):
        return odeint_event(
            field, y, zero, event_fn=lambda t, y: problem.mean_loss(y) - target,
            method="dopri5", rtol=rtol, atol=atol,
        )[0]  # fmt: skip

    with torch.no_grad():
        return torch.stack([escape(y) for y in start]), field.evaluations


def torchode_run(problem, start, end, max_steps):
    """(whether all came to the flow time ``end``, gradient evaluations) by torchode."""
    import torchode

    field = Counted(problem)
    term = torchode.ODETerm(field)
    controller = torchode.IntegralController(atol=PEER_ATOL, rtol=PEER_RTOL, term=term)
    solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), controller, max_steps=max_steps)
    times = torch.zeros(len(start), dtype=torch.float64)
    with torch.no_grad():
        solution = solver.solve(
            torchode.InitialValueProblem(y0=start, t_start=times, t_end=times + end)
        )
    return bool((solution.status == 0).all()), field.evaluations


def ensemble(size):
    """Escape of the whole ensemble, and what it takes in gradient evaluations."""
    problem, start = starts(size)
    exact, _ = follow(problem, start, 1e-8)
    work = (
        f"escape of {len(start)} He-normal trajectories, r = L = {size.depth}, N = {size.width}, "
        f"ε = {size.epsilons[0]:g} to {size.epsilons[-1]:g}, event accuracy {number(ACCURACY)}"
    )
    ours = functools.partial(follow, problem, start, RTOL, dtype=torch.float32)
    accurate("flow", ours()[0], exact, ACCURACY)
    yield from _against_torchdiffeq(size, work, ours, problem, start, exact)
    yield from _against_torchode(size, work, ours, problem, start, float(exact.max()))


def _pair(work, peer, counts=((), ()), times=((), ()), skipped=""):
    """The two rows of a solver: seconds and gradient evaluations."""
    yield Row(f"{work}, s", peer, "ratio >= 10", *times, COST, skipped)
    yield Row(f"{work}, gradient evaluations", peer, "ratio >= 5", *counts, COST, skipped)


def _against_torchdiffeq(size, work, ours, problem, start, exact):
    peer = "torchdiffeq odeint_event, dopri5, autograd, one call per trajectory"
    if skipped := missing("torchdiffeq"):
        yield from _pair(work, peer, skipped=skipped)
        return
    theirs = functools.partial(torchdiffeq_times, problem, start)
    (_, needed), (found, spent) = ours(), theirs()
    accurate("torchdiffeq", found, exact, ACCURACY)
    times = in_turns(ours, theirs, repeats=size.repeats)
    yield from _pair(work, peer, ([needed], [spent]), times)


def _against_torchode(size, work, ours, problem, start, end):
    peer = "torchode dopri5, autograd, to a common end time, the last escape"
    if skipped := missing("torchode"):
        yield from _pair(work, peer, skipped=skipped)
        return
    theirs = functools.partial(torchode_run, problem, start, end, size.torchode_steps)
    (own, took), ((_, needed), (reached, spent)) = once(ours, theirs)
    if not reached:
        peer += f"; stopped after {size.torchode_steps} steps, before that"
    yield from _pair(work, peer, ([needed], [spent]), ([own], [took]))


# --- the plain loop -------------------------------------------------------------------------------


class Plain(nn.Module):
    """The network as a reader would write it."""

    def __init__(self, weights):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*w.shape[::-1], bias=False) for w in weights)
        for layer, w in zip(self.layers, weights, strict=True):
            layer.weight.data.copy_(w)

    def forward(self, x):
        h = self.layers[0](x)
        for layer in self.layers[1:]:
            h = layer(torch.tanh(h))
        return h


def plain_training(problem, start, count):
    """``count`` steps of torch.optim.SGD on all data in float32, the loss looked at each time."""
    model, x, y = Plain(problem.unflatten(start)), problem.x.float(), problem.y.float()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE_OF_SGD)
    for _ in range(count):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y) / 2
        loss.backward()
        optimizer.step()
        if loss.item() < FRACTION * problem.plateau:
            break


def plain_case(size):
    """(setup, problem, raw weights) of the one network of the next rows."""
    setup = bottleneck.Setup("tanh", size.depth, size.plain_width, 16, size.plain_samples)
    raw, x, _ = bottleneck.draw(setup, 0)
    return setup, setup.problem(x), raw


def escape_time(problem, start, rtol):
    """Escape time of one network by our flow."""
    return float(runs.flow(problem, start, FRACTION, rtol=rtol).t_escape)


def plain_loop(size):
    """One escape by our flow, and by a loop of as many steps as flow time / rate."""
    setup, problem, raw = plain_case(size)
    for epsilon in size.plain_epsilons:
        start = bottleneck.start(setup, raw, size.depth, [epsilon])
        exact = escape_time(problem, start, 1e-9)
        ours = coarsest(functools.partial(escape_time, problem, start), exact, 0.05)
        theirs = functools.partial(plain_training, problem, start[0], size.plain_steps)
        own, loop = in_turns(ours, theirs, repeats=size.repeats)
        needed = exact / RATE_OF_SGD
        extrapolated = [t / size.plain_steps * needed for t in loop]
        network = f"r = {size.depth}, N = {size.plain_width}, ε = {number(epsilon)}"
        peer = (
            f"plain torch.optim.SGD loop; not run: its step time, from {size.plain_steps} steps, "
            f"times {number(needed)} steps (flow time {number(exact)} / rate {RATE_OF_SGD:g})"
        )
        yield Row(f"one escape, {network}, to 5 %, s", peer, "ratio >= 200", own, extrapolated)


# --- the limit flow -------------------------------------------------------------------------------


def limit(size):
    """The limit flow beside our flow, and the order in ε of their difference."""
    setup, problem, raw = plain_case(size)
    epsilon, r = size.plain_epsilons[-1], size.depth
    start = bottleneck.start(setup, raw, r, [epsilon])

    growth = (10 / size.limit_accuracy) ** (1 / (r + 2))  # leaves the tail a tenth of the error

    def blow_up(rtol):
        limit = limit_flow.limit_flow(problem, raw, r)
        t_star = float(limit_flow.blow_up_time(limit, raw, rtol=rtol, growth=growth).t_star)
        return theory.escape_time(t_star, r, epsilon)

    flow = functools.partial(escape_time, problem, start)
    exact = flow(1e-9)
    calls = [coarsest(call, exact, size.limit_accuracy) for call in (blow_up, flow)]
    work = (
        f"escape time by the limit flow, r = {r}, N = {size.plain_width}, ε = {number(epsilon)}, "
        f"accuracy {number(size.limit_accuracy)}, s"
    )
    yield Row(work, "our flow", "ratio >= 10", *in_turns(*calls, repeats=size.repeats))
    errors = [law_error(setup, problem, raw, e) for e in size.law_epsilons]
    order = math.log(errors[0] / errors[1]) / math.log(size.law_epsilons[0] / size.law_epsilons[1])
    law = exponents.correction_order(r, q=3)
    between = " to ".join(f"{e:g}" for e in size.law_epsilons)
    work = f"order in ε of the limit flow's error, ε = {between}"
    yield Row(work, "its law, min(q − 1, r − 2)", "ratio >= 0.9", [order], [law], RATE)


def coarsest(call, exact, accuracy):
    """``call`` with the largest power of ten for a tolerance at which it is right to ``accuracy``.

    Raises RuntimeError if there is none.
    """
    for rtol in (10.0**-k for k in range(2, 11)):
        if abs(call(rtol) / exact - 1) <= accuracy:
            return functools.partial(call, rtol)
    raise RuntimeError(f"no tolerance gives times that are right to {accuracy:g}")


def law_error(setup, problem, raw, epsilon):
    """Relative error of the limit flow's escape time."""
    start = bottleneck.start(setup, raw, setup.depth, [epsilon])
    exact = escape_time(problem, start, 1e-9)
    (told,) = limit_flow.predictions(problem, raw, setup.depth, [epsilon])
    return abs(told["t_predicted"] / exact - 1)


# --- steps ----------------------------------------------------------------------------------------


def accepted(setup, r, epsilon, seed, clock):
    """Accepted steps of one escape at rtol 1e-5."""
    run = bottleneck.escape(setup, seed, r, [epsilon], FRACTION, rtol=RTOL, clock=clock)
    return int(run.accepted_steps)


def steps(size):
    """Accepted steps of an escape in our clock and in flow time, over r and decades of ε."""
    setup = bottleneck.Setup("tanh", size.depth, size.width, 16, size.samples)
    cases = list(itertools.product(size.bottlenecks, range(size.range_seeds)))
    own, plain = (
        np.array([[accepted(setup, r, e, s, clock) for e in size.range_epsilons] for r, s in cases])
        for clock in ("arc_length", "plain")
    )
    decades = -np.log10(size.range_epsilons)
    span = (
        f"r = {size.bottlenecks[0]} to {size.bottlenecks[-1]}, "
        f"ε = {number(size.range_epsilons[-1])} to {size.range_epsilons[0]:g}"
    )
    peer = "our integrator with flow time as its clock"
    work = f"accepted steps of an escape, the most of {own.size}, {span}"
    yield Row(work, peer, "ours <= 34", [own.max()], [plain.max()])
    slopes = [np.polyfit(decades, counts.T, 1)[0].max() for counts in (own, plain)]
    work = f"more accepted steps per decade of ε, the most of {len(cases)} networks, {span}"
    yield Row(work, peer, "ours <= 6", *([slope] for slope in slopes))
