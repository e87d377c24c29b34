"""Theorem 11's time from the initial weights: the limit flow, negative starts, Proposition 23."""

import functools
from dataclasses import replace

import numpy as np
import torch

from ...status import ESCAPED
from ...theory import classes, exponents
from ...training import bottleneck, limit_flow, network
from . import points, quantity

# --- the limit flow -------------------------------------------------------------------------------


def limit_flows(case):
    """Escape times of He-normal networks against T* of their own weights, seed by seed.

    Controls: another_seed, T* of other weights; teacher_larger, T* for 1.25 times the targets;
    half_variance, T* for weights N(0, 1/fan_in); loose, an integrator that takes giant steps.
    """
    settings, control, shown = case.settings, case.control, []
    setup = _setup(settings["network"])
    q = classes.classify(setup.act).q
    epsilons = np.array(settings["epsilon"])
    tolerances = [
        settings["loose"] if control == "loose" else settings["rtol"][0],
        settings["rtol"][1],
    ]
    errors, orders, events = [], [], []
    for r in settings["r"]:
        for seed in range(settings["seeds"]):
            t, finer = (_times(setup, seed, r, tuple(epsilons), rtol) for rtol in tolerances)
            error = np.abs(finer * epsilons ** (r - 2) / _predicted(setup, seed, r, control) - 1)
            errors.append(error[0])
            order = exponents.local_exponents(epsilons[:2], error[:2])[1][0]
            orders.append(order - exponents.correction_order(r, q, r < setup.depth))
            events.append(np.abs(t / finer - 1).max())
            shown += points(f"r = {r}", epsilons, error) if seed == 0 else []
    facts = {"networks": len(errors), "epsilon": epsilons[0], "r": settings["r"]}
    return [
        quantity("limit", max(errors), **facts),
        quantity("order", max(orders, key=abs), **facts),
        quantity("events", max(events), largest=epsilons[-1], rtol=list(settings["rtol"])),
    ], shown


def _setup(size):
    names = ("activation", "depth", "width", "input_dim", "samples")
    return bottleneck.Setup(*(size[name] for name in names))


@functools.cache  # controls share most runs with the check
def _times(setup, seed, r, epsilons, rtol, fraction=0.1):
    """Escape times (E,) by gradient flow; ValueError unless all escape."""
    run = bottleneck.escape(setup, seed, r, list(epsilons), fraction, rtol=rtol)
    if set(run.status) != {ESCAPED}:
        raise ValueError(f"claims: prefactor, r = {r}, seed {seed}: {', '.join(run.status)}")
    return run.t_escape.numpy()


def _predicted(setup, seed, r, control):
    """T* of a seed's weights and data."""
    raw, x, _ = bottleneck.draw(setup, seed + 100 * (control == "another_seed"))
    problem = setup.problem(x)
    if control == "teacher_larger":
        problem = replace(problem, y=1.25 * problem.y)
    if control == "half_variance":
        raw = [w / 2**0.5 for w in raw]
    return _blow_up(problem, raw, r).t_star.item()


def _blow_up(problem, raw, r):
    return limit_flow.blow_up_time(limit_flow.limit_flow(problem, raw, r), raw[:r])


# --- negative starts ------------------------------------------------------------------------------


def negative_starts(case):
    """gamma(0) < 0: whether such draws escape, and what the sign step, v -> -v, does to a time.

    Controls: balanced_chain, networks of one neuron whose weights are all +-1; last_layer_too, the
    step together with the sign of the last layer.
    """
    settings, control = case.settings, case.control
    is_chain = control == "balanced_chain"
    size = settings["network"] | ({"width": 1, "input_dim": 1} if is_chain else {})
    setup, r = _setup(size), settings["r"]
    generators = (torch.Generator().manual_seed(seed) for seed in range(settings["draws"]))
    raw = [network.he_normal(generator, setup.shapes) for generator in generators]
    weights = [torch.stack(layers) for layers in zip(*raw, strict=True)]
    weights = [w.sign() for w in weights] if is_chain else weights
    problem = setup.problem(bottleneck.draw(setup, 0)[1])
    flow = limit_flow.limit_flow(problem, weights, r)
    negative = (flow.signal_and_gradient(weights[:r])[0] < 0).numpy()
    t = _blow_up(problem, weights, r).t_star.numpy()
    if control == "last_layer_too":
        weights = [*weights[:-1], -weights[-1]]
    turned = _blow_up(replace(problem, y=-problem.y), weights, r).t_star.numpy()
    escaped = t < settings["within"] * np.nanmedian(t[~negative])
    medians = {"negative": np.nanmedian(t[negative]), "positive": np.nanmedian(t[~negative])}
    change = np.nanmedian(np.abs(np.log(t / turned)))
    return [
        quantity("escape", escaped[negative].mean(), negative=negative.sum(), medians=medians),
        quantity("share", negative.mean(), draws=len(t)),
        quantity("sign_step", change, draws=len(t)),
    ], points("negative", *_sorted(t[negative])) + points("positive", *_sorted(t[~negative]))


def _sorted(t):
    """Times and the share of draws that have escaped by then."""
    return np.sort(t), np.arange(1, len(t) + 1) / len(t)


# --- Proposition 23 -------------------------------------------------------------------------------


def corners(case):
    """Proposition 23: one and two small layers. Control: one_layer_more is small than is said."""
    settings, more = case.settings, case.control == "one_layer_more"
    setup, epsilons = _setup(settings["network"]), settings["epsilon"]
    single, rates, shown = [], [], []
    for seed in range(settings["seeds"]):
        t = {r: _times(setup, seed, r + more, tuple(epsilons), settings["rtol"]) for r in (1, 2)}
        single.append(exponents.local_exponents(epsilons, t[1])[1][0])
        raw, x, _ = bottleneck.draw(setup, seed)
        flow = limit_flow.limit_flow(setup.problem(x), raw, 2)
        rate = float(limit_flow.growth_rate(flow, raw[:2]))
        rates.append(-np.diff(t[2])[0] / np.diff(np.log(epsilons))[0] * rate)
        shown += [p for r in t for p in points(f"r = {r}", epsilons, t[r])] if seed == 0 else []
    return [
        quantity("one", max(single, key=abs), networks=len(single)),
        quantity("two", max(rates, key=lambda rate: abs(rate - 1)), networks=len(rates)),
    ], shown
