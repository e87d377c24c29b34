# Configuration, and the functions that rules describe themselves with: `section` (the config keys
# a rule reads), `library` (the modules it uses), `table` and `drawn` (the files of a result).

import functools
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(ROOT / "workflow"))

from snakemake.persistence import PersistenceBase

from saddle_escape import forkserver, process

process.tune()

# Snakemake 9.27 imports pandas to see whether a parameter is a table of it. Here none is.
if simple := getattr(PersistenceBase, "_serialize_param_builtin", None):
    PersistenceBase._serialize_param = simple

from saddle_escape.artifact.catalogue import BY_DEFAULT, FIGURES, ON_DEMAND
from saddle_escape.config import ConfigError, load_tiers, nearest, schema, select
from saddle_escape.imports import import_closure
from saddle_escape.sections import section_keys

try:
    # the files of --configfile once more, strictly: Snakemake lets a repeated key or 010 through
    given = workflow.config_settings
    TIER, CONFIGS = load_tiers(os.path.relpath(ROOT / "config"), given.config, given.configfiles)
except ConfigError as error:
    sys.exit(f"Configuration error: {error}")

# What a job may take, by its kind: memory in MB and minutes; every job runs on one core. A rule's
# `group:` is for clusters alone: workflow/profiles/slurm says how many of its jobs go as one.
LIGHT = dict(mem_mb=1000, runtime=5)  # tables, drawings, copies
SOLVE = dict(mem_mb=2000, runtime=10)  # scalar and block equations, measurements of claims
TRAIN = dict(mem_mb=2000, runtime=60)  # full networks
TRAIN_LONG = dict(mem_mb=2000, runtime=240)  # full networks, the longest jobs: they start first


pathvars:
    results="results/{tier}",
    logs="logs/{tier}",
    benchmarks="results/{tier}/benchmarks",  # of a rule: <rule>.tsv or <rule>/<wildcards>.tsv


wildcard_constraints:
    tier="|".join(CONFIGS),
    activation="|".join(CONFIGS["default"]["classes"]["activations"]),
    depth=r"\d+",
    r=r"\d+",
    figure="|".join(FIGURES),


def section(name, settings, **narrowed):
    """Function for `params:`, what a study reads of one section of the job's tier.

    settings: its class `study.Class`, whose fields are the keys; other keys can change without a
    rerun. narrowed: of a mapping only this entry; wildcards in braces are filled in.
    """
    try:
        keys = section_keys(schema(), name, settings)
    except ConfigError as error:
        sys.exit(f"Configuration error: {error}")
    keys = [f"{key}.{narrowed[key]}" if key in narrowed else key for key in keys]
    return lambda wildcards: select(
        CONFIGS[wildcards.tier][name], [key.format(**wildcards) for key in keys]
    )


def device(wildcards):
    """Function for `params:` of what trains a full network: where it is trained."""
    return CONFIGS[wildcards.tier]["device"]


def library(script):
    """Function for `input:`, the modules of a script; only what runs has them looked up."""
    return lambda wildcards: modules(script)


@functools.cache
def modules(script, chosen=None):
    """Library modules that a script imports, transitively, as paths from the working directory.

    chosen: a further module, below the library's folder, that the script imports by a computed name.
    """
    entries = [SCRIPTS / script]
    if chosen:
        entries.append(ROOT / "workflow" / "saddle_escape" / chosen)
    roots = (ROOT / "workflow", SCRIPTS)
    used = {path for entry in entries for path in import_closure(entry, roots)} | set(entries[1:])
    return [os.path.relpath(path) for path in sorted(used)]


def table(stem, name="table"):
    """A result's table and its manifest, for `output:`, as `name` and `<name>_manifest`."""
    return multiext(stem, **{name: ".csv", f"{name}_manifest": ".manifest.json"})


def dataset(stem):
    """A result's dataset and its manifest, for `output:`."""
    return {"data": f"{stem}.nc", "data_manifest": f"{stem}.manifest.json"}


def drawn(tier, figure):
    """Files of one figure; only the default tier's go to figures/."""
    folder = "figures" if tier == "default" else f"results/{tier}/figures"
    return multiext(f"{folder}/{figure}", ".pdf", ".png", ".csv")


SET_ASIDE = []  # results that verify.smk has set aside


def repaired(wildcards):
    """Function for `input:` of a target: what was set aside, which no later result asks for."""
    return SET_ASIDE


def refuse(wildcards):
    """Stop in one line at a target that is neither a rule nor a path."""
    names = [rule.name for rule in workflow.rules]
    sys.exit(f"Target error: no target '{wildcards.target}'; {nearest(wildcards.target, names)}")


rule unknown:
    input:
        refuse,
    output:
        "{target}",
    wildcard_constraints:
        target=r"\w+",
    localrule: True
