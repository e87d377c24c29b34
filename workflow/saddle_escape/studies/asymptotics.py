"""The exponents as epsilon -> 0 and their independence of depth (Theorem 11): the flows."""

from dataclasses import dataclass

import pandas as pd

from ..settings import LogSpaced, seed_block
from ..training import bottleneck


@dataclass(frozen=True)
class Flows:
    """seeds: how many, from 0; seed_block: of one job; epsilon: far below the published range."""

    width: int
    input_dim: int
    samples: int
    rtol: float
    seeds: int
    seed_block: int
    epsilon: LogSpaced


@dataclass(frozen=True)
class Asymptotics:
    """loss_fraction: of the plateau, at the escape."""

    activation: str
    loss_fraction: float
    asymptotics: Flows


def flow_times(settings: Asymptotics, depth: int, r: int, block: int, device="cpu") -> pd.DataFrame:
    """Flow times at one depth and r: one row for each seed of the block and epsilon.

    Columns L and those of :func:`bottleneck.rows`. All epsilons of a seed share its raw weights.
    """
    flows, rows = settings.asymptotics, []
    epsilons = flows.epsilon.points().tolist()
    setup = bottleneck.Setup(
        settings.activation, depth, flows.width, flows.input_dim, flows.samples
    )
    for seed in seed_block(block, flows.seed_block, flows.seeds):
        for group in bottleneck.groups(setup, epsilons, device):
            run = bottleneck.escape(
                setup, seed, r, group, settings.loss_fraction, device=device, rtol=flows.rtol
            )
            rows += bottleneck.rows(run, seed, r, group)
    table = pd.DataFrame([{"L": depth, **row} for row in rows])
    table.attrs["gradient_evaluations"] = int(table["gradient_evaluations"].sum())
    return table
