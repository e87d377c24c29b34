"""Proposition 25: is the cascade stable off its blocks at the stage reference states?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..theory import blocks, homotopy, stability
from ..theory.cascade import OutputPerMode, stages


@dataclass(frozen=True)
class Stability(OutputPerMode):
    """ideal_times: flow times of the block-diagonal reference states."""

    ideal_times: tuple[float, ...]


def table(settings: Stability, data: xr.Dataset) -> pd.DataFrame:
    """One row per reference, stage, time and pair.

    ``data``: the cascade's trajectory, whose plateaus are the "cascade" references. See
    :mod:`theory.stability` for references, pairs and sign convention. Columns: residual |f_1|;
    learned (the smallest M_1[k,k] of the stage's modes: below the threshold the state is not that
    stage's yet); A, B, C, D, gain, eigenvalue of the pair; subspace_gain, subspace_eigenvalue,
    off_block_eigenvalue, full_eigenvalue; off_diagonal, smallest_coupling (how far the proposition
    applies); growth of the pair's two entries, of all off-block amplitudes and rotations (d log/dt,
    in the cascade); status.
    """
    model, rows = settings.model(), []
    stiff = settings.solver(model, method="LSODA")
    decoupled = homotopy.trajectory(model, settings.start(), 0.0, max(settings.ideal_times), stiff)
    for stage in range(1, model.modes):
        for t in settings.ideal_times:
            state = stability.ideal_state(model, decoupled(t).reshape(model.shape), stage)
            rows += _rows(model, state, stage, t, "ideal")
    rests = stages(data["descent_rate"].values)[1][1:-1]
    for stage, i in zip(range(1, model.modes), rests, strict=False):
        state = data["state"].values[i]
        rows += _rows(model, state, stage, float(data["t"][i]), "cascade")
    return pd.DataFrame(rows)


def _rows(model, state, stage, t, reference):
    linear = stability.linearize(model, state, stage, t)
    velocity, masks = blocks.coupled_field(model, state), homotopy.channel_masks(model.shape)
    _, amplitudes, rotations = masks.values()

    def growth(mask):
        return stability.growth_rate(state, velocity, mask) if reference == "cascade" else 0.0

    common = {
        "reference": reference,
        "stage": stage,
        "t": float(t),
        "residual": linear.residual,
        "learned": float(np.diagonal(state[0])[:stage].min()),
        "subspace_gain": linear.gain,
        "subspace_eigenvalue": linear.eigenvalue,
        "off_block_eigenvalue": linear.off_block_eigenvalue,
        "full_eigenvalue": linear.full_eigenvalue,
        "off_diagonal": linear.off_diagonal,
        "smallest_coupling": linear.smallest_coupling,
        "growth_amplitudes": growth(amplitudes),
        "growth_rotations": growth(rotations),
    }
    rows = []
    for pair, (block, mode) in zip(stability.pair_rows(linear), linear.pairs, strict=True):
        mask = np.zeros(model.shape, bool)
        mask[0, block, mode] = mask[-1, mode, block] = True
        agrees = "agrees" if (pair["gain"] > 1) == (pair["eigenvalue"] > 0) else "disagrees"
        rows.append({**common, **pair, "growth_pair": growth(mask), "status": agrees})
    return rows
