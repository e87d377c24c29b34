"""Figure 4: escape off the manifold (Theorem 11), by gradient flow and by descent.

He-normal networks with their first r layers at epsilon. Times are flow times (rate x step for
descent).
"""

from dataclasses import asdict, dataclass

import pandas as pd
import torch

from ..settings import seed_block
from ..training import bottleneck, integrate


@dataclass(frozen=True)
class Point:
    """seeds: how many, from 0."""

    r: int
    epsilon: float
    seeds: int


@dataclass(frozen=True)
class Points:
    """The network of the figure, and the points of one route."""

    activation: str
    depth: int
    width: int
    input_dim: int
    loss_fraction: float
    seed_block: int
    points: tuple[Point, ...]

    def setup(self, samples: int) -> bottleneck.Setup:
        """The network and its data, with this many fixed inputs."""
        return bottleneck.Setup(self.activation, self.depth, self.width, self.input_dim, samples)

    def of_block(self, block: int, r: int) -> list[tuple[int, list[float]]]:
        """(seed, its epsilons) for the seeds of one block at one r."""
        wanted = [point for point in self.points if point.r == r]
        seeds = seed_block(block, self.seed_block, max(point.seeds for point in wanted))
        return [(seed, [p.epsilon for p in wanted if seed < p.seeds]) for seed in seeds]


@dataclass(frozen=True)
class FlowRoute:
    """dtype: of the gradients."""

    samples: int
    dtype: str
    rtol: float
    max_steps: int


@dataclass(frozen=True)
class Flow(Points):
    flow: FlowRoute


@dataclass(frozen=True)
class SgdRoute:
    """spacing: of the evaluations on the held-out inputs, relative to the steps so far."""

    rate: float
    batch: int
    held_out: int
    spacing: float
    max_steps: int


@dataclass(frozen=True)
class Sgd(Points):
    sgd: SgdRoute


def points(settings: Flow | Sgd, r: int, block: int, device="cpu") -> pd.DataFrame:
    """One route at one r: a row for each seed of the block and each epsilon that wants it.

    Columns route and those of :func:`bottleneck.rows`. Those that start above their plateau are
    followed too: the published figure shows them.
    """
    route, run = ("flow", _flow) if isinstance(settings, Flow) else ("sgd", _descend)
    rows = []
    for seed, epsilons in settings.of_block(block, r):
        for group in bottleneck.groups(epsilons, device) if route == "flow" else [epsilons]:
            rows += bottleneck.rows(run(settings, seed, r, group, device), seed, r, group)
    table = pd.DataFrame([{"route": route, **row} for row in rows])
    table.attrs["gradient_evaluations"] = int(table["gradient_evaluations"].sum())
    return table


def _flow(settings, seed, r, epsilons, device) -> integrate.Trajectories:
    route = settings.flow
    return bottleneck.escape(
        settings.setup(route.samples),
        seed,
        r,
        epsilons,
        settings.loss_fraction,
        device=device,
        dtype=getattr(torch, route.dtype),
        rtol=route.rtol,
        max_steps=route.max_steps,
        follow_above_plateau=True,
    )


def _descend(settings, seed, r, epsilons, device) -> integrate.Trajectories:
    route, fraction = asdict(settings.sgd), settings.loss_fraction
    return bottleneck.descend(
        settings.setup(0), seed, r, epsilons, route, fraction=fraction, device=device
    )


ROUTES = {"flow": Flow, "sgd": Sgd}  # the settings of each route
