"""Figure 5's table and drawing."""

import itertools

import matplotlib.colors as mcolors
import numpy as np
import pandas as pd
import pytest

from saddle_escape import config
from saddle_escape.figures import figure5, style
from saddle_escape.settings import Quadrature
from saddle_escape.studies import cascade
from saddle_escape.theory import blocks, homotopy

SIZE = {
    "activation": "tanh",
    "amplitudes": (1.0, 0.3, 0.08),
    "depth": 4,
    "block_size": 20,
    "quadrature": Quadrature("trapezoid", 1.0, 5.0, 8),
    "rtol": 1e-6,
    "epsilon": 0.2,
    "threshold": 0.5,
}
FLOW = SIZE | {
    "flow_rtol": config.read_yaml("config/config.yaml")["cascade"]["flow_rtol"],
    "t_end": 200.0,
    "points": 41,
}


@pytest.fixture(scope="module")
def results():
    """Of a larger start on a coarse grid; a training that follows the exact flow."""
    rules, sensitivities = cascade.identity(cascade.Homotopy(**SIZE, nodes=(1, 2)))
    flow = cascade.flow(cascade.Flow(**FLOW))
    training = flow.sel(field="exact", drop=True).expand_dims("seed")
    trained = pd.DataFrame({"seed": [0], "t_escape": [70.0], "status": ["escaped"]})
    times = cascade.times(cascade.Times(**SIZE))
    return times, rules, sensitivities, flow, training, trained


@pytest.fixture(scope="module")
def table(results):
    return cascade.figure_table(*results)


def test_variables_of_the_closures(results):
    times = results[0].set_index("closure")
    count = times["variables"]
    assert (count["decoupled"], count[homotopy.PAPER_CLOSURE], count["exact"]) == (12, 24, 30)
    assert (times["refined"] / times["t_escape"] - 1).abs().max() < 1e-2
    assert times["t_escape"].drop("Theorem 5").idxmin() == "exact"


def test_the_drawn_flow_is_exact_to_its_printed_digits(results):
    flow, settings = results[3], cascade.Flow(**FLOW)
    model = settings.model()
    solver = settings.solver(model, rtol=1e-13)
    for field, nu in (("exact", 1.0), ("decoupled", 0.0)):
        path = homotopy.trajectory(model, settings.start(), nu, settings.t_end, solver)
        loss = [blocks.loss(model, x.reshape(model.shape)) for x in path(flow["t"].values).T]
        np.testing.assert_allclose(flow["loss"].sel(field=field), loss, rtol=2e-8)


def test_more_nodes_come_closer(results):
    rules = results[1].assign(error=lambda t: (t["t0"] + t["integral"] - t["t1"]).abs())
    for _, path in rules.groupby("path"):
        assert path["error"].iloc[1] < 0.8 * path["error"].iloc[0]
    assert rules["adjoint_error"].max() < 1e-3
    assert rules["a_half_error"].max() < 1e-3


def test_sensitivities_add_up_to_the_integral(results):
    _, rules, parts, *_ = results
    sums = parts.assign(part=parts["weight"] * parts["value"]).groupby(["path", "nodes"])["part"]
    expected = rules.set_index(["path", "nodes"])["integral"]
    pd.testing.assert_series_equal(sums.sum(), expected, check_names=False)
    off_block = parts[parts["channel"] == homotopy.CHANNELS[1]]
    closure = off_block[(off_block["path"] == "24 variables") & (off_block["layer"] != 2)]
    assert (closure["value"] == 0).all()


def test_table_is_complete(table):
    assert list(table.columns) == list(figure5.COLUMNS)
    assert not table.isna().any(axis=None)
    assert set(table["series"]) == set(figure5.SERIES)
    channels = table.loc[table["series"] == "sensitivity", "channel"]
    assert set(channels) == set(figure5.CHANNELS)
    assert len(channels) == 4 * 2  # of two nodes


def lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def test_everything_is_drawn_where_the_table_says(table):
    figure = figure5.draw(table)
    for series, color in (("loss", style.INK), ("alignment", figure5.BLUE)):
        whole = lines(figure, f"{series} training")[0]
        rows = table[(table["series"] == series) & (table["channel"] == "training")]
        np.testing.assert_array_equal(whole.get_xydata(), rows[["t", "value"]])
        assert mcolors.same_color(whole.get_color(), color)
    times = table[table["series"] == "escape_time"].set_index("channel")["t"]
    for name in figure5.TIMES:
        assert [line.get_xdata()[0] for line in lines(figure, name)] == [times[name]] * 2
    assert [line.get_xdata()[0] for line in lines(figure, "network")] == [70.0]


def test_a_network_that_does_not_escape_has_no_marker(results):
    trained = pd.DataFrame({"seed": [0], "t_escape": [np.nan], "status": ["not_escaped"]})
    table = cascade.figure_table(*results[:-1], trained)
    assert not table.isna().any(axis=None)
    assert not lines(figure5.draw(table), "network")


def test_files_are_reproducible(table, tmp_path):
    first, second = (style.save(figure5.draw(table), tmp_path / name) for name in ("one", "two"))
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="nu"), "missing column"),
        (lambda t: t.replace({"series": {"loss": "los"}}), "series"),
        (lambda t: t.replace({"channel": {"layer scales": "scales"}}), "channel"),
        (lambda t: t.replace({"channel": {"T(0)": "T0"}}), "escape time"),
        (lambda t: t.replace({"channel": {"exact": "exakt"}}), "run"),
    ],
)
def test_unknown_content_is_refused(table, change, message):
    with pytest.raises(ValueError, match=message):
        figure5.draw(change(table))


@pytest.mark.parametrize("t", [1097, 1290, 1345, 1400, 1455])
def test_names_of_times_stay_apart_wherever_a_time_is(t):
    table = pd.read_csv("figures/figure5.csv")
    moved = (table["series"] == "escape_time") & (table["channel"] == "2 nodes")
    figure = figure5.draw(table.assign(t=table["t"].mask(moved, t)))
    figure.draw_without_rendering()
    (panel,) = (axes for axes in figure.axes if len(axes.texts) > 4)
    boxes = [text.get_window_extent() for text in panel.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
