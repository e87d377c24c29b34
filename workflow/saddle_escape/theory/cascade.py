"""The cascade of modes (figure 5 and its companion): mode 1's escape, the stages of the loss."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from . import blocks, homotopy
from .cascade_case import OneOutputCase, OutputPerModeCase


class _Escaping:
    """What a case adds with its flow."""

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
class OneOutput(_Escaping, OneOutputCase):
    """The paper's."""


@dataclass(frozen=True)
class OutputPerMode(_Escaping, OutputPerModeCase):
    """The companion's."""


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
