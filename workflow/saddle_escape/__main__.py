"""Command line for what-if questions: ``python -m saddle_escape classify gelu`` and so on.

Prints keys and values, or one JSON value with ``--json``. Bad input ends with exit status 2 and one
line that names the argument and the valid choices.
"""

import argparse
import importlib
import json
import math
import sys

from .status import null_if_nan


def _scales(text):
    """Comma-separated positive numbers."""
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a comma-separated list of numbers, such as 0.03,0.05"
        ) from None
    if not all(0 < v < math.inf for v in values):
        raise argparse.ArgumentTypeError(f"'{text}': every scale must be a positive number")
    return values


def _integer(lowest):
    def parse(text):
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not an integer") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"{value} is too small, at least {lowest}")
        return value

    return parse


def _threshold(text):
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} must be positive")
    return value


def _every_layer(init, depth):
    """One scale means all layers. Raises ValueError for any other count than 1 or ``depth``."""
    if len(init) == 1:
        return init * depth
    if len(init) != depth:
        raise ValueError(f"--init: {len(init)} scales for depth {depth}; give 1 or {depth}")
    return init


def _classify(args):
    from .theory.classes import describe

    keys = ("activation", "class", "q", "c_q", "c_q_exact", "alpha", "beta1", "conserved", "status")
    row = describe(args.activation)
    return {key: row[key] for key in keys}


def _predict(args):
    from .theory import activations, escape

    init = _every_layer(args.init, args.depth)
    act = activations.get(args.activation)
    return escape.predict(act, args.depth, args.width, init, args.threshold)


def _escape(args):
    from .theory import activations, escape, manifold

    init = _every_layer(args.init, args.depth)
    act = activations.get(args.activation)
    if args.criterion != "alignment" and args.threshold >= 1:
        raise ValueError(f"--threshold: {args.threshold:g} is a fraction here, give less than 1")
    rule = "trapezoid" if act.smooth else "half_line"
    model = manifold.reduction(act, args.depth, args.width, rule=rule)
    run = escape.escape_time(model, init, args.criterion, args.threshold)
    return {
        "t_escape": null_if_nan(run.t_escape),
        "status": run.status,
        "criterion": args.criterion,
        "threshold": args.threshold,
        "rhs_evaluations": run.evaluations,
    }


STUDIES = {
    "flow": (
        ".training.bottleneck",
        "escape of full networks under adaptive gradient flow (Theorem 11)",
    ),
    "homotopy": (".studies.cascade", "three-mode cascade and its homotopy identity (figure 5)"),
}


class _OneLineParser(argparse.ArgumentParser):
    """Errors are one line, without the usage block."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def _parser(argv):
    parser = _OneLineParser(prog="saddle_escape", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name, run, summary):
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.add_argument("--json", action="store_true", help="print one JSON value")
        sub.set_defaults(run=run)
        return sub

    classify = command("classify", _classify, "universality class of an activation")
    classify.add_argument("activation", help="a built-in name, or an expression in z")
    for name, run, summary in (
        ("predict", _predict, "leading-order escape time on the symmetric manifold (Theorem 5)"),
        ("escape", _escape, "escape time of the reduced ODE on the symmetric manifold (Theorem 4)"),
    ):
        sub = command(name, run, summary)
        sub.add_argument("--activation", required=True, help="built-in name or expression in z")
        sub.add_argument("--depth", type=_integer(2), required=True, help="number of layers L")
        sub.add_argument("--width", type=_integer(1), required=True, help="neurons per layer N")
        sub.add_argument(
            "--init", type=_scales, required=True, help="scales X_1,..,X_L; one means all layers"
        )
        sub.add_argument("--threshold", type=_threshold, default=0.5, help="default 0.5")
        if name == "escape":
            sub.add_argument(
                "--criterion", choices=("alignment", "loss", "correlation"), default="alignment"
            )
    for name, (path, summary) in STUDIES.items():
        sub = command(name, None, summary)
        if name in argv[:1]:  # their libraries take seconds to import
            module = importlib.import_module(path, __package__)
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def _print(result, as_json):
    if as_json:
        print(json.dumps(result, allow_nan=False))
        return
    for row in result if isinstance(result, list) else [result]:
        for key, value in row.items():
            print(f"{key:>20}  {'-' if value is None else value}")


def main(argv=None):
    """Run one command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser(argv)
    args = parser.parse_args(argv)
    try:
        result = args.run(args)
    except ValueError as error:
        parser.exit(2, f"saddle_escape {args.command}: {error}\n")
    _print(result, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
