"""Drives off the blocks: exact, at leading order, and as printed."""

import numpy as np
import pytest

from saddle_escape.theory import activations, blocks, drive

TANH = activations.get("tanh")


def make(act, amplitudes, depth=4, **options):
    grid = blocks.make_grid(len(amplitudes), step=0.5)
    return blocks.make_model(activations.get(act), amplitudes, depth, 20, grid, **options)


@pytest.mark.parametrize("act", ["tanh", "erf", "sin"])
@pytest.mark.parametrize("depth", [3, 4, 5])
def test_drive_tends_to_its_leading_order(act, depth):
    """To second order in epsilon, q = 3; with one output every off-diagonal is among them."""
    model = make(act, (1.0, 0.3), depth, summed=True, fan=20)
    entries = model.metric > 0
    errors = []
    for epsilon in (0.04, 0.02):
        exact, leading = (
            f(model, epsilon)[entries] for f in (drive.aligned_drive, drive.leading_drive)
        )
        assert leading.min() > 0
        errors.append(np.abs(exact / leading - 1).max())
    assert errors[1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.35 if depth == 3 else 0.05)


def test_off_diagonals_start_as_fast_as_the_scales():
    """Figure 5: block 3 turns towards mode 1 at 12.5 times the rate at which it grows."""
    model = make("tanh", (1.0, 0.3, 0.08), summed=True, fan=20)
    velocity = drive.aligned_drive(model, 0.05)
    assert velocity[0, 2, 0] / velocity[0, 2, 2] == pytest.approx(12.5, rel=0.01)
    assert velocity[1, 1, 0] / velocity[1, 0, 0] == pytest.approx(1, rel=0.01)


def test_one_output_per_mode_leaves_the_blocks_alone():
    model = make("tanh", (1.0, 0.75, 0.5))
    velocity, leading = (f(model, 0.05) for f in (drive.aligned_drive, drive.leading_drive))
    assert np.abs(velocity * (1 - model.diagonal)).max() < 1e-20
    np.testing.assert_array_equal(leading, leading * model.diagonal)
    np.testing.assert_allclose(velocity, leading, rtol=0.01, atol=1e-20)


@pytest.mark.parametrize(
    ("act", "driven"), [("tanh", False), ("erf", False), ("gelu", True), ("swish", True)]
)
def test_eq_62_has_no_drive_for_an_odd_activation(act, driven):
    decay, source = drive.printed_amplitude_terms(activations.get(act), 3, 0.05)
    assert decay > 0
    assert (abs(source) > 1e-16) == driven


def test_eq_62_at_small_scale():
    """K alpha_{kk'} -> alpha^4, and K beta_{kk'} -> a_2 alpha^2 for q = 2."""
    decay, source = drive.printed_amplitude_terms(activations.get("gelu"), 1, 1e-4)
    assert decay == pytest.approx(1 / 16, rel=1e-3)
    assert source == pytest.approx(0.25 / np.sqrt(2 * np.pi), rel=1e-3)


def test_eq_64_source_is_positive_and_linear_for_an_odd_activation():
    for v in (0.1, 0.01):
        decay, source = drive.printed_rotation_terms(TANH, 0.05, v)
        assert decay == pytest.approx(1, abs=0.01)
        assert source / v == pytest.approx(1, abs=0.02)
