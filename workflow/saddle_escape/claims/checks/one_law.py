"""Escape times of different kinds of networks against the limit flow's, nothing fitted."""

import functools
from dataclasses import replace

import numpy as np
import torch

from ...theory import activations, classes, exponents
from ...theory.limit_flow import is_multilinear
from ...training import limit_flow, network, runs
from ...training.digits import two_digits
from ...training.losses import SQUARED, Logistic
from ...training.problem import Problem
from . import points, quantity

LOSSES = {"squared": SQUARED, "logistic": Logistic()}


def predictions(case):
    """Claim s1: measured over predicted times, the order of their distance, and their range.

    Controls: another_seed, T* of other weights; squared_residual, T* as for the squared loss.
    """
    settings, errors, orders, shown = case.settings, [], [], []
    for member in settings["networks"]:
        measured = _measured(settings, member, settings["epsilon"])
        predicted = _predicted(settings, member, settings["epsilon"], case.control)
        error = np.abs(measured / predicted - 1)
        errors.append(error[0])
        if is_multilinear(activations.get(member["activation"])):
            orders.append(_order(member, settings["epsilon"], error))
        shown += points(f"{member['activation']}, r = {member['r']}", predicted, measured)
    ends = [
        _measured(settings, member, [epsilon])[0]
        for member in (settings["networks"][0], settings["networks"][-1])
        for epsilon in (settings["largest"], settings["smallest"])
    ]
    return [
        quantity(
            "times",
            max(errors),
            networks=len(errors),
            epsilon=settings["epsilon"][0],
            errors=errors,
        ),
        quantity("orders", max((o - k for o, k in orders), key=abs), orders=[o for o, _ in orders]),
        quantity("decades", np.log10(max(ends) / min(ends)), range=[min(ends), max(ends)]),
    ], shown


def _order(member, epsilons, error):
    """(measured order of the error, the law's)."""
    q = classes.classify(activations.get(member["activation"])).q
    law = exponents.correction_order(member["r"], q, member["r"] < member["depth"])
    return exponents.local_exponents(epsilons, error)[1][0], law


def _measured(settings, member, epsilons):
    """Flow times (E,) of the networks' escapes."""
    problem, raw = _draw(settings, member, 0)
    run = functools.partial(_escape, settings["loss_fraction"], settings["rtol"])
    return np.array([run(problem, tuple(raw), member["r"], e) for e in epsilons])


def _predicted(settings, member, epsilons, control):
    """Flow times (E,) by the limit flow."""
    problem, weights = _draw(settings, member, 0)
    if control == "another_seed":
        weights = _draw(settings, member, 1)[1]
    if control == "squared_residual" and problem.loss is not SQUARED:
        problem = replace(problem, loss=SQUARED)
    return _predictions(problem, tuple(weights), member["r"], tuple(epsilons))


@functools.cache  # a control that leaves a prediction as it is shares it with the check
def _predictions(problem, weights, r, epsilons):
    rows = limit_flow.predictions(problem, weights, r, epsilons)
    return np.array([row["t_predicted"] for row in rows])


@functools.cache
def _drawn(activation, depth, data, loss, width, input_dim, samples, digits, seed):
    generator = torch.Generator().manual_seed(seed)
    pixels, signs = two_digits(digits) if data == "digits" else (None, None)
    dimension = input_dim if pixels is None else pixels.shape[1]
    shapes = network.layer_shapes(depth, width, dimension)
    raw = network.he_normal(generator, shapes)
    act = activations.get(activation)
    if pixels is None:
        x = torch.randn(samples, input_dim, generator=generator, dtype=torch.float64)
        y = act.torch(x[:, :1])
    else:
        x, y = torch.tensor(pixels), torch.tensor(signs)[:, None]
    return Problem(act, shapes, 1.0, x, y, loss=LOSSES[loss]), raw


def _draw(settings, member, seed):
    """One seed's problem and raw weights."""
    names = ("activation", "depth", "data", "loss")
    sizes = [settings[name] for name in ("width", "input_dim", "samples")]
    return _drawn(*(member[name] for name in names), *sizes, tuple(settings["digits"]), seed)


@functools.cache  # controls share every run with the check
def _escape(fraction, rtol, problem, raw, r, epsilon):
    """The flow time of one network's escape, NaN if there is none."""
    start = network.flatten([w[None] for w in network.scale_layers(raw, r, epsilon)])
    rtol = rtol if is_multilinear(problem.act) else limit_flow.KINKED_RTOL
    return runs.flow(problem, start, fraction, rtol=rtol).t_escape.item()
