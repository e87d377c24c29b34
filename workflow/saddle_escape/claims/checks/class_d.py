"""Class D: what Appendix C.4 says of it, and the law that it does follow (claims 9 and class_d)."""

import numpy as np

from ...theory import activations, escape, mean_fit, teachers
from . import points, quantity
from .runs import furthest, rate, slopes, times

CRITERION = ("correlation", 0.5)  # the loss falls already when the mean is fitted


def centred_case(case):
    """Claim 9: local exponents of class D from balanced starts, teacher by teacher.

    Controls: no_constant, the activation without its constant, sigma - sigma(0).
    """
    settings, shown = case.settings, []
    width, depth = settings["width"], settings["depth"]
    name = settings["without_constant"] if case.control == "no_constant" else settings["activation"]

    def local(key, layers, teacher):
        scales = np.array(settings[key], dtype=float)
        escapes = times(name, layers, width, scales, *CRITERION, teacher=teacher)
        shown.extend(points(f"{teacher} teacher, L = {layers}", scales, escapes, "joined"))
        return list(slopes(scales, escapes))

    own_teacher = local("epsilon", depth, teachers.OWN)
    tail = local("tail", depth, teachers.OWN)
    quantities = [
        quantity("own_teacher", own_teacher[-1]),
        quantity("tail", tail[-1], decades=tail),
    ]
    for teacher in (teachers.SHIFTED, teachers.CENTRED):
        quantities.append(quantity(f"{teacher}_teacher", local("epsilon", 3, teacher)[-1]))
    return quantities, shown


def mean_first(case):
    """Claim class_d: escape times against the law without a parameter.

    Controls: no_kicks, the balanced law of the other classes in its place; larger_kick, the last
    layer's scale after the fit of the mean a tenth larger.
    """
    settings, width, shown = case.settings, case.settings["width"], []
    ratios, local = {}, []
    for depth, epsilons in settings["epsilon"].items():
        scales = np.array(epsilons, dtype=float)
        depth = int(depth)
        measured = times(settings["activation"], depth, width, scales, *CRITERION)
        law = _law(case.control, settings["activation"], depth, width, scales)
        ratios[f"L = {depth}"] = list(measured / law)
        local.append((slopes(scales, measured), slopes(scales, law)))
        shown += points(f"L = {depth}", scales, measured) + points(
            f"L = {depth}, law", scales, law, "line"
        )
    bounded = settings["tiny"]
    t = _law(case.control, settings["activation"], 4, width, np.array(bounded, dtype=float))
    return [
        quantity("times", _worst([x for row in ratios.values() for x in row]), ratios=ratios),
        quantity(
            "exponents",
            max(np.abs(measured - law).max() for measured, law in local),
            measured=list(local[0][0]),
            law=list(local[0][1]),
        ),
        _sigmoid(case, width),
        _without_mean(case, width),
        quantity("bounded", t[0] / t[-1] - 1, epsilon=bounded),
    ], shown


def _law(control, name, depth, width, scales):
    """Times (E,) by the law, or by what a control puts in its place."""
    act = activations.get(name)
    if control == "no_kicks":
        return escape.closed_form(rate(name, depth, width), scales, depth)
    if control == "larger_kick":
        k = rate(name, depth, width)
        kicked = [mean_fit.kicks(act, depth, width, e) for e in scales]
        return np.array([escape.quadrature_time(1.1 * k * s[-1], s[:-1]) for s in kicked])
    return np.array([mean_fit.escape_time(act, depth, width, e) for e in scales])


def _worst(ratios):
    return abs(furthest(ratios, 1.0) - 1)


def _sigmoid(case, width):
    """By alignment: half of E[y z] is more than sigmoid layers on the manifold can give."""
    name, scales = "sigmoid", np.array(case.settings["sigmoid"], dtype=float)
    ratios = times(name, 4, width, scales) / _law(case.control, name, 4, width, scales)
    return quantity("sigmoid", _worst(ratios), ratios=list(ratios), epsilon=list(scales))


def _without_mean(case, width):
    """Centred teacher: constant and exponent, twice L - 2."""
    settings, ratios, orders = case.settings, [], {}
    act = activations.get(settings["activation"])
    for depth, epsilons in settings["centred"].items():
        depth, scales = int(depth), np.array(epsilons, dtype=float)
        measured = times(
            settings["activation"], depth, width, scales, *CRITERION, teacher="centred"
        )
        if case.control == "no_kicks":
            law = _law(case.control, settings["activation"], depth, width, scales)
        else:
            law = mean_fit.escape_time_without_mean(act, depth, width, scales)
        ratios += list(measured / law)
        orders[f"L = {depth}"] = slopes(scales, measured)[0]
    return quantity("without_mean", _worst(ratios), exponents=orders)
