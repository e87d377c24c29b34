"""Figure 3's networks as the paper trained them: descent on fresh Gaussian minibatches.

The rates eta, eta/N, .. of the paper's network are one rate eta of this one, and its identical
neurons are one (:mod:`training.identical`).
"""

from dataclasses import dataclass

import pandas as pd
import torch

from ..theory import activations
from ..training import identical
from ..training.data import Normals
from ..training.integrate import descend


@dataclass(frozen=True)
class Batches:
    """rate, look_every, t_max: in flow time; seeds: of the batches, from 0."""

    input_dim: int
    batch: int
    rate: float
    seeds: int
    look_every: float
    t_max: float


@dataclass(frozen=True)
class Minibatch:
    """epsilon: scales of each activation; threshold: alignment at which a network has escaped."""

    depth: int
    width: int
    threshold: float
    epsilon: dict[str, tuple[float, ...]]
    minibatch: Batches


def escape_times(settings: Minibatch, activation: str, device) -> pd.DataFrame:
    """Escape times (flow time) of one activation, all layers at epsilon, a row for each seed.

    All runs are one batch; who has escaped leaves it. The networks of one seed see the same
    minibatches. The mode alignment is evaluated every ``look_every`` units of flow time and its
    crossing interpolated linearly. Columns activation, epsilon, seed, route, t_escape, status.
    """
    batches, depth, dim = settings.minibatch, settings.depth, settings.minibatch.input_dim
    act, width = activations.get(activation), settings.width
    epsilon = torch.tensor(settings.epsilon[activation], dtype=torch.float64)
    runs = torch.cartesian_prod(torch.arange(batches.seeds, dtype=torch.float64), epsilon)
    seeds = runs[:, 0].long()
    normals = Normals(0, device)
    stride = max(1, round(batches.look_every / batches.rate))
    run = descend(
        identical.minibatch_descent(act, depth, width, dim, batches.rate),
        lambda: identical.draw_minibatch(normals, batches.seeds, batches.batch, dim),
        identical.start(runs[:, 1:].expand(-1, depth), dim).to(device),
        memory=(seeds.to(device),),
        evaluate=lambda flat, index: {"alignment": identical.alignment(flat)},
        event=lambda seen, index: settings.threshold - seen["alignment"],
        rate=batches.rate,
        max_steps=round(batches.t_max / batches.rate),
        next_look=lambda step: step + stride,
    )
    columns = {"activation": activation, "epsilon": runs[:, 1].numpy(), "seed": seeds.numpy()}
    outcome = {"t_escape": run.t_escape.cpu().numpy(), "status": run.status}
    table = pd.DataFrame(columns | {"route": "minibatch"} | outcome)
    table.attrs["gradient_evaluations"] = int(run.gradient_evaluations.sum())
    return table
