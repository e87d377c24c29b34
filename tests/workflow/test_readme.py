"""The README: its table of costs is the generated one, and its commands do what it says."""

import re
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest

from saddle_escape import costs

from .conftest import ROOT, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
TABLED = re.findall(r"`(TIER=\w+ make \w+|make \w+|\.venv/bin/snakemake [^`]+)`", README)


def test_the_cost_table_is_the_committed_one():
    table = pd.read_csv(ROOT / "figures/costs.csv")
    assert costs.inserted(README, costs.markdown(table)) == README


def test_every_picture_and_file_it_names_exists():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    named = re.findall(r"`((?:config|paper_check|workflow|figures)/[\w./]+)`", README)
    assert len(linked) >= 4 and len(named) >= 4
    for path in linked + named:
        assert (ROOT / path).exists(), path


@pytest.fixture
def environment(smoke_tree):
    """The finished smoke tree, with this environment in place of its own."""
    venv = smoke_tree / ".venv"
    if not venv.exists():
        venv.mkdir()
        for part in ("bin", "lib", "pyvenv.cfg"):
            (venv / part).symlink_to(Path(sys.prefix) / part)
        for stamp in (".requirements", ".requirements-dev"):
            (venv / stamp).touch()
    return smoke_tree


def smoke(command):
    """The command on the smoke tier, and `make test` as a dry run: this is `make test`."""
    if command == "make test":
        return "make --dry-run test"
    if "snakemake" in command:
        return command.replace("--cores all", "--cores all --dry-run")
    return command.replace("TIER=default", "").replace("TIER=full", "") + (
        " --dry-run TIER=full"
        if "TIER=full" in command
        else " TIER=smoke"
        if "make" in command
        else ""
    )


@pytest.mark.xdist_group("smoke")
@pytest.mark.parametrize("command", sorted({*COMMANDS, *TABLED} - {"make compare"}))
def test_command_runs(environment, command):
    done = run(["sh", "-c", smoke(command)], environment)
    assert done.returncode == 0, done.stderr
    if "saddle_escape" in command:
        assert done.stdout.strip() and not done.stderr


def test_the_commands_are_the_ones_this_file_knows():
    assert "make figures" in COMMANDS and "make test" in COMMANDS
    assert {shlex.split(c)[0] for c in COMMANDS} <= {"make", ".venv/bin/python"}
