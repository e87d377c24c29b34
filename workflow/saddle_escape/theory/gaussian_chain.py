"""Gaussian starts of the limit flow, on the directions that the flow reaches.

The limit flow of gamma = A V_r ... V_1 c changes every layer by outer products of what its
neighbours make of two vectors, V_1 c from below and A V_r from above. It never leaves the span of
the words that V_2..V_(r-1) and their transposes make of the two, and a word of k letters enters at
the k-th order in time: short words are the whole flow, to an error that falls like a Taylor series.

Nor need the layers be drawn for that. A Gaussian matrix has the same law in every orthonormal
basis. What it makes of one more direction is therefore, given all that it was asked before, known
in the directions of which its transpose was asked, fresh and Gaussian in the other known ones, and
of chi-distributed length along one new direction (the conditioning of Bolthausen, Comm. Math. Phys.
325, 2014). So a start has the size of its words, whatever the width, and at infinite width nothing
random is left.
"""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import digamma

GAIN = 2.0  # He-normal: entries of variance GAIN / fan_in
GROUPS = ("outer", "ends", "signal", "inner")  # of features


@dataclass
class _Space:
    """The known directions between two layers: when each was found, and when the layer above
    (its transpose for the layer below) was asked what it makes of it; infinite if never."""

    found: list[float] = field(default_factory=list)
    asked: dict[str, list[float]] = field(default_factory=lambda: {"above": [], "below": []})

    def add(self, when: float) -> int:
        """A direction more; returns its number."""
        self.found.append(when)
        for times in self.asked.values():
            times.append(math.inf)
        return len(self.found) - 1


def small_layers(
    rng: np.random.Generator, draws: int, r: int, width: float, words: int
) -> list[np.ndarray]:
    """V_1 c / |c| and V_2..V_r of He-normal layers of fan-in N, in bases that the flow reaches.

    r >= 3; width: N, may be infinite; words: their largest number of letters. Returns r arrays
    (draws, m_l, m_(l-1)), m_0 = m_r = 1, V_1 c as if it had N inputs: from d of them it is
    sqrt(N/d) longer. At a finite width the law is exact once the words fill it. Raises ValueError
    for r below 3.
    """
    if r < 3:
        raise ValueError(f"r: {r} is too small, the limit flow blows up from r = 3 on")
    spaces, lengths = _reached(r - 1, width, words)
    small = [_middle(rng, draws, width, *pair) for pair in itertools.pairwise(spaces)]
    for layer, row, column, taken in lengths:
        small[layer][:, row, column] = _length(rng, draws, width, taken)
    first = np.zeros((draws, len(spaces[0].found), 1))
    last = np.zeros((draws, 1, len(spaces[-1].found)))
    first[:, 0, 0], last[:, 0, 0] = (_length(rng, draws, width, 0) for _ in range(2))
    return [first, *small, last]


def _reached(count, width, words):
    """The spaces, and (layer, row, column, directions known before) of every length."""
    spaces, clock, lengths = [_Space() for _ in range(count)], itertools.count(1), []
    front = [(k, spaces[k].add(0)) for k in (0, count - 1)]
    for _ in range(words):
        reached = []
        for (k, direction), (side, step) in itertools.product(front, (("above", 1), ("below", -1))):
            if not 0 <= k + step < count:
                continue
            other, now = spaces[k + step], next(clock)
            spaces[k].asked[side][direction] = now
            if (taken := len(other.found)) < width:
                new = other.add(now + 0.5)
                pair = (new, direction) if step > 0 else (direction, new)
                lengths.append((min(k, k + step), *pair, taken))
                reached.append((k + step, new))
        front = reached
    return spaces, lengths


def _middle(rng, draws, width, below, above):
    """A layer (draws, m, n): Gaussian between directions that either one's asking found known."""
    found, asked = np.array(below.found), np.array(below.asked["above"])
    found_above, asked_above = np.array(above.found), np.array(above.asked["below"])
    known = (found_above[:, None] < asked) & (found < asked_above[:, None])
    return known * rng.normal(0.0, math.sqrt(GAIN / width), (draws, *known.shape))


def _length(rng, draws, width, taken):
    """Length (draws,) of N(0, GAIN / N) off ``taken`` of its N directions."""
    if math.isinf(width):
        return np.full(draws, math.sqrt(GAIN))
    return np.sqrt(GAIN / width * rng.chisquare(width - taken, draws))


# --- what of a start decides ----------------------------------------------------------------------


def features(small: list[np.ndarray], outer: np.ndarray, width: int) -> np.ndarray:
    """What Gaussian starts differ in, (draws, F), every column with mean 0.

    small: of :func:`small_layers`; outer: (draws, L-r), lengths of rows relative to their root
    mean square, one for each layer at order one. The columns, by :data:`GROUPS`: "outer", the
    logarithms of these lengths; "ends", those of |V_1 c| and |A V_r|; "signal", gamma(0) relative
    to |V_1 c|, |A V_r| and the gain of the layers between; "inner", the logarithms of what each of
    these multiplies the length of V_l..V_1 c, from below, and of A V_r..V_l, from above, by. From
    logarithms their exact means are subtracted.
    """
    up, down = [small[0][..., 0]], [small[-1][:, 0]]
    for forward, backward in zip(small[1:-1], small[-2:0:-1], strict=True):
        up.append(np.einsum("bij,bj->bi", forward, up[-1]))
        down.append(np.einsum("bi,bij->bj", down[-1], backward))
    lengths = [np.linalg.norm(side, axis=-1) for vectors in (up, down) for side in vectors]
    below, above = lengths[: len(up)], lengths[len(up) :]
    gains = [b / a for side in (below, above) for a, b in itertools.pairwise(side)]
    signal = (up[-1] * down[0]).sum(1) / (below[0] * above[0] * GAIN ** (len(small) / 2 - 1))
    mean = (digamma(width / 2) - math.log(width / 2)) / 2  # of the logarithm of a length
    logs = np.log(np.array([below[0], above[0], *gains]).T / math.sqrt(GAIN)) - mean
    return np.column_stack([np.log(outer) - mean, logs[:, :2], signal, logs[:, 2:]])


@dataclass(frozen=True)
class Explained:
    """What a linear regression says of a quantity over draws.

    mean, mean_error: of the quantity; shares: of its variance, by group; unexplained: the rest.
    """

    mean: float
    mean_error: float
    shares: dict[str, float]
    unexplained: float


def explain(values: np.ndarray, columns: np.ndarray, r: int) -> Explained:
    """Regress values (draws,) on the :func:`features` (draws, F) of their starts.

    Features of different groups are uncorrelated (independent, or odd and even in the last layer's
    sign), so that the shares add up to 1 but for the finite number of draws. As the features' means
    are known to be 0, the intercept is the mean without the noise that they explain.
    """
    design = np.column_stack([np.ones(len(values)), columns])
    (mean, *weights), *_ = np.linalg.lstsq(design, values, rcond=None)
    rest = values - mean - columns @ weights
    error = math.sqrt(rest @ rest / (len(values) - design.shape[1]) / len(values))
    inner = 2 * (r - 2)
    sizes = (columns.shape[1] - inner - 3, 2, 1, inner)
    parts = np.split(columns * weights, np.cumsum(sizes)[:-1], axis=1)
    variance = np.var(values)
    shares = (float(np.var(part.sum(1)) / variance) for part in parts)
    return Explained(
        float(mean), error, dict(zip(GROUPS, shares, strict=True)), float(np.var(rest) / variance)
    )
