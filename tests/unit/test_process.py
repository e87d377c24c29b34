"""Whoever does the project's work looks for garbage rarely, and keeps freed memory."""

import os
import subprocess
import sys

import pytest

from saddle_escape import process

# What is registered first at the exit is called last. A cycle that nobody holds is garbage, which a
# look would take.
CODE = """
import atexit, gc
atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 0))
{begin}
class Loud:
    def __del__(self):
        print("looked")
loud = Loud()
loud.itself = loud
del loud
"""


def lines(begin):
    environment = os.environ | {"PYTHONPATH": "workflow:workflow/scripts"}
    command = [sys.executable, "-c", CODE.format(begin=begin)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "begin",
    [
        "from saddle_escape import process; process.tune()",
        "import _shell",  # as every script does
        "import sys; sys.argv[1:] = ['classify', 'tanh', '--json']\n"
        "from saddle_escape.cli.main import program; program()",
    ],
)
def test_no_look_at_the_end(begin):
    *_, last = printed = lines(begin)
    assert last == f"{process.ALLOCATIONS} True"
    assert "looked" not in printed


def test_python_by_itself_looks():
    assert "looked" in lines("pass")
