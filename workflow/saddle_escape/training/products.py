"""The matrix products of a network: torch's, or oneDNN's where that is faster.

On a CPU torch gives products in float32 to MKL, which keeps to AVX2 on processors that are not
Intel's. oneDNN, which comes with torch as well, has kernels for what the processor can do: twice
the FLOP/s on an AMD processor with AVX-512, and the same bits as with AVX2 (docs/performance.md).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SMALLEST_SIDE = 16  # of a layer: below it calling oneDNN costs more than it saves
SMALLEST_APART = 64  # of all inner layers: below it a batch saves more than oneDNN does

Product = Callable[[Tensor, Tensor], Tensor]


def _torch(a, b):
    is_batch = a.ndim == b.ndim == 3 and len(a) == len(b)
    return torch.bmm(a, b.mT) if is_batch else a @ b.mT  # matmul makes them of one length first


def _of_one_neuron(a, b):
    terms = a * b  # one side being 1 x 1, or both a row
    return terms if a.shape[-1] == 1 else terms.sum(-1, keepdim=True)


def _onednn(a, b):
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")


def product(weight: Tensor) -> Product:
    """The function (a (..., m, k), b (..., n, k)) -> a b^T for the products with one layer.

    weight: the layer's, (..., n_l, n_{l-1}). oneDNN's product knows neither batches of matrices nor
    float64 nor derivatives. Between single neurons most products have one term.
    """
    if weight.shape[-2:] == (1, 1):
        return _of_one_neuron
    fits = weight.ndim == 2 and min(weight.shape) >= SMALLEST_SIDE
    return _onednn if fits and _onednn_knows(weight) else _torch


def are_faster_apart(weights: Sequence[Tensor]) -> bool:
    """Whether networks (b, n_l, n_{l-1}) are multiplied one by one in less time than as a batch.

    One is, as no batch. Several are if their layers are large and oneDNN multiplies them.
    """
    if len(weights[0]) < 2:
        return len(weights[0]) == 1
    inner = weights[1:-1]
    large = inner and min(min(w.shape[-2:]) for w in inner) >= SMALLEST_APART
    return bool(large) and all(_onednn_knows(w) for w in inner)


def _onednn_knows(weight):
    known = weight.dtype == torch.float32 and weight.is_cpu and not weight.requires_grad
    return known and torch.backends.mkldnn.is_available()
