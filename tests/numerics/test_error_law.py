"""Figures S3 and S6: errors of predicted times with their logarithms; drift, imbalance, cost."""

import math

import numpy as np
import pytest
import torch

from saddle_escape.settings import Quadrature, load
from saddle_escape.studies import drift
from saddle_escape.studies import error_law as study
from saddle_escape.theory import activations, classes, corrections, escape, manifold
from saddle_escape.training import bottleneck, error_law, limit_flow, reduced

torch.set_num_threads(1)
RULE = Quadrature("trapezoid", 0.25, 8.0, 80)
Q5 = "(3*tanh(z)+tanh(z)**3)/4"


def small(**changes):
    settings = {
        "r": [4],
        "epsilon": {"min": 3e-3, "max": 3e-2, "count": 2},
        "loss_fraction": 0.5,
        "rtol": 1e-9,
        "quadrature": vars(RULE),
        "network": {"width": 6, "input_dim": 4, "samples": 32, "seeds": 1},
        "cases": {"only": {"activation": "tanh", "outer_layers": 0}},
    }
    return load(study.Study, settings | changes)


# --- the reduced flow as a network ----------------------------------------------------------------


@pytest.mark.parametrize(("name", "depth"), [("tanh", 4), ("gelu", 3)])
def test_a_network_one_neuron_wide_is_the_reduction(name, depth):
    epsilons = np.array([0.03, 0.1])
    run = reduced.grown(reduced.problem(name, depth, RULE), epsilons, 0.5, 1e-10)
    model = manifold.reduction(activations.get(name), depth, 1)
    t = [escape.escape_time(model, [e] * depth).t_escape for e in epsilons]
    np.testing.assert_allclose(run.t_escape, t, rtol=1e-8)
    np.testing.assert_allclose(run.state[:, 0], 0.5, rtol=1e-8)


def test_the_blow_up_time_of_the_balanced_start_is_theorem_5():
    problem, raw = reduced.problem("tanh", 5, RULE), reduced.balanced(5)
    t_star = limit_flow.blow_up_time(limit_flow.limit_flow(problem, raw, 5), raw).t_star
    rate = classes.rate_constant(activations.get("tanh"), 5, 1)
    assert t_star.item() == pytest.approx(1 / (3 * rate), rel=1e-8)


# --- logarithms -----------------------------------------------------------------------------------


def test_a_logarithm_leads_at_r_of_q_plus_one_and_with_an_outer_layer_at_four():
    kappa = -0.8
    resonance = corrections.resonance_slope(3, kappa)
    assert corrections.logarithm_slope(4, 3, kappa) == resonance
    assert corrections.logarithm_slope(4, 5, kappa, [0.5]) == -2
    assert corrections.logarithm_slope(4, 3, kappa, [0.5]) == resonance - 2
    assert corrections.logarithm_slope(3, 2, kappa, [0.5]) == corrections.resonance_slope(2, kappa)
    for r, q, outer in [(3, 3, []), (5, 3, []), (4, 5, []), (4, 2, [1.0]), (6, 5, [1.0])]:
        assert math.isnan(corrections.logarithm_slope(r, q, kappa, outer))


@pytest.mark.parametrize("name", ["tanh", "gelu", Q5])
def test_aligned_kappa_is_kappa_on_the_manifold_in_its_own_norm(name):
    act, width = activations.get(name), 9
    problem = reduced.problem(name, 3, RULE)
    z, y, weights = problem.x[:, 0], problem.y[:, 0], problem.sample_weights
    q, _ = corrections.insertion(act)
    on_manifold = corrections.aligned_kappa(act, np.full(width, 1 / 3), z, y, weights)
    assert on_manifold * width ** ((q - 1) / 2) == pytest.approx(corrections.kappa(act), rel=1e-8)


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_the_first_layers_direction_solves_the_aligned_flow(name):
    """It is a fixed direction of the flow, on the side where the signal is positive."""
    setup = bottleneck.Setup(name, 4, 6, 3, 40)
    raw, x, _ = bottleneck.draw(setup, 0)
    flow = limit_flow.limit_flow(setup.problem(x), raw, 3)
    u = limit_flow.first_layer_direction(flow, raw[:3])[0]
    near = limit_flow.first_layer_direction(flow, raw[:3], growth=1e2)[0]
    assert u.norm().item() == pytest.approx(1)
    assert 1e-9 < (u - near).norm().item() < 1e-2  # settles as growth^-2
    mirrored = [-raw[0], -raw[1], raw[2]]  # the same network, up to the signs of the neurons
    np.testing.assert_allclose(limit_flow.first_layer_direction(flow, mirrored)[0], -u, atol=1e-9)


def test_the_direction_of_several_outputs_is_refused():
    flow = limit_flow.LimitFlow(torch.eye(2, dtype=torch.float64), torch.ones(2, 3))
    with pytest.raises(ValueError, match="outputs: 2"):
        limit_flow.first_layer_direction(flow, [])


@pytest.mark.parametrize(
    ("name", "r", "outer", "epsilons"),
    [("tanh", 4, 0, (2e-3, 4e-3)), ("gelu", 3, 0, (1e-4, 2e-4)), (Q5, 4, 1, (2e-3, 4e-3))],
)
def test_the_logarithm_of_a_he_normal_network_has_the_predicted_slope(name, r, outer, epsilons):
    setup = bottleneck.Setup(name, r + outer, 8, 4, 64)  # sum_j u_j^3 does not happen to cancel
    raw, x, _ = bottleneck.draw(setup, 0)
    problem, epsilons = setup.problem(x), np.array(epsilons)
    flow = limit_flow.limit_flow(problem, raw, r)
    t_star = limit_flow.blow_up_time(flow, raw[:r]).t_star.item()
    run = error_law.escapes(problem, raw, r, epsilons, 0.5, 1e-9)
    scaled = run.t_escape.numpy() / t_star - epsilons ** -(r - 2.0)
    slope = -np.diff(scaled)[0] / np.log(2)
    assert slope == pytest.approx(error_law.log_slope(flow, problem, raw, r, t_star), rel=0.05)


# --- the studies ----------------------------------------------------------------------------------


def test_the_error_law_has_every_start_and_its_constants():
    table = study.table(small(r=[4, 5]), "only")
    assert set(table["start"]) == set(study.STARTS) and len(table) == 8
    assert (table["t_escape"] / table["t_predicted"] - 1 - table["error"]).abs().max() < 1e-12
    on = table[(table["start"] == "symmetric") & (table["epsilon"] < 0.01)].set_index("r")
    kappa = corrections.kappa(activations.get("tanh"))
    constant = corrections.error_coefficient(5, 3, kappa)
    assert on.loc[5, "constant"] == constant and math.isnan(on.loc[4, "constant"])
    assert on.loc[5, "error"] / 3e-3**2 == pytest.approx(constant, rel=0.02)
    assert on.loc[4, "log_slope"] == pytest.approx(2 * corrections.resonance_slope(3, kappa))
    assert (table["tolerance"] < 1e-6).all() and table.attrs["gradient_evaluations"] > 0


def drift_settings():
    network = {"width": 6, "input_dim": 4, "samples": 32, "seeds": 1, "loss_fraction": 0.5}
    return load(
        drift.Study,
        {
            "epsilon": {"min": 1e-2, "max": 0.1, "count": 2},
            "threshold": 0.1,
            "quadrature": vars(RULE),
            "rtol": 1e-9,
            "network": network | {"rtol": 1e-6, "rate": 0.05, "max_steps": 2000},
            "cases": {"only": {"activation": "tanh", "depth": 4}},
        },
    )


def test_drift_imbalance_and_cost_of_one_case():
    table = drift.table(drift_settings(), "only")
    orders = table[table["quantity"] == "drift_order"]
    np.testing.assert_allclose(orders["value"], [6, 8, 10], atol=2e-3)
    np.testing.assert_array_equal(orders["law"], [6, 8, 10])
    imbalance = table[(table["quantity"] == "imbalance") & (table["epsilon"] == 0.01)]
    np.testing.assert_allclose(imbalance["value"], imbalance["law"], rtol=0.03)
    cost = table[table["layer"] == 0].pivot(index="epsilon", columns="quantity", values="value")
    assert (cost["relative_rate"] < cost["plain"]).all()
    status = table[table["quantity"] == "descent"].set_index("epsilon")["status"]
    assert set(status) <= {"escaped", drift.EXTRAPOLATED}


def test_counted_steps_are_the_flows_time_over_the_rate():
    setup = bottleneck.Setup("tanh", 3, 6, 4, 32)
    raw, x, _ = bottleneck.draw(setup, 0)
    run = bottleneck.escape(setup, 0, 3, [0.05], 0.5, rtol=1e-8)
    start = bottleneck.start(setup, raw, 3, [0.05])[0]
    rate = 0.01
    steps, status = drift.descent_steps(setup.problem(x), start, rate, 0.5, 10**5)
    assert status == "escaped"
    assert steps * rate == pytest.approx(run.t_escape.item(), rel=0.02)
    assert drift.descent_steps(setup.problem(x), start, rate, 0.5, 10)[1] == "not_escaped"
