"""The prefactor T* over Gaussian starts (claim s4)."""

import functools
import math

import numpy as np

from ...theory.gaussian_chain import GAIN, explain, features, small_layers
from ...training.gaussian_chain import blow_up_times, limit_time
from . import points, quantity
from .runs import furthest

RTOL = 1e-6


def prefactor(case):
    """Claim s4: limit and spread of T*, the shift of its mean, and what a start's features explain.

    Controls: short_words, words of one letter; root_width, layers drawn at the width sqrt(N);
    outer_fixed, the outer product at its length at infinite width; another_draw, features of other
    starts.
    """
    settings, control, wanted = case.settings, case.control, case.quantities
    words = 1 if control == "short_words" else settings["words"]
    quantities, shown = [], []
    if "limit" in wanted:
        quantities.append(_limit(settings["ratio"], words))
    if "starts" in wanted:
        quantities.append(_starts(settings["dense"], words))
    if {"spread", "shift", "unexplained"} & set(wanted):
        over_draws, shown = _over_draws(settings, control, words)
        quantities += [row for row in over_draws if row["name"] in wanted]
    return quantities, shown


def _limit(ratio, words):
    """At infinite width against what is left where the first layer does not move, M = |V_1 c|."""
    size = math.sqrt(GAIN * ratio)
    law = {
        3: math.log(2 * size),
        4: limit_time(3, 1, words, RTOL) - 1 / size,
        5: limit_time(4, 1, words, RTOL),
    }
    ratios = {f"r = {r}": size * limit_time(r, ratio, words, RTOL) / t for r, t in law.items()}
    return quantity("limit", abs(furthest(ratios.values(), 1) - 1), ratios=ratios)


def _starts(settings, words):
    """Mean log T* of compressed starts less that of whole matrices, in standard errors."""
    r, width, draws = settings["r"], settings["width"], settings["draws"]
    rng = np.random.default_rng(1)
    shapes = [(width, 1), *[(width, width)] * (r - 2), (1, width)]
    whole = [rng.normal(0, math.sqrt(GAIN / width), (draws, *shape)) for shape in shapes]
    logs = [
        np.log(blow_up_times(s, 1, RTOL))
        for s in (small_layers(rng, draws, r, width, words), whole)
    ]
    error = math.sqrt(sum(np.var(log_t) for log_t in logs) / draws)
    distance = (logs[0].mean() - logs[1].mean()) / error
    return quantity("starts", distance, spreads=[float(np.std(log_t)) for log_t in logs])


def _over_draws(settings, control, words):
    """Spread against width; shift and unexplained variance at the largest."""
    r, outer_layers, d = settings["r"], settings["depth"] - settings["r"], settings["input_dim"]
    spreads = []
    for seed, width in enumerate(settings["widths"]):
        drawn = math.isqrt(width) if control == "root_width" else width
        size = settings["draws"], r, outer_layers, drawn, words
        small, outer, t_star = _draws(seed, *size, width / d)
        length = 1 if control == "outer_fixed" else outer.prod(1)
        log_t = np.log(t_star / length / limit_time(r, width / d, words, RTOL))
        columns = features(small, outer, drawn)
        if control == "another_draw":
            columns = columns[::-1]
        spreads.append(np.std(log_t))
    explained = explain(log_t, columns, r)
    exponent = np.diff(np.log(spreads))[-1] / np.diff(np.log(settings["widths"]))[-1]
    law = (settings["depth"] - 2) / (2 * width)
    return [
        quantity("spread", exponent, spreads=[float(s) for s in spreads]),
        quantity("shift", explained.mean / law, error=explained.mean_error / law),
        quantity("unexplained", explained.unexplained, shares=explained.shares),
    ], points("standard deviation of log T*", settings["widths"], spreads)


@functools.cache  # controls share the draws with the check
def _draws(seed, draws, r, outer_layers, width, words, ratio):
    """(small layers, outer layers' lengths (draws, L - r), T* (draws,) at outer lengths 1)."""
    rng = np.random.default_rng((2, seed))
    small = small_layers(rng, draws, r, width, words)
    outer = np.sqrt(rng.chisquare(width, (draws, outer_layers)) / width)
    return small, outer, blow_up_times(small, ratio, RTOL)
