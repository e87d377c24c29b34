"""Reduced equations: escape times of many starts at once, and the homotopy's adjoint."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from saddle_escape.settings import Quadrature
from saddle_escape.theory import activations, blocks, homotopy, manifold
from saddle_escape.training import reduced

from .rows import SHARE, Row, accurate, number
from .timing import in_turns, threads

DEPTH, THRESHOLD, ACCURACY = 4, 0.3, 1e-5
RTOL, PEER_RTOL = 3e-5, 3e-7  # the coarsest, to one digit, whose times are right to ACCURACY
RULE = {"step": 0.25, "half_width": 8}


@dataclass(frozen=True)
class Size:
    """How much is measured. step: of the quadrature in figure 5's blocks."""

    repeats: int = 3
    activations: tuple[str, ...] = ("tanh", "sin", "arctan", "erf", "gelu")
    epsilons: int = 40
    step: float = 0.5


DEFAULT = Size()
TINY = Size(repeats=1, activations=("tanh",), epsilons=2, step=2.0)


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module, on one thread."""
    with threads(1):
        yield escapes(size)
        yield adjoint(size)


def ours(problems, epsilon):
    """Escape times (A, E): the starts of an activation together."""
    return np.array(
        [reduced.grown(on, epsilon, THRESHOLD, RTOL).t_escape.numpy() for on in problems]
    )


def lsoda(models, epsilon):
    """The same by SciPy's LSODA in flow time with an event, one call for each start."""

    def crossing(t, x):
        return x[0] - THRESHOLD

    crossing.terminal = True

    def time(model, e):
        solution = solve_ivp(
            lambda t, x: model.velocity(x), (0, np.inf), np.full(DEPTH, e), method="LSODA",
            rtol=PEER_RTOL, atol=1e-3 * PEER_RTOL * e, events=crossing,
        )  # fmt: skip
        return solution.t_events[0][0]

    return np.array([[time(model, e) for e in epsilon] for model in models])


def escapes(size):
    """Escape times of every activation at every ε."""
    epsilon = np.geomspace(1e-3, 0.1, size.epsilons)
    rule = Quadrature("trapezoid", **RULE, nodes=0)
    problems = [reduced.problem(name, DEPTH, rule) for name in size.activations]
    models = [
        manifold.reduction(activations.get(name), DEPTH, 1, **RULE) for name in size.activations
    ]
    exact = np.array([reduced.grown(p, epsilon, THRESHOLD, 1e-11).t_escape for p in problems])
    calls = functools.partial(ours, problems, epsilon), functools.partial(lsoda, models, epsilon)
    for name, call in zip(("ours", "LSODA"), calls, strict=True):
        accurate(name, call(), exact, ACCURACY)
    work = (
        f"escape times of the reduced equations, {exact.size} pairs of ε and activation, "
        f"accuracy {number(ACCURACY)}, s"
    )
    times = in_turns(*calls, repeats=size.repeats)
    return Row(
        work, "SciPy LSODA, Python right-hand side, one call per pair", "ratio >= 20", *times
    )


def adjoint(size):
    """A(ν) at ν = 1/2 in figure 5's companion, its forward solve included, beside that alone."""
    grid = blocks.make_grid(3, step=size.step, half_width=6.5)
    model = blocks.make_model(activations.get("tanh"), (1.0, 0.75, 0.5), 4, 32, grid)
    start = blocks.initial_state(3, 4, 0.1, 0.3, 0)
    times = in_turns(
        lambda: homotopy.sensitivity(model, start, 0.5),
        lambda: homotopy.escape(model, start, 0.5),
        repeats=size.repeats,
    )
    work = "A(ν) at one node by the adjoint, its forward solve included, s"
    return Row(work, "its forward solve alone", "ratio <= 3", *times, SHARE)
