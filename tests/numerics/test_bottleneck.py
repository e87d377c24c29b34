"""He-normal networks with a bottleneck: teachers, streams, and the two ways to end a descent."""

import math

import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.theory.quadrature import expectation
from saddle_escape.training import bottleneck
from saddle_escape.training.optimizers import Adam

torch.set_num_threads(1)
SMALL = bottleneck.Setup("tanh", depth=4, width=8, input_dim=4, samples=64)
SGD = {"rate": 0.02, "batch": 64, "held_out": 512, "spacing": 0.05, "max_steps": 20_000}
THRESHOLDS = (0.05, 0.02, 0.01)


def with_teacher(name, activation="tanh"):
    return bottleneck.Setup(activation, 4, 8, 4, 64, name)


def test_teachers_are_functions_of_the_first_input():
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None] * torch.ones(4, dtype=torch.float64)
    gelu = activations.get("gelu")
    mean = expectation(gelu)
    expected = {"own": gelu.torch(x), "centred": gelu.torch(x) - mean, "linear": x, "sin": x.sin()}
    for name, y in expected.items():
        torch.testing.assert_close(with_teacher(name, "gelu").problem(x).y, y[:, :1])
    with pytest.raises(ValueError, match="unknown 'tannh'"):
        with_teacher("tannh").problem(x)


def test_a_flow_ends_at_a_threshold_as_at_the_fraction_that_it_is():
    plateau = float(SMALL.problem(bottleneck.draw(SMALL, 0)[1]).plateau)
    absolute = bottleneck.escape(SMALL, 0, 3, [0.1], threshold=0.02)
    relative = bottleneck.escape(SMALL, 0, 3, [0.1], 0.02 / plateau)
    assert absolute.status == ["escaped"]
    torch.testing.assert_close(absolute.t_escape, relative.t_escape, rtol=1e-12, atol=0)
    for ends in ({}, {"fraction": 0.1, "threshold": 0.02}):
        with pytest.raises(ValueError, match="escape: give a fraction"):
            bottleneck.escape(SMALL, 0, 3, [0.1], **ends)


@pytest.mark.parametrize("width, together", [(8, 5), (1024, 4), (8192, 1)])
def test_networks_flow_together_as_long_as_they_are_small(width, together):
    setup = bottleneck.Setup("tanh", depth=4, width=width, input_dim=4, samples=64)
    epsilons = [0.5, 0.4, 0.3, 0.2, 0.1]
    groups = bottleneck.groups(setup, epsilons, "cpu")
    assert [e for group in groups for e in group] == epsilons and len(groups[0]) == together
    assert bottleneck.groups(setup, epsilons, "cuda") == [epsilons]


def test_a_network_s_flow_is_the_same_in_company():
    epsilons = [0.2, 0.1, 0.05]
    together = bottleneck.escape(SMALL, 0, 3, epsilons, 0.1)
    for k, epsilon in enumerate(epsilons):
        alone = bottleneck.escape(SMALL, 0, 3, [epsilon], 0.1)
        torch.testing.assert_close(alone.t_escape[0], together.t_escape[k], rtol=1e-12, atol=0)
        assert alone.gradient_evaluations[0] == together.gradient_evaluations[k]


def test_decay_of_the_weights_delays_the_escape():
    times = [
        float(bottleneck.escape(SMALL, 0, 3, [0.2], 0.5, weight_decay=decay).t_escape)
        for decay in (None, (1e-3,) * 4)
    ]
    assert times[1] > 1.001 * times[0]


def test_descent_to_thresholds_meets_them_in_order():
    run = bottleneck.descend(SMALL, 0, 3, [0.2, 0.15], SGD, thresholds=THRESHOLDS)
    assert run.status == ["escaped"] * 2
    assert (run.t_levels.diff(dim=1) > 0).all()
    alone = bottleneck.descend(SMALL, 0, 3, [0.2], SGD, thresholds=THRESHOLDS[:1])
    assert alone.t_escape[0] == run.t_levels[0, 0]  # one stream of minibatches for every run
    other = bottleneck.descend(SMALL, 1, 3, [0.2], SGD, thresholds=THRESHOLDS[:1])
    assert other.t_escape[0] != alone.t_escape[0]


def test_rows_of_thresholds_count_every_gradient_once():
    run = bottleneck.descend(SMALL, 0, 3, [0.2, 0.15], SGD, thresholds=THRESHOLDS)
    rows = bottleneck.threshold_rows(run, 0, 3, [0.2, 0.15], THRESHOLDS)
    assert [(row["epsilon"], row["threshold"]) for row in rows] == [
        (epsilon, threshold) for epsilon in (0.2, 0.15) for threshold in THRESHOLDS
    ]
    assert [row["t_escape"] for row in rows] == run.t_levels.flatten().tolist()
    assert sum(row["gradient_evaluations"] for row in rows) == run.gradient_evaluations.sum()


@pytest.mark.parametrize(
    "changes, statuses",
    [
        ({"max_steps": 3}, ["not_escaped"] * 3),
        ({"max_steps": 3, "thresholds": (9.0, 0.02)}, ["no_plateau", "not_escaped"]),
    ],
)
def test_every_threshold_has_its_own_status(changes, statuses):
    thresholds = changes.get("thresholds", THRESHOLDS)
    sgd = SGD | {"max_steps": changes["max_steps"]}
    run = bottleneck.descend(SMALL, 0, 3, [0.2], sgd, thresholds=thresholds)
    rows = bottleneck.threshold_rows(run, 0, 3, [0.2], thresholds)
    assert [row["status"] for row in rows] == statuses
    assert all(math.isnan(row["t_escape"]) for row in rows)


def test_a_start_above_its_plateau_is_followed_and_has_no_escape():
    run = bottleneck.descend(SMALL, 0, 3, [0.3], SGD, thresholds=[0.05])
    rows = bottleneck.threshold_rows(run, 0, 3, [0.3], [0.05])
    assert rows[0]["status"] == "no_plateau" and rows[0]["t_crossing"] > 0
    assert math.isnan(rows[0]["t_escape"])


def test_descent_takes_another_optimizer():
    run = bottleneck.descend(SMALL, 0, 3, [0.2], SGD, fraction=0.1, optimizer=Adam(1e-3))
    plain = bottleneck.descend(SMALL, 0, 3, [0.2], SGD, fraction=0.1)
    assert run.status == plain.status == ["escaped"]
    assert run.accepted_steps[0] != plain.accepted_steps[0]
    with pytest.raises(ValueError, match="event: give levels"):
        bottleneck.descend(SMALL, 0, 3, [0.2], SGD)
