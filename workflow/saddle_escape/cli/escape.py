"""``escape``: when the reduced flow escapes, by integrating it."""

from ..status import NOT_ESCAPED, NOT_WITHIN, Outcome, null_if_nan
from . import start
from .arguments import CRITERIA, RANGES, add_number, require

SUMMARY = "escape time of the reduced ODE on the symmetric manifold (Theorem 4)"
PAST = 1.25  # the picture goes on beyond the escape time by this factor


def add_arguments(parser):
    """The start of the reduced flow and what counts as escape."""
    start.add_arguments(parser)
    words = "what reaches the threshold: X_1, the loss over its plateau, or E[f z] over beta_1"
    parser.add_argument(
        "--criterion",
        choices=CRITERIA,
        default=CRITERIA[0],
        help=f"{words} (default {CRITERIA[0]})",
    )
    add_number(parser, "max-evaluations", default=10_000)


def run(args):
    """t_escape (flow time, None unless escaped), status, what was asked, and its cost."""
    if args.criterion != "alignment":
        fraction = RANGES["loss-fraction"]
        require("threshold", args.threshold, **vars(fraction))
    init = start.scales(args.init, args.depth)

    model = _Limited(_model(args), args.max_evaluations)
    outcome = _outcome(model, init, args.criterion, args.threshold)
    return {
        "t_escape": null_if_nan(outcome.t_escape),
        "status": outcome.status,
        "criterion": args.criterion,
        "threshold": args.threshold,
        "rhs_evaluations": outcome.evaluations,
    }


def sentence(answer):
    """The escape in words."""
    return start.escape_in_words("reduced", answer["t_escape"], answer["status"])


def failed(answer):
    """Whether the limit of evaluations came before the end of the flow."""
    return answer["status"].startswith(NOT_WITHIN)


def picture(args, answer):
    """The reduced flow from the start until a quarter of the escape time after the escape."""
    import pandas as pd

    from ..figures.answers import TRAJECTORY, draw_trajectory

    quantity = "X_1" if args.criterion == "alignment" else args.criterion
    event = {"quantity": quantity, "t": answer["t_escape"]} | answer
    rows = [] if event["t"] is None else _trajectory(args, PAST * event["t"])
    return draw_trajectory(pd.DataFrame(rows, columns=TRAJECTORY), event)


class _LimitReached(Exception):
    """A flow has been evaluated as often as it may be."""


class _Limited:
    """A reduced model whose velocity raises _LimitReached once it was evaluated so many times."""

    def __init__(self, model, allowed):
        self._model, self.allowed = model, allowed
        self._left = allowed

    def __getattr__(self, name):
        return getattr(self._model, name)

    def velocity(self, scales):
        if not self._left:
            raise _LimitReached
        self._left -= 1
        return self._model.velocity(scales)


def _outcome(model, init, criterion, threshold):
    """The :class:`Outcome` of the reduced flow."""
    from ..theory import escape

    try:
        return escape.escape_time(model, init, criterion, threshold)
    except _LimitReached:
        count = model.allowed
        more = "; --max-evaluations allows more" if count < RANGES["max-evaluations"].high else ""
        status = f"{NOT_WITHIN} {count} evaluations{more}"
        return Outcome(status, evaluations=count)
    except ZeroDivisionError:
        if model.act.smooth:
            raise
        return Outcome(NOT_ESCAPED)  # all inputs lie in a dead zone, as softshrink's: no motion


def _model(args):
    """The reduced model of parsed arguments."""
    from ..theory.manifold import reduction

    act, _ = start.activation(args.activation)
    rule = "trapezoid" if act.smooth else "half_line"
    return reduction(act, args.depth, args.width, rule=rule)


def _trajectory(args, end):
    """(t, quantity, value): the layer scales, and the loss or the correlation relative to its own.

    LSODA, as class D is stiff; between its steps, which crowd where the flow is fast, its own
    polynomials.
    """
    import numpy as np
    from scipy.integrate import solve_ivp

    model, init = _model(args), np.array(start.scales(args.init, args.depth))
    solution = solve_ivp(
        lambda t, x: model.velocity(x), (0, end), init,
        method="LSODA", dense_output=True, rtol=1e-9, atol=1e-13 * init,
    )  # fmt: skip
    steps = np.arange(len(solution.t))
    fine = np.interp(np.linspace(0, steps[-1], 3 * len(steps)), steps, solution.t)
    times = np.union1d(fine, np.linspace(0, solution.t[-1], 300))
    scales = solution.sol(times).T
    series = {f"X_{layer}": values for layer, values in enumerate(scales.T, 1)}
    if args.criterion == "correlation":
        series["correlation"] = [model.correlation(x) for x in scales]
    else:
        series["loss"] = [model.loss(x) / model.plateau for x in scales]
    return start.long(times, series)
