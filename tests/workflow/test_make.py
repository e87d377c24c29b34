"""The Makefile: its help, its two stamps, its Python, and what it says when something is wrong."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from .conftest import ROOT, SNAKEMAKE, run, until

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def make(tree, *arguments):
    return run(["make", *arguments], tree)


@pytest.fixture
def installed(tree):
    """A tree whose environment counts as installed."""
    (tree / ".venv").mkdir()
    (tree / ".venv/.requirements").touch()
    (tree / ".venv/.requirements-dev").touch()
    return tree


def test_help_lists_every_target_with_a_line(tree):
    done = make(tree)
    assert done.returncode == 0
    listed = dict(re.findall(r"^  make (\w+) +(\S.*)$", done.stdout, flags=re.MULTILINE))
    assert set(listed) == TARGETS
    assert {"help", "setup", "figures", "test", "compare", "resume", "clean"} <= TARGETS


def test_a_misspelt_target_points_to_the_list(tree):
    done = make(tree, "figurs")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "No target 'figurs'; `make help` lists them all."


@pytest.mark.parametrize("python", ["old", "missing"])
def test_without_a_recent_python_one_line_says_what_to_do(tree, python):
    if python == "old":
        (tree / python).write_text("#!/bin/sh\nexit 1\n")  # what the version check exits with
        (tree / python).chmod(0o755)
    done = make(tree, "figures", f"PYTHON=./{python}")
    assert done.returncode != 0
    told, _made = done.stderr.splitlines()
    assert told == (
        f"Python 3.11 or newer is needed, and './{python}' is not; try: make PYTHON=python3.12"
    )
    assert not (tree / ".venv").exists()


def test_the_version_check_accepts_this_python(tree):
    done = make(tree, "figures", "--dry-run", f"PYTHON={sys.executable}")
    assert done.returncode == 0
    check = next(line for line in done.stdout.splitlines() if "sys.version_info" in line)
    assert run(["sh", "-c", check.rstrip("\\ |")], tree).returncode == 0


def test_a_second_call_installs_nothing(installed):
    assert "pip install" not in make(installed, "--dry-run", "figures", "test").stdout


@pytest.mark.parametrize(
    ("file", "figures", "test"),
    [
        ("requirements.txt", True, True),
        ("constraints.txt", True, True),
        ("requirements-bench.txt", False, True),
        ("requirements-dev.txt", False, True),
    ],
)
def test_changed_requirements_are_installed(installed, file, figures, test):
    later = time.time() + 10
    os.utime(installed / file, (later, later))
    for target, expected in (("figures", figures), ("test", test)):
        assert ("pip install" in make(installed, "--dry-run", target).stdout) == expected


def test_the_tier_reaches_snakemake(installed):
    assert "tier=default" in make(installed, "--dry-run", "figures").stdout
    assert "tier=smoke" in make(installed, "--dry-run", "figures", "TIER=smoke").stdout


def test_clean_removes_results_and_logs_only(tree):
    for name in ("results/smoke", "logs/smoke", "figures"):
        (tree / name).mkdir(parents=True)
    before = {path.name for path in tree.iterdir()}
    assert make(tree, "clean").returncode == 0
    assert before - {path.name for path in tree.iterdir()} == {"results", "logs"}


def test_compare_and_resume_run_from_the_environment(installed):
    plan = make(installed, "--dry-run", "compare", "resume").stdout
    assert ".venv/bin/python -m saddle_escape.artifact.compare" in plan
    assert "--unlock" in plan
    assert "--rerun-incomplete" in plan


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_killed_workflow_can_be_resumed(tree):
    """SIGKILL leaves the job running and the directory locked; what `make resume` runs mends it."""
    target = "results/smoke/classes.csv"
    workflow = subprocess.Popen(
        [*SNAKEMAKE, target],
        cwd=tree,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    job = until(lambda: job_of(tree))
    refused = run([sys.executable, "workflow/scripts/end_orphans.py"], tree)
    assert refused.stderr == (
        f"resume: snakemake is still running here (process {workflow.pid}); stop it first\n"
    )
    os.kill(workflow.pid, signal.SIGKILL)
    workflow.wait()
    assert job.is_running()

    ended = run([sys.executable, "workflow/scripts/end_orphans.py"], tree)
    assert ended.returncode == 0
    assert f"ending orphaned job, process {job.pid}" in ended.stdout
    assert not job.is_running()
    assert "locked" in run([*SNAKEMAKE, target], tree).stderr
    assert run([*SNAKEMAKE, "--unlock"], tree).returncode == 0
    assert run([*SNAKEMAKE, "--rerun-incomplete", target], tree).returncode == 0
    assert (tree / target).exists()


def job_of(tree):
    """The first script process that a workflow in `tree` has started, if there is one."""
    script = str(tree / ".snakemake/scripts/")
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or [""]
        if "python" in command[0] and any(a.startswith(script) for a in command[1:2]):
            return process
    return None
