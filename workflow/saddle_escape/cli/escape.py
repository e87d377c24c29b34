"""``escape``: when the reduced flow escapes, by integrating it."""

from ..status import null_if_nan
from . import start
from .arguments import CRITERIA, RANGES, require

SUMMARY = "escape time of the reduced ODE on the symmetric manifold (Theorem 4)"


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


def run(args):
    """t_escape (flow time, None unless escaped), status, what was asked, and its cost."""
    if args.criterion != "alignment":
        fraction = RANGES["loss-fraction"]
        require("threshold", args.threshold, **vars(fraction))
    init = start.scales(args.init, args.depth)

    from ..theory import activations, escape
    from ..theory.manifold import reduction

    act = activations.get(args.activation)
    rule = "trapezoid" if act.smooth else "half_line"
    model = reduction(act, args.depth, args.width, rule=rule)
    outcome = escape.escape_time(model, init, args.criterion, args.threshold)
    return {
        "t_escape": null_if_nan(outcome.t_escape),
        "status": outcome.status,
        "criterion": args.criterion,
        "threshold": args.threshold,
        "rhs_evaluations": outcome.evaluations,
    }
