"""How the cost of an escape grows: ``benchmarks/growth.csv``, one line for each size measured."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from saddle_escape.training import bottleneck, runs

from .timing import in_turns, threads

COLUMNS = ("against", "value", "seconds", "gradient_evaluations", "cost", "expected")
RTOL, FRACTION = 1e-5, 0.5
BASE = {"depth": 8, "width": 32, "input_dim": 16, "samples": 256}


@dataclass(frozen=True)
class Size:
    """How much is measured: the values of each quantity, and repeats."""

    repeats: int = 3
    width: tuple[int, ...] = (64, 96, 128, 192, 256)
    depth: tuple[int, ...] = (4, 6, 8, 12, 16)
    seeds: tuple[int, ...] = (1, 2, 4, 8, 16)
    epsilon: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4)


DEFAULT = Size()
TINY = Size(repeats=1, width=(4, 8), depth=(3, 4), seeds=(1, 2), epsilon=(1e-1, 1e-2))

# What grows, and the exponent expected. Networks of another width or depth escape sooner or
# later: their cost is that of an evaluation. Matrix products cost N^2, activations N; a layer or a
# seed as much as the next; epsilon nothing but a logarithm, where fixed steps take
# (1/epsilon)^(r-2).
EACH, ALL, COUNT = "seconds per gradient evaluation", "seconds", "gradient evaluations"
EXPECTED = {
    "width N": (EACH, "1 to 2"),
    "depth L": (EACH, "1"),
    "seeds": (ALL, "1"),
    "1/ε": (COUNT, "0"),
}


def rows(size: Size = DEFAULT) -> Iterator[dict[str, object]]:
    """One dict, with the keys COLUMNS, for each size. r = 4 but for ε, where it is 8."""
    with threads(1):
        for width in size.width:
            yield _row(size, "width N", width, bottleneck.Setup("tanh", **BASE | {"width": width}))
        for depth in size.depth:
            yield _row(size, "depth L", depth, bottleneck.Setup("tanh", **BASE | {"depth": depth}))
        for seeds in size.seeds:
            yield _row(size, "seeds", seeds, bottleneck.Setup("tanh", **BASE), seeds=seeds)
        for epsilon in size.epsilon:
            setup = bottleneck.Setup("tanh", **BASE)
            yield _row(size, "1/ε", round(1 / epsilon), setup, r=8, epsilon=epsilon)


def _row(size, against, value, setup, r=4, epsilon=0.1, seeds=1):
    """Time and gradient evaluations of the escape of some seeds, together."""
    draws = [bottleneck.draw(setup, seed) for seed in range(seeds)]
    r = min(r, setup.depth)
    start = torch.cat([bottleneck.start(setup, raw, r, [epsilon]) for raw, *_ in draws])
    problem = setup.problem(draws[0][1])
    spent = []

    def call():
        run = runs.flow(problem, start, FRACTION, rtol=RTOL)
        spent.append(int(run.gradient_evaluations.sum()))

    (times,) = in_turns(call, repeats=size.repeats)
    cells = (against, value, f"{statistics.median(times):.3g}", spent[-1], *EXPECTED[against])
    return dict(zip(COLUMNS, cells, strict=True))
