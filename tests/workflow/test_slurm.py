"""On a SLURM of two nodes: the same bytes although a job and a node fail; a GPU."""

import subprocess
import sys

import pytest

from . import slurm
from .conftest import another, clone, copy_project, results_of, snakemake, until

pytestmark = pytest.mark.skipif(bool(slurm.missing()), reason=slurm.missing())
PROFILE = ("--profile", "workflow/profiles/slurm")
SOON = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
EAGER = """
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 1, lambda *_: None)
sys.exit(main(sys.argv[1:]))
"""  # asks for jobs each second; by itself it waits 10 s longer whenever none has ended
FIGURE1 = [f"results/smoke/figures/figure1.{kind}" for kind in ("csv", "png")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The environment of SLURM's commands."""
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


class Submission:
    """Snakemake submitting to the cluster from a copy of the project, until the block ends."""

    def __init__(self, cluster, tree, *arguments):
        environment = cluster | {"PYTHONPATH": str(tree / "workflow")}
        self.said = tree.with_suffix(".txt")
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", EAGER, *PROFILE, *SOON, *arguments],
                cwd=tree,
                env={k: v for k, v in environment.items() if not k.startswith(("MAKE", "PYTEST"))},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def finish(self):
        """(exit status, everything it said)"""
        status = self.process.wait(timeout=1200)
        return status, self.said.read_text()


def submit(cluster, tree, *arguments):
    with Submission(cluster, tree, *arguments) as run:
        return run.finish()


def jobs(cluster, state="all"):
    """{id: node} of SLURM's jobs in a state; the node of a pending one is empty."""
    listed = slurm.ask(
        cluster, "squeue", "--noheader", f"--states={state}", "--format=%i %N"
    ).splitlines()
    return {line.split()[0]: line.partition(" ")[2] for line in listed}


def until_slurm(condition):
    return until(condition, seconds=300, every=0.2)  # each look asks the scheduler


def update(cluster, node, *state):
    slurm.ask(cluster, "scontrol", "update", f"nodename={node}", *state)


def written(tree):
    """{path: time of writing} of a smoke tier's results."""
    return {
        path: path.stat().st_mtime_ns
        for path in tree.glob("results/smoke/**/*")
        if path.is_file() and "benchmarks" not in path.parts
    }


@pytest.mark.parametrize(
    "targets", [FIGURE1, pytest.param([], id="all", marks=pytest.mark.cluster)]
)
def test_after_a_cancelled_job_and_a_drained_node_only_what_is_missing_runs(
    cluster, tmp_path, targets
):
    tree = clone(tmp_path / "project")
    before = jobs(cluster)
    asked = ("--config", "tier=smoke", "--", *targets)
    with Submission(cluster, tree, *asked) as run:
        first = until_slurm(
            lambda: len(now := jobs(cluster, "running")) == len(slurm.NODES) and now
        )
        drained, cancelled = sorted(first, key=first.get)
        update(cluster, "n1", "state=drain", "reason=test")
        slurm.ask(cluster, "scancel", cancelled)
        until_slurm(lambda: drained in jobs(cluster, "completed"))
        later = jobs(cluster, "running,completed").keys() - before.keys() - first.keys()
        assert later and {jobs(cluster)[job] for job in later} == {"n2"}
        update(cluster, "n1", "state=resume")
        status, said = run.finish()
    assert status == 1 and cancelled in jobs(cluster, "cancelled"), said
    kept = written(tree)
    assert kept

    status, said = submit(cluster, tree, *asked)
    assert status == 0, said
    now = written(tree)
    assert {path: now[path] for path in kept} == kept and len(now) > len(kept)
    undisturbed = another(tree, tmp_path / "undisturbed")
    done = snakemake(undisturbed, *asked)
    assert done.returncode == 0, done.stderr
    assert results_of(tree) == results_of(undisturbed)


def test_jobs_that_train_networks_ask_for_a_gpu(cluster, tmp_path):
    tree = copy_project(tmp_path / "project")
    before = jobs(cluster)
    asking = ("--workflow-profile", "workflow/profiles/gpu", "--cores", "1", "--config",
              "tier=smoke", "device=cpu")  # fmt: skip
    networks = [
        f"results/smoke/{name}" for name in ("reduction/network.nc", "offmanifold/signal_r3.csv")
    ]
    status, said = submit(cluster, tree, *asking, "--", *networks)
    assert status == 0, said
    (job,) = jobs(cluster).keys() - before.keys()
    described = slurm.ask(cluster, "scontrol", "show", "job", job)
    assert "TresPerJob=gres:gpu:1" in described and "NumCPUs=1 " in described
