"""The homotopy identity and its adjoint, against independent values and finite differences."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from saddle_escape.settings import load
from saddle_escape.studies import companion, companion_network, stability
from saddle_escape.theory import activations, blocks, homotopy, quadrature

TANH = activations.get("tanh")
TIGHT = homotopy.Solver(rtol=1e-11)


def make(epsilon=0.1, rho=0.3, modes=3, **grid):
    amplitudes = (1.0, 0.75, 0.5)[:modes]
    model = blocks.make_model(TANH, amplitudes, 4, 32, blocks.make_grid(modes, **grid))
    return model, blocks.initial_state(modes, 4, epsilon, rho, 0)


def figure5(**grid):
    """The paper's model and start: one output, beta = (1, .3, .08), N = 60, epsilon = .05."""
    grid = blocks.make_grid(3, **grid)
    model = blocks.make_model(TANH, (1.0, 0.3, 0.08), 4, 20, grid, summed=True, fan=20)
    return model, blocks.aligned_state(model, 0.05)


@pytest.fixture(scope="module")
def paper():
    return figure5(step=1.0, half_width=5.0)


@pytest.fixture(scope="module")
def reference():
    """The companion, one output per mode, on 14 Gauss-Hermite nodes per axis."""
    return make(rule="gauss_hermite", nodes=14)


@pytest.fixture(scope="module")
def small():
    """Two modes and a larger start: the same physics, ten times faster."""
    return make(epsilon=0.2, modes=2, step=0.75, half_width=6.0)


def alignment_time(model, start, nu):
    """When |W_1 v_1| / sqrt(N) reaches 0.5 / sqrt(K): not later than X_{1,1} reaches 0.5."""
    run = homotopy.escape(model, start, nu, solver=homotopy.Solver(rtol=1e-10), dense=True)
    goal = 0.5 / math.sqrt(model.modes)
    return brentq(lambda t: blocks.alignment(run.path(t).reshape(model.shape)) - goal, 0, run.t)


def test_escape_times_of_the_reference_case(reference):
    """Against values of another program, whose event was the alignment."""
    times = [alignment_time(*reference, nu) for nu in (0.0, 1.0)]
    np.testing.assert_allclose(times, [2443.4595, 2212.3586], atol=1e-4)


def test_grid_halving_converges_to_the_population_value():
    times = np.array([[alignment_time(*make(step=h), nu) for nu in (0.0, 1.0)] for h in (0.8, 0.5)])
    np.testing.assert_allclose(times[1], [2444.1836, 2212.9843], rtol=3e-7)
    assert np.all(np.abs(times[0] - times[1]) > 100 * np.abs(times[1] - [2444.1836, 2212.9843]))


FIGURE5_TIMES = {  # 16 Gauss-Hermite nodes per axis, LSODA, another program
    "decoupled": 1494.2,
    "rotations": 1462.5,
    "off-block W_2": 1422.7,
    homotopy.PAPER_CLOSURE: 1349.8,
    "exact": 1110.4,
}


def test_escape_times_of_figure_5():
    model, start = figure5(rule="gauss_hermite", nodes=16)
    closures = homotopy.closures(model.shape)
    assert [int(closures[name].sum()) for name in FIGURE5_TIMES] == [0, 18, 18, 24, 36]
    for name, t in FIGURE5_TIMES.items():
        assert homotopy.escape(model, start, closures[name]).t == pytest.approx(t, abs=0.06)


def test_escape_times_of_figure_5_converge():
    """With the grid to 2e-4 and less; with 24 Gauss-Hermite nodes they are still 0.012 off."""
    times = [
        [homotopy.escape(*figure5(**grid), nu).t for nu in (0.0, 1.0)]
        for grid in ({"step": 0.5}, {"step": 0.4}, {"rule": "gauss_hermite", "nodes": 24})
    ]
    np.testing.assert_allclose(times[0], times[1], atol=3e-4)
    np.testing.assert_allclose(times[1], [1494.3725, 1110.5926], atol=2e-4)
    assert np.all(np.abs(np.subtract(times[2], times[1])) > 0.01)


def test_the_paper_s_closure_leaves_out_the_larger_half(paper):
    """Off-block W_3 moves the time more than off-block W_2 and the rotations together."""
    closures = homotopy.closures(paper[0].shape)
    names = ("decoupled", homotopy.PAPER_CLOSURE, "exact")
    start, closure, exact = (homotopy.escape(*paper, closures[name]).t for name in names)
    assert closure - exact > 1.5 * (start - closure) > 0


def test_first_mode_does_not_reach_one(paper):
    """X_{1,1} = 1 is no event: at t = 15,000, ten escape times on, it is below 0.95."""
    model, start = paper
    for nu in homotopy.closures(model.shape).values():
        end = homotopy.trajectory(model, start, nu, 15000, homotopy.Solver("LSODA", 1e-6))
        path = end(np.linspace(0, 15000, 501))[0]
        assert 0.6 < path[-1] <= path.max() < 0.95


def test_leading_order_time(reference):
    assert homotopy.leading_order_time(reference[0], 0.1) == pytest.approx(2329.36, abs=0.01)


def quotient(model, start, nu, direction, h):
    def t(shift):
        return homotopy.escape(model, start, nu + shift * direction, solver=TIGHT).t

    return homotopy.difference_quotient(t, h)


def test_adjoint_equals_finite_difference(reference):
    adjoint = homotopy.sensitivity(*reference, 0.5, solver=TIGHT)
    assert adjoint.total == pytest.approx(quotient(*reference, 0.5, 1.0, 0.02), rel=1e-5)
    assert adjoint.adjoint_error < 1e-9


@pytest.mark.parametrize(
    ("case", "nu"), [("small", 0.0), ("small", 0.4), ("small", 1.0), ("paper", 0.6)]
)
def test_every_channel_and_layer_has_its_own_finite_difference(request, case, nu):
    """Switching one channel of one layer alone gives that channel's share of A."""
    model, start = request.getfixturevalue(case)
    adjoint = homotopy.sensitivity(model, start, nu, solver=TIGHT)
    for mask in homotopy.channel_masks(model.shape).values():
        for layer in range(model.depth):
            alone = mask * (np.arange(model.depth) == layer)[:, None, None]
            if (alone * model.metric).any():
                share = float((adjoint.contributions * alone).sum())
                difference = quotient(model, start, nu, alone, 0.01)
                assert share == pytest.approx(difference, rel=1e-5, abs=1e-5 * abs(adjoint.total))


def test_first_order_correction_vanishes_on_aligned_blocks(paper):
    """A(0) = 0: what the off-diagonals are given at nu = 0 does not act on the layer scales yet."""
    adjoint = homotopy.sensitivity(*paper, 0.0)
    assert np.abs(adjoint.contributions).max() < 1e-8 * adjoint.t_escape


def test_adjoint_keeps_p_f_at_one_and_a_perturbed_one_would_not(small):
    """p . f_nu = 1 along the path, to the tolerance of the solver (eq. 71)."""
    errors = [
        homotopy.sensitivity(*small, 0.5, solver=homotopy.Solver(rtol=r)).adjoint_error
        for r in (1e-6, 1e-10)
    ]
    assert errors[1] < 1e-3 * errors[0] < 1e-8


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
    assert found.adjoint_error <= 1e-6
    assert len(found.sensitivities) == 24


def test_identity_ends_at_the_closure_that_it_is_led_to(paper):
    """Eq. 55 with 4 Gauss-Legendre nodes is good to 0.1, with the 2 as printed to 2.3 only."""
    model, start = paper
    target = homotopy.closures(model.shape)[homotopy.PAPER_CLOSURE]
    for nodes, error in ((2, 3.0), (4, 0.2)):
        path = homotopy.homotopy(model, start, nodes, target=target)
        assert error / 5 < abs(path.t0 + path.integral - path.t1) < error
        assert path.integral_error < error
    left_out = target[:, :, :] == 0
    np.testing.assert_array_equal(path.contributions[left_out], 0)
    assert path.t1 == homotopy.escape(model, start, target).t


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
    rho = model.metric[:, 0, 0]
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
    table = companion_network.full_network(settings(companion_network.Network, network=runs))
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
    data, drops = companion.trajectory(settings(companion.Trajectory, t_end=1500, points=301))
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
    table = companion.draws(settings(companion.Draws, draws=3)).set_index("route")["t_escape"]
    decoupled, coupled = table["decoupled"], table["coupled"]
    assert len(decoupled) == len(coupled) == 3
    assert np.ptp(decoupled) < 0.2 * np.ptp(coupled)
