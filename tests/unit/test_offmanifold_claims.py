"""Claims of section 5 and Appendix D: each holds at smoke size, and a broken library flips it."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from saddle_escape import config
from saddle_escape.claims import measure, statements, verdict
from saddle_escape.claims.checks import bootstrap
from saddle_escape.training import integrate, network

torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("nothing_cached")
CLAIMS = statements.load_claims()
SMOKE = config.load_tiers(Path(__file__).parents[2] / "config")[1]["smoke"]


def failures(name):
    """Quantities of a claim that fail at smoke size, without its controls."""
    claim = {**CLAIMS[name], "controls": []}
    table, _ = measure.measure(statements.specification(claim, "smoke", SMOKE), {})
    passed = verdict.judge(claim, "smoke", table).passed
    return {name for name, holds in passed.items() if not holds}


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("prefactor", set()),
        ("he_normal", {"width", "depth", "smallest"}),
        ("prop8", {"class_c"}),
        ("bounds", set()),
        ("lemma21", {"psi", "hermite"}),
        ("am_gm", set()),
    ],
)
def test_what_fails_is_what_the_claim_says(name, letters):
    assert failures(name) == letters


def test_events_on_the_step_grid_flip_the_times(monkeypatch):
    def at_the_step(call, before, after, h, stages):
        return after.z, after.seen, torch.ones_like(h, dtype=torch.bool), 0

    monkeypatch.setattr(integrate, "_root", at_the_step)
    assert "events" in failures("prefactor")


def test_half_of_hes_variance_flips_the_norms(monkeypatch):
    right = network.he_normal
    monkeypatch.setattr(
        network, "he_normal", lambda *args: [w / math.sqrt(2) for w in right(*args)]
    )
    assert "largest" in failures("he_normal")


def test_a_larger_teacher_flips_the_signal_energy(monkeypatch):
    right = bootstrap.single_mode

    def larger(*args, **options):
        problem = right(*args, **options)
        return dataclasses.replace(problem, y=1.25 * problem.y)

    monkeypatch.setattr(bootstrap, "single_mode", larger)
    assert "class_b" in failures("prop8")
    assert "from_above" in failures("bounds")


def test_a_first_layer_twice_as_fast_flips_the_bounds(monkeypatch):
    right = network.output_and_gradient

    def wrong(*args, **options):
        f, gradients = right(*args, **options)
        return f, [2 * gradients[0], *gradients[1:]]

    monkeypatch.setattr(network, "output_and_gradient", wrong)
    assert "limit" in failures("prefactor")
    assert {"identity"} <= failures("prop8")
