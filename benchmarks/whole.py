"""What is too long for `make bench`: whole tiers from nothing, and the tests, once each.

``python -m benchmarks --only whole`` measures them in half an hour, in clones of the last commit.
The environment is installed already; nothing else may run beside it.
"""

import functools
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
RUNS = (  # in a clone of its own: commands, seconds of the unit, [(what, which of them, the bar)]
    (
        ((*SNAKEMAKE, "tier=smoke", "--", "all", "supplement"),),
        1,
        [(f"smoke tier with supplement from nothing, {CORES} cores, s", [0], 60)],
    ),
    ((TESTS,), 60, [(f"tests of make test, {CORES} workers, min", [0], 6)]),
    (
        tuple(
            (*SNAKEMAKE, "tier=default", "--", part) for part in ("figure4", "all", "supplement")
        ),
        60,
        [
            (f"default tier from nothing, {CORES} cores, min", [0, 1], 20),
            (f"default tier without figure 4, {CORES} cores, min", [1], 6),
            (f"default tier with supplement from nothing, {CORES} cores, min", [0, 1, 2], 20),
        ],
    ),
)


@dataclass(frozen=True)
class Size:
    """What is measured: see RUNS."""

    runs: tuple = RUNS


DEFAULT = Size()
TINY = Size(runs=(((("git", "log", "-1"),), 1, [("git log, s", [0], 60)]),))


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module. Several commands are parts of one run, one after the other."""
    for commands, unit, works in size.runs:
        taken = walls(commands)
        for work, parts, allowed in works:
            ours = sum(taken[part] for part in parts) / unit
            yield Row(work, NO_PEER, f"ours <= {allowed}", [ours])


def walls(commands):
    """Wall times of commands in one clone of this repository's last commit, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", ".", folder], check=True)
        Path(folder, ".venv").symlink_to(sys.prefix)
        run = functools.partial(subprocess.run, cwd=folder, check=True, capture_output=True)
        return [seconds(functools.partial(run, command)) for command in commands]
