"""Figure 5's network, trained as in the paper: fresh Gaussian minibatches, 150,000 steps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from ..status import ESCAPED, NOT_ESCAPED
from ..theory.cascade_case import OneOutputCase
from ..training import blockwise
from ..training.data import Normals
from ..training.integrate import descend, never


@dataclass(frozen=True)
class Batches:
    """rate: of layer 1, the others' being rate / block_size, as the paper has it; steps: each on
    ``batch`` fresh inputs; looks: equally spaced, at which the loss on ``sample`` other inputs,
    always the same, is stored."""

    input_dim: int
    batch: int
    rate: float
    steps: int
    looks: int
    sample: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Training(OneOutputCase):
    """The cascade, and its training."""

    training: Batches


def trained(settings: Training) -> tuple[xr.Dataset, pd.DataFrame]:
    """The runs of all seeds, and when mode 1 escapes in each.

    Dataset, dimensions seed and t (flow time, rate x step): loss, alignment |W_1 v_1| / sqrt(N),
    scale X_{1,1}, across (the part of W_1 across the teacher's directions, relative). Table: seed,
    t_escape (scale = threshold), status. The N neurons are one per block (:mod:`blockwise`).
    """
    runs = [_run(settings, seed) for seed in settings.training.seeds]
    seen = {
        name: (("seed", "t"), np.stack([run[name] for run in runs]), {"units": "1"})
        for name in ("loss", "alignment", "scale", "across")
    }
    t = runs[0]["t"]
    seeds = list(settings.training.seeds)
    data = xr.Dataset(
        seen, {"t": ("t", t, {"units": "flow time"}), "seed": ("seed", seeds, {"units": "1"})}
    )
    data.attrs["gradient_evaluations"] = settings.training.steps * len(seeds)
    rows = [(seed, *_crossing(t, run["scale"], settings.threshold))
            for seed, run in zip(seeds, runs, strict=True)]  # fmt: skip
    return data, pd.DataFrame(rows, columns=["seed", "t_escape", "status"])


def _run(settings, seed):
    """Columns (looks + 1,) of one seed's run, by name."""
    spec, model = settings.training, settings.model()
    dim, modes = spec.input_dim, model.modes
    normals = Normals(seed)
    sample = blockwise.on_batch(model, dim)(Normals(spec.sample)(spec.sample, dim))

    def observe(flat, index):
        first = sample.unflatten(flat)[0]
        across, whole = first[..., modes:].norm(dim=(-2, -1)), first.norm(dim=(-2, -1))
        return {
            "loss": sample.mean_loss(flat),
            "alignment": first[..., 0].square().mean(-1).sqrt(),
            "scale": first[..., 0, 0],
            "across": across / whole,
        }

    run = descend(
        blockwise.minibatch_descent(model, dim, spec.rate),
        lambda: blockwise.draw_minibatch(normals, spec.batch, modes, dim),
        blockwise.start(model, settings.start(), dim),
        event=never,
        evaluate=observe,
        rate=spec.rate,
        max_steps=spec.steps,
        next_look=lambda step: step + max(1, spec.steps // spec.looks),
        record=True,
    )
    return {name: column.numpy() for name, column in run.steps.items()}


def _crossing(t, scale, threshold):
    """(t_escape, status): where the spline through the looks first meets the threshold."""
    met = np.flatnonzero(scale >= threshold)
    if not len(met):
        return np.nan, NOT_ESCAPED
    spline = CubicSpline(t, scale - threshold)
    return brentq(spline, t[met[0] - 1], t[met[0]]), ESCAPED
