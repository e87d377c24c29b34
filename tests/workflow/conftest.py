"""Copies of the project to run Snakemake and make in, and a clone with a finished smoke tier."""

import functools
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "Makefile", "config", "workflow", "paper_check", "pyproject.toml")
COMPUTED = ("__pycache__", "*.egg-info", ".venv", "results", "logs", ".snakemake", ".*_cache")
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info")
SHARED = ("smoke_tree", "default_tree", "undisturbed")  # fixtures that take long to make
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "2")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Who shares a fixture that takes long to make runs where it is: on one worker."""
    for item in items:
        for name in SHARED:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


def copy_project(target):
    """Copy what a workflow run needs, without any result."""
    target.mkdir(parents=True)
    for part in [*PARTS, *(path.name for path in ROOT.glob("*.txt"))]:
        source = ROOT / part
        copy = shutil.copy if source.is_file() else shutil.copytree
        copy(source, target / part, **({} if source.is_file() else {"ignore": LEFTOVERS}))
    return target


def run(command, cwd):
    """Run a command with its output captured and no standard input."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    environment["PYTHONPATH"] = str(Path(cwd) / "workflow")  # before another checkout's library
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def snakemake(tree, *arguments):
    return run([*SNAKEMAKE, *arguments], tree)


def planned(tree, *targets, tier="smoke"):
    """{rule: number of jobs} of a dry run of a tier, the targets themselves left out."""
    done = snakemake(tree, "--dry-run", "--config", f"tier={tier}", "--", *targets)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("Job stats:")[2].partition("\n\n")[0]
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE))
    return {rule: int(n) for rule, n in jobs.items() if rule not in ("total", *targets)}


def pretend_finished(tree, tier):
    """Make every output of a tier as an empty file, all of one time: nothing is left to do."""
    summary = snakemake(tree, "--summary", "--config", f"tier={tier}")
    assert summary.returncode == 0, summary.stderr
    rows = summary.stdout.partition("output_file\t")[2].splitlines()[1:]
    paths, now = [tree / row.partition("\t")[0] for row in rows], time.time_ns()
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, ns=(now, now))


def until(condition, seconds=60, every=0.01):
    """What a condition gives as soon as it is true. Fails if it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(every)
    return found


@pytest.fixture
def tree(tmp_path):
    """A fresh copy of the project."""
    return copy_project(tmp_path / "project")


def clone(target):
    """Clone the repository with uncommitted changes of its files.

    Of a tree that is no repository (an unpacked archive) a repository is made first.
    """
    if (ROOT / ".git").exists():
        changed = git(ROOT, "stash", "create").strip()
        git(target.parent, "clone", "--quiet", "--shared", "--no-checkout", ROOT, target)
        git(target, "checkout", "--quiet", changed or "HEAD")
    else:
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*COMPUTED))
        git(target, "init", "--quiet")
        git(target, "add", "--all")
        git(target, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "copy")
    return target


def another(tree, target):
    """A clone of a clone, with none of its results; both have the same code version."""
    git(target.parent, "clone", "--quiet", "--shared", tree, target)
    return target


def results_of(tree):
    """{path: content} of a tree's smoke tier, without what tells of time."""
    folder, found = tree / "results/smoke", {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith("benchmarks/") and name != "costs.html":
            found[name] = path.read_bytes()
    return found


def git(cwd, *arguments):
    done = run(["git", *arguments], cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(tree):
    """This environment in place of the one that make would build."""
    venv = tree / ".venv"
    venv.mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (venv / part).symlink_to(Path(sys.prefix) / part)
    for stamp in (".requirements", ".requirements-dev"):
        (venv / stamp).touch()


@functools.cache
def offline():
    """What runs a command without any network, to stand before it; nothing where forbidden."""
    command = ["unshare", *(["--map-root-user"] if os.geteuid() else []), "--net"]
    try:
        allowed = run([*command, "true"], ROOT).returncode == 0
    except FileNotFoundError:
        allowed = False
    return command if allowed else []


@pytest.fixture(scope="session")
def smoke_tree(tmp_path_factory):
    """A clone where `TIER=smoke make figures` has run, without a network where that can be had.

    Tests must leave it as they found it.
    """
    tree = clone(tmp_path_factory.mktemp("smoke") / "project")
    install(tree)
    done = run([*offline(), "make", "figures", "TIER=smoke"], tree)
    assert done.returncode == 0, done.stderr
    return tree
