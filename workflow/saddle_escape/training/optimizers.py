"""One step of descent: plain, with momentum, or Adam.

An optimizer has ``rate``, ``memory(weights (b, P))``, the tensors (b, ...) that it carries from
step to step, and ``step(weights, gradient, *memory)``, which changes weights and memory in place.
:func:`updating` makes of one the ``update`` of :func:`integrate.descend`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .problem import Problem


@dataclass(frozen=True)
class GradientDescent:
    """W <- W - rate dLoss/dW."""

    rate: float

    def memory(self, weights: Tensor) -> tuple[Tensor, ...]:
        return ()

    def step(self, weights: Tensor, gradient: Tensor) -> None:
        weights.sub_(gradient, alpha=self.rate)


@dataclass(frozen=True)
class HeavyBall:
    """V <- momentum V + dLoss/dW, W <- W - rate V, from V = 0, as torch.optim.SGD has it."""

    rate: float
    momentum: float = 0.9

    def memory(self, weights: Tensor) -> tuple[Tensor, ...]:
        return (torch.zeros_like(weights),)

    def step(self, weights: Tensor, gradient: Tensor, velocity: Tensor) -> None:
        velocity.mul_(self.momentum).add_(gradient)
        weights.sub_(velocity, alpha=self.rate)


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba (2015), as torch.optim.Adam has it."""

    rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def memory(self, weights: Tensor) -> tuple[Tensor, ...]:
        count = torch.zeros_like(weights[:, :1], dtype=torch.float64)
        return torch.zeros_like(weights), torch.zeros_like(weights), count

    def step(
        self, weights: Tensor, gradient: Tensor, first: Tensor, second: Tensor, count: Tensor
    ) -> None:
        count.add_(1)  # float64: 1 - beta2 is small
        bias1, bias2 = ((1 - beta**count).to(weights.dtype) for beta in (self.beta1, self.beta2))
        first.lerp_(gradient, 1 - self.beta1)
        second.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
        size = (second / bias2).sqrt_().add_(self.epsilon)
        weights.addcdiv_(first / bias1, size, value=-self.rate)


Optimizer = GradientDescent | HeavyBall | Adam


def updating(
    problem: Problem | Callable[[Tensor], Problem],
    optimizer: Optimizer,
    weight_decay: Sequence[float] | None = None,
) -> Callable[..., dict[str, Tensor]]:
    """update(weights (b, P), x, *memory) -> {"loss": (b,)}: one step, in place.

    problem: the same at every step, or the function of the minibatch x that makes it. The loss is
    the minibatch's own before the step; the gradient has it anyway. weight_decay: lambda_l of every
    layer, a gradient of sum_l lambda_l |W_l|_F^2 / 2.
    """

    def update(weights, x, *memory):
        on_batch = problem if isinstance(problem, Problem) else problem(x)
        loss, _, gradient = on_batch.loss_and_gradient(weights, weight_decay)
        optimizer.step(weights, gradient, *memory)
        return {"loss": loss}

    return update
