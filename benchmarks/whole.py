"""What is too long for `make bench`: whole tiers from nothing, and the tests, once each.

``python -m benchmarks --only whole`` measures them in half an hour or a little more, in a clone of
the last commit. The environment is installed already; nothing else may run beside it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .rows import NO_PEER, Row
from .timing import seconds

CORES = 2
SNAKEMAKE = (str(Path(sys.executable).with_name("snakemake")), "--cores", str(CORES), "--config")
TESTS = ("make", "-o", ".venv/.requirements-dev", "test")  # in the environment as it is
RUNS = (  # what, command, seconds of the unit, the bar in units
    (
        f"smoke tier with supplement from nothing, {CORES} cores, s",
        (*SNAKEMAKE, "tier=smoke", "--", "all", "supplement"),
        1,
        60,
    ),
    (f"tests of make test, {CORES} workers, min", TESTS, 60, 6),
    (
        f"default tier with supplement from nothing, {CORES} cores, min",
        (*SNAKEMAKE, "tier=default", "--", "all", "supplement"),
        60,
        20,
    ),
)


@dataclass(frozen=True)
class Size:
    """What is measured: see RUNS."""

    runs: tuple = RUNS


DEFAULT = Size()
TINY = Size(runs=(("git log, s", ("git", "log", "-1"), 1, 60),))


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module, each in a clone of its own."""
    for work, command, unit, allowed in size.runs:
        yield Row(work, NO_PEER, f"ours <= {allowed}", [wall(command) / unit])


def wall(command):
    """Wall time of a command in a clone of this repository's last commit, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", ".", folder], check=True)
        Path(folder, ".venv").symlink_to(sys.prefix)
        return seconds(lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True))
