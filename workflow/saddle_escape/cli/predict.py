"""``predict``: when theory says the reduced flow escapes."""

import math

from . import start

SUMMARY = "leading-order escape time on the symmetric manifold (Theorem 5)"
POINTS = 200  # of the picture's lines


def add_arguments(parser):
    """The start of the reduced flow; the threshold is that of X_1."""
    start.add_arguments(parser)


def run(args):
    """K, t_closed_form and t_quadrature (flow times, or None) and the status."""
    from ..theory import escape

    init = start.scales(args.init, args.depth)
    prediction = escape.predict(*_rate_and_status(args), init, args.threshold)
    if math.inf in prediction.values():
        raise OverflowError("escape time")
    return prediction


def _rate_and_status(args):
    """K (None without a linear signal path) and the status of the activation's class."""
    act, row = start.activation(args.activation)
    if row is None:
        from ..theory import classes

        return classes.rate_constant(act, args.depth, args.width), classes.classify(act).status

    from ..theory import rate

    if row["alpha"]:
        known = rate.linear_rate(row["beta1"], row["alpha"], args.depth, args.width)
    elif row["alpha"] is None and row["homogeneity"] == 1:
        known = rate.kinked_rate(act, act, args.depth, args.width)
    else:
        known = None
    return known, row["status"]


def sentence(answer):
    """The predicted escape in words."""
    return start.escape_in_words("leading-order", answer["t_quadrature"], answer["status"])


def picture(args, answer):
    """The leading-order flow from the start to the predicted escape."""
    import pandas as pd

    from ..figures.answers import TRAJECTORY, draw_trajectory

    event = {"quantity": "X_1", "threshold": args.threshold, "t": answer["t_quadrature"]}
    rows = [] if event["t"] is None else _leading_order(args, answer["K"])
    return draw_trajectory(pd.DataFrame(rows, columns=TRAJECTORY), event | answer)


def _leading_order(args, rate):
    """(t, "X_<l>", value) along dX_l/dt = K prod_{m != l} X_m, where X_l^2 - X_m^2 is conserved."""
    import numpy as np

    from ..theory.escape import quadrature_time

    init = np.array(start.scales(args.init, args.depth))
    first = np.geomspace(init[0], args.threshold, POINTS)
    times = [0.0, *(quadrature_time(rate, init, x) for x in first[1:])]
    scales = np.sqrt(first[:, None] ** 2 + init**2 - init[0] ** 2)
    return start.long(times, {f"X_{layer}": x for layer, x in enumerate(scales.T, 1)})
