"""What can become of a run, and why a law may not apply: every status, its limits and its words.

One convention for outcomes, here and in every table: ``t_escape`` is a flow time where the status
is "escaped" and NaN otherwise (null in JSON, an empty cell in CSV). A cap is never an escape time.
"""

import math
from dataclasses import dataclass

ESCAPED = "escaped"  # the event was met
NO_PLATEAU = "no_plateau"  # it was met at t = 0, or the start lies above its plateau
NOT_ESCAPED = "not_escaped"  # a limit of time or steps came first
DIVERGED = "diverged"  # not finite, or far above the plateau
UNRESOLVED = "unresolved"  # met within a step at which its time cannot be located
STATUSES = (ESCAPED, NO_PLATEAU, NOT_ESCAPED, DIVERGED, UNRESOLVED)
NOT_WITHIN = "not escaped within"  # so many steps or evaluations: a limit that the user may raise
IN_WORDS = {
    NO_PLATEAU: "the start is not on a plateau",
    NOT_ESCAPED: "it does not escape",
    DIVERGED: "it diverges",
    UNRESOLVED: "it escapes within a step at which no time can be told",
}
LEFT_OUT = "left_out"  # of a figure's point: this tier computes no seed of it

ABOVE_PLATEAU = 1.1  # a start whose loss exceeds this many plateau values is not on the plateau
BLOW_UP = 100.0  # and a loss above this many has diverged

# Whether the r - 2 law applies to an activation.
OK = "ok"
NO_LINEAR_PATH = "no linear signal path: the r-2 law does not apply"
CONSTANT_PATH = "sigma(0) is not 0: a constant signal is fitted first, the r-2 law does not hold"
NOT_ANALYTIC = "not analytic at 0 and not piecewise linear through 0: no class"
NEGATIVE_RATE = "K is negative: the signal shrinks at leading order"
NO_CORRELATION = (
    "targets and inputs are uncorrelated: no signal to grow, the r-2 law does not apply"
)
NO_SADDLE = "r = 1: the network leaves at once, in a time of order one"
LOGARITHMIC = "r = 2: the limit flow is linear, t = log(1/epsilon)/rate up to a constant"
STABLE_SET = "no blow-up within the limit of steps: the start runs into a saddle"
SLIDES = "no blow-up within the limit of steps: the flow is held at kinks of the activation"
DECAYS = "weight decay is at or above its critical value: the network never escapes"
BEYOND_FLOATS = "the escape time is beyond the range of floating-point numbers"
NO_DECAY_LAW = "r = 2 with decay on all layers: no closed form"


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    t_escape: flow time of the event, NaN unless the status is "escaped"; evaluations: of the right-
    hand side.
    """

    status: str
    t_escape: float = math.nan
    evaluations: int = 0


def null_if_nan(value):
    """None in place of NaN, as JSON has it; anything else unchanged."""
    return None if isinstance(value, float) and math.isnan(value) else value
