"""Runs killed at random moments: `make resume` brings the results of an undisturbed run."""

import os
import random
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from .conftest import copy_project, install, results_of, run

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
EVERYTHING = "[drawn(TIER, path) for path in BY_DEFAULT],\n        reported(TIER),"
STEMS = ("classes.csv", "universality/closed_form.csv", "reduction/reduced.nc")
FEW = f'[f"results/{{TIER}}/{{stem}}" for stem in {STEMS}],'  # in its place: jobs of a second
KILLS = ("job", "snakemake", "group", "interrupt")
ADVICE = "go on with `make resume`."


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A project with three results, and what they are after a run that nothing disturbed."""
    tree = copy_project(tmp_path_factory.mktemp("kills") / "project")
    install(tree)
    snakefile = tree / "Snakefile"
    assert EVERYTHING in snakefile.read_text()
    snakefile.write_text(snakefile.read_text().replace(EVERYTHING, FEW))
    assert make(tree, "figures").returncode == 0
    results = results_of(tree)
    assert results.keys() >= set(STEMS)
    return tree, results


@pytest.fixture
def unfinished(undisturbed):
    """The project without results, locks and records."""
    tree, _ = undisturbed
    for folder in ("results", "logs", ".snakemake"):
        shutil.rmtree(tree / folder, ignore_errors=True)
    return tree


def make(tree, target):
    return run(["make", target, "TIER=smoke"], tree)


class Running:
    """`make figures` in a process group of its own."""

    def __init__(self, tree):
        self.tree = tree
        self.make = subprocess.Popen(
            ["make", "figures", "TIER=smoke"],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree / "workflow")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def children(self, word):
        """Processes of the run with this word in their command line."""
        found = []
        for process in psutil.Process(self.make.pid).children(recursive=True):
            try:
                if any(word in argument for argument in process.cmdline()[:2]):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_for_logs(self, number):
        """Until so many jobs have started."""
        while len(list(self.tree.glob("logs/smoke/**/*.log"))) < number:
            assert self.make.poll() is None, "it ended before"
            time.sleep(0.02)

    def kill(self, kind):
        """End part of it, or all, and wait for what is then left of make."""
        if kind == "interrupt":
            os.killpg(self.make.pid, signal.SIGINT)
        elif kind == "group":
            os.killpg(self.make.pid, signal.SIGKILL)
        else:
            word = {"job": ".snakemake/scripts/", "snakemake": "bin/snakemake"}[kind]
            for process in self.children(word)[:1]:  # none, if the moment is between two jobs
                process.kill()
        self.make.wait(timeout=600)


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_run_is_resumed_to_the_same_bytes(undisturbed, unfinished, seed):
    chance = random.Random(seed)
    running = Running(unfinished)
    running.wait_for_logs(chance.randint(0, 2))
    time.sleep(chance.uniform(0, 1))
    kind = KILLS[seed % len(KILLS)]
    running.kill(kind)

    plain = make(unfinished, "figures") if seed in (1, 2) else None
    if plain and plain.returncode:
        assert sum(ADVICE in line for line in plain.stderr.splitlines()) == 1, plain.stderr

    done = make(unfinished, "resume")
    assert done.returncode == 0, done.stderr
    assert results_of(unfinished) == undisturbed[1]
    assert not list(unfinished.glob(".snakemake/locks/*"))
    assert not list(unfinished.glob(".snakemake/incomplete/*"))


def test_a_second_run_at_the_same_time_is_told_what_to_do(undisturbed, unfinished):
    first = Running(unfinished)
    try:
        first.wait_for_logs(1)
        os.killpg(first.make.pid, signal.SIGSTOP)  # else it may be done before the second looks
        second = make(unfinished, "figures")
        assert second.returncode == 2
        assert sum(ADVICE in line for line in second.stderr.splitlines()) == 1, second.stderr
        assert "Traceback" not in second.stderr
    finally:
        os.killpg(first.make.pid, signal.SIGCONT)
        first.make.wait(timeout=600)
    assert results_of(unfinished) == undisturbed[1]
