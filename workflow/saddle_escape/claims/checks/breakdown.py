"""Where the law of the escape time ends (claim s5)."""

import functools

import numpy as np

from ...status import NO_PLATEAU
from ...theory import activations, escape, flat_origin, limit_flow, manifold, mean_fit
from ...training import bottleneck, runs
from ...training.limit_flow import blow_up_time
from ...training.limit_flow import limit_flow as flow_of
from ...training.optimizers import Adam
from . import points, quantity
from .runs import furthest

FRACTION, RTOL = 0.1, 1e-6


def ends(case):
    """Claim s5: kicks of class D, times at sigma'(0) = 0, Adam on both sides, starts of order one.

    Controls: no_kicks, scales as they were; linear_term, z/10 added to the flat activations;
    swapped_constants, Adam's two constants exchanged; another_seed, T* of other weights;
    small_starts, in place of those of order one.
    """
    settings, control, quantities, shown = case.settings, case.control, [], []
    for names, measure in (
        ({"kicks"}, _kicks),
        ({"flat"}, _flat),
        ({"adam_above", "adam_below"}, _adam),
        ({"small", "no_plateau"}, _starts),
    ):
        if names & set(case.quantities):
            rows, drawn = measure(settings, control)
            quantities += [row for row in rows if row["name"] in case.quantities]
            shown += drawn
    return quantities, shown


def _kicks(settings, control):
    """Scales of class D at a time when the mean is fitted over the predicted ones, less 1."""
    kicked, ratios = settings["kicks"], {}
    act, depth, width = activations.get(kicked["activation"]), kicked["depth"], kicked["width"]
    model = manifold.reduction(act, depth, width)
    for epsilon in kicked["epsilon"]:
        scales, _ = manifold.trajectory(model, [epsilon] * depth, [0.0, kicked["time"]])
        law = mean_fit.kicks(act, depth, width, epsilon)
        law = np.full(depth, epsilon) if control == "no_kicks" else law
        ratios[f"{epsilon:g}"] = list(scales[-1, 1:] / law[1:])
    worst = abs(furthest([x for row in ratios.values() for x in row], 1) - 1)
    return [quantity("kicks", worst, ratios=ratios)], []


def _flat(settings, control):
    """Times of the reduced equations over the law of degree D, less 1."""
    flat, ratios, shown = settings["flat"], {}, []
    for name, depth in flat["cases"]:
        act = activations.get(name)
        student = activations.get(f"{name}+z/10") if control == "linear_term" else act
        model = manifold.reduction(student, depth, flat["width"])
        scales = flat["epsilon"]
        times = [escape.escape_time(model, [e] * depth, "loss", 0.5).t_escape for e in scales]
        law = [flat_origin.escape_time(act, depth, flat["width"], e) for e in scales]
        ratios[f"{name}, L = {depth}"] = list(np.divide(times, law))
        shown += points(f"{name}, L = {depth}", scales, times)
    worst = abs(furthest([x for row in ratios.values() for x in row], 1) - 1)
    return [quantity("flat", worst, ratios=ratios)], shown


@functools.cache  # controls share every network, and every run of one, with the check
def _network(network, seed):
    """(setup, problem, raw weights, T*) of one seed. network: items of the settings."""
    network = dict(network)
    names = ("activation", "depth", "width", "input_dim", "samples")
    setup = bottleneck.Setup(*(network[name] for name in names))
    raw, x, _ = bottleneck.draw(setup, seed)
    problem, r = setup.problem(x), network["r"]
    t_star = blow_up_time(flow_of(problem, raw, r), raw[:r]).t_star.item()
    return setup, problem, raw, t_star


@functools.cache
def _escapes(setup, seed, r, scales):
    """Runs from the starts of one seed at the scales."""
    return bottleneck.escape(setup, seed, r, list(scales), FRACTION, rtol=RTOL, max_steps=2000)


def _adam(settings, control):
    """Adam far above its constant: order in epsilon; far below it: rate x steps over the law's."""
    descent, r = settings["adam"], settings["network"]["r"]
    above, below = descent["above"], descent["below"]
    if control == "swapped_constants":
        above, below = (
            above | {"constant": below["constant"]},
            below | {"constant": above["constant"]},
        )
    setup, problem, raw, t_star = _network(tuple(settings["network"].items()), 0)
    times = _adam_times(descent, above, setup, problem, raw, r)
    order = np.diff(np.log(times))[0] / np.diff(np.log(above["epsilon"]))[0]
    (time,) = _adam_times(descent, below, setup, problem, raw, r)
    flow_time = limit_flow.escape_time(t_star, r, below["epsilon"][0])
    law = limit_flow.descent_steps(flow_time, descent["rate"], adam_epsilon=below["constant"])
    return [
        quantity("adam_above", order, times=times),
        quantity("adam_below", time / (descent["rate"] * law)),
    ], []


def _adam_times(descent, side, setup, problem, raw, r):
    """rate x steps to a tenth of the plateau, a list; full batch, on fixed data."""
    weights = bottleneck.start(setup, raw, r, side["epsilon"])
    optimizer = Adam(descent["rate"], epsilon=side["constant"])
    run = runs.descent(
        problem, weights, optimizer, FRACTION, max_steps=descent["max_steps"], spacing=0.01
    )
    return run.t_escape.tolist()


def _starts(settings, control):
    """Times from small starts over the law's, less 1; part of ordinary starts off the plateau."""
    starts, r = settings["starts"], settings["network"]["r"]
    network = tuple(settings["network"].items())
    scales = starts["small"], starts["large"]
    shown = 0 if control == "small_starts" else 1
    ratios, statuses = [], []
    for seed in range(starts["seeds"]):
        setup, *_, t_star = _network(network, seed)
        if control == "another_seed":
            *_, t_star = _network(network, seed + 1)
        run = _escapes(setup, seed, r, scales)
        ratios.append(run.t_escape[0].item() / limit_flow.escape_time(t_star, r, scales[0]))
        statuses.append(run.status[shown])
    return [
        quantity("small", abs(furthest(ratios, 1) - 1), ratios=ratios),
        quantity("no_plateau", np.mean([s == NO_PLATEAU for s in statuses])),
    ], []
