"""The full network: forward pass, exact gradient, initializations.

A network of depth L is a list of L weight tensors ``W_l`` of shape ``(..., n_l, n_{l-1})``; leading
dimensions are a batch of independent networks. There are no biases:

    h_1 = W_1 x,   a_l = sigma(h_l),   h_l = c W_l a_{l-1},   f = c W_L a_{L-1}

with c = 1/sqrt(N) in the "ntk" parameterization (figures 1-3 and 5) and c = 1 in the "standard" one
(figure 4). Time is flow time: dW/dt = -dLoss/dW.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..theory.activations import Activation
from .losses import SQUARED, Loss
from .products import are_faster_apart, product

Weights = list[Tensor]  # W_1..W_L, each (..., n_l, n_{l-1})
Shapes = Sequence[tuple[int, int]]

PARAMETERIZATIONS = ("ntk", "standard")


def prefactor(parameterization: str, width: int) -> float:
    """The factor c in front of every weight matrix but the first.

    Raises ValueError for an unknown parameterization.
    """
    if parameterization not in PARAMETERIZATIONS:
        raise ValueError(
            f"parameterization: unknown '{parameterization}', choose from {PARAMETERIZATIONS}"
        )
    return 1.0 / math.sqrt(width) if parameterization == "ntk" else 1.0


def resolve_device(name: str) -> torch.device:
    """The torch device for "auto", "cpu" or "cuda"; "auto" takes a GPU if there is one.

    Raises ValueError when a GPU is asked for and absent, or for an unknown name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device: unknown '{name}', choose from auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: cuda was asked for but torch finds no GPU; use auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def layer_shapes(depth: int, width: int, input_dim: int, outputs: int = 1) -> list[tuple[int, int]]:
    """Shapes (n_l, n_{l-1}) of W_1..W_L.

    Raises ValueError for a depth below 2.
    """
    if depth < 2:
        raise ValueError(f"depth: {depth} is too small, a network has at least 2 layers")
    return [(width, input_dim)] + [(width, width)] * (depth - 2) + [(outputs, width)]


def flatten(weights: Sequence[Tensor]) -> Tensor:
    """List of tensors (..., n_l, n_{l-1}) -> one tensor (..., P)."""
    return torch.cat([w.flatten(-2) for w in weights], dim=-1)


def unflatten(flat: Tensor, shapes: Shapes) -> Weights:
    """One tensor (..., P) -> list of views (..., n_l, n_{l-1})."""
    pieces = flat.split_with_sizes([rows * columns for rows, columns in shapes], dim=-1)
    return [p.view(*p.shape[:-1], *shape) for p, shape in zip(pieces, shapes, strict=True)]


def forward(weights: Sequence[Tensor], x: Tensor, act: Activation, c: float) -> Tensor:
    """Network output f, shape (..., n, K_out), for inputs x of shape (n, d) or (..., n, d)."""
    h = x @ weights[0].mT
    for w in weights[1:]:
        h = _scaled(act.torch(h) @ w.mT, c)
    return h


def mean_loss(
    f: Tensor, y: Tensor, sample_weights: Tensor | None = None, loss: Loss = SQUARED
) -> Tensor:
    """sum_s w_s loss(f_s, y_s), shape (...); see :func:`output_and_gradient`."""
    return _mean(loss.value(f, y), sample_weights).sum((-2, -1))


def _mean(per_sample, sample_weights):
    """The summands (..., n, K) of a mean over samples: 1/n each, or sample_weights (..., n)."""
    if sample_weights is None:
        return per_sample / per_sample.shape[-2]
    return per_sample * sample_weights[..., None]


def loss_and_gradient(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    act: Activation,
    c: float,
    sample_weights: Tensor | None = None,
    loss: Loss = SQUARED,
) -> tuple[Tensor, Tensor, Weights]:
    """The loss sum_s w_s loss(f_s, y_s) and its gradient: (loss (...), f, [gradient like W_l]).

    Arguments as of :func:`output_and_gradient`.
    """
    f, gradients = output_and_gradient(weights, x, y, act, c, sample_weights, loss)
    return mean_loss(f, y, sample_weights, loss), f, gradients


def output_and_gradient(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    act: Activation,
    c: float,
    sample_weights: Tensor | None = None,
    loss: Loss = SQUARED,
) -> tuple[Tensor, Weights]:
    """The output and the loss's exact gradient, by manual backpropagation.

    weights: list of (..., n_l, n_{l-1}); x: (n, d) or (..., n, d); y: (n, K_out) or
    (..., n, K_out); sample_weights: (n,) or (..., n), 1/n if None (a quadrature rule makes this a
    population loss); loss: see :mod:`losses`, by default 1/2 |f - y|^2.
    Returns (f (..., n, K_out), [gradient like W_l]). No autograd graph is built.
    """
    batched = x.ndim == y.ndim == 2 and all(w.ndim == 3 for w in weights)
    if batched and are_faster_apart(weights):
        return _one_by_one(weights, x, y, act, c, sample_weights, loss)
    return backpropagated(weights, x, y, act, c, sample_weights, loss)[:2]


def backpropagated(weights, x, y, act, c, sample_weights, loss) -> tuple[Tensor, Weights, Tensor]:
    """(f, [gradient like W_l], delta_1 (..., n, n_1)), arguments as of :func:`output_and_gradient`.

    delta_1: the loss's derivative in the first pre-activations, W_1 x.
    """
    products = [product(w) for w in weights]
    activities, slopes, h = [x], [], products[0](x, weights[0])
    for w, times in zip(weights[1:], products[1:], strict=True):
        a, slope = act.torch_value_and_prime(h)
        activities.append(a)
        slopes.append(slope)
        h = _scaled(times(a, w), c)
    delta = _mean(loss.derivative(h, y), sample_weights)
    gradients = [None] * len(weights)
    for layer in range(len(weights) - 1, 0, -1):
        delta, times = _scaled(delta, c), products[layer]
        gradients[layer] = times(delta.mT, activities[layer].mT)
        delta = times(delta, weights[layer].mT).mul_(slopes[layer - 1])
    gradients[0] = products[0](delta.mT, x.mT)
    return h, gradients, delta


def _one_by_one(weights, *others):
    """:func:`output_and_gradient` of every network of a batch, in a batch again."""
    apart = [output_and_gradient([w[k] for w in weights], *others) for k in range(len(weights[0]))]
    outputs, gradients = zip(*apart, strict=True)
    return _batch(outputs), [_batch(of_layer) for of_layer in zip(*gradients, strict=True)]


def _batch(tensors):
    return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)


def _scaled(fresh, c):
    """c times a tensor that nobody else holds, in place."""
    return fresh if c == 1 else fresh.mul_(c)


def manifold_weights(scales: Tensor, width: int, direction: Tensor) -> Weights:
    """Weights on the permutation-symmetric manifold (Theorem 4).

    W_1 = X_1 1 v^T, W_l = X_l 1 1^T / sqrt(N), W_L = X_L 1^T, so that |W_l|_F^2 = N X_l^2.
    scales: (..., L) layer scales X_l; direction: (d,) unit vector v. Returns a list of L tensors
    (..., n_l, n_{l-1}).
    """
    ones = torch.ones(width, 1, dtype=direction.dtype, device=direction.device)
    first, *inner, last = scales[..., None, None].unbind(-3)
    inner = [x / math.sqrt(width) * (ones @ ones.T) for x in inner]
    return [first * (ones @ direction[None, :]), *inner, last * ones.T]


def layer_scales(weights: Sequence[Tensor], width: int) -> Tensor:
    """|W_l|_F / sqrt(N) for every layer, shape (..., L): X_l on the manifold."""
    return torch.stack([w.square().sum((-2, -1)).div(width).sqrt() for w in weights], dim=-1)


def mode_alignment(weights: Sequence[Tensor], direction: Tensor, width: int) -> Tensor:
    """Mode alignment |W_1 v|_2 / sqrt(N), shape (...): X_1 on the manifold."""
    return (weights[0] @ direction).square().sum(-1).div(width).sqrt()


def distance_from_manifold(weights: Sequence[Tensor], direction: Tensor) -> Tensor:
    """Relative Frobenius distance of each W_l from the symmetric manifold, shape (..., L).

    The manifold is spanned, layer by layer, by 1 v^T, 1 1^T and 1^T.
    """
    ones = [torch.ones(w.shape[-2], dtype=w.dtype, device=w.device) for w in weights]
    right = [direction, *ones[:-1]]
    distances = []
    for w, u, v in zip(weights, ones, right, strict=True):
        u, v = u / u.norm(), v / v.norm()
        projection = (u @ w @ v)[..., None, None] * torch.outer(u, v)
        rest = (w - projection).square().sum((-2, -1))
        distances.append((rest / w.square().sum((-2, -1))).sqrt())
    return torch.stack(distances, dim=-1)


def he_normal(
    generator: torch.Generator, shapes: Shapes, dtype: torch.dtype = torch.float64
) -> Weights:
    """He-normal weights, W_l ~ N(0, 2 / fan_in), one network, on the generator's device."""
    return [
        torch.randn(shape, generator=generator, dtype=dtype, device=generator.device)
        * math.sqrt(2.0 / shape[1])
        for shape in shapes
    ]


def scale_layers(weights: Sequence[Tensor], first: int, epsilon: float | Tensor) -> Weights:
    """The bottleneck of Theorem 11: the first ``first`` layers multiplied by epsilon.

    epsilon: a number, or a tensor whose shape is prepended to the weights' (one network each).
    """
    epsilon = torch.as_tensor(epsilon, dtype=weights[0].dtype, device=weights[0].device)
    factor = epsilon[..., None, None]
    one = torch.ones_like(factor)
    return [w * (factor if layer < first else one) for layer, w in enumerate(weights)]
