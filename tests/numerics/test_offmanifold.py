"""Escape off the manifold: exponents, depth, signal, attraction, both routes."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from saddle_escape.figures import asymptotics as asymptotics_figure
from saddle_escape.figures import attraction as attraction_figure
from saddle_escape.figures import figure4
from saddle_escape.figures import signal as signal_figure
from saddle_escape.settings import load
from saddle_escape.studies import asymptotics, attraction, offmanifold, offmanifold_tables, signal
from saddle_escape.studies import figure4 as figure4_study
from saddle_escape.training import bottleneck, network

torch.set_num_threads(1)
pytestmark = pytest.mark.xdist_group("offmanifold")  # its fixtures take seconds
SMALL = bottleneck.Setup("tanh", depth=5, width=12, input_dim=6, samples=64)
NETWORK = {"activation": "tanh", "loss_fraction": 0.1}
FLOWS = {"width": 12, "input_dim": 6, "samples": 64, "rtol": 1e-6, "seeds": 2}
EPSILON = {"min": 1e-4, "max": 1e-2, "count": 3}
ASYMPTOTICS = load(
    asymptotics.Asymptotics,
    NETWORK | {"asymptotics": FLOWS | {"seed_block": 3, "epsilon": EPSILON}},
)
SIGNAL = load(
    signal.Signal,
    NETWORK | {"depth": 5, "asymptotics": FLOWS, "signal": {"epsilon": [1e-4, 1e-3]}},
)
FIT = load(offmanifold_tables.Exponents, {"activation": "tanh", "asymptotics": {"fit_points": 3}})
SGD = {"rate": 0.01, "batch": 64, "held_out": 1024, "spacing": 0.02, "max_steps": 20_000}


# --- the law --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found_exponents():
    cases = [(5, 3), (5, 5), (3, 3)]
    runs = pd.concat([asymptotics.flow_times(ASYMPTOTICS, depth, r, 0) for depth, r in cases])
    return offmanifold_tables.exponent_table(FIT, runs), runs


def test_exponents_tend_to_the_critical_depth_law(found_exponents):
    exponents, runs = found_exponents
    assert (runs["status"] == "escaped").all() and runs["t_escape"].max() > 1e10
    assert exponents["deviation"].abs().max() < 0.005
    assert (exponents["high"] - exponents["low"]).max() < 0.005
    assert (exponents["n_seeds"] == 2).all()


def test_exponents_do_not_depend_on_depth(found_exponents):
    exponents, _ = found_exponents
    by_depth = exponents.set_index("L").query("r == 3")["exponent"]
    assert set(by_depth.index) == {3, 5} and np.ptp(by_depth) < 0.005
    assert "independent of depth" in offmanifold_tables.depth_verdict(exponents)
    broken = exponents.assign(exponent=exponents["exponent"] + 0.01 * exponents["L"])
    assert "NOT independent" in offmanifold_tables.depth_verdict(broken)


def test_companion_table_holds_every_epsilon_and_draws(found_exponents):
    table = offmanifold_tables.asymptotic_table(found_exponents[1])
    assert tuple(table.columns) == asymptotics_figure.COLUMNS
    assert len(table) == 3 * EPSILON["count"]
    assert table["accepted_steps"].max() <= 50
    slopes = table.dropna(subset="local_exponent")
    assert (slopes["local_exponent"] + slopes["r"] - 2).abs().max() < 0.1
    asymptotics_figure.draw(table)


# --- the signal -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signal_steps():
    return pd.concat([signal.trajectories(SIGNAL, r) for r in (3, 5)], ignore_index=True)


def test_signal_grows_with_the_power_that_integrates_to_the_law(signal_steps):
    table = offmanifold_tables.signal_table(signal_steps)
    assert (table["slope"] - table["expected"]).abs().max() < 0.02
    assert (table["start_exponent"] - table["r"]).abs().max() < 1e-3
    assert (table["n_steps"] >= 5).all()
    signal_figure.draw(signal_steps)


def test_gradients_are_rank_one_products_on_the_plateau(signal_steps):
    table = offmanifold_tables.signal_table(signal_steps)
    assert table["along_error"].max() < 0.15
    assert table["spectral_max"].max() < 1 + 1e-2 and table["spectral_min"].min() > 0.3
    starts = signal_steps.groupby(["r", "seed", "epsilon"]).first()
    tiny = starts.xs(1e-4, level="epsilon")
    np.testing.assert_allclose(tiny[["along_min", "along_max"]], 1, atol=1e-6)


def test_signal_growth_is_the_time_derivative_of_the_signal():
    raw, x, _ = bottleneck.draw(SMALL, 0)
    w0 = bottleneck.start(SMALL, raw, 2, [0.5])
    problem = SMALL.problem(x)
    field = problem.field(signal.observer(problem))
    slope, see = field(w0, None)
    h = 1e-4
    gamma = [field(w0 + step * slope, None)[1]()["gamma"][0] for step in (-h, h)]
    assert see()["growth"].item() == pytest.approx(
        ((gamma[1] - gamma[0]) / (2 * h)).item(), rel=1e-6
    )


# --- the manifold does not attract ----------------------------------------------------------------


def distances(**changes):
    flows = {
        "depth": 4,
        "width": 8,
        "input_dim": 3,
        "quadrature": {"rule": "trapezoid", "step": 0.5, "half_width": 6, "nodes": 40},
        "epsilon": [0.1, 0.01],
        "delta": 0.1,
        "seeds": 1,
        "rtol": 1e-6,
    }
    settings = load(attraction.Attraction, NETWORK | {"attraction": flows | changes})
    return attraction.distances(settings)


def test_relative_distance_from_the_manifold_stays_finite():
    steps = distances()
    ends = attraction.end_table(steps)
    assert (ends["status"] == "escaped").all()
    by_kind = ends.set_index(["kind", "epsilon"])["ratio"]
    assert by_kind["profile"].min() > 0.8
    # ten times more growth, and yet the noise keeps the same share of the weights
    assert by_kind["noise", 0.01] > 0.9 * by_kind["noise", 0.1] > 0.2
    assert (ends["ratio"] > 2 / ends["growth"]).all()
    attraction_figure.draw(steps)


def test_the_manifold_itself_is_invariant():
    steps = distances(delta=0.0, epsilon=[0.1])
    assert steps["distance"].max() < 1e-12


# --- the two routes -------------------------------------------------------------------------------


def test_sgd_and_flow_escape_at_about_the_same_time():
    epsilons, ratios = [0.2, 0.1], []
    wide = bottleneck.Setup("tanh", depth=4, width=16, input_dim=8, samples=1024)
    for seed in range(2):
        smooth = bottleneck.escape(wide, seed, 3, epsilons, 0.1, rtol=1e-5)
        noisy = bottleneck.descend(wide, seed, 3, epsilons, SGD, fraction=0.1)
        assert smooth.status == noisy.status == ["escaped"] * 2
        ratios += (noisy.t_escape / smooth.t_escape).tolist()
    assert 0.8 < np.median(ratios) < 1.25 and max(ratios) < 1.6


def test_sgd_of_one_epsilon_does_not_depend_on_the_others():
    together = bottleneck.descend(SMALL, 0, 3, [0.4, 0.2], SGD, fraction=0.1)
    alone = bottleneck.descend(SMALL, 0, 3, [0.2], SGD, fraction=0.1)
    again = bottleneck.descend(SMALL, 0, 3, [0.2], SGD, fraction=0.1)
    assert alone.t_crossing[0] == again.t_crossing[0]
    torch.testing.assert_close(together.t_crossing[1], alone.t_crossing[0], rtol=1e-3, atol=0)


def test_single_precision_gradients_are_enough_for_the_published_range():
    double = bottleneck.escape(SMALL, 1, 5, [0.3, 0.1], 0.1, rtol=1e-4)
    single = bottleneck.escape(SMALL, 1, 5, [0.3, 0.1], 0.1, rtol=1e-4, dtype=torch.float32)
    torch.testing.assert_close(single.t_escape, double.t_escape, rtol=1e-4, atol=0)


def test_all_epsilons_of_a_seed_share_its_raw_weights_and_inputs():
    raw, x, y = bottleneck.draw(SMALL, 3)
    more, *_ = bottleneck.draw(bottleneck.Setup("tanh", 5, 12, 6, samples=200), 3)
    for a, b in zip(raw, more, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    torch.testing.assert_close(y, torch.tanh(x[:, :1]), rtol=1e-15, atol=0)
    coarse, fine = network.unflatten(bottleneck.start(SMALL, raw, 2, [0.1, 0.01]), SMALL.shapes)[1]
    torch.testing.assert_close(coarse, 10 * fine)
    assert not torch.equal(bottleneck.draw(SMALL, 4)[1], x)


def route(name, points):
    """The settings of one route, with seeds by (r, epsilon)."""
    points = [{"r": r, "epsilon": e, "seeds": seeds} for (r, e), seeds in points.items()]
    size = {"depth": 4, "width": 8, "input_dim": 4, "seed_block": 2, "points": points}
    flow = {"samples": 64, "dtype": "float32", "rtol": 1e-4, "max_steps": 2000}
    sgd = {"rate": 0.01, "batch": 64, "held_out": 256, "max_steps": 20_000}
    by_route = {
        "flow": {"threshold": 0.05, "flow": flow},
        "sgd": {"thresholds": [0.1, 0.05], "sgd": sgd},
    }
    return load(offmanifold.ROUTES[name], {"activation": "tanh"} | size | by_route[name])


def test_points_are_split_over_blocks_without_loss():
    flow = route("flow", {(3, 0.5): 3, (3, 0.2): 2, (4, 0.4): 1})
    blocks = [offmanifold.points(flow, 3, block) for block in (0, 1)]
    seen = pd.concat(blocks)[["seed", "epsilon"]].to_records(index=False).tolist()
    assert sorted(seen) == [(0, 0.2), (0, 0.5), (1, 0.2), (1, 0.5), (2, 0.5)]


def test_a_descent_has_a_row_for_each_threshold_and_crosses_them_in_order():
    table = offmanifold.points(route("sgd", {(3, 0.5): 0, (3, 0.2): 1, (4, 0.4): 1}), 3, 0)
    assert table[["seed", "epsilon", "route"]].to_numpy().tolist() == [[0, 0.2, "sgd"]] * 2
    assert table["threshold"].tolist() == [0.1, 0.05]
    assert table["t_crossing"].is_monotonic_increasing and (table["status"] == "escaped").all()
    spent = table["gradient_evaluations"].tolist()
    assert spent[0] == 0 and spent[1] == table.attrs["gradient_evaluations"] > 0


# --- figure 4 -------------------------------------------------------------------------------------

PUBLISHED = {(3, 0.1): 2.0, (3, 0.2): 1.0, (5, 0.5): 4.0}


def synthetic_runs(threshold=0.02):
    def rows(route, r, epsilon, crossings, statuses):
        return [
            {
                "route": route, "seed": k, "r": r, "epsilon": epsilon, "threshold": threshold,
                "t_escape": t if s == "escaped" else math.nan, "t_crossing": t, "status": s,
                "accepted_steps": 10 + k, "gradient_evaluations": 60,
            }
            for k, (t, s) in enumerate(zip(crossings, statuses, strict=True))
        ]  # fmt: skip

    return pd.DataFrame(
        rows("flow", 3, 0.1, [1.0, 2.0, 3.0, 4.0, 5.0], ["escaped"] * 5)
        + rows("flow", 3, 0.2, [1.0, 1.5], ["no_plateau", "no_plateau"])
        + rows("sgd", 3, 0.1, [2.2, math.nan, math.nan], ["escaped"] + ["not_escaped"] * 2)
        + rows("flow", 5, 0.5, [4.4], ["escaped"])
    )


def figure_of(*points):
    rows = [{"r": r, "epsilon": epsilon, "flow": 1, "sgd": 1} for r, epsilon in points]
    return load(figure4_study.Figure, {"threshold": 0.02, "points": rows})


def test_figure4_table_has_a_row_for_every_point_of_both_routes():
    early = synthetic_runs(threshold=0.05).assign(t_crossing=0.1)
    runs = figure4_study.gathered([early, synthetic_runs()], [])
    table = figure4_study.seed_means(figure_of(*PUBLISHED), runs, PUBLISHED)
    assert tuple(table.columns) == figure4.COLUMNS == figure4_study.COLUMNS and len(table) == 6
    rows = table.set_index(["route", "r", "epsilon"])
    plain = rows.loc["flow", 3, 0.1]
    assert tuple(plain[["t_min", "t_mean", "t_max"]]) == (1.0, 3.0, 5.0)
    assert plain["ratio"] == 1.5 and plain["n_seeds"] == 5 and plain["accepted_steps"] == 12
    above = rows.loc["flow", 3, 0.2]
    assert above["status"] == "no_plateau" and above["t_mean"] == 1.25
    late = rows.loc["sgd", 3, 0.1]  # a mean over those that crossed would be too early
    assert late["status"] == "not_escaped" and math.isnan(late["t_mean"])
    left_out = rows.loc["sgd", 5, 0.5]
    assert left_out["status"] == "left_out" and left_out["n_seeds"] == 0
    figure4.draw(table)


def test_a_record_stands_in_only_where_nothing_was_computed():
    record = synthetic_runs().query("route == 'flow'").assign(t_crossing=7.0)
    computed = synthetic_runs().query("epsilon != 0.5")
    runs = figure4_study.gathered([computed], [record])
    rows = figure4_study.seed_means(figure_of(*PUBLISHED), runs, PUBLISHED).set_index("source")
    assert rows.loc["record", "t_mean"] == 7.0 and rows.loc["record", "epsilon"] == 0.5
    assert 7.0 not in rows.loc[["computed"], "t_mean"].tolist()


def test_slopes_are_those_of_the_means_and_of_the_markers():
    epsilon = [0.1, 0.2, 0.4, 0.8]
    published = {(3, e): 2 * e**-1.0 for e in epsilon}
    runs = pd.DataFrame(
        [
            ("sgd", threshold, 3, e, e**power * spread, "computed")
            for e in epsilon
            for spread in (0.5, 1.5)
            for threshold, power in ((0.02, -1.25), (0.05, -1.2))
        ],
        columns=["route", "threshold", "r", "epsilon", "t_crossing", "source"],
    )
    table = figure4_study.slopes(runs, published).set_index(["route", "threshold"])
    np.testing.assert_allclose(table.loc[("sgd", 0.02), "slope"], -1.25)
    np.testing.assert_allclose(table.loc[("sgd", 0.05), "slope"], -1.2)
    markers = table.loc["published"].iloc[0]
    np.testing.assert_allclose(
        markers[["slope", "standard_error"]].astype(float), [-1, 0], atol=1e-12
    )
    runs.loc[0, "t_crossing"] = math.nan
    assert figure4_study.slopes(runs, published)["n_points"].min() == 3


def test_agreement_states_the_standard_error_of_the_mean():
    runs = figure4_study.gathered([synthetic_runs()], [])
    table = figure4_study.seed_means(figure_of(*PUBLISHED), runs, PUBLISHED)
    first = figure4_study.agreement(table).iloc[0]
    assert first["ratio"] == 1.5
    assert first["standard_error"] == pytest.approx(np.std([1, 2, 3, 4, 5], ddof=1) / 5**0.5 / 2)


def test_a_point_that_was_not_published_is_refused():
    runs = figure4_study.gathered([synthetic_runs()], [])
    with pytest.raises(ValueError, match=r"epsilon 0.15 at r = 3 is no published point; .* 0.1"):
        figure4_study.seed_means(figure_of((3, 0.15)), runs, PUBLISHED)
