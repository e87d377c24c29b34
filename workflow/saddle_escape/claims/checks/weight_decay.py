"""Escape under weight decay, on both sides of its critical value."""

import functools
import math

import numpy as np

from ...status import ESCAPED
from ...theory import limit_flow as limit
from ...training import bottleneck, limit_flow
from . import quantity


def trap(case):
    """Claim s2: times below the critical decay, no escape beyond it, and the weights that are left.

    Controls: another_seed, T* of other weights; no_decay, networks that do not decay; same_clock,
    m = r - 2 for decay on all layers as well.
    """
    settings, control = case.settings, case.control
    ratios, escaped, trapped, sizes = [], [], [], []
    for decayed in limit.DECAYED:
        for seed in range(settings["seeds"]):
            setup, t_star = _t_star(settings, seed + 100 * (control == "another_seed"))
            law = "small" if control == "same_clock" else decayed
            sides = (settings["r"], settings["epsilon"], law, setup.depth)
            critical = limit.critical_decay(t_star, *sides)
            for ratio in (*settings["below"], *settings["above"]):
                decay = ratio * critical
                t, size, status = _run(
                    setup, seed, settings["r"], settings["epsilon"], decayed,
                    0.0 if control == "no_decay" else decay, settings["wait"] / decay,
                    settings["loss_fraction"], settings["rtol"],
                )  # fmt: skip
                if ratio < 1:
                    predicted = limit.escape_time(t_star, *sides[:2], decay, *sides[2:])
                    ratios.append(t / predicted)
                    escaped.append(status == ESCAPED)
                else:
                    trapped.append(status != ESCAPED)
                    sizes.append(size)
    errors = np.nan_to_num(np.abs(np.array(ratios) - 1), nan=1.0)  # without a time
    facts = {"networks": len(ratios), "closest": max(settings["below"])}
    return [
        quantity("times", errors.max(), **facts),
        quantity("escaped", np.mean(escaped)),
        quantity("trapped", np.mean(trapped)),
        quantity("size", max(sizes), decayed=math.exp(-settings["wait"])),
    ], None


def _t_star(settings, seed):
    size = settings["network"]
    names = ("activation", "depth", "width", "input_dim", "samples")
    setup = bottleneck.Setup(*(size[name] for name in names))
    raw, x, _ = bottleneck.draw(setup, seed)
    (row,) = limit_flow.predictions(setup.problem(x), raw, settings["r"], [])
    return setup, row["t_star"]


@functools.cache  # controls share some runs with the check
def _run(setup, seed, r, epsilon, decayed, decay, t_max, fraction, rtol):
    """(escape time, norm of the small layers at the end over the start, status) of one network."""
    layers = r if decayed == "small" else setup.depth
    run = bottleneck.escape(
        setup,
        seed,
        r,
        [epsilon],
        fraction,
        rtol=rtol,
        t_max=t_max,
        weight_decay=[decay * (layer < layers) for layer in range(setup.depth)],
    )
    small = sum(rows * columns for rows, columns in setup.shapes[:r])
    start = bottleneck.start(setup, bottleneck.draw(setup, seed)[0], r, [epsilon])
    size = run.state[0, :small].norm() / start[0, :small].norm()
    return run.t_escape.item(), size.item(), run.status[0]
