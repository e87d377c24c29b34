"""What the commands accept: one table of arguments, with their ranges and their words.

A value that is not valid ends with exit status 2 and one line, which names the argument, the value
and the valid range. Nothing here takes time to import: help and refusals come at once.
"""

import argparse
import dataclasses

from ..theory.builtin import BUILTIN

LONGEST_LINE, LONGEST_VALUE = 500, 40  # characters of a message, and of a value in it


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers that an argument accepts: ``low`` to ``high``; if ``strict``, without the two."""

    kind: type
    low: float
    high: float
    words: str
    strict: bool = False

    def __contains__(self, value):
        if self.strict:
            return self.low < value < self.high
        return self.low <= value <= self.high  # false for NaN, as above

    def __str__(self):
        noun, spec = ("an integer", "d") if self.kind is int else ("a number", "g")
        low, high = format(self.low, spec), format(self.high, spec)
        bounds = f"above {low} and below {high}" if self.strict else f"from {low} to {high}"
        return f"{self.words}, {noun} {bounds}"

    def refusal(self, value):
        """Why a value, or the text of one, is refused."""
        return f"'{printable(value, LONGEST_VALUE)}' is not valid; give the {self}"


# The bounds keep every power of a scale within the range of floats, and a run within a machine.
RANGES = {
    "depth": Range(int, 2, 64, "number of layers L"),
    "width": Range(int, 1, 16384, "neurons per hidden layer N"),
    "input-dim": Range(int, 1, 16384, "input dimension d"),
    "samples": Range(int, 1, 10**6, "number of inputs of each seed"),
    "seeds": Range(int, 1, 10**4, "number of seeds, which are 0, 1, .."),
    "bottleneck": Range(int, 1, 64, "number r of layers at scale epsilon, at most the depth"),
    "init": Range(float, 1e-12, 10, "initial scale X_l of a layer"),
    "epsilon": Range(float, 1e-8, 10, "initial scale epsilon"),
    "weight-decay": Range(float, 0, 1e6, "weight decay lambda, a rate per flow time"),
    "threshold": Range(float, 1e-12, 10, "value at which the run has escaped"),
    "loss-fraction": Range(float, 1e-3, 1, "fraction at which the run has escaped", strict=True),
    "rtol": Range(float, 1e-13, 1e-2, "relative tolerance of the integrator"),
    "max-steps": Range(int, 1, 10**9, "largest number of attempted steps"),
    "max-evaluations": Range(int, 1, 10**5, "largest number of evaluations of the reduced flow"),
    "rho": Range(float, 0, 1, "size of the off-diagonal entries relative to the diagonal"),
    "nodes": Range(int, 1, 64, "number of Gauss-Legendre nodes in nu"),
}

# Copies of theory.escape.CRITERIA, training.integrate.CLOCKS, theory.limit_flow.DECAYED and
# training.limit_flow.MAX_STEPS, which take long to import; and max-evaluations ends at
# theory.escape.EVALUATION_LIMIT (a test holds them equal).
CRITERIA = ("alignment", "loss", "correlation")
CLOCKS = ("plain", "relative_rate", "arc_length")
DECAYED = ("small", "all")
LIMIT_STEPS = 3_000


def printable(text, limit=LONGEST_LINE):
    """``text`` in at most ``limit`` printable ASCII characters; a longer one loses its middle."""
    plain = "".join(
        c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in str(text)
    )
    if len(plain) <= limit:
        return plain
    kept = (limit - 3) // 2
    return f"{plain[:kept]}...{plain[-kept:]}"


def add_number(parser, name, note="", narrowed=None, **options):
    """``--name NUMBER`` within its range, with a note; options go to ``add_argument``.

    narrowed: changes to the range for this command.
    """
    allowed = dataclasses.replace(RANGES[name], **(narrowed or {}))
    _add(parser, name, allowed, _parse(allowed), note, options)


def add_numbers(parser, name, **options):
    """``--name NUMBER,NUMBER,..``, each within its range; parsed to a list."""
    parse = _parse(RANGES[name])
    _add(
        parser,
        name,
        RANGES[name],
        lambda text: [parse(part) for part in text.split(",")],
        "; several are separated by commas",
        options,
    )


def add_activation(parser, **options):
    """``--activation``: the text of a built-in name or an expression in z, not yet parsed."""
    parser.add_argument("--activation", help=ACTIVATION + _default(options), **options)


ACTIVATION = f"an expression in z, or one of {', '.join(BUILTIN)}"


def require(name, value, **changes):
    """Raise ValueError unless ``value`` lies in the range of ``name`` with ``changes`` to it."""
    allowed = dataclasses.replace(RANGES[name], **changes)
    if value not in allowed:
        raise ValueError(f"--{name}: {allowed.refusal(value)}")


def _add(parser, name, allowed, parse, more, options):
    words = f"{allowed}{more}{_default(options)}"
    parser.add_argument(f"--{name}", type=parse, metavar="X", help=words, **options)


def _default(options):
    value = options.get("default")
    shown = ",".join(map(str, value)) if isinstance(value, list) else value
    return "" if value is None else f" (default {shown})"


def _parse(allowed):
    def parse(text):
        try:
            value = allowed.kind(text)
        except ValueError:  # also where an integer has thousands of digits
            value = float("nan")
        if value not in allowed:
            raise argparse.ArgumentTypeError(allowed.refusal(text))
        return value

    return parse
