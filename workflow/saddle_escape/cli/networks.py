"""The He-normal networks with a bottleneck, and their data, as two commands draw them."""

import math

from .arguments import DECAYED, RANGES, add_activation, add_number, add_numbers, require

BOTTLENECK = 5  # small layers, if nothing else is asked for and there are so many
MAX_NUMBERS = 2**28  # of all weights, and of one epsilon's activations: 2 GB each
BEYOND, POINTS = 1.5, 40  # a picture's lines go beyond the scales by a factor, in so many points


def add_arguments(parser, epsilons):
    """Activation, shape, data, bottleneck, seeds and weight decay; epsilons: the default scales."""
    add_activation(parser, default="tanh")
    add_number(parser, "depth", default=8)
    add_number(parser, "width", default=64)
    add_number(parser, "input-dim", default=16)
    add_number(parser, "samples", default=512)
    note = f" (default {BOTTLENECK}, or the depth where that is less)"
    add_number(parser, "bottleneck", note)
    add_numbers(parser, "epsilon", default=epsilons)
    add_number(parser, "seeds", default=4)
    add_number(parser, "weight-decay", default=0.0)
    parser.add_argument(
        "--decay", default="small", choices=DECAYED, help="layers that decay (default small)"
    )


def setup(args):
    """The :class:`bottleneck.Setup` of parsed arguments, ``bottleneck`` completed among these.

    Raises ValueError for what cannot be.
    """
    args.bottleneck = args.bottleneck or min(BOTTLENECK, args.depth)
    require("bottleneck", args.bottleneck, high=args.depth)
    _require_memory(args)

    from ..theory import activations

    activations.get(args.activation)  # refused before torch is imported

    from ..training.bottleneck import Setup

    return Setup(args.activation, args.depth, args.width, args.input_dim, args.samples)


def around(epsilons):
    """Scales epsilon for a line through ``epsilons``, and these themselves, in increasing order."""
    import numpy as np

    allowed = RANGES["epsilon"]
    reach = max(min(epsilons) / BEYOND, allowed.low), min(max(epsilons) * BEYOND, allowed.high)
    return sorted({*np.geomspace(*reach, POINTS).clip(*reach).tolist(), *epsilons})


def times_in_words(what, rows, column, name="t"):
    """How many rows have a time, and the first and last of them."""
    times = [row[column] for row in rows if row[column] is not None]
    first, *last = dict.fromkeys(f"{pick(times):.6g}" for pick in (min, max)) if times else [""]
    span = f", {name} = {' to '.join([first, *last])}" if times else ""
    return f"{len(times)} of {len(rows)} {what}{span}"


def any_begins(rows, words):
    """Whether the status of any row begins with these words."""
    return any(row["status"].startswith(words) for row in rows)


def points(route, rows, time):
    """Rows of an answer as a picture's: the column ``time`` is t, NaN where it is None."""
    return [
        {"route": route, "seed": row["seed"], "epsilon": row["epsilon"],
         "t": math.nan if row[time] is None else row[time], "status": row["status"]}
        for row in rows
    ]  # fmt: skip


def _require_memory(args):
    """Raise ValueError for a network or a data set that no machine would hold."""
    weights = args.depth * args.width * max(args.width, args.input_dim)
    values = args.samples * (args.depth * args.width + args.input_dim)
    for name, numbers in (("width", weights), ("samples", values)):
        if numbers > MAX_NUMBERS:
            raise ValueError(
                f"--{name}: {getattr(args, name)} makes arrays of {numbers:.1e} numbers with these "
                f"--depth, --width and --input-dim; at most {MAX_NUMBERS:.1e} are allowed"
            )
