"""A broken library flips a claim: each error of physics changes the verdict of a named one."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from saddle_escape import config
from saddle_escape.claims import measure, statements, verdict
from saddle_escape.theory import (
    classes,
    corrections,
    escape,
    flat_origin,
    gaussian_chain,
    manifold,
    mean_fit,
)
from saddle_escape.training import identity, limit_flow, network

torch.set_num_threads(1)
pytestmark = [
    pytest.mark.xdist_group("claims_bite"),  # sound claims are measured once
    pytest.mark.usefixtures("nothing_cached"),
]
CLAIMS = statements.load_claims()
SMOKE = config.load_tiers(Path(__file__).parents[2] / "config")[1]["smoke"]
SHORT = {"s1": {"networks": CLAIMS["s1"]["settings"]["networks"][::4]}}  # no mutation needs more


@functools.cache
def sound_failures(name):
    """Those of a sound library, measured once."""
    return failures(name)


def failures(name):
    """Quantities of a claim that fail, of those that need no result, without its controls."""
    claim = CLAIMS[name]
    near = [q for q in claim["quantities"] if q["where"].startswith("saddle_escape.")]
    changed = claim["settings"] | SHORT.get(name, {})
    claim = {**claim, "quantities": near, "controls": [], "settings": changed}
    table, _ = measure.measure(statements.specification(claim, "smoke", SMOKE), {})
    judged = verdict.judge(claim, "smoke", table)
    return {q for q, passed in judged.passed.items() if not passed}


def doubled_first_layer(right):
    def wrong(*args, **options):
        f, gradients = right(*args, **options)
        return f, [2 * gradients[0], *gradients[1:]]

    return wrong


def faster_first_scale(right):
    return lambda self, scales: right(self, scales) * np.where(np.arange(self.depth) == 0, 2, 1)


def larger_sigma(right):
    return lambda act, z: right(act, z) - 0.01 * act(z)


def larger_targets(right):
    return lambda self: 1.25 * right.func(self)


def half_variance(right):
    return lambda *args, **options: [w / 2**0.5 for w in right(*args, **options)]


BROKEN = {
    "the network's first-layer gradient doubled": (
        network, "output_and_gradient", doubled_first_layer, ["1", "eq4"]
    ),
    "the reduced velocity of the first layer doubled": (
        manifold.Reduction, "velocity", faster_first_scale,
        ["6", "7", "cor7", "error_law", "lemma15", "16", "16b"],
    ),
    "phi with 1.01 sigma": (classes, "phi", larger_sigma, ["17", "5", "17b"]),
    "phi of the identity with 1.01 sigma": (identity, "phi", larger_sigma, ["1", "16c"]),
    "a teacher a quarter larger": (
        manifold.Reduction, "targets", lambda right: property(larger_targets(right)),
        ["6", "7", "lemma15", "16"],
    ),
    "half the variance of He-normal weights": (network, "he_normal", half_variance, ["16"]),
    "kappa of the ray in place of the leaf": (
        corrections, "resonance_slope", lambda right: lambda q, kappa: -kappa,
        ["error_law", "s3"],
    ),
    "another closed form": (
        escape, "closed_form",
        lambda right: lambda rate, e, depth, *threshold: right(rate, e, depth + 1, *threshold),
        ["6", "17d", "theorem18", "teacher"],
    ),
    "a quadrature without the largest scale": (
        escape, "quadrature_time",
        lambda right: lambda rate, init, threshold=0.5: right(rate, init[:-1], threshold),
        ["6", "17c"],
    ),
    "kicks a tenth larger": (
        mean_fit, "kicks", lambda right: lambda *args: 1.1 * right(*args), ["class_d", "s5"]
    ),
    "residuals a quarter larger": (
        limit_flow, "residual", lambda right: lambda on: 1.25 * right(on), ["s1", "s2"]
    ),
    "lengths of Gaussian layers a tenth larger": (
        gaussian_chain, "_length", lambda right: lambda *args: 1.1 * right(*args), ["s4"]
    ),
    "one degree of a flat activation's layers for all": (
        flat_origin, "degrees", lambda right: lambda p, depth: right(p, depth) * 0 + p, ["s5"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted({name for *_, names in BROKEN.values() for name in names}))
def test_what_a_sound_library_gives(name):
    """Only what the claim's own expected verdict says fails."""
    roles = {q["name"]: q for q in CLAIMS[name]["quantities"]}
    expected = statements.expected(CLAIMS[name], "default")
    for quantity in sound_failures(name):
        assert statements.role(roles[quantity]) != "core" or expected == "not reproduced"


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_library_flips_a_verdict(broken, monkeypatch, nothing_cached):
    owner, attribute, wrong, names = BROKEN[broken]
    sound = {name: sound_failures(name) for name in names}
    nothing_cached()
    monkeypatch.setattr(owner, attribute, wrong(getattr(owner, attribute)))
    for name in names:
        assert failures(name) - sound[name], f"claim {name} does not notice: {broken}"
