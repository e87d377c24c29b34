"""Theorem 16 by computer algebra: the balanced normal form, order by order."""

import math

from ...theory import activations, classes, corrections, teachers
from ...theory import normal_form as nf
from . import quantity


def balanced(case):
    """Claim theorem16: does the series exist, is it unique, what does the leading field conserve?

    Controls: second_activation, an insertion there in place of the first; class_b, insertions of
    order 3 only; class_c, of order 2 only; ray, y = 0; three_layers, an odd depth.
    """
    settings = case.settings
    orders = {"class_b": [3], "class_c": [2]}.get(case.control, settings["orders"])
    at = 2 if case.control == "second_activation" else 1
    first = _obstructed(settings["depth"], orders, [at])
    later = _obstructed(settings["depth"], orders, range(1, settings["depth"]))
    y, scales = nf.cone(3)
    free = {q: len(nf.kernel(q + 1, y)) for q in orders}
    moved = [nf.leading_field(yi, 3) for yi in y]
    if case.control == "ray":
        moved = [rate.subs(dict.fromkeys(y, 0)) for rate in moved]
    held = y if case.control == "second_activation" else [x**2 - nf.S**2 for x in scales[:-1]]
    drifting = [nf.leading_field(e, 3) for e in held]
    return [
        quantity("first_correction", len(first), obstructions=first or "none"),
        quantity("every_order", len(later), obstructions=later or "none", depth=settings["depth"]),
        _with_self_interaction(3 if case.control == "three_layers" else settings["depth"]),
        quantity("unique", sum(free.values()), free=free),
        quantity("frozen", sum(rate != 0 for rate in moved)),
        quantity("conserved", sum(rate != 0 for rate in drifting)),
    ], None


def _with_self_interaction(depth):
    """Pairs of layers whose class B series the self-interaction obstructs, and tanh's coefficient.

    The first activation's insertion, whose terms are the lowest.
    """
    y, order = nf.cone(depth)[0], 3
    sources = [nf.self_interaction_source(layer, depth, order) for layer in range(1, depth)]
    resonant = [nf.obstruction(source, n, y) for n, source in sources]
    act = activations.get("tanh")
    mean = teachers.moment(act, order) / classes.classify(act).beta1
    coefficient = corrections.insertion(act)[1] * (math.prod(range(order, 0, -2)) - mean)
    return quantity(
        "with_self_interaction",
        sum(part != 0 for part in resonant),
        depth=depth,
        n=sources[0][0],
        tanh=coefficient,
    )


def _obstructed(depth, orders, activations):
    """Insertions that no power series removes, as text."""
    y, obstructions = nf.cone(depth)[0], []
    for q in orders:
        for at in activations:
            for layer in range(1, depth):
                n, source = nf.insertion_source(layer, depth, q, at)
                resonant = nf.obstruction(source, n, y)
                if resonant != 0:
                    obstructions.append(f"q = {q}, activation {at}, layer {layer}: {resonant}")
    return obstructions
