"""The rows of ``benchmarks/results.csv``: what was measured, and whether it reached its bar."""

import importlib.util
import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = ("work", "peer", "ours", "theirs", "ratio", "bar", "reached")
DETAILS = (
    *("work", "ratio_of", "repeats", "ours_min", "ours_max", "theirs_min", "theirs_max"),
    *("load", "machine", "torch"),
)
COST, RATE, SHARE = "theirs / ours", "ours / theirs", "ours / theirs, the less the better"
RELATIONS = {"<=": operator.le, ">=": operator.ge}
NO_PEER = "none"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    work: what is done, with the unit; peer: what it is compared with; bar: a condition on "ours"
    or "ratio", such as "ratio >= 10"; ours, theirs: the repeated measurements, of which the median
    counts; ratio_of: how ``ratio`` is made of the two. skipped: why nothing was measured.
    """

    work: str
    peer: str
    bar: str
    ours: Sequence[float] = ()
    theirs: Sequence[float] = ()
    ratio_of: str = COST
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        """The medians' quotient, of which direction ``ratio_of`` tells; None without a peer."""
        if not (self.ours and self.theirs):
            return None
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return theirs / ours if self.ratio_of == COST else ours / theirs

    @property
    def reached(self) -> str:
        """Whether the bar was reached: "true", "false" or "skipped"."""
        if self.skipped or not self.ours:
            return "skipped"
        value = self.ratio if self.bar.startswith("ratio") else statistics.median(self.ours)
        return str(holds(self.bar, value)).lower()

    def result(self) -> dict[str, str]:
        """The row of results.csv, with the keys COLUMNS."""
        peer = f"{self.peer} ({self.skipped})" if self.skipped else self.peer
        ours, theirs = (number(statistics.median(v)) if v else "" for v in (self.ours, self.theirs))
        ratio = "" if self.ratio is None else number(self.ratio)
        cells = (self.work, peer, ours, theirs, ratio, self.bar, self.reached)
        return dict(zip(COLUMNS, cells, strict=True))

    def detail(self, **about: str) -> dict[str, str]:
        """The row of details.csv: spread of the repeats, and what the machine was and did."""
        spread = [number(f(v)) if v else "" for v in (self.ours, self.theirs) for f in (min, max)]
        first = (self.work, self.ratio_of, str(max(len(self.ours), len(self.theirs))))
        return dict(zip(DETAILS, (*first, *spread, *about.values()), strict=True))


def number(value: float) -> str:
    """Three significant digits, of whole numbers below a million all; 1e-5 for 1e-05."""
    whole = value == round(value) and abs(value) < 1e6
    text = str(int(value)) if whole else f"{float(f'{value:.3g}'):g}"
    return text.replace("e-0", "e-").replace("e+", "e")


def holds(bar: str, value: float) -> bool:
    """Whether a value meets the relation and limit of a bar such as "ratio >= 10"."""
    _, relation, limit = bar.split()
    return bool(RELATIONS[relation](value, float(limit)))


def missing(*packages: str) -> str:
    """Why a peer cannot be run: the packages that are not installed, in words; "" if all are."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def accurate(name: str, times: Sequence, exact: Sequence, accuracy: float) -> None:
    """Refuse a solver that is less accurate than its row says: arrays or tensors of times.

    Raises RuntimeError with its relative error.
    """
    error = float(abs(times / exact - 1).max())
    if not error <= accuracy:
        raise RuntimeError(f"{name}: escape times are right to {error:.1e}, not {accuracy:g}")
