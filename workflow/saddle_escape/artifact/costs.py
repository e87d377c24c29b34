"""What each figure and the claims cost, from the jobs' logs and benchmarks and the manifests.

``python -m saddle_escape.artifact.costs`` writes ``figures/costs.csv``, which
:mod:`saddle_escape.artifact.readme` shows, and ``figures/job_times.csv``, the CPU time of every
rule, for the tiers that have been computed here; what they say of other tiers stays.
"""

import csv
import json
import os
import platform
import sys
from pathlib import Path

import pandas as pd

from .. import config
from .catalogue import CLAIMS, FIGURES, ON_DEMAND

TABLE = Path("figures/costs.csv")
JOB_TIMES = Path("figures/job_times.csv")
REBUILD = "run `make figures` first"
UNSAMPLED = ("-", "NA")  # Snakemake's words for a job too short to be sampled
COLUMNS = (
    "tier",
    "part",
    "jobs",
    "cpu_minutes",
    "peak_mb",
    "gradient_evaluations",
    "devices",
    "machine",
)

PARTS = {part.name: part for part in (*FIGURES.values(), CLAIMS)}


def cost(tier, part):
    """(jobs, CPU minutes, peak memory in MB, gradient evaluations, devices) of one part of a tier.

    part: a record of the catalogue. CPU time summed over jobs, because a job's wall time is also
    what else the machine was doing; a gradient evaluation is one full network's, on its whole data
    set or minibatch.

    Raises FileNotFoundError, one line, where a benchmark is missing.
    """
    paths = _matching(_benchmarks(tier), part.benchmarks, (".tsv",))
    if not paths:
        raise FileNotFoundError(f"results/{tier}: no benchmark of {part.name}; {REBUILD}")
    used = [_used(path, tier) for path in paths]
    seconds = sum(job["cpu_seconds"] for job in used)
    peak = max(job["peak_mb"] for job in used)
    saved = _matching(f"results/{tier}", part.tables, (".manifest.json",))
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in saved]
    evaluations = sum(_evaluations_of_jobs(manifests).values())
    devices = ", ".join(sorted({manifest["device"] for manifest in manifests}))
    return len(paths), round(seconds / 60, 2), round(peak), evaluations, devices


def _evaluations_of_jobs(manifests):
    """{parameters: gradient evaluations}: the results of one job share both, and count once."""
    return {
        json.dumps(manifest["parameters"], sort_keys=True): manifest["gradient_evaluations"]
        for manifest in sorted(manifests, key=lambda manifest: manifest["gradient_evaluations"])
    }


def job_times(tier):
    """CPU seconds of every rule of a tier: columns tier, rule, jobs, cpu_seconds (of all its jobs).

    A rule's benchmarks are ``<rule>.tsv`` or in the folder ``<rule>/``. Raises FileNotFoundError,
    one line, where there is none.
    """
    paths = sorted(_benchmarks(tier).rglob("*.tsv"))
    if not paths:
        raise FileNotFoundError(f"results/{tier}: no benchmark; {REBUILD}")
    rows = [(_rule(path, tier), _used(path, tier)["cpu_seconds"]) for path in paths]
    seconds = pd.DataFrame(rows, columns=["rule", "seconds"]).groupby("rule")["seconds"]
    table = seconds.agg(jobs="size", cpu_seconds="sum").round({"cpu_seconds": 2}).reset_index()
    return table.assign(tier=tier)[["tier", "rule", "jobs", "cpu_seconds"]]


def _matching(folder, patterns, suffixes):
    """Files below a folder whose path, without its suffix, is one of the patterns; each once."""
    endings = [pattern + suffix for pattern in patterns for suffix in suffixes]
    return sorted({path for ending in endings for path in Path(folder).glob(ending)})


def _rule(path, tier):
    """The rule that a benchmark file is of."""
    return path.relative_to(_benchmarks(tier)).with_suffix("").parts[0]


def _used(path, tier):
    """What the job of a benchmark used, as :func:`process.used` says it.

    By the last line of its log, and without one by the benchmark, whose samples of a long job lie
    30 s apart; a job too short to be sampled counts as nothing.
    """
    below = path.relative_to(_benchmarks(tier))
    try:
        return json.loads(
            (Path("logs") / tier / below.with_suffix(".log")).read_text().splitlines()[-1]
        )
    except (FileNotFoundError, IndexError, ValueError):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
    cpu, peak = (
        0 if row[name] in UNSAMPLED else float(row[name]) for name in ("cpu_time", "max_rss")
    )
    return {"cpu_seconds": cpu, "peak_mb": peak}


def _benchmarks(tier):
    return Path("results") / tier / "benchmarks"


def machine():
    """This machine in words."""
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _computed(tier, figure):
    return Path(f"results/{tier}/figures/{figure.path}.csv").is_file()


def gather(tier):
    """The table of costs of one tier on this machine, of figures on demand only where computed.

    Raises FileNotFoundError as :func:`cost`.
    """
    left_out = {figure.name for figure in ON_DEMAND.values() if not _computed(tier, figure)}
    parts = {name: part for name, part in PARTS.items() if name not in left_out}
    rows = [(tier, name, *cost(tier, part), machine()) for name, part in parts.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _beside(path, gathered):
    """The gathered rows and those of other tiers in the table at a path, tier after tier."""
    rows = gathered
    if path.exists():
        there = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows = pd.concat([there[~there["tier"].isin(gathered["tier"])], gathered])
    return rows.sort_values("tier", key=lambda tier: tier.map(config.tiers().index), kind="stable")


def main():
    """Gather the costs of every computed tier; the default tier must be among them."""
    computed = [t for t in config.tiers() if (Path("results") / t / "claims/report.csv").exists()]
    try:
        tiers = list(dict.fromkeys([*computed, "default"]))
        tables = {TABLE: map(gather, tiers), JOB_TIMES: map(job_times, tiers)}
        tables = {path: _beside(path, pd.concat(parts)) for path, parts in tables.items()}
    except FileNotFoundError as error:
        sys.exit(f"costs: {error}")
    TABLE.parent.mkdir(exist_ok=True)
    for path, table in tables.items():
        table.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
