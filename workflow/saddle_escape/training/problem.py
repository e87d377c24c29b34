"""A network on its data with its loss: what a flow or a descent is run on.

Weights travel flattened, (b, P) for b independent networks, layer after layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..theory.activations import Activation
from . import network
from .losses import SQUARED, Loss


@dataclass(frozen=True, eq=False)
class Problem:
    """A network without weights, its data and its loss.

    act: sigma; shapes: (n_l, n_{l-1}) of every layer; c: prefactor of all layers but the first
    (see :mod:`network`). x: inputs (n, d); y: targets (n, K). sample_weights: (n,), a quadrature
    rule's for a population loss; None for 1/n each. loss: see :mod:`losses`.
    """

    act: Activation
    shapes: Sequence[tuple[int, int]]
    c: float
    x: Tensor
    y: Tensor
    sample_weights: Tensor | None = None
    loss: Loss = SQUARED

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of weights of the layers."""
        return tuple(rows * columns for rows, columns in self.shapes)

    @property
    def plateau(self) -> Tensor:
        """The loss of a network whose output is zero, a scalar: 1/2 E |y|^2 if it is squared."""
        return self._mean_loss(torch.zeros_like(self.y))

    def to(self, target: str | torch.device | torch.dtype) -> "Problem":
        """The same problem with its data on a device, or in a dtype."""
        weights = self.sample_weights
        weights = None if weights is None else weights.to(target)
        return replace(self, x=self.x.to(target), y=self.y.to(target), sample_weights=weights)

    def flatten(self, weights: Sequence[Tensor]) -> Tensor:
        """Weights of every layer, (..., n_l, n_{l-1}) -> (..., P)."""
        return network.flatten(weights)

    def unflatten(self, flat: Tensor) -> list[Tensor]:
        """(..., P) -> views (..., n_l, n_{l-1}) of every layer."""
        return network.unflatten(flat, self.shapes)

    def mean_loss(self, flat: Tensor) -> Tensor:
        """The loss (b,) at weights (b, P)."""
        return self._mean_loss(network.forward(self.unflatten(flat), self.x, self.act, self.c))

    def loss_and_gradient(
        self, flat: Tensor, weight_decay: Sequence[float] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(loss (b,), outputs f (b, n, K), flat gradient (b, P)) at weights (b, P).

        weight_decay: lambda_l of every layer; the gradient is then that of loss +
        sum_l lambda_l |W_l|_F^2 / 2, the loss still the data's.
        """
        f, gradients = self._gradients(self.unflatten(flat), weight_decay)
        return self._mean_loss(f), f, network.flatten(gradients)

    def _mean_loss(self, f):
        return network.mean_loss(f, self.y, self.sample_weights, self.loss)

    def _gradients(self, weights, weight_decay):
        """(outputs, gradients), weights and gradients being lists of layers."""
        f, gradients = network.output_and_gradient(
            weights, self.x, self.y, self.act, self.c, self.sample_weights, self.loss
        )
        for decay, w, gradient in zip(weight_decay or (), weights, gradients, strict=False):
            gradient.add_(w, alpha=decay)
        return f, gradients

    def field(
        self,
        observe: Callable[[list[Tensor], Tensor, list[Tensor]], dict[str, Tensor]] | None = None,
        dtype: torch.dtype | None = None,
        weight_decay: Sequence[float] | None = None,
    ) -> Callable[[Tensor, Tensor], tuple[Tensor, Callable[[], dict[str, Tensor]]]]:
        """The field of :func:`integrate.integrate`, dW/dt = -dLoss/dW - lambda_l W_l.

        Beside it can be seen "loss" (b,), and what observe(weights, f, gradients) names: columns
        (b,) or (b, k), weights and gradients being lists of layers. dtype: of the forward and
        backward pass, if not the flow's.
        """
        problem = self if dtype is None else self.to(dtype)

        def field(flat, index):
            weights = problem.unflatten(flat if dtype is None else flat.to(dtype))
            f, gradients = problem._gradients(weights, weight_decay)

            def see():
                seen = {"loss": problem._mean_loss(f)}
                if observe is not None:
                    seen |= observe(weights, f, gradients)
                return {name: column.to(flat.dtype) for name, column in seen.items()}

            return network.flatten(gradients).neg_().to(flat.dtype), see

        return field


def single_mode(
    act: Activation,
    depth: int,
    width: int,
    x: Tensor,
    sample_weights: Tensor | None = None,
    parameterization: str = "ntk",
    teacher: Callable[[Tensor], Tensor] | None = None,
    loss: Loss = SQUARED,
) -> Problem:
    """A network of one output, and a teacher y = sigma(x_1) along the first axis.

    x: (n, d); teacher: another function of x_1. Raises ValueError for an unknown parameterization
    and for a depth below 2.
    """
    shapes = network.layer_shapes(depth, width, x.shape[-1])
    y = (teacher or act.torch)(x[..., :1])
    c = network.prefactor(parameterization, width)
    return Problem(act, shapes, c, x, y, sample_weights, loss)
