"""The cascade of modes (figure 5 and its companion): teacher, network and start, without its flow.

A training needs no more; :mod:`cascade` has the same with the escape of mode 1.
"""

from dataclasses import dataclass

import numpy as np

from ..settings import Quadrature
from . import activations, blocks


@dataclass(frozen=True)
class Case:
    """Teacher, network, start and escape criterion of one cascade.

    amplitudes: s_k of the K modes; block_size: neurons per block; epsilon: of the initial scales;
    threshold: layer scale of mode 1 at which it counts as escaped.
    """

    activation: str
    amplitudes: tuple[float, ...]
    depth: int
    block_size: int
    quadrature: Quadrature
    rtol: float
    epsilon: float
    threshold: float

    @property
    def layout(self) -> dict:
        """Further arguments of :func:`blocks.make_model`."""
        return {}

    def model(self, quadrature: Quadrature | None = None) -> blocks.BlockModel:
        """The model in block variables, on its own grid or on another one."""
        grid = blocks.make_grid(len(self.amplitudes), **vars(quadrature or self.quadrature))
        return blocks.make_model(
            activations.get(self.activation),
            self.amplitudes,
            self.depth,
            self.block_size,
            grid,
            **self.layout,
        )

    def start(self, seed: int | None = None) -> np.ndarray:
        """The initial state (L, K, K): every block on its own mode; seed: of what is drawn."""
        return blocks.aligned_state(self.model(), self.epsilon)


@dataclass(frozen=True)
class OneOutputCase(Case):
    """The paper's: one output for all modes, Definition 3 within each block, an aligned start."""

    @property
    def layout(self) -> dict:
        """One output; c = 1 / sqrt(block_size)."""
        return {"summed": True, "fan": self.block_size}


@dataclass(frozen=True)
class OutputPerModeCase(Case):
    """The companion's: K outputs, and off-diagonals from the start; rho, seed: of
    :func:`blocks.initial_state`."""

    rho: float
    seed: int

    def start(self, seed: int | None = None) -> np.ndarray:
        """The initial state (L, K, K) of one draw, by default that of its own seed."""
        seed = self.seed if seed is None else seed
        modes = len(self.amplitudes)
        return blocks.initial_state(modes, self.depth, self.epsilon, self.rho, seed)
