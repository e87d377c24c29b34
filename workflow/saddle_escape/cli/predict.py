"""``predict``: when theory says the reduced flow escapes."""

import math

from . import start

SUMMARY = "leading-order escape time on the symmetric manifold (Theorem 5)"


def add_arguments(parser):
    """The start of the reduced flow; the threshold is that of X_1."""
    start.add_arguments(parser)


def run(args):
    """K, t_closed_form and t_quadrature (flow times, or None) and the status."""
    from ..theory import activations, escape

    init = start.scales(args.init, args.depth)
    act = activations.get(args.activation)
    prediction = escape.predict(act, args.depth, args.width, init, args.threshold)
    if math.inf in prediction.values():
        raise OverflowError("escape time")
    return prediction
