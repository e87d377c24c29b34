"""End the jobs that a killed `snakemake` left running in this checkout, before `--unlock`."""

import sys
from pathlib import Path

import psutil


def inside(process, root):
    """Whether a process works in the directory `root`."""
    try:
        return Path(process.cwd()) == root
    except psutil.Error:
        return False


def main(root):
    """End orphaned jobs; refuse, with one line, while a workflow is running."""
    here = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] and inside(p, root)]
    running = [
        p.pid for p in here if any(Path(a).name == "snakemake" for a in p.info["cmdline"][:3])
    ]
    if running:
        sys.exit(f"resume: snakemake is still running here (process {running[0]}); stop it first")
    jobs = [p for p in here if any(".snakemake/scripts/" in a for a in p.info["cmdline"])]
    for job in jobs:
        print(f"resume: ending orphaned job, process {job.pid}")
        job.kill()
    psutil.wait_procs(jobs, timeout=10)


main(Path.cwd())
