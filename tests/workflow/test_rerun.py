"""What reruns when something changes, and what does not, by dry runs.

Which rules, over a finished smoke tier; and of the default tier, whose files are made up, how much
of the time that its jobs take.
"""

import os
from contextlib import contextmanager

import pandas as pd
import pytest

from .conftest import ROOT, copy_project, planned, pretend_finished

FIGURES = ("figure1", "figure2", "figure3")
REDUCTION = {"reduction_reduced": 1, "figure1_table": 1}
CRITICAL_DEPTH = {"critical_depth_balanced": 1, "critical_depth_bottleneck": 1, "figure2_table": 1}
UNIVERSALITY = {"universality_closed_form": 1, "universality_reduced": 2, "figure3_table": 1}
# The full networks of figures 1 and 3 know neither the reduction nor the classes.


@contextmanager
def changed(paths, change):
    """Change files' texts for the length of a test; the time stamp of a script counts too."""
    before = [(path, path.read_text(), path.stat().st_mtime_ns) for path in paths]
    try:
        for path, text, _ in before:
            assert change(text) != text
            path.write_text(change(text))
        yield
    finally:
        for path, text, stamp in before:
            path.write_text(text)
            os.utime(path, ns=(stamp, stamp))


def modules_of(tree, names):
    """Modules of a tree's library by their names, separated by spaces."""
    return [tree / f"workflow/saddle_escape/{name}.py" for name in names.split()]


def append(text):
    return text + "\n_CHANGED = True\n"


def plan_after(tree, paths, change=append):
    with changed(paths, change):
        return planned(tree, *FIGURES)


def replacing(old, new):
    return lambda text: text.replace(old, new)


def test_nothing_reruns_when_nothing_changed(smoke_tree):
    assert planned(smoke_tree, "smoke") == {}


def test_touching_modules_without_changing_them_reruns_nothing(smoke_tree):
    for module in smoke_tree.glob("workflow/saddle_escape/**/*.py"):
        module.touch()
    assert planned(smoke_tree, "smoke") == {}


@pytest.mark.parametrize(
    ("modules", "rules"),
    [
        # used by no rule, and by other figures' rules at most
        ("artifact/compare training/identity theory/blocks", {}),
        ("figures/style", {"draw": 3}),
        ("studies/universality", UNIVERSALITY | {"draw": 1}),
        ("studies/critical_depth", CRITICAL_DEPTH | {"draw": 1}),
        # imported by the studies, not by the scripts
        ("theory/manifold", REDUCTION | CRITICAL_DEPTH | UNIVERSALITY | {"draw": 3}),
        (
            "studies/classes",
            {"classify": 1, "universality_closed_form": 1, "figure3_table": 1, "draw": 2}
            | CRITICAL_DEPTH,
        ),
    ],
)
def test_a_rule_reruns_when_a_module_it_uses_changes(smoke_tree, modules, rules):
    assert plan_after(smoke_tree, modules_of(smoke_tree, modules)) == rules


def test_a_changed_script_reruns_its_rule(smoke_tree):
    plan = plan_after(smoke_tree, [smoke_tree / "workflow/scripts/critical_depth_balanced.py"])
    assert plan == {"critical_depth_balanced": 1, "figure2_table": 1, "draw": 1}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("depths: [4]", "depths: [4, 5]", {"critical_depth_balanced": 1}),
        ("r: [3]", "r: [3, 4]", {"critical_depth_bottleneck": 1}),
        (
            "{min: 0.03, count: 3}",
            "{min: 0.03, count: 4}",
            {"critical_depth_balanced": 1, "critical_depth_bottleneck": 1},
        ),
    ],
)
def test_only_the_rules_that_read_a_key_rerun(smoke_tree, old, new, rules):
    plan = plan_after(smoke_tree, [smoke_tree / "config/smoke.yaml"], replacing(old, new))
    assert plan == rules | {"figure2_table": 1, "draw": 1}


def test_one_activations_scales_rerun_that_activation(smoke_tree):
    scales = replacing("[0.2, 0.3]", "[0.2, 0.31]")
    plan = plan_after(smoke_tree, [smoke_tree / "config/smoke.yaml"], scales)
    networks = ("universality_network", "universality_minibatch")
    assert plan == dict.fromkeys((*UNIVERSALITY, *networks, "draw"), 1)


# --- the default tier -----------------------------------------------------------------------------

TRAINED = {  # the rules that train full networks: nearly all of the time
    "reduction_network",
    "reduction_minibatch",
    "universality_network",
    "universality_minibatch",
    "offmanifold_points",
    "offmanifold_asymptotics",
    "offmanifold_signal",
}


@pytest.fixture(scope="module")
def default_tree(tmp_path_factory):
    """A copy of the project in which the default tier seems to be finished."""
    tree = copy_project(tmp_path_factory.mktemp("default") / "project")
    pretend_finished(tree, "default")
    assert planned(tree, "all", tier="default") == {}
    return tree


def share(plan):
    """Part of the default tier's job time that a plan takes, by its rules' committed times."""
    times = pd.read_csv(ROOT / "figures/job_times.csv").set_index("rule")
    times = times[times["tier"] == "default"]
    if times.empty:
        pytest.skip("figures/job_times.csv holds no default tier")
    per_job = times["cpu_seconds"] / times["jobs"]
    return sum(per_job[rule] * jobs for rule, jobs in plan.items()) / times["cpu_seconds"].sum()


@pytest.mark.parametrize(
    ("modules", "most"),
    [
        ("studies/critical_depth", 0.01),
        ("studies/reduction", 0.12),
        ("theory/escape", 0.12),
        ("theory/classes", 0.18),
        ("cli/main cli/arguments cli/homotopy claims/verdict", 0.0),
    ],
)
def test_an_edit_reruns_little_of_the_default_tier(default_tree, modules, most):
    with changed(modules_of(default_tree, modules), append):
        plan = planned(default_tree, "all", tier="default")
    assert not TRAINED & plan.keys()
    assert share(plan) < most + 0.005
