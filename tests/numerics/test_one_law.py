"""Figure S1's study: the law's predictions, its error law, the data, descent in flow time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from saddle_escape.studies import one_law
from saddle_escape.training import limit_flow
from saddle_escape.training.digits import leading_coordinate, standardized_digits

torch.set_num_threads(1)

CASE = one_law.Case("tanh", "gaussian", "teacher", "squared", "flow", "small", 0.0, ())
DESCENT = one_law.Descent(rate=0.02, momentum=0.9, batch=32, spacing=1e-3, max_steps=20_000)


def study(**changes):
    case = replace(CASE, **changes)
    return one_law.Study(6, 64, 1, 0.5, 1e-7, 0.3, (3, 8), DESCENT, {"case": case})


def networks(*rows):
    return tuple(one_law.Network(*row) for row in rows)


def distances(**changes):
    table = one_law.case_table(study(**changes), "case")
    assert list(table) == list(one_law.COLUMNS)
    assert set(table["status"]) == {"escaped"}
    return table, (table["t_escape"] / table["t_predicted"] - 1).abs().to_numpy()


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({}, (5, 12, 5, (1e-2, 1e-3))),
        ({"activation": "gelu"}, (5, 12, 5, (1e-2, 1e-3))),
        ({"loss": "huber"}, (5, 12, 3, (1e-2, 1e-3))),
        ({"loss": "logistic", "target": "classes"}, (5, 12, 3, (1e-2, 1e-3))),
        ({"data": "digits", "loss": "logistic", "target": "classes"}, (4, 12, 3, (1e-2, 1e-3))),
        ({"decay_ratio": 0.8, "decayed": "all"}, (5, 12, 3, (1e-2, 1e-3))),
    ],
    ids=str,
)
def test_the_distance_from_the_prediction_falls_at_its_order(changes, sizes):
    table, distance = distances(networks=networks(sizes), **changes)
    law = table["error_size"].to_numpy()
    assert np.log(distance[0] / distance[1]) / np.log(law[0] / law[1]) == pytest.approx(1, abs=0.1)


def test_kinked_networks_have_the_limit_flows_tolerance():
    table, distance = distances(activation="relu", networks=networks((4, 12, 4, (1e-3,))))
    assert distance[0] < 1e-3
    assert set(table["rtol"]) == {limit_flow.KINKED_RTOL}


def test_momentum_takes_a_tenth_of_the_flow_time():
    sizes = networks((5, 12, 3, (0.01,)))
    heavy, distance = distances(training="momentum", networks=sizes)
    free, _ = distances(networks=sizes)
    assert heavy["t_predicted"][0] == pytest.approx(0.1 * free["t_predicted"][0])
    assert distance[0] < 0.3


def test_minibatches_of_the_data_escape_with_all_of_them():
    _, distance = distances(training="minibatch", networks=networks((5, 12, 3, (0.02,))))
    assert distance[0] < 0.2


@pytest.mark.parametrize(
    ("activation", "depth", "r", "power", "logarithm"),
    [
        ("linear", 7, 7, 5, False),
        ("linear", 8, 4, 2, True),
        ("tanh", 8, 3, 1, False),
        ("tanh", 4, 4, 2, True),
        ("tanh", 8, 8, 2, False),
        ("gelu", 8, 3, 1, True),
        ("relu", 6, 6, 4, False),
    ],
)
def test_the_error_law_and_its_logarithm(activation, depth, r, power, logarithm):
    law = one_law.error_law(replace(CASE, activation=activation), one_law.Network(depth, 8, r, ()))
    expected = 0.01**power * (np.log(100) if logarithm else 1)
    assert law(0.01) == {"order": power, "error_size": pytest.approx(expected)}


def test_without_a_number_of_the_law_nothing_is_run(monkeypatch):
    monkeypatch.setattr(limit_flow, "MAX_STEPS", 1)
    monkeypatch.setattr(one_law, "RUNS", {})
    nothing = {"epsilon": 0.1, "t_star": None, "critical_decay": None, "status": "why not"}
    row = one_law.prediction_and_run(study(), CASE, None, None, None, nothing, "cpu")
    assert row["status"] == "why not"
    assert np.isnan(row["t_escape"])


def test_digits_are_standardized_and_their_leading_coordinate_has_most_variance():
    x, labels = standardized_digits()
    assert x.shape == (1797, 61)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(x.var(0), 1)
    z = leading_coordinate(x)
    largest = np.linalg.eigvalsh(x.T @ x / len(x))[-1]
    assert ((x.T @ z / len(x)) ** 2).sum() == pytest.approx(largest)
    pair, kept = standardized_digits((3, 8))
    assert set(kept) == {3, 8}
    assert len(pair) == np.isin(labels, (3, 8)).sum()
    with pytest.raises(ValueError, match="no images of 12"):
        standardized_digits((3, 12))
