"""Theorems 5 and 6: events, closed forms, quadratures, exponents, statuses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from saddle_escape.theory import activations, escape, manifold
from saddle_escape.theory.classes import classify, rate_constant

# Reduced-ODE escape times (X_1 = 1/2, L = 4, N = 64), measured independently.
UNIVERSALITY = {
    "tanh": ([0.030, 0.045, 0.067, 0.100], [7401.6, 3318.7, 1522.1, 704.5]),
    "sin": ([0.030, 0.045, 0.067, 0.100], [7356.7, 3283.0, 1492.5, 679.8]),
    "erf": ([0.030, 0.045, 0.067, 0.100], [4822.5, 2180.3, 1017.7, 488.5]),
    "gelu": ([0.100, 0.146, 0.215, 0.316], [4798.0, 1936.4, 687.0, 190.6]),
    "swish": ([0.100, 0.146, 0.215, 0.316], [5390.9, 2278.8, 863.4, 262.1]),
}


def model(name="tanh", depth=4, width=64, **rule):
    return manifold.reduction(activations.get(name), depth, width, **rule)


def time(reduced, init, *args):
    return escape.escape_time(reduced, init, *args).t_escape


def predict(name, init):
    act = activations.get(name)
    return escape.predict(rate_constant(act, 4, 64), classify(act).status, init)


def slope(x, y):
    return np.diff(np.log(y)) / np.diff(np.log(x))


@pytest.mark.parametrize("name", UNIVERSALITY)
def test_escape_times_of_figure_3(name):
    epsilon, reference = UNIVERSALITY[name]
    times = [time(model(name), np.full(4, e)) for e in epsilon]
    np.testing.assert_allclose(times, reference, rtol=2e-4)


def test_escape_time_agrees_with_scipys_own_event():
    """Another solver, another clock, another event finder."""
    reduced = model()

    def crossed(t, x):
        return x[0] - 0.5

    crossed.terminal = True
    run = solve_ivp(
        lambda t, x: reduced.velocity(x),
        (0, 1e5),
        [0.1] * 4,
        method="DOP853",
        events=crossed,
        rtol=1e-11,
        atol=1e-13,
    )
    assert abs(time(reduced, np.full(4, 0.1)) / run.t_events[0][0] - 1) < 1e-8


@pytest.mark.parametrize(
    ("name", "width", "rule"), [("linear", 16, "trapezoid"), ("relu", 9, "half_line")]
)
def test_small_signal_limit_of_class_a_is_the_exact_quadrature(name, width, rule):
    """Class A on the manifold is a deep linear network: only the residual's decay is left out."""
    reduced = model(name, 3, width, rule=rule)
    rate = rate_constant(activations.get(name), 3, width)
    init = np.array([0.002, 0.005, 0.003])
    predicted = escape.quadrature_time(rate, init, threshold=0.02)
    assert abs(time(reduced, init, "alignment", 0.02) / predicted - 1) < 1e-4


@pytest.mark.parametrize(("depth", "exponent"), [(4, -2), (5, -3), (6, -4), (8, -6)])
def test_balanced_exponent_is_depth_minus_two(depth, exponent):
    """Theorem 5."""
    epsilon = [1e-3, 2e-3]
    times = [time(model(depth=depth), np.full(depth, e)) for e in epsilon]
    assert abs(slope(epsilon, times)[0] - exponent) < 1e-3


@pytest.mark.parametrize(("r", "tolerance"), [(3, 8e-3), (4, 1e-3), (5, 1e-3), (6, 1e-3)])
def test_critical_depth_exponent_is_r_minus_two(r, tolerance):
    """Theorem 6: depth 6, the first r layers at epsilon, the others at 1."""
    epsilon = [1e-3, 2e-3]
    starts = [[e] * r + [1.0] * (6 - r) for e in epsilon]
    times = [time(model(depth=6), s, "loss", 0.5) for s in starts]
    assert abs(slope(epsilon, times)[0] + r - 2) < tolerance


def test_one_small_layer_is_bounded_and_two_are_logarithmic():
    """Theorem 6, r = 1 and 2: equal factors of epsilon add equal times, then nothing."""
    times = {
        r: [
            time(model(depth=6), [e] * r + [1.0] * (6 - r), "loss", 0.5) for e in (1e-3, 1e-4, 1e-5)
        ]
        for r in (1, 2)
    }
    one, two = np.diff(times[1]), np.diff(times[2])
    assert one[1] < 0.2 * one[0]
    rate = rate_constant(activations.get("tanh"), 6, 64)
    np.testing.assert_allclose(two, np.log(10) / rate, rtol=0.02)


@pytest.mark.parametrize(
    ("r", "outer", "tolerance"),
    [(3, [0.4, 0.8, 1.5], 5e-3), (4, [0.5, 1.5], 1e-4), (5, [0.6], 1e-5)],
)
def test_critical_depth_law_with_its_prefactor(r, outer, tolerance):
    """Theorem 6 at outer scales other than 1, the small layers first."""
    rate, epsilon = rate_constant(activations.get("tanh"), 6, 64), 1e-3
    law = escape.critical_depth_time(rate, epsilon, r, outer)
    assert time(model(depth=6), [epsilon] * r + outer, "loss", 0.5) / law == pytest.approx(
        1, abs=tolerance
    )


def test_two_small_layers_wait_a_logarithm_with_its_prefactor():
    rate, outer = rate_constant(activations.get("tanh"), 6, 64), [0.4, 0.8, 1.2, 1.5]
    times = [time(model(depth=6), [e, e, *outer], "loss", 0.5) for e in (1e-4, 1e-5)]
    law = [escape.critical_depth_time(rate, e, 2, outer) for e in (1e-4, 1e-5)]
    assert np.diff(times)[0] == pytest.approx(np.diff(law)[0], rel=1e-3)
    with pytest.raises(ValueError, match="r: 1 is too small"):
        escape.critical_depth_time(rate, 1e-3, 1, outer)


@pytest.mark.parametrize(("r", "outer"), [(4, [1.5, 0.5]), (5, [0.6])])
def test_a_bottleneck_behind_order_one_layers_has_another_prefactor(r, outer):
    """The same exponent; the first activations act in full, so Theorem 6's K prod s is not it."""
    act, epsilon = activations.get("erf"), 1e-3
    measured = time(model("erf", 6), [*outer, *[epsilon] * r], "loss", 0.5)
    behind = epsilon ** (2 - r) / ((r - 2) * escape.rate_behind(act, 6, 64, outer))
    assert measured == pytest.approx(behind, rel=1e-4)
    rate = rate_constant(act, 6, 64)
    assert measured > 1.2 * escape.critical_depth_time(rate, epsilon, r, outer)


def test_the_threshold_of_theorem_5_can_lie_beyond_what_the_network_learns():
    """X_1 = 1: a linear network's loss vanishes at N^(-1/2L), tanh only approaches 1."""
    fitted = np.full(4, 64 ** (-1 / 8))
    assert fitted[0] < 1 and model("linear").loss(fitted) < 1e-28
    plateau = time(model(), [0.1] * 4)
    run = escape.escape_time(model(), [0.1] * 4, "alignment", 1.0, time_limit=300 * plateau)
    assert run.status == "not_escaped"


@pytest.mark.parametrize("power", [(2, 1, 1, 1), (2, 2, 2, 1)])
def test_scales_of_different_orders_change_the_exponent(power):
    """Theorem 5 asks for |X| <= eps; the exponent L - 2 needs all layers but one of order eps."""
    times = [escape.quadrature_time(1.0, np.power(e, power), 1.0) for e in (1e-3, 1e-4)]
    expected = 2 if sum(power) == 5 else 3
    assert np.log10(times[1] / times[0]) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("eta", [1e-2, 1e-4])
def test_the_shell_approximation_is_off_at_its_edges(eta):
    """Lemma 19: 1/sqrt(2) - 1 at the edges and about -eta in the middle, however small eta."""
    scales = eta ** np.arange(4, 0, -1.0)
    for j in (2, 3):
        low, high = scales[j - 1] ** 2, scales[j] ** 2
        edges = [escape.shell_error(scales, j, u) for u in (low, high)]
        np.testing.assert_allclose(edges, 2**-0.5 - 1, atol=eta)
        middle = escape.shell_error(scales, j, math.sqrt(low * high))
        assert middle == pytest.approx(-eta, rel=3 * eta)


def relative_error(name, depth, epsilon):
    rate = rate_constant(activations.get(name), depth, 64)
    closed = escape.closed_form(rate, epsilon, depth)
    return abs(time(model(name, depth), np.full(depth, epsilon)) / closed - 1)


@pytest.mark.parametrize(
    ("name", "epsilons", "exponent"), [("tanh", (0.01, 0.02), 2), ("gelu", (0.003, 0.006), 1)]
)
def test_error_of_the_closed_form_has_order_q_minus_one(name, epsilons, exponent):
    """At L = 5: min(q - 1, L - 2) is 2 for tanh and 1 for GELU."""
    errors = [relative_error(name, 5, e) for e in epsilons]
    assert abs(slope(epsilons, errors)[0] - exponent) < 0.1


def test_resonance_at_depth_q_plus_one_is_logarithmic():
    """tanh at L = 4: t - closed form = a + b log(1/epsilon), b tending to 15.85 at N = 64."""
    epsilon = np.array([0.001, 0.003, 0.01, 0.03, 0.1])
    rate = rate_constant(activations.get("tanh"), 4, 64)
    excess = [time(model(), np.full(4, e)) - escape.closed_form(rate, e, 4) for e in epsilon]
    b = -np.diff(excess) / np.diff(np.log(epsilon))
    np.testing.assert_allclose(b[:2], 15.85, rtol=1e-3)
    np.testing.assert_allclose(b[2:], [15.91, 16.45], rtol=2e-2)


@settings(max_examples=60, deadline=None)
@given(
    depth=st.integers(2, 9),
    epsilon=st.floats(1e-4, 0.4),
    rate=st.floats(1e-3, 10.0),
)
def test_quadrature_of_a_balanced_start_is_the_closed_form(depth, epsilon, rate):
    closed = escape.closed_form(rate, epsilon, depth)
    quadrature = escape.quadrature_time(rate, [epsilon] * depth)
    assert abs(quadrature / closed - 1) < 1e-9


@settings(max_examples=40, deadline=None)
@given(init=st.lists(st.floats(1e-3, 0.4), min_size=3, max_size=6))
def test_quadrature_agrees_with_the_leading_order_flow(init):
    """dX_l/dt = prod_{k != l} X_k, integrated directly."""

    def velocity(t, x):
        return np.prod(x) / x

    def crossed(t, x):
        return x[0] - 0.5

    crossed.terminal = True
    run = solve_ivp(velocity, (0, 1e14), init, "LSODA", events=crossed, rtol=1e-10, atol=1e-13)
    assert abs(escape.quadrature_time(1.0, init) / run.t_events[0][0] - 1) < 1e-6


def test_quadrature_of_zero_scales():
    """One zero layer escapes, two are the saddle itself."""
    assert np.isfinite(escape.quadrature_time(1.0, [0.0, 0.1, 0.1]))
    assert escape.quadrature_time(1.0, [0.0, 0.0, 0.1]) == np.inf
    nearly = escape.quadrature_time(1.0, [1e-9, 0.1, 0.1])
    assert abs(escape.quadrature_time(1.0, [0.0, 0.1, 0.1]) / nearly - 1) < 1e-6


def test_strict_hierarchy_adds_up_its_shells():
    """s_1 << s_2 << s_3: K t = (2 + log(s_3/s_2)) / s_3 up to small terms, s_1 not entering."""
    base = escape.quadrature_time(1.0, [1e-8, 1e-4, 1e-1])
    assert abs(escape.quadrature_time(1.0, [1e-10, 1e-4, 1e-1]) / base - 1) < 1e-3
    longer = escape.quadrature_time(1.0, [1e-8, 1e-5, 1e-1])
    assert abs((longer - base) / (np.log(10) / 0.1) - 1) < 1e-2


def test_start_above_the_threshold_is_no_plateau():
    run = escape.escape_time(model(), [0.6] * 4)
    assert math.isnan(run.t_escape) and run.status == "no_plateau"
    assert escape.escape_time(model(depth=6), [0.3] * 2 + [1.0] * 4, "loss").status == "no_plateau"
    assert escape.escape_time(model("softplus"), [3.0] * 4, "loss").status == "no_plateau"


def test_limits_are_statuses_not_times():
    run = escape.escape_time(model(), [0.03] * 4, time_limit=7000.0)
    assert math.isnan(run.t_escape) and run.status == "not_escaped"
    assert escape.escape_time(model(), [0.03] * 4, time_limit=7500.0).status == "escaped"


def test_an_unreachable_loss_is_not_escaped():
    """The loss never falls to 1e-9 of the plateau before the time limit."""
    run = escape.escape_time(model(), [0.2] * 4, "loss", 1e-9, time_limit=3000.0)
    assert math.isnan(run.t_escape) and run.status == "not_escaped"


def test_divergence_is_a_status(monkeypatch):
    reduced = model("linear", 3, 4)
    upwards = manifold.Reduction.velocity
    monkeypatch.setattr(manifold.Reduction, "velocity", lambda self, x: -upwards(self, x) + x)
    assert escape.escape_time(reduced, [0.1] * 3, "correlation", 1e6).status == "diverged"


def test_bad_starts_and_criteria_are_refused():
    with pytest.raises(ValueError, match="needs 4 positive scales"):
        escape.escape_time(model(), [0.1] * 3)
    with pytest.raises(ValueError, match="needs 4 positive scales"):
        escape.escape_time(model(), [0.1, 0.1, -0.1, 0.1])
    with pytest.raises(ValueError, match="criterion: unknown 'accuracy'"):
        escape.escape_time(model(), [0.1] * 4, "accuracy")


def test_class_d_leaves_the_law():
    """Softplus, L = 4: the local exponent shrinks instead of tending to -2."""
    epsilon = [1e-2, 1e-3, 1e-4]
    times = [time(model("softplus"), np.full(4, e), "correlation", 0.5) for e in epsilon]
    np.testing.assert_allclose(slope(epsilon, times), [-0.69, -0.33], atol=0.01)


@pytest.mark.parametrize(
    ("name", "init", "status"),
    [
        ("softplus", [0.03] * 4, "constant signal"),
        ("cos", [0.03] * 4, "no linear signal path"),
        ("cubic", [0.03] * 4, "no linear signal path"),
        ("tanh", [0.6] * 4, "no_plateau"),
    ],
)
def test_predictions_that_do_not_exist_say_why(name, init, status):
    result = predict(name, init)
    assert result["t_closed_form"] is None and result["t_quadrature"] is None
    assert status in result["status"]


def test_prediction_of_figure_1_and_of_a_balanced_start():
    uneven = predict("tanh", [0.03, 0.05, 0.07, 0.09])
    assert uneven["t_closed_form"] is None and abs(uneven["t_quadrature"] - 1899.29) < 0.01
    even = predict("tanh", [0.03] * 4)
    assert abs(even["t_closed_form"] / even["t_quadrature"] - 1) < 1e-9
