"""Figure S2's study: times under weight decay, and the norms of networks that never escape."""

import math

import numpy as np
import pytest
import torch

from saddle_escape.studies import weight_decay
from saddle_escape.theory import limit_flow as limit
from saddle_escape.training import bottleneck

torch.set_num_threads(1)


def study(case, ratios):
    return weight_decay.Study(
        "tanh", 12, 6, 64, 1, 0.5, 1e-6, wait=6, steps=12, decay_ratio=ratios, cases={"case": case}
    )


@pytest.fixture(scope="module", params=limit.DECAYED)
def table(request):
    case = weight_decay.Case(request.param, 6, 4, (1e-3,), (0.9, 1.5))
    return weight_decay.case_table(study(case, (0.0, 0.9, 1.1, 1.5)), "case")


def test_networks_escape_on_time_below_the_critical_decay_and_never_beyond(table):
    times = table[table["kind"] == "time"].set_index("decay_ratio")
    assert list(times["status"]) == ["escaped"] * 2 + ["not_escaped"] * 2
    below = times.loc[[0.0, 0.9]]
    np.testing.assert_allclose(below["t_escape"], below["t_predicted"], rtol=1e-3)
    stretched = times["t_predicted"][0.9] / times["t_free"][0.9]
    assert stretched == pytest.approx(math.log(10) / 0.9)
    assert times.loc[[1.1, 1.5], "t_predicted"].isna().all()


def test_the_trapped_weights_follow_the_limit_flow_to_zero(table):
    steps = table[(table["kind"] == "step") & (table["decay_ratio"] == 1.5)]
    np.testing.assert_allclose(steps["size"], steps["size_predicted"], rtol=0.02)
    last = steps.iloc[-1]
    assert last["size"] < 5 * math.exp(-6)
    assert last["loss"] == pytest.approx(1, abs=1e-6)


def test_the_critical_decay_has_the_clock_of_what_decays(table):
    row = table.iloc[2]
    degree = row["r"] - 2 if row["decayed"] == "small" else row["L"] - 2
    assert row["decay"] * row["t_free"] == pytest.approx(row["decay_ratio"] / degree)


def test_columns_and_statuses(table):
    assert list(table) == list(weight_decay.COLUMNS)
    escaped = table["status"] == "escaped"
    assert (table["t_escape"].notna() == escaped).all()


def test_the_limit_flows_norm_is_that_of_its_weights():
    """At t = 0 it is 1; without decay it is |V(s)|, which diverges at T*."""
    setup = bottleneck.Setup("tanh", 4, 10, 5, 32)
    raw, x, _ = bottleneck.draw(setup, 0)
    problem = setup.problem(x)
    t_star, s, growth = weight_decay.limit_path(problem, raw, 4)
    assert s[-1] < t_star
    assert growth[-1] == pytest.approx(100, rel=1e-3)
    power = np.log(growth[-1] / growth[-9]) / np.log((t_star - s[-9]) / (t_star - s[-1]))
    assert power == pytest.approx(1 / 2, abs=0.01)
    sizes = weight_decay.limit_sizes(problem, raw, 4, 0.1, 0.0, 2, np.array([0.0, s[-5] * 100]))
    np.testing.assert_allclose(sizes, [1, growth[-5]], rtol=1e-6)
