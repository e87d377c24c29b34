"""Networks in blocks of identical neurons, trained as one neuron per block (figure 5).

Neurons of a block that start alike are given the same gradient on every minibatch, whatever the
inputs, and stay alike: noise turns the common row of a block's W_1 away from the teacher's
directions, and no more. So descent of all N neurons is, step by step, descent of one neuron per
block with a rate of its own in each layer (:func:`theory.blocks.collapse`), at a cost that does not
grow with N.

Of a Gaussian minibatch the network sees the teacher's K directions and those that the K rows of W_1
have beside them. Across all these the inputs xi_s are independent of the errors, and enter a step
only as sum_s delta_s xi_s^T, whose rows are Gaussian with covariance sum_s delta_s delta_s^T.
:func:`minibatch_descent` draws that sum itself, as :mod:`identical` does for one row: the same
descent in distribution, with 2 n K + K (d - K) random numbers a step in place of n d.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..theory import blocks
from . import network
from .data import Normals
from .problem import Problem

SINGULAR = 1e-13  # of a covariance's trace, added to its diagonal: above its rounding errors


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


def draw_minibatch(normals: Normals, batch: int, modes: int, input_dim: int) -> Tensor:
    """What one step of :func:`minibatch_descent` draws, a row of numbers."""
    return normals(batch * _seen_dim(modes, input_dim) + modes * (input_dim - modes))


def _seen_dim(modes, input_dim):
    """How many directions of its inputs a network sees: the teacher's, and W_1's rows' beside."""
    return modes + min(modes, input_dim - modes)


def minibatch_descent(
    model: blocks.BlockModel, input_dim: int, rate: float
) -> Callable[[Tensor, Tensor], None]:
    """update(weights (1, P), x): one step of descent on a minibatch, in place.

    For :func:`integrate.descend`: x is of :func:`draw_minibatch`. ``rate`` is that of all N neurons
    (:func:`layer_rates`).
    """
    modes, others = model.modes, input_dim - model.modes
    shapes, optimizer = layer_shapes(model, input_dim), layer_rates(model, input_dim, rate)
    seen_dim = _seen_dim(modes, input_dim)
    problem = on_batch(model, seen_dim)

    def update(flat, x):
        first, *inner = network.unflatten(flat, shapes)
        basis, beside = torch.linalg.qr(first[..., modes:].mT)  # whatever basis where W_1 is 0
        seen, noise = x.split([len(x) - modes * others, modes * others])
        on = problem(seen.view(-1, seen_dim))
        weights = [torch.cat([first[..., :modes], beside.mT], -1), *inner]
        _, (slope, *slopes), delta = network.backpropagated(
            weights, on.x, on.y, on.act, on.c, on.sample_weights, on.loss
        )
        across = _summed(delta, noise.view(modes, others), basis) + slope[..., modes:] @ basis.mT
        slope = torch.cat([slope[..., :modes], across], -1)
        optimizer.step(flat, network.flatten([slope, *slopes]))

    return update


def _summed(delta, noise, basis):
    """sum_s delta_s xi_s^T (1, K, d - K) for Gaussian xi_s orthogonal to the basis (1, d - K, p).

    delta: (1, n, K); noise: (K, d - K) standard normal numbers.
    """
    covariance = delta.mT @ delta
    covariance.diagonal(dim1=-2, dim2=-1).add_(
        SINGULAR * covariance.diagonal(dim1=-2, dim2=-1).sum() + torch.finfo(delta.dtype).tiny
    )
    return torch.linalg.cholesky(covariance) @ (noise - (noise @ basis) @ basis.mT)
