"""Whoever does the project's work looks for garbage rarely, and keeps freed memory."""

import ctypes
import json
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


# As steps of descent do: 16 MB in pieces of 1 MB, freed, and the same again.
STEPS = """
{begin}
import resource
import numpy as np
def step():
    return len([np.ones(1 << 17) for _ in range(16)])
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def lines(begin, code=CODE):
    environment = os.environ | {"PYTHONPATH": "workflow:workflow/scripts"}
    command = [sys.executable, "-c", code.format(begin=begin)]
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


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not GNU's C library")
@pytest.mark.parametrize(
    "begin", ["from saddle_escape import process; process.tune()", "import _shell"]
)
def test_freed_memory_is_there_for_the_next_step(begin):
    """Pages that the system hands out anew: nearly none, where Python by itself takes thousands."""
    (kept,), (by_itself,) = lines(begin, STEPS), lines("pass", STEPS)
    assert int(kept) < 100 < 1000 < int(by_itself)


def test_a_c_library_without_such_settings_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert process.keep_freed() is False


def test_a_process_tells_what_it_and_its_children_used():
    """A child's half second of work, and the 64 MB that the process held for a while."""
    work = (
        "import time; [time.process_time() for _ in iter(lambda: time.process_time() > 0.5, True)]"
    )
    begin = f"""
import json, subprocess, sys
from saddle_escape import process
before = process.used()
subprocess.run([sys.executable, "-c", {work!r}], check=True)
block = b"1" * (64 << 20)
del block
print(json.dumps([before, process.used()]))"""
    before, after = json.loads(lines(begin, "{begin}")[-1])
    assert 0.5 <= after["cpu_seconds"] - before["cpu_seconds"] < 5
    assert 60 <= after["peak_mb"] - before["peak_mb"] < 80


def test_a_job_s_log_ends_with_what_it_used(tmp_path):
    job = f"_shell.job(types.SimpleNamespace(log=[{str(tmp_path / 'log')!r}], threads=1))"
    assert lines(f"import types, _shell\nwith {job}: print('words')", "{begin}") == []
    *words, used = (tmp_path / "log").read_text().splitlines()
    assert words == ["words"] and json.loads(used).keys() == process.used().keys()
