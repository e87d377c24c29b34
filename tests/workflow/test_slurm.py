"""Figure 1 in small on a SLURM of two nodes: the same bytes as jobs and nodes fail; a GPU."""

import subprocess
import sys
import time

import pytest

from . import slurm
from .conftest import another, copy_project, results_of

pytestmark = [
    pytest.mark.xdist_group("smoke"),
    pytest.mark.skipif(bool(slurm.missing()), reason=slurm.missing()),
]
PROFILE = ("--profile", "workflow/profiles/slurm")
SOON = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
FIGURE1 = "reduction/reduced.nc reduction/network.nc reduction/minibatch.nc figures/figure1.png"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The environment of SLURM's commands."""
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


class Submitted:
    """Snakemake submitting to the cluster from a copy of the project."""

    def __init__(self, cluster, tree, *arguments):
        environment = cluster | {"PYTHONPATH": str(tree / "workflow")}
        self.command = [sys.executable, "-m", "snakemake", *PROFILE, *SOON, *arguments]
        self.process = subprocess.Popen(
            self.command,
            cwd=tree,
            env={k: v for k, v in environment.items() if not k.startswith(("MAKE", "PYTEST"))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self):
        """(exit status, everything it said)"""
        said, _ = self.process.communicate(timeout=900)
        return self.process.returncode, said


def submit(cluster, tree, *arguments):
    return Submitted(cluster, tree, *arguments).finish()


def jobs(cluster, state="all"):
    """{id: node} of SLURM's jobs in a state."""
    listed = slurm.ask(
        cluster, "squeue", "--noheader", f"--states={state}", "--format=%i %N"
    ).splitlines()
    return {line.split()[0]: line.partition(" ")[2] for line in listed}


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_after_a_cancelled_job_and_a_drained_node_only_what_is_missing_runs(
    cluster, smoke_tree, tmp_path
):
    tree = another(smoke_tree, tmp_path / "project")
    targets = ["--config", "tier=smoke", "--", *(f"results/smoke/{p}" for p in FIGURE1.split())]
    run = Submitted(cluster, tree, *targets)
    running = wait_for(
        lambda: (len(now := jobs(cluster, "running")) == len(slurm.NODES) and now) or None
    )
    drained, cancelled = sorted(running, key=running.get)
    slurm.ask(cluster, "scontrol", "update", "nodename=n1", "state=drain", "reason=test")
    slurm.ask(cluster, "scancel", cancelled)
    try:
        status, said = run.finish()
        assert status == 1 and cancelled in jobs(cluster, "cancelled"), said
        kept = {p: p.stat().st_mtime_ns for p in tree.glob("results/smoke/reduction/*.nc")}
        assert kept and drained in jobs(cluster, "completed")
        before = jobs(cluster)
        status, said = submit(cluster, tree, *targets)
        assert status == 0, said
    finally:
        slurm.ask(cluster, "scontrol", "update", "nodename=n1", "state=resume")
    assert {node for job, node in jobs(cluster).items() if job not in before} == {"n2"}
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert results_of(tree).items() <= results_of(smoke_tree).items()


def test_jobs_that_train_networks_ask_for_a_gpu(cluster, tmp_path):
    tree = copy_project(tmp_path / "project")
    before = jobs(cluster)
    asking = ("--workflow-profile", "workflow/profiles/gpu", "--config", "tier=smoke", "device=cpu")
    status, said = submit(cluster, tree, *asking, "--", "results/smoke/reduction/network.nc")
    assert status == 0, said
    (job,) = jobs(cluster).keys() - before.keys()
    described = slurm.ask(cluster, "scontrol", "show", "job", job)
    assert "TresPerJob=gres:gpu:1" in described
