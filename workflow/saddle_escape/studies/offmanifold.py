"""Figure 4: escape off the manifold (Theorem 11), by descent as in the paper and by gradient flow.

He-normal networks with their first r layers at epsilon. The paper's escape is the first step whose
own minibatch loss is below an absolute threshold; the flow's is the same threshold on the loss of
fixed inputs. Times are flow times (rate x step for descent).
"""

from dataclasses import asdict, dataclass

import pandas as pd
import torch

from ..settings import seed_block
from ..training import bottleneck


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
    """threshold: of the loss on the fixed inputs."""

    threshold: float
    flow: FlowRoute


@dataclass(frozen=True)
class SgdRoute:
    """held_out: inputs that tell whether a start is on its plateau."""

    rate: float
    batch: int
    held_out: int
    max_steps: int


@dataclass(frozen=True)
class Sgd(Points):
    """thresholds: of a minibatch's own loss; a run goes on to the smallest of them."""

    thresholds: tuple[float, ...]
    sgd: SgdRoute


def points(settings: Flow | Sgd, r: int, block: int, device="cpu") -> pd.DataFrame:
    """One route at one r: a row for each seed of the block, epsilon that wants it and threshold.

    Columns route, threshold and those of :func:`bottleneck.rows`. Those that start above their
    plateau are followed too: the published figure shows them.
    """
    route, run = ("flow", _flow) if isinstance(settings, Flow) else ("sgd", _descend)
    rows = []
    for seed, epsilons in settings.of_block(block, r):
        rows += run(settings, seed, r, epsilons, device)
    table = pd.DataFrame([{"route": route, **row} for row in rows])
    table.attrs["gradient_evaluations"] = int(table["gradient_evaluations"].sum())
    return table


def _flow(settings, seed, r, epsilons, device) -> list[dict]:
    route, rows = settings.flow, []
    setup = settings.setup(route.samples)
    for group in bottleneck.groups(setup, epsilons, device):
        run = bottleneck.escape(
            setup,
            seed,
            r,
            group,
            threshold=settings.threshold,
            device=device,
            dtype=getattr(torch, route.dtype),
            rtol=route.rtol,
            max_steps=route.max_steps,
            follow_above_plateau=True,
        )
        rows += bottleneck.rows(run, seed, r, group)
    return [row | {"threshold": settings.threshold} for row in rows]


def _descend(settings, seed, r, epsilons, device) -> list[dict]:
    thresholds = settings.thresholds
    run = bottleneck.descend(
        settings.setup(0),
        seed,
        r,
        epsilons,
        asdict(settings.sgd),
        thresholds=thresholds,
        device=device,
    )
    return bottleneck.threshold_rows(run, seed, r, epsilons, thresholds)


ROUTES = {"flow": Flow, "sgd": Sgd}  # the settings of each route
