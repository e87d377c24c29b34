"""The homotopy identity and its adjoint, against independent values and finite differences."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from saddle_escape.settings import load
from saddle_escape.studies import cascade, cascade_network, stability
from saddle_escape.theory import activations, blocks, homotopy, quadrature

TANH = activations.get("tanh")
TIGHT = homotopy.Solver(rtol=1e-11)


def make(epsilon=0.1, rho=0.3, modes=3, **grid):
    amplitudes = (1.0, 0.75, 0.5)[:modes]
    model = blocks.make_model(TANH, amplitudes, 4, 32, blocks.make_grid(modes, **grid))
    return model, blocks.initial_state(modes, 4, epsilon, rho, 0)


@pytest.fixture(scope="module")
def reference():
    """The case of figure 5 on 14 Gauss-Hermite nodes per axis."""
    return make(rule="gauss_hermite", nodes=14)


@pytest.fixture(scope="module")
def small():
    """Two modes and a larger start: the same physics, ten times faster."""
    return make(epsilon=0.2, modes=2, step=0.75, half_width=6.0)


def test_escape_times_of_the_reference_case(reference):
    times = [homotopy.escape(*reference, nu).t for nu in (0.0, 1.0)]
    np.testing.assert_allclose(times, [2443.4595, 2212.3586], atol=1e-4)


def test_grid_halving_converges_to_the_population_value():
    times = np.array(
        [[homotopy.escape(*make(step=h), nu).t for nu in (0.0, 1.0)] for h in (0.8, 0.5)]
    )
    np.testing.assert_allclose(times[1], [2444.1836, 2212.9843], rtol=3e-7)
    assert np.all(np.abs(times[0] - times[1]) > 100 * np.abs(times[1] - [2444.1836, 2212.9843]))


def test_leading_order_time(reference):
    assert homotopy.leading_order_time(reference[0], 0.1) == pytest.approx(2329.36, abs=0.01)


def quotient(model, start, nu, direction, h):
    def t(shift):
        return homotopy.escape(model, start, nu + shift * direction, solver=TIGHT).t

    return homotopy.difference_quotient(t, h)


def test_adjoint_equals_finite_difference(reference):
    adjoint = homotopy.sensitivity(*reference, 0.5, solver=TIGHT)
    assert adjoint.total == pytest.approx(-145.6567, abs=1e-4)
    assert adjoint.total == pytest.approx(quotient(*reference, 0.5, 1.0, 0.02), rel=1e-5)
    assert adjoint.contributions.sum() == pytest.approx(adjoint.total, rel=1e-12)


@pytest.mark.parametrize("nu", [0.0, 0.4, 1.0])
def test_every_channel_and_layer_has_its_own_finite_difference(small, nu):
    """Switching one channel of one layer alone gives that channel's share of A."""
    model, start = small
    adjoint = homotopy.sensitivity(model, start, nu, solver=TIGHT)
    for mask in homotopy.channel_masks(model.shape).values():
        for layer in range(model.depth):
            alone = mask * (np.arange(model.depth) == layer)[:, None, None]
            if alone.any():
                share = float((adjoint.contributions * alone).sum())
                difference = quotient(model, start, nu, alone, 0.02)
                assert share == pytest.approx(difference, rel=1e-5, abs=1e-5 * abs(adjoint.total))


def test_channels_partition_the_state():
    masks = homotopy.channel_masks((4, 3, 3))
    assert tuple(masks) == homotopy.CHANNELS
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), 1)
    assert [int(m.sum()) for m in masks.values()] == [12, 18, 6]


def test_identity():
    found = homotopy.homotopy(*make(step=1.0, half_width=5.0), nodes=8)
    error = found.t0 + found.integral - found.t1
    assert abs(error) <= 1e-6 * found.t1
    assert abs(error) <= 1.2 * found.integral_error <= 1e-6 * found.t1
    assert found.channel_sum_error <= 1e-10
    assert len(found.sensitivities) == 24


@pytest.mark.parametrize("tolerances", [(1e-5, 1e-7, 1e-9)])
def test_errors_fall_with_the_tolerance(small, tolerances):
    exact = homotopy.sensitivity(*small, 0.5, solver=homotopy.Solver(rtol=1e-12))
    found = [homotopy.sensitivity(*small, 0.5, solver=homotopy.Solver(rtol=r)) for r in tolerances]
    for quantity in ("t_escape", "total"):
        goal = getattr(exact, quantity)
        errors = [abs(getattr(f, quantity) / goal - 1) for f in found]
        assert all(e < 30 * r for e, r in zip(errors, tolerances, strict=True))
        assert errors[2] < errors[0] / 100


def test_lsoda_and_dop853_agree(small):
    times = [
        homotopy.escape(*small, 1.0, solver=homotopy.Solver(method, 1e-10)).t
        for method in homotopy.METHODS
    ]
    assert times[0] == pytest.approx(times[1], rel=1e-8)


def test_decoupled_flow_is_the_single_mode_reduction():
    """At nu = 0 mode 1 follows a single chain of scalars with one-dimensional expectations."""
    model, start = make(epsilon=0.2, modes=2, step=0.4, half_width=7.0)
    z, w = quadrature.gaussian_rule("trapezoid", step=0.25, half_width=8.0)
    rho = model.metric.ravel()
    c = model.block_size / math.sqrt(model.width)

    def field(t, x):
        activity, slope, h = [z], [], x[0] * z
        for scale in x[1:]:
            slope.append(TANH.prime(h))
            activity.append(TANH(h))
            h = scale * activity[-1]
        delta = c * w * (c * h - TANH(z))
        gradient = np.zeros(len(x))
        for layer in range(len(x) - 1, 0, -1):
            gradient[layer] = delta @ activity[layer]
            delta = delta * x[layer] * slope[layer - 1]
        gradient[0] = delta @ z
        return -rho * gradient

    t = homotopy.escape(model, start * model.diagonal, 0.0, solver=TIGHT).t
    x0 = start[:, 0, 0]
    x = solve_ivp(field, (0, t), x0, method="DOP853", rtol=1e-11, atol=1e-15).y[:, -1]
    assert x[0] == pytest.approx(0.5, rel=1e-5)


def test_statuses(small):
    model, start = small
    assert homotopy.escape(model, 5 * start, 1.0).status == "no_plateau"
    late = homotopy.escape(model, start, 1.0, solver=homotopy.Solver(t_max=10.0))
    assert late.status == "not_escaped"
    assert math.isnan(late.t)
    with pytest.raises(ValueError, match=r"does not escape at nu = 0.5 \(not_escaped, time limit"):
        homotopy.sensitivity(model, start, 0.5, solver=homotopy.Solver(t_max=10.0))
    with pytest.raises(ValueError, match="nodes"):
        homotopy.homotopy(model, start, nodes=0)
    with pytest.raises(ValueError, match="DOP853, LSODA"):
        homotopy.Solver("RK45")


def test_full_network_escapes_with_the_blocks():
    runs = {
        "quadrature": CONFIG["quadrature"],
        "rtol": 1e-6,
        "rates": [1.0],
        "t_max": 1e4,
        "noise": [0.01],
        "noise_draws": 1,
    }
    table = cascade_network.full_network(settings(cascade_network.Network, network=runs))
    assert set(table["status"]) == {"escaped"}
    flow, descent, noisy = table["t_escape"] / table["t_block"] - 1
    assert abs(flow) < 1e-5
    assert 0 < descent < 0.05
    assert 1e-6 < abs(noisy) < 0.05
    assert table["off_block"][0] < 1e-12 < table["off_block"][2]


CONFIG = {
    "activation": "tanh",
    "amplitudes": [1.0, 0.5],
    "depth": 4,
    "block_size": 8,
    "epsilon": 0.2,
    "rho": 0.3,
    "seed": 0,
    "threshold": 0.5,
    "quadrature": {"rule": "trapezoid", "step": 1, "half_width": 5, "nodes": 8},
    "rtol": 1e-8,
}


def settings(cls, **more):
    return load(cls, CONFIG | more)


def test_trajectory_finds_one_drop_per_mode():
    data, drops = cascade.trajectory(settings(cascade.Trajectory, t_end=1500, points=301))
    assert list(drops["drop"]) == [1, 2]
    assert np.all(np.diff(drops["t_drop"]) > 0)
    np.testing.assert_array_equal(drops["loss_after"][:-1], drops["loss_before"][1:])
    assert drops["loss_after"].iloc[-1] < 0.01 * drops["loss_before"].iloc[0]
    assert np.all(np.diff(data["loss"]) < 0)
    ideal_times = {"ideal_times": [500.0, 1000.0]}
    table = stability.table(settings(stability.Stability, **ideal_times), data)
    assert set(table["reference"]) == {"ideal", "cascade"}
    assert set(table["status"]) == {"agrees"}


def test_draws_share_the_decoupled_time_and_scatter_when_coupled():
    table = cascade.draws(settings(cascade.Draws, draws=3)).set_index("route")["t_escape"]
    decoupled, coupled = table["decoupled"], table["coupled"]
    assert len(decoupled) == len(coupled) == 3
    assert np.ptp(decoupled) < 0.2 * np.ptp(coupled)
