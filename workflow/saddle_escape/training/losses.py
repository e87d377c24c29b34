"""Losses of a network's outputs, each with its derivative: where backpropagation starts.

A loss has two methods of the outputs f and targets y, tensors (..., n, K) of one shape: ``value``,
the loss of every sample and output, and ``derivative``, its slope in f. Means over samples are the
network's affair.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Squared:
    """1/2 (f - y)^2, the paper's loss."""

    def value(self, f: Tensor, y: Tensor) -> Tensor:
        return (f - y).square().div_(2)

    def derivative(self, f: Tensor, y: Tensor) -> Tensor:
        return f - y


@dataclass(frozen=True)
class Logistic:
    """log(1 + exp(-y f)) for labels y = +1 or -1."""

    def value(self, f: Tensor, y: Tensor) -> Tensor:
        return torch.logaddexp(torch.zeros_like(f), -y * f)

    def derivative(self, f: Tensor, y: Tensor) -> Tensor:
        return -y * torch.sigmoid(-y * f)


@dataclass(frozen=True)
class Huber:
    """1/2 e^2 for an error e = f - y of at most ``delta``, beyond it linear with slope delta."""

    delta: float = 1.0

    def value(self, f: Tensor, y: Tensor) -> Tensor:
        slope = self.derivative(f, y)
        return slope * (f - y - slope / 2)

    def derivative(self, f: Tensor, y: Tensor) -> Tensor:
        return (f - y).clamp(-self.delta, self.delta)


Loss = Squared | Logistic | Huber
SQUARED = Squared()
