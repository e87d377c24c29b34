"""The start of the reduced flow on the symmetric manifold, as two commands take it."""

import math

from .. import built_in
from ..status import IN_WORDS
from .arguments import add_activation, add_number, add_numbers

SMALLEST_PRODUCT = 1e-250  # of the scales: below it the layers' velocities underflow


def add_arguments(parser):
    """Activation, depth, width, initial scales and threshold of the reduced model."""
    add_activation(parser, required=True)
    add_number(parser, "depth", required=True)
    add_number(parser, "width", required=True)
    add_numbers(parser, "init", required=True)
    add_number(parser, "threshold", default=0.5)


def activation(name):
    """An activation and, if it is a built-in, its row of the table: then nothing is derived."""
    if row := built_in.row(name):
        from ..theory.tabulated import Tabulated

        return Tabulated(row["activation"], row["sigma"], row["slope"]), row
    from ..theory import activations

    return activations.get(name), None


def scales(init, depth):
    """One scale per layer: a single one means all.

    Raises ValueError for any other count, and where the product of the scales is near underflow.
    """
    if len(init) not in (1, depth):
        raise ValueError(f"--init: {len(init)} scales for depth {depth}; give 1 or {depth}")
    each = init * depth if len(init) == 1 else init
    if math.prod(each) < SMALLEST_PRODUCT:
        raise ValueError(
            f"--init: the product of the {depth} scales is below {SMALLEST_PRODUCT:g}, nearly no "
            "float; give larger scales or fewer layers"
        )
    return each


def escape_in_words(flow, time, status):
    """When a flow of this name escapes, or why it has no time."""
    if time is None:
        return f"no escape time of the {flow} flow: {IN_WORDS.get(status, status)}"
    return f"the {flow} flow escapes at t = {time:.6g}"


def long(times, series):
    """Rows (t, name, value) of a picture, from values at the same times by name."""
    return [(t, name, x) for name, xs in series.items() for t, x in zip(times, xs, strict=True)]
