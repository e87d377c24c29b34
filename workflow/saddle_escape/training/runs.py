"""How a network on its data leaves its plateau: by gradient flow, or by descent in fixed steps.

Both run flat weights, one trajectory each, until the loss is a fraction of the zero output's.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from . import integrate
from .optimizers import Optimizer, updating
from .problem import Problem


def flow(
    problem: Problem,
    start: Tensor,
    fraction: float,
    *,
    observe: Callable | None = None,
    dtype: torch.dtype | None = None,
    weight_decay: Sequence[float] | None = None,
    **options,
) -> integrate.Trajectories:
    """Adaptive gradient flow from weights (b, P); times are flow times.

    observe, dtype, weight_decay: of :meth:`Problem.field`. options go to
    :func:`integrate.integrate`; the clock is "arc_length" unless given.
    """
    plateau = problem.plateau.expand(len(start))
    return integrate.integrate(
        problem.field(observe, dtype, weight_decay),
        start,
        integrate.loss_event(plateau, fraction),
        sizes=problem.sizes,
        plateau=plateau,
        **{"clock": "arc_length"} | options,
    )


def descent(
    problem: Problem,
    start: Tensor,
    optimizer: Optimizer,
    fraction: float,
    *,
    max_steps: int,
    spacing: float,
    weight_decay: Sequence[float] | None = None,
    minibatch: Callable[[], Tensor] | None = None,
) -> integrate.Trajectories:
    """Descent from weights (b, P) on all the data, or on minibatches; times are rate x step.

    The loss is that of all the data, looked at steps that are ``spacing`` apart, relative to the
    step. minibatch: draws the indices of one step's samples, of which all weigh the same;
    weight_decay: per layer.
    """
    plateau = problem.plateau.expand(len(start))

    def on(index):
        return replace(problem, x=problem.x[index], y=problem.y[index])

    return integrate.descend(
        updating(problem if minibatch is None else on, optimizer, weight_decay),
        minibatch or (lambda: None),
        start,
        rate=optimizer.rate,
        max_steps=max_steps,
        evaluate=lambda flat, index: {"loss": problem.mean_loss(flat)},
        event=integrate.loss_event(plateau, fraction),
        next_look=integrate.geometric_schedule(spacing),
        memory=optimizer.memory(start),
        plateau=plateau,
    )
