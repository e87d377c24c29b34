"""Networks in blocks of identical neurons, trained as one neuron per block (figure 5).

Neurons of a block that start alike are given the same gradient on every minibatch, whatever the
inputs, and stay alike: noise turns the common row of a block's W_1 away from the teacher's
directions, and no more. So descent of all N neurons is, step by step, descent of one neuron per
block with a rate of its own in each layer (:func:`theory.blocks.collapse`), at a cost that does not
grow with N.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..theory import blocks
from . import network
from .problem import Problem


@dataclass(frozen=True, eq=False)
class LayerRates:
    """W_l <- W_l - rate factor_l dLoss/dW_l, the optimizer; factors: (P,), one for each weight."""

    rate: float
    factors: Tensor

    def memory(self, weights: Tensor) -> tuple[Tensor, ...]:
        return ()

    def step(self, weights: Tensor, gradient: Tensor) -> None:
        weights.addcmul_(gradient, self.factors, value=-self.rate)


def layer_shapes(model: blocks.BlockModel, input_dim: int) -> network.Shapes:
    """(n_l, n_{l-1}) of the collapsed network's layers."""
    k = model.modes
    return [(k, input_dim)] + [(k, k)] * (model.depth - 2) + [(model.outputs, k)]


def on_batch(model: blocks.BlockModel, input_dim: int) -> Callable[[Tensor], Problem]:
    """x (n, d) -> the collapsed network with its teacher, whose directions are the first axes."""
    shapes = layer_shapes(model, input_dim)
    teacher = torch.tensor((model.coupled.pool * model.amplitudes).T)

    def problem(x):
        y = model.activation.torch(x[..., : model.modes]) @ teacher.to(x)
        return Problem(model.activation, shapes, 1.0, x, y)

    return problem


def start(model: blocks.BlockModel, state: np.ndarray, input_dim: int) -> Tensor:
    """Flat weights (1, P) of the collapsed network at a block state (L, K, K); float64."""
    first, *others = (torch.tensor(w) for w in blocks.collapse(model, state)[0])
    across = torch.zeros(model.modes, input_dim - model.modes, dtype=torch.float64)
    return network.flatten([torch.cat([first, across], -1), *others])[None]


def layer_rates(model: blocks.BlockModel, input_dim: int, rate: float) -> LayerRates:
    """Descent that moves the collapsed network as descent of this rate moves all N neurons."""
    factors = torch.tensor(blocks.collapse(model, np.zeros(model.shape))[1])
    sizes = [rows * columns for rows, columns in layer_shapes(model, input_dim)]
    return LayerRates(rate, factors.repeat_interleave(torch.tensor(sizes)))
