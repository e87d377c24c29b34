"""What the drift of the balance adds up to, and what an escape costs by three methods."""

import functools

import numpy as np

from ...settings import Quadrature
from ...status import ESCAPED
from ...theory import activations, corrections, manifold
from ...training import bottleneck, reduced
from . import points, quantity
from .runs import furthest

RULE = Quadrature("trapezoid", 0.25, 8.0, 80)
RTOL = 1e-10


def accumulated(case):
    """Claim s6: the imbalance at the escape, and how a clock's cost grows with log 1/epsilon.

    Controls: by_epsilon, the imbalance relative to epsilon; final_drift, a formula in which all
    the growth drifts at its last rate; plain_clock, steps in flow time.
    """
    settings, control, shown = case.settings, case.control, []
    changes, ratios = {}, {}
    for name in settings["activations"]:
        run = functools.partial(_imbalances, name, settings["depth"])
        ends = run(tuple(settings["epsilon"]), settings["threshold"])
        ends = ends / np.array(settings["epsilon"])[:, None] if control == "by_epsilon" else ends
        changes[name] = np.abs(ends[0] / ends[1] - 1).max()
        early = run(tuple(settings["epsilon"][:1]), settings["early"])[0]
        ratios[name] = early / _law(settings, name, control) - 1
        layers = np.arange(1, settings["depth"])
        shown += points(f"{name}, X_1 = {settings['early']:g}", layers, np.abs(early))
    worst = {name: furthest(values, 0) for name, values in ratios.items()}
    return [
        quantity("independent", max(changes.values()), changes=changes),
        quantity("leading_order", furthest(worst.values(), 0), ratios=worst),
        _clock(settings, control),
    ], shown


@functools.cache  # controls share every run with the check
def _imbalances(name, depth, epsilon, threshold):
    """X_(l+1)^2 - X_l^2 when X_1 has reached the threshold, (E, L-1)."""
    run = reduced.grown(reduced.problem(name, depth, RULE), np.array(epsilon), threshold, RTOL)
    return np.diff(run.state.numpy() ** 2, axis=1)


def _law(settings, name, control):
    """Its leading order at the early scale; a control leaves out the integral's factors 1/p."""
    model = manifold.reduction(activations.get(name), settings["depth"], 1)
    law = corrections.accumulated_imbalance(model, settings["epsilon"][0], settings["early"])
    q, _ = corrections.insertion(model.act)
    powers = 2 + np.arange(1, settings["depth"]) * (q - 1)
    return law * powers if control == "final_drift" else law


def _clock(settings, control):
    """Gradient evaluations per decade of epsilon with the most small layers, over the fewest."""
    clock = "plain" if control == "plain_clock" else "relative_rate"
    size = tuple(settings["network"][key] for key in ("width", "input_dim", "samples"))
    per_decade = {r: _cost(r, size, tuple(settings["decades"]), clock) for r in settings["r"]}
    few, many = per_decade.values()
    return quantity("clock", many / few, per_decade=per_decade, clock=clock.replace("_", " "))


@functools.cache
def _cost(r, size, decades, clock):
    """Gradient evaluations per decade of epsilon, with r layers and all of them small."""
    setup = bottleneck.Setup("tanh", r, *size)
    run = bottleneck.escape(setup, 0, r, list(decades), 0.5, clock=clock, rtol=1e-6)
    if set(run.status) != {ESCAPED}:
        raise ValueError(f"claims: drift, r = {r}: {', '.join(run.status)}")
    counts = run.gradient_evaluations.tolist()
    return -(counts[1] - counts[0]) / np.diff(np.log10(decades))[0]
