"""What a user waits for: commands, and a run with nothing to do."""

import functools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .rows import NO_PEER, Row
from .timing import seconds

COMMANDS = {  # arguments: seconds allowed
    "classify gelu": 0.5,
    "predict --activation tanh --depth 4 --width 64 --init 0.03": 0.5,
    "escape --activation tanh --depth 4 --width 64 --init 0.03": 0.5,
    "flow --help": 0.3,
}
TIERS = ("default", "smoke")


@dataclass(frozen=True)
class Size:
    """How much is measured. snakemake: the program; None leaves the run with nothing to do out."""

    repeats: int = 5
    commands: tuple[str, ...] = tuple(COMMANDS)
    snakemake: str | None = str(Path(sys.executable).with_name("snakemake"))


DEFAULT = Size()
TINY = Size(repeats=1, commands=("flow --help",), snakemake=None)


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module."""
    for command in size.commands:
        yield answered(size, command)
    yield nothing_to_do(size)


def answered(size, command):
    """A command of the program, from a shell to its end."""
    argv = [sys.executable, "-m", "saddle_escape", *command.split()]

    def call():
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

    call()
    times = [seconds(call) for _ in range(size.repeats)]
    return Row(f"`{command}`, s", NO_PEER, f"ours <= {COMMANDS[command]:g}", times)


def nothing_to_do(size):
    """The run of a tier that is complete already, as make calls it."""
    work, bar = "make figures with nothing to do, s", "ours <= 1.5"
    for tier in TIERS if size.snakemake else ():
        options = ["--logger", "progress", "--cores", "all", "--config"]
        argv = [size.snakemake, *options, f"tier={tier}"]
        call = functools.partial(subprocess.run, argv, check=True, capture_output=True)
        dry = subprocess.run([*argv, "--dry-run"], capture_output=True, text=True)
        if "Nothing to be done" in dry.stdout + dry.stderr:
            times = [seconds(call) for _ in range(size.repeats)]
            return Row(f"{work} ({tier})", NO_PEER, bar, times)
    return Row(work, NO_PEER, bar, skipped="no complete tier here: make figures first")
