"""Profiles: what they name exists, and a GPU is asked for by the jobs that train networks."""

import re

import yaml

from .conftest import ROOT, snakemake

PROFILES = {p.parent.name: p for p in ROOT.glob("workflow/profiles/*/config.yaml")}


def test_there_is_one_for_clusters_and_one_for_gpus():
    assert set(PROFILES) == {"slurm", "gpu"}
    assert yaml.safe_load(PROFILES["slurm"].read_text())["executor"] == "slurm"


def test_gpu_jobs_ask_for_the_gpu(tree):
    done = snakemake(
        tree, "--profile", "workflow/profiles/gpu", "--dry-run", "--config", "tier=smoke"
    )
    assert done.returncode == 0, done.stderr
    jobs = re.split(r"^ *(?:local)?rule (\w+):", done.stdout, flags=re.MULTILINE)[1:]
    asking = {rule for rule, text in zip(jobs[::2], jobs[1::2], strict=True) if "gpu=1" in text}
    stated = yaml.safe_load(PROFILES["gpu"].read_text())["set-resources"]
    assert asking == {entry.partition(":")[0] for entry in stated}


def test_on_a_cluster_every_job_goes_in_a_group_that_the_profile_knows(tree):
    done = snakemake(
        tree, "--profile", "workflow/profiles/slurm", "--dry-run", "--config", "tier=smoke"
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(?:local)?rule (\w+):", done.stdout, flags=re.MULTILINE) == ["all"]
    submitted = re.findall(r"Group job (\w+) ", done.stdout)
    sizes = yaml.safe_load(PROFILES["slurm"].read_text())["group-components"]
    assert set(submitted) == {entry.partition("=")[0] for entry in sizes} | {"long_networks"}
    assert len(submitted) < 20
