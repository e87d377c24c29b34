"""What reruns when something changes, and what does not: dry runs over a finished smoke tier."""

import os
from contextlib import contextmanager

import pytest

from .conftest import planned

pytestmark = pytest.mark.xdist_group("smoke")

FIGURES = ("figure1", "figure2", "figure3")
REDUCTION = {"reduction_reduced": 1, "reduction_network": 2, "figure1_table": 1}
CRITICAL_DEPTH = {"critical_depth_balanced": 1, "critical_depth_bottleneck": 1, "figure2_table": 1}
UNIVERSALITY = {
    "universality_closed_form": 1,
    "universality_reduced": 2,
    "universality_network": 2,
    "figure3_table": 1,
}


@contextmanager
def changed(path, change):
    """Change a file's text for the length of a test; the time stamp of a script counts too."""
    text, stamp = path.read_text(), path.stat().st_mtime_ns
    assert change(text) != text
    path.write_text(change(text))
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(stamp, stamp))


def append(text):
    return text + "\n_CHANGED = True\n"


def plan_after(tree, file, change=append):
    with changed(tree / file, change):
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
    ("module", "rules"),
    [
        ("compare", {}),  # used by no rule
        ("identity", {}),  # used by other figures' rules at most
        ("blocks", {}),
        ("style", {"draw": 3}),
        ("studies/universality", UNIVERSALITY | {"draw": 1}),
        ("studies/critical_depth", CRITICAL_DEPTH | {"draw": 1}),
        # imported by the studies, not by the scripts
        ("manifold", REDUCTION | CRITICAL_DEPTH | UNIVERSALITY | {"draw": 3}),
        (
            "studies/classes",
            {"classify": 1} | CRITICAL_DEPTH | UNIVERSALITY | {"draw": 2},
        ),
    ],
)
def test_a_rule_reruns_when_a_module_it_uses_changes(smoke_tree, module, rules):
    assert plan_after(smoke_tree, f"workflow/saddle_escape/{module}.py") == rules


def test_a_changed_script_reruns_its_rule(smoke_tree):
    plan = plan_after(smoke_tree, "workflow/scripts/critical_depth_balanced.py")
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
    plan = plan_after(smoke_tree, "config/smoke.yaml", replacing(old, new))
    assert plan == rules | {"figure2_table": 1, "draw": 1}


def test_one_activations_scales_rerun_that_activation(smoke_tree):
    plan = plan_after(smoke_tree, "config/smoke.yaml", replacing("[0.2, 0.3]", "[0.2, 0.31]"))
    assert plan == dict.fromkeys(UNIVERSALITY, 1) | {"draw": 1}
