"""The cascade of modes (figure 5 and its companion): its case, and the stages of its loss."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from ..settings import Quadrature
from . import activations, blocks, homotopy


@dataclass(frozen=True)
class Cascade:
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

    def leading_order_time(self, model: blocks.BlockModel) -> float:
        """Flow time at which mode 1 by itself escapes (Theorem 5)."""
        return homotopy.leading_order_time(model, self.epsilon, self.threshold)

    def solver(self, model: blocks.BlockModel, **changes) -> homotopy.Solver:
        """Its solver; who needs 20 times the leading-order time has not escaped."""
        t_max = 20 * self.leading_order_time(model)
        return homotopy.Solver(**{"rtol": self.rtol, "t_max": t_max, **changes})

    def escape(
        self,
        model: blocks.BlockModel,
        nu: float,
        solver: homotopy.Solver | None = None,
        seed: int | None = None,
    ) -> homotopy.Escape:
        """The escape of mode 1 under f_nu."""
        solver = solver or self.solver(model)
        return homotopy.escape(model, self.start(seed), nu, self.threshold, solver)


@dataclass(frozen=True)
class OneOutput(Cascade):
    """The paper's: one output for all modes, Definition 3 within each block, an aligned start."""

    @property
    def layout(self) -> dict:
        """One output; c = 1 / sqrt(block_size)."""
        return {"summed": True, "fan": self.block_size}


@dataclass(frozen=True)
class OutputPerMode(Cascade):
    """The companion's: K outputs, and off-diagonals from the start; rho, seed: of
    :func:`blocks.initial_state`."""

    rho: float
    seed: int

    def start(self, seed: int | None = None) -> np.ndarray:
        """The initial state (L, K, K) of one draw, by default that of its own seed."""
        seed = self.seed if seed is None else seed
        modes = len(self.amplitudes)
        return blocks.initial_state(modes, self.depth, self.epsilon, self.rho, seed)


def stages(descent_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the drops (d,) and plateaus (d + 1,) of the loss along a trajectory.

    descent_rate: -dLoss/dt (n,). A drop is a local maximum of it that stands out by a factor 3; the
    plateaus are where it is smallest in between, the start and the end.
    """
    from scipy.signal import find_peaks  # here: it takes half a second, and most jobs do without

    slope = np.log(descent_rate)
    drops = find_peaks(slope, prominence=math.log(3))[0]
    between = [a + int(np.argmin(slope[a:b])) for a, b in itertools.pairwise(drops)]
    return drops, np.array([0, *between, len(slope) - 1])
