"""How long a run still takes, from the CPU time that its rules took when costs were measured."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OVERHEAD = 0.2  # seconds that a job takes besides what its benchmark counts
PRIOR = 60.0  # seconds of running that the number of cores is worth, as a first guess of the pace


def job_seconds(table: Path, tier: str) -> dict[str, float]:
    """CPU seconds of one job of each rule of a tier; empty where they were never measured.

    table: with the columns tier, rule, jobs, cpu_seconds, as ``figures/job_times.csv``.
    """
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tier"] == tier]
    return {row["rule"]: float(row["cpu_seconds"]) / int(row["jobs"]) for row in rows}


@dataclass
class Estimate:
    """The work of a run and the pace at which it is done.

    seconds: of one job of each rule, by :func:`job_seconds`; counts: how many jobs each rule has;
    cores: how many run at once.
    """

    seconds: Mapping[str, float]
    counts: Mapping[str, int]
    cores: int
    finished: float = field(default=0.0, init=False)  # work, in expected CPU seconds

    def of(self, rule: str) -> float:
        """Seconds to be expected of one job."""
        return self.seconds.get(rule, 0.0) + OVERHEAD

    def finish(self, rule: str) -> None:
        """Count a job as done."""
        self.finished += self.of(rule)

    def left(self, elapsed: float, running: Iterable[tuple[str, float]] = ()) -> float | None:
        """Seconds that the run still takes; None where its rules were never measured.

        elapsed: seconds since the run began; running: (rule, seconds since its start) of every job
        that runs. No less than the longest of these still needs.
        """
        if not self.seconds:
            return None
        running = [(self.of(rule), since) for rule, since in running]
        done = self.finished + sum(min(expected, since) for expected, since in running)
        pace = (done + PRIOR * self.cores) / (elapsed + PRIOR)
        total = sum(count * self.of(rule) for rule, count in self.counts.items())
        rest_of_longest = max((expected - since for expected, since in running), default=0.0)
        return max((total - done) / pace, rest_of_longest, 0.0)


def in_words(seconds: float) -> str:
    """A time as one says it: 40 s, 5 min, 1 h 20 min."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
