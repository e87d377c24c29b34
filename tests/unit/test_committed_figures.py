"""The committed default-tier tables, held against each other and against the published points."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from saddle_escape.theory import activations
from saddle_escape.theory.manifold import reduction

ROOT = Path(__file__).parents[2]
PUBLISHED = pd.read_csv(ROOT / "paper_check" / "published_points.csv", comment="#")
PLATEAU = reduction(activations.get("tanh"), 4, 64).plateau


@pytest.fixture(scope="module")
def figure1():
    return pd.read_csv(ROOT / "figures" / "figure1.csv")


@pytest.fixture(scope="module")
def figure2():
    return pd.read_csv(ROOT / "figures" / "figure2.csv")


@pytest.fixture(scope="module")
def figure3():
    return pd.read_csv(ROOT / "figures" / "figure3.csv")


def curve(table, series):
    rows = table[table["series"] == series]
    assert len(rows) > 100
    return rows["t"].to_numpy(), rows["value"].to_numpy()


def published(figure, panel):
    return PUBLISHED[(PUBLISHED["figure"] == figure) & (PUBLISHED["panel"] == panel)]


def drop(t, loss):
    """From 99 % of the plateau to 1.2 times the knee, where the log-log slope is steepest no more.

    The knee is the point of largest curvature of log loss after the steepest descent.
    """
    log = np.log(loss)
    steepest = np.argmin(np.diff(log))
    knee = steepest + np.argmax(np.diff(log, 2)[steepest : steepest + 40]) + 1
    start, end = t[loss > 0.99 * PLATEAU][-1], t[loss > 1.2 * loss[knee]][-1]
    return start, end


def test_figure_1_network_follows_the_reduction(figure1):
    t, loss = curve(figure1, "reduced_ode")
    start, end = drop(t, loss)
    assert 1600 < start < 1800 and 1950 < end < 2100
    times, trained = curve(figure1, "network")
    outside = (times < start) | (times > end)
    expected = np.exp(np.interp(times, t, np.log(loss)))
    assert np.max(np.abs(trained / expected - 1)[outside]) < 0.02
    for layer in range(1, 5):
        reduced = curve(figure1, f"reduced_ode_X{layer}")
        times, scale = curve(figure1, f"network_X{layer}")
        assert np.max(np.abs(scale - np.interp(times, *reduced))) <= 2e-3


def test_figure_1_meets_the_published_points(figure1):
    t, loss = curve(figure1, "reduced_ode")
    for point in published(1, "a").itertuples():
        ours = np.exp(np.interp(point.x, t, np.log(loss)))
        assert abs(ours / point.y - 1) < point.rel_uncertainty, point
    for point in published(1, "b").itertuples():
        ours = np.interp(point.x, *curve(figure1, f"reduced_ode_{point.series}"))
        assert abs(ours / point.y - 1) < point.rel_uncertainty, point


def test_figure_2_exponents(figure2):
    ode = figure2[(figure2["route"] == "reduced_ode") & (figure2["criterion"] == "loss")]
    for (panel, depth, r), rows in ode[ode["status"] == "escaped"].groupby(["panel", "L", "r"]):
        leftmost = rows.sort_values("epsilon").iloc[0]
        assert leftmost["epsilon"] == pytest.approx(1e-3)
        expected = {3: -1, 2: 0}.get(r, 2 - r)
        tolerance = 0.25 if r == 2 else 0.03 if r == 3 else 1e-3
        assert abs(leftmost["local_exponent"] - expected) < tolerance, (panel, depth, r)


def test_figure_2_has_the_papers_scales(figure2):
    paper = figure2[(figure2["route"] == "reduced_ode") & (figure2["criterion"] == "alignment")]
    for (panel, depth, r), rows in paper.groupby(["panel", "L", "r"]):
        assert r in (3, 4, 5, 6) and depth == {"a": r, "b": 6}[panel]
        np.testing.assert_allclose(np.sort(rows["epsilon"]), np.geomspace(1e-2, 10**-0.75, 20))
        assert (rows["status"] == "escaped").all()
    assert len(paper) == 160


def test_figure_2_parts_from_the_integral_by_saturation_and_by_its_upper_limit(figure2):
    paper = figure2[(figure2["route"] == "reduced_ode") & (figure2["criterion"] == "alignment")]
    assert (paper["matched_ratio"] > 1).all()
    ends = paper.sort_values("epsilon").groupby(["panel", "L", "r"])
    assert (ends["ratio"].first() - 1).abs().max() < 0.012
    assert ends["ratio"].last().between(0.65, 0.95).all()
    assert ends["matched_ratio"].last().between(1.06, 1.34).all()


def test_figure_2_marks_what_has_no_plateau(figure2):
    ode = figure2[(figure2["route"] == "reduced_ode") & (figure2["criterion"] == "loss")]
    without = ode[ode["status"] == "no_plateau"]
    assert set(without["r"]) == {2, 3} and without["epsilon"].min() > 0.15
    assert without["t_escape"].isna().all()
    assert ode.groupby(["panel", "r"]).size().min() >= 8


@pytest.mark.parametrize("route", ["reduced_ode", "network"])
def test_figure_3_meets_the_published_points(figure3, route):
    rows = figure3[figure3["route"] == route].set_index(["activation", "epsilon"])["t_escape"]
    for point in published(3, "a").itertuples():
        names = ("tanh", "sin") if point.series == "tanh_or_sin" else (point.series,)
        for name in names:
            assert abs(rows[name, point.x] / point.y - 1) < point.rel_uncertainty, (name, point)


def test_figure_3_network_agrees_with_the_reduction(figure3):
    wide = figure3.pivot_table("t_escape", ["activation", "epsilon"], "route")
    both = wide.dropna(subset=["reduced_ode", "network"])
    assert len(both) == 20
    assert np.max(np.abs(both["network"] / both["reduced_ode"] - 1)) < 2e-3
