"""Proposition 25 (Schur-Perron), the plateau's linearization (eq. 54), and the cascade's stages.

Proposition 25. Let A, D be diagonal with positive entries and B, C entrywise nonnegative. Then
J = [[-A, B], [C, -D]] has a positive real eigenvalue if and only if the loop gain, the spectral
radius of A^-1 B D^-1 C, exceeds 1.

Stage 1 (eq. 54): the block-aligned start, all layer scales at epsilon, with x the layer scales and
eta the rotations (:func:`plateau`). In units of epsilon^(L-2) the couplings converge as
epsilon -> 0, but the damping vanishes: it is of order epsilon^L in layer 1 (rotations, X_1) and
falls with the layer to epsilon^(2(L-1)) in the last, so that the loop gain grows like
epsilon^-(L+2) (sigma odd, q = 3). And the layer
scales of one block couple to one another as strongly as to the rotations, so that A is not
diagonal: by itself it has a positive eigenvalue, the growth of the mode. The plateau is no fixed
point either: its drift is of order epsilon^(L-1).

Stage k: modes 1..k are learned, the others are not. With one output per mode, the off-block
subspace of stage k is spanned by the rotations M_1[b, m] and the amplitudes M_L[m, b] with b
learned and m not: turning a learned block's input towards mode m, and reading mode m out of it.
Both are taken with the signs they have in the state (no flips); A and D are minus the
self-couplings of rotations and amplitudes, B and C the couplings of amplitudes into rotations and
back. At a block-diagonal state A and D are diagonal, because flipping the sign of one coordinate
together with its block is a symmetry that tells all pairs (b, m) apart, and the pairs do not
couple.

The single-mode loss keeps falling along a slow tail, so no stage has an exact saddle. Two kinds of
reference state at stated times t stand in for it: "ideal", the decoupled flow at t with the
entries of unlearned modes set to zero, whose residual |f_1| falls with t; and "cascade", the full
block flow at the t between two drops of the loss where the loss falls most slowly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import blocks
from .homotopy import channel_masks


def loop_gain(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    """Spectral radius of A^-1 B D^-1 C; a (n,), d (m,) positive, b (n, m), c (m, n).

    Raises ValueError if a or d is not positive.
    """
    if np.min(a) <= 0 or np.min(d) <= 0:
        raise ValueError("loop gain: A and D need positive diagonals")
    product = (b / a[:, None]) @ (c / d[:, None])
    return float(np.abs(np.linalg.eigvals(product)).max())


def block_matrix(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """J = [[-A, B], [C, -D]], shape (n + m, n + m), from diagonals a (n,) and d (m,)."""
    return np.block([[-np.diag(a), b], [c, -np.diag(d)]])


def spectral_abscissa(matrix: np.ndarray) -> float:
    """Largest real part of the eigenvalues; for a Metzler matrix itself an eigenvalue."""
    return float(np.linalg.eigvals(matrix).real.max())


@dataclass(frozen=True)
class Split:
    """A linearization between two groups of variables: J = [[-A, B], [C, -D]] of any signs.

    a (n, n), b (n, m), c (m, n), d (m, m): minus the first group's own couplings, the second's into
    the first, the first's into the second, minus the second's own; rates per unit flow time.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray

    @property
    def gain(self) -> float:
        """Loop gain with the diagonals of A and D, NaN where a self-coupling is not damping."""
        a, d = np.diag(self.a), np.diag(self.d)
        return loop_gain(a, self.b, self.c, d) if min(a.min(), d.min()) > 0 else math.nan

    @property
    def eigenvalue(self) -> float:
        """Largest real part of the eigenvalues of J."""
        return spectral_abscissa(np.block([[-self.a, self.b], [self.c, -self.d]]))

    @property
    def off_diagonal(self) -> float:
        """Largest off-diagonal entry of A or D, relative to the smallest diagonal one."""
        size = np.min(np.abs(np.concatenate([np.diag(self.a), np.diag(self.d)])))
        return max(np.abs(x - np.diag(np.diag(x))).max() for x in (self.a, self.d)) / size

    @property
    def smallest_coupling(self) -> float:
        """Smallest entry of B and C: Proposition 25 asks for nonnegative ones."""
        return float(min(self.b.min(), self.c.min()))


def split(jacobian: np.ndarray, first: Sequence[int], second: Sequence[int]) -> Split:
    """The :class:`Split` of a Jacobian (P, P) between two groups of indices."""
    own, into = np.ix_(first, first), np.ix_(first, second)
    back, other = np.ix_(second, first), np.ix_(second, second)
    return Split(-jacobian[own], jacobian[into], jacobian[back], -jacobian[other])


def plateau(model: blocks.BlockModel, epsilon: float) -> Split:
    """Eq. 54 at the block-aligned start: layer scales (L K,) first, then the rotations."""
    jacobian = blocks.jacobian(model, blocks.aligned_state(model, epsilon))
    scales, _, rotations = channel_masks(model.shape).values()
    return split(jacobian, np.flatnonzero(scales), np.flatnonzero(rotations))


@dataclass(frozen=True)
class OffBlock(Split):
    """Linearization of f_1 at one reference state, rotations first, then amplitudes.

    stage k; t; residual |f_1|; pairs: the (b, m), from 0, in the order of the rows of the matrices;
    off_block_eigenvalue: largest real part over all off-block directions; full_eigenvalue: over all
    directions.
    """

    stage: int
    t: float
    residual: float
    pairs: tuple[tuple[int, int], ...]
    off_block_eigenvalue: float
    full_eigenvalue: float


def stage_pairs(model: blocks.BlockModel, stage: int) -> tuple[tuple[int, int], ...]:
    """The (learned block b, unlearned mode m) of a stage, counted from 0.

    Raises ValueError for a stage that has no learned or no unlearned mode.
    """
    if not 1 <= stage < model.modes:
        raise ValueError(f"stage: {stage} given, choose 1 to {model.modes - 1}")
    return tuple((b, m) for b in range(stage) for m in range(stage, model.modes))


def ideal_state(model: blocks.BlockModel, state: np.ndarray, stage: int) -> np.ndarray:
    """``state`` (L, K, K) with its off-diagonals and all entries of unlearned modes set to zero."""
    return state * model.diagonal * (np.arange(model.modes) < stage)


def linearize(model: blocks.BlockModel, state: np.ndarray, stage: int, t: float) -> OffBlock:
    """The :class:`OffBlock` of the full block flow at ``state`` (L, K, K), reached at time t.

    Raises ValueError for a model with one output, whose modes are not read out one by one.
    """
    if model.summed:
        raise ValueError("stages: one output reads all modes; a stage needs one output per mode")
    pairs, shape = stage_pairs(model, stage), model.shape
    jacobian = blocks.jacobian(model, state)
    rotations = [np.ravel_multi_index((0, b, m), shape) for b, m in pairs]
    amplitudes = [np.ravel_multi_index((model.depth - 1, m, b), shape) for b, m in pairs]
    off = np.flatnonzero(np.broadcast_to(model.diagonal == 0, shape))
    return OffBlock(
        **vars(split(jacobian, rotations, amplitudes)),
        stage=stage,
        t=t,
        residual=float(np.linalg.norm(blocks.coupled_field(model, state))),
        pairs=pairs,
        off_block_eigenvalue=spectral_abscissa(jacobian[np.ix_(off, off)]),
        full_eigenvalue=spectral_abscissa(jacobian),
    )


def pair_rows(off_block: OffBlock) -> list[dict]:
    """One dict per pair: A, B, C, D, loop gain and largest eigenvalue of its 2 x 2 matrix."""
    rows = []
    for i, (block, mode) in enumerate(off_block.pairs):
        a, b, c, d = (float(x[i, i]) for x in (off_block.a, off_block.b, off_block.c, off_block.d))
        eigenvalue = spectral_abscissa(np.array([[-a, b], [c, -d]]))
        row = {"rotation": f"M_1[{block + 1},{mode + 1}]", "A": a, "B": b, "C": c, "D": d}
        rows.append({**row, "gain": b * c / (a * d), "eigenvalue": eigenvalue})
    return rows


def growth_rate(state: np.ndarray, velocity: np.ndarray, mask: np.ndarray) -> float:
    """d log|x| / dt of the masked entries x of a state (L, K, K) moving with ``velocity``."""
    x, v = state[mask], velocity[mask]
    return float(x @ v / (x @ x))
