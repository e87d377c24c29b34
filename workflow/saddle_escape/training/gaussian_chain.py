"""T* of Gaussian starts that :mod:`saddle_escape.theory.gaussian_chain` has compressed."""

import math

import numpy as np
import torch

from ..theory.gaussian_chain import small_layers
from .limit_flow import LimitFlow, blow_up_time


def blow_up_times(small: list[np.ndarray], ratio: float, rtol: float) -> np.ndarray:
    """T* (draws,) at |A| = |C| = 1 and N/d = ratio; NaN for a start that does not blow up.

    small: of :func:`~saddle_escape.theory.gaussian_chain.small_layers`.
    """
    first, *rest = (torch.from_numpy(v) for v in small)
    one = torch.ones(1, 1, dtype=torch.float64)
    start = [first * math.sqrt(ratio), *rest]
    return blow_up_time(LimitFlow(one, one), start, rtol=rtol).t_star.numpy()


def limit_time(r: int, ratio: float, words: int, rtol: float) -> float:
    """T* at infinite width, |A| = |C| = 1 and N/d = ratio, where nothing is random."""
    small = small_layers(np.random.default_rng(0), 1, r, math.inf, words)
    return blow_up_times(small, ratio, rtol).item()
