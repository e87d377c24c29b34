"""The prefactor T* over draws of the start: its limit at large width, and what of a draw decides.

He-normal networks with c = 1 whose first r layers are small, y = sigma(x_1) on Gaussian inputs, the
population's C = E[y x]. Their T* needs no data and no network, only the small layers on what the
limit flow reaches of them (:mod:`~saddle_escape.theory.gaussian_chain`) and the length of A.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..theory import activations, teachers
from ..theory.gaussian_chain import GAIN, explain, features, small_layers
from ..training.gaussian_chain import blow_up_times, limit_time

QUANTILES = (5, 25, 50, 75, 95)  # per cent


@dataclass(frozen=True)
class Case:
    """r: small layers; words: letters of the longest word; batch: draws integrated together."""

    r: int
    input_dims: tuple[int, ...]
    words: int
    draws: int
    batch: int


@dataclass(frozen=True)
class Study:
    """widths: N; rtol: of the limit flow, far below the spread over draws; seed: of all draws."""

    activation: str
    depth: int
    widths: tuple[int, ...]
    rtol: float
    seed: int
    cases: dict[str, Case]


def distribution(settings: Study, name: str) -> pd.DataFrame:
    """T* over the draws of one case, one row for each input dimension d and width N.

    Columns: case, depth, r, input_dim, width, draws, blown_up (draws that did); q05..q95, quantiles
    of T*, and limit, T* at infinite width and the same N/d (in units of epsilon^(r-2) t); spread,
    the standard deviation of log T*; shift and shift_error, E log(T* / limit) and its standard
    error; share_*, the parts of the variance of log T* that the groups of features explain, and
    unexplained, the rest (:func:`~saddle_escape.theory.gaussian_chain.explain`).
    """
    case = settings.cases[name]
    rows = []
    for d in case.input_dims:
        for width in settings.widths:
            rng = np.random.default_rng((settings.seed, case.r, d, width))
            starts = [
                _drawn(rng, settings, case, d, width, size)
                for size in _batches(case.draws, case.batch)
            ]
            t_star, columns = (np.concatenate(parts) for parts in zip(*starts, strict=True))
            row = {"case": name, "depth": settings.depth, "r": case.r}
            row |= {"input_dim": d, "width": width}
            limit = limit_time(case.r, width / d, case.words, settings.rtol)
            limit /= rate(settings, case.r)
            rows.append(row | summary(t_star, columns, case.r, limit))
    return pd.DataFrame(rows)


def _batches(draws, batch):
    return [min(batch, draws - start) for start in range(0, draws, batch)]


def _drawn(rng, settings, case, d, width, draws):
    """T* (draws,) and features (draws, F) of some draws."""
    small = small_layers(rng, draws, case.r, width, case.words)
    outer = np.sqrt(rng.chisquare(width, (draws, settings.depth - case.r)) / width)
    unit = blow_up_times(small, width / d, settings.rtol)
    t_star = unit / rate(settings, case.r) / outer.prod(1)
    return t_star, features(small, outer, width)


def rate(settings: Study, r: int) -> float:
    """|A| |C| at infinite width: alpha^(L-1) GAIN^((L-r)/2) E[y z]."""
    act = activations.get(settings.activation)
    paths = act.slope_at_zero ** (settings.depth - 1) * GAIN ** ((settings.depth - r) / 2)
    return paths * teachers.moment(act, 1)


def summary(t_star: np.ndarray, columns: np.ndarray, r: int, limit: float) -> dict:
    """The numbers of a row from T* (draws,) and features (draws, F)."""
    escaping = np.isfinite(t_star)
    log_t = np.log(t_star[escaping] / limit)
    explained = explain(log_t, columns[escaping], r)
    quantiles = np.percentile(t_star[escaping], QUANTILES)
    return {
        "draws": len(t_star),
        "blown_up": int(escaping.sum()),
        **{f"q{q:02d}": t for q, t in zip(QUANTILES, quantiles, strict=True)},
        "limit": limit,
        "spread": np.std(log_t, ddof=1),
        "shift": explained.mean,
        "shift_error": explained.mean_error,
        **{f"share_{name}": share for name, share in explained.shares.items()},
        "unexplained": explained.unexplained,
    }
