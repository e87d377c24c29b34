"""Inputs: a quadrature rule for the population, or Gaussian samples."""

import functools
import math

import numpy as np
import torch
from torch import Tensor


def symmetrized_inputs(
    nodes: np.ndarray, weights: np.ndarray, input_dim: int
) -> tuple[Tensor, Tensor]:
    """Inputs (n, d) and sample weights (n,) that stand for the population x ~ N(0, I_d).

    The quadrature nodes lie along v = e_1; in each other direction every node is mirrored, at
    +-sqrt(d-1), so that the inputs have mean 0 and covariance I there. On such data the symmetric
    manifold is invariant under gradient descent up to round-off; on Gaussian samples it is not.
    """
    others = input_dim - 1
    if others == 0:
        return torch.tensor(nodes)[:, None], torch.tensor(weights)
    mirrored = math.sqrt(others) * np.concatenate([np.eye(others), -np.eye(others)])
    copies = len(mirrored)
    x = np.hstack([np.repeat(nodes, copies)[:, None], np.tile(mirrored, (len(nodes), 1))])
    return torch.tensor(x), torch.tensor(np.repeat(weights, copies) / copies)


def gaussian_inputs(samples: int, input_dim: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs (n, d) drawn from N(0, I_d), and equal sample weights (n,)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, input_dim, generator=generator, dtype=torch.float64)
    return x, torch.full((samples,), 1.0 / samples, dtype=torch.float64)


class Normals:
    """A seeded stream of standard normal numbers in float64: normals(n, d) draws them.

    On a CPU they are NumPy's, by SFC64, the fastest of its generators: the same bits on every kind
    of processor, while torch's depend on its vector instructions in float32, and take twice as long
    in float64. On a GPU they are made there.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu"):
        if torch.device(device).type == "cpu":
            draw = np.random.Generator(np.random.SFC64(seed)).standard_normal
            self._draw = lambda shape: torch.from_numpy(draw(shape))
        else:
            there = {"generator": torch.Generator(device).manual_seed(seed), "device": device}
            self._draw = functools.partial(torch.randn, dtype=torch.float64, **there)

    def __call__(self, *shape: int) -> Tensor:
        return self._draw(shape)


def first_axis(input_dim: int, device: str | torch.device = "cpu") -> Tensor:
    """The teacher's direction v = e_1, (d,)."""
    return torch.eye(input_dim, dtype=torch.float64, device=device)[0]
