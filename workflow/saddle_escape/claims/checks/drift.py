"""What the drift of the balance adds up to, and what an escape costs by three methods."""

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
    own, control, shown = case.settings, case.control, []
    changes, ratios = {}, {}
    for name in own["activations"]:
        ends = _imbalances(own, name, own["epsilon"], own["threshold"])
        ends = ends / np.array(own["epsilon"])[:, None] if control == "by_epsilon" else ends
        changes[name] = np.abs(ends[0] / ends[1] - 1).max()
        early = _imbalances(own, name, own["epsilon"][:1], own["early"])[0]
        ratios[name] = early / _law(own, name, control) - 1
        layers = np.arange(1, own["depth"])
        shown += points(f"{name}, X_1 = {own['early']:g}", layers, np.abs(early))
    worst = {name: furthest(values, 0) for name, values in ratios.items()}
    return [
        quantity("independent", max(changes.values()), changes=changes),
        quantity("leading_order", furthest(worst.values(), 0), ratios=worst),
        _clock(own, control),
    ], shown


def _imbalances(own, name, epsilon, threshold):
    """X_(l+1)^2 - X_l^2 when X_1 has reached the threshold, (E, L-1)."""
    problem = reduced.problem(name, own["depth"], RULE)
    run = reduced.grown(problem, np.array(epsilon), threshold, RTOL)
    return np.diff(run.state.numpy() ** 2, axis=1)


def _law(own, name, control):
    """Its leading order at the early scale; a control leaves out the integral's factors 1/p."""
    model = manifold.reduction(activations.get(name), own["depth"], 1)
    law = corrections.accumulated_imbalance(model, own["epsilon"][0], own["early"])
    q, _ = corrections.insertion(model.act)
    powers = 2 + np.arange(1, own["depth"]) * (q - 1)
    return law * powers if control == "final_drift" else law


def _clock(own, control):
    """Gradient evaluations per decade of epsilon with the most small layers, over the fewest."""
    clock = "plain" if control == "plain_clock" else "relative_rate"
    per_decade = {}
    for r in own["r"]:
        size = [own["network"][key] for key in ("width", "input_dim", "samples")]
        setup = bottleneck.Setup("tanh", r, *size)
        run = bottleneck.escape(setup, 0, r, own["decades"], 0.5, clock=clock, rtol=1e-6)
        if set(run.status) != {ESCAPED}:
            raise ValueError(f"claims: drift, r = {r}: {', '.join(run.status)}")
        counts = run.gradient_evaluations.tolist()
        per_decade[r] = -(counts[1] - counts[0]) / np.diff(np.log10(own["decades"]))[0]
    few, many = per_decade.values()
    return quantity("clock", many / few, per_decade=per_decade, clock=clock.replace("_", " "))
