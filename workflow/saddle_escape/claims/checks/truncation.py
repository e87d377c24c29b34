"""Theorem 26 and Corollary 27: growth rates and escape times of truncations (e26, e27)."""

import math

import numpy as np

from ... import settings as configured
from ...theory import blocks, homotopy, stability, truncation
from ...theory.cascade import OneOutput
from . import points, quantity


def growth_rates(case):
    """Claim e26: random truncations, and three examples that meet the theorem's hypotheses.

    Controls: negative_coupling, C with the opposite sign; chain, the example in which every
    truncation is irreducible and unstable, in place of the three.
    """
    settings = case.settings
    rng = np.random.default_rng(settings["seed"])
    falls = flat = rises = 0
    for _ in range(settings["draws"]):
        parts = _random_parts(rng, settings["size"])
        if case.control == "negative_coupling":
            parts = (*parts[:2], -parts[2], parts[3])
        steps = np.diff(truncation.growth_rates(parts))
        strict = truncation.irreducible_truncations(parts)[1:]
        falls += np.sum(steps < -1e-6)
        flat += np.sum(steps[strict] < 1e-12)
        rises += strict.sum()
    size = settings["size"]
    examples = [
        make(size)
        for make in (
            truncation.with_reducible_truncation,
            truncation.with_late_gain,
            truncation.with_loop_outside,
        )
    ]
    if case.control == "chain":
        examples = [truncation.chain(size, 4.0)] * 3
    reducible, late, outside = examples
    rates = truncation.growth_rates(reducible)
    whole = truncation.loop_gains(late)[-1]
    compressed = truncation.compressed_gains(outside)[0] - truncation.loop_gains(outside)[0]
    return [
        quantity("monotone", falls, draws=settings["draws"]),
        quantity("strict_if_irreducible", flat, of=rises),
        quantity("strict", rates[1] - rates[0], first=rates[0], second=rates[1]),
        quantity("unstable", truncation.growth_rates(late)[0], whole=whole),
        quantity("truncated_loop", compressed),
    ], points(
        "smallest rate", range(1, size + 1), truncation.growth_rates(truncation.chain(size, 4.0))
    )


def _random_parts(rng, size):
    a, d = rng.uniform(0.5, 2, size), rng.uniform(0.5, 2, size)
    b, c = (rng.exponential(size=(size, size)) * rng.integers(0, 2, (size, size)) for _ in "bc")
    return a, b, c, d


def escape_times(case):
    """Claim e27: truncations escape later in the linear model; figure 5's flow against the law.

    Controls: reversed, the truncations in reverse order; linear, the linear model in place of the
    flow.
    """
    settings = case.settings
    late, ratios = 0, []
    parts = truncation.chain(8, 2.0)
    orders = (1, 2, 3, 4)[:: -1 if case.control == "reversed" else 1]
    for epsilon in settings["linear_epsilon"]:
        times = []
        for order in orders:
            matrix = stability.block_matrix(*truncation.truncate(parts, order))
            start = np.full(2 * order, epsilon)
            times.append(truncation.linear_escape_time(matrix, start))
            rate = stability.spectral_abscissa(matrix)
            ratios.append(times[-1] * rate / math.log(1 / epsilon))
        late += sum(times[k] <= times[k + 1] for k in range(len(times) - 1))
    law = _linear_law() if case.control == "linear" else _flow_law(case)
    return [
        quantity("later", late, of=3 * len(settings["linear_epsilon"])),
        quantity("linear_law", ratios[-1], epsilon=settings["linear_epsilon"][-1]),
        quantity("logarithm", law[-1] / law[0], ratios=[f"{x:.2f}" for x in law],
                 epsilon=settings["epsilon"]),
    ], None  # fmt: skip


def _flow_law(case):
    """log(1/epsilon) / lambda over the exact flow's time, at each epsilon."""
    cascade, ratios = configured.pick(OneOutput, case.settings["cascade"]), []
    model = cascade.model()
    for epsilon in case.settings["epsilon"]:
        rate = stability.plateau(model, epsilon).eigenvalue
        solver = cascade.solver(model, t_max=100 / epsilon**2)
        start = blocks.aligned_state(model, epsilon)
        t = homotopy.escape(model, start, 1.0, cascade.threshold, solver).t
        ratios.append(math.log(1 / epsilon) / rate / t)
    return ratios


def _linear_law():
    """The same where the model is linear, at epsilon 1e-8 and 1e-16."""
    matrix = stability.block_matrix(*truncation.truncate(truncation.chain(8, 2.0), 1))
    rate = stability.spectral_abscissa(matrix)
    return [
        math.log(1 / e) / rate / truncation.linear_escape_time(matrix, np.full(2, e))
        for e in (1e-8, 1e-16)
    ]
