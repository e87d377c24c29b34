"""Figure 2's table: its integrals and its times by second routes, and what its ratios must do."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad, solve_ivp

from saddle_escape.config import load_tiers
from saddle_escape.settings import pick
from saddle_escape.studies import classes as classes_study
from saddle_escape.studies import critical_depth
from saddle_escape.theory import activations, escape, manifold

WIDTH = 64
RATE = manifold.reduction(activations.get("tanh"), 3, WIDTH).beta1 / np.sqrt(WIDTH)


@pytest.fixture(scope="module")
def table(pytestconfig):
    """The default tier's with four scales a curve and three on a line."""
    config = load_tiers(pytestconfig.rootpath / "config")[1]["default"]
    section = config["critical_depth"] | {"line_points": 3}
    for part in (section, section["wide"]):
        part["epsilon"] = part["epsilon"] | {"count": 4}
    names = pick(classes_study.Classes, config["classes"] | {"activations": ["tanh"]})
    rates = classes_study.table(names)
    panels = (
        critical_depth.balanced(pick(critical_depth.Balanced, section), rates),
        critical_depth.bottleneck(pick(critical_depth.Bottleneck, section), rates),
    )
    return pd.concat(panels, ignore_index=True)


def computed(table, criterion):
    rows = table[(table["route"] == "reduced_ode") & (table["criterion"] == criterion)]
    return rows[rows["status"] == "escaped"]


def start(row, outer=1.0):
    return np.array([row.epsilon] * row.r + [outer] * (row.L - row.r))


def test_each_panel_has_the_papers_curves_and_the_companions(table):
    curves = table.groupby(["panel", "criterion"])[["L", "r"]].apply(
        lambda rows: set(rows.itertuples(index=False, name=None))
    )
    assert curves["a", "alignment"] == {(n, n) for n in (3, 4, 5, 6)}
    assert curves["a", "loss"] == {(n, n) for n in (3, 4, 5, 6, 8)}
    assert curves["b", "alignment"] == {(6, r) for r in (3, 4, 5, 6)}
    assert curves["b", "loss"] == {(6, r) for r in (2, 3, 4, 5, 6)}
    paper = table[table["criterion"] == "alignment"]
    assert paper["epsilon"].min() == 1e-2
    assert paper["epsilon"].max() == pytest.approx(10**-0.75, rel=1e-15)
    assert set(paper["threshold"]) == {0.3} and set(paper["upper_limit"]) == {1.0}


def test_the_integral_of_equal_scales_is_the_closed_form(table):
    rows = table[(table["panel"] == "a") & (table["route"] == "quadrature")].dropna(
        subset="t_escape"
    )
    for row in rows.itertuples():
        exact = escape.closed_form(RATE, row.epsilon, row.L, row.upper_limit)
        assert row.t_escape == pytest.approx(exact, rel=1e-9)


def test_the_integral_in_the_papers_substitution(table):
    """Y = epsilon^2 e^(2s), absolute and relative tolerance 1e-10."""
    for row in computed(table, "alignment").query("panel == 'b'").itertuples():
        offsets = start(row)[1:] ** 2 - row.epsilon**2

        def integrand(s, e=row.epsilon, offsets=offsets):
            y = e**2 * np.exp(2 * s)
            return np.sqrt(y) / (RATE * np.sqrt(np.prod(y + offsets)))

        t, _ = quad(integrand, 0, -np.log(row.epsilon), epsabs=1e-10, epsrel=1e-10, limit=200)
        assert row.theory == pytest.approx(t, rel=1e-9)


def time_of(row, event):
    """Flow time at which event(model, scales) is zero, by a Runge-Kutta method in that time."""
    model = manifold.reduction(activations.get("tanh"), row.L, WIDTH)

    def crossed(t, scales):
        return event(model, scales)

    crossed.terminal = True
    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-14, "events": crossed}
    flow = solve_ivp(lambda t, x: model.velocity(x), (0, np.inf), start(row), **options)
    return flow.t[-1]


@pytest.mark.parametrize(
    ("criterion", "event"),
    [
        ("alignment", lambda model, scales: scales[0] - 0.3),
        ("loss", lambda model, scales: model.loss(scales) - 0.5 * model.plateau),
    ],
)
def test_times_by_another_integrator(table, criterion, event):
    rows = computed(table, criterion)
    for row in rows[rows["epsilon"] > 0.04].itertuples():
        assert row.t_escape == pytest.approx(time_of(row, event), rel=1e-9), row


def test_ratios_are_quotients_of_the_times(table):
    for criterion in ("alignment", "loss"):
        rows = computed(table, criterion)
        np.testing.assert_allclose(rows["ratio"], rows["t_escape"] / rows["theory"], rtol=1e-12)
    loss = computed(table, "loss")
    np.testing.assert_array_equal(loss["ratio"], loss["matched_ratio"])
    rows = computed(table, "alignment").query("panel == 'a'")
    same = [escape.closed_form(RATE, e, n, 0.3) for e, n in zip(rows.epsilon, rows.L, strict=True)]
    np.testing.assert_allclose(rows["matched_ratio"], rows["t_escape"] / same, rtol=1e-9)


def test_the_sign_of_the_parting_is_the_upper_limits(table):
    """To the same event the reduced equations are later, as they saturate; to X_1 = 1 the integral
    has a way to go that they have not."""
    rows = computed(table, "alignment")
    largest = rows[rows["epsilon"] > 0.17]
    assert len(largest) == 8 and (largest["ratio"] < 0.95).all()
    assert (rows["matched_ratio"] > 1).all()
    by_r = largest.sort_values("r").groupby("panel")
    assert by_r["ratio"].apply(lambda ratio: ratio.is_monotonic_increasing).all()
    assert by_r["matched_ratio"].apply(lambda ratio: ratio.is_monotonic_decreasing).all()


def test_ratios_tend_to_one_with_their_order(table):
    """Relative error epsilon^min(q-1, r-2), q = 3, with a logarithm at r = 4."""
    rows = computed(table, "loss").query("r > 2").sort_values("epsilon")
    for (panel, depth, r), curve in rows.groupby(["panel", "L", "r"]):
        error = (curve["ratio"] - 1).abs().to_numpy()[:2]
        order = np.diff(np.log(error)) / np.diff(np.log(curve["epsilon"].to_numpy()[:2]))
        assert order == pytest.approx(min(2, r - 2), abs=0.3), (panel, depth, r)


def test_both_panels_share_the_curve_with_every_layer_small(table):
    columns = ["epsilon", "t_escape", "theory", "matched_ratio"]
    for criterion in ("alignment", "loss"):
        rows = computed(table, criterion).query("L == 6 and r == 6")
        one, other = (rows.loc[rows["panel"] == panel, columns].to_numpy() for panel in "ab")
        np.testing.assert_array_equal(one, other)


def test_what_starts_beyond_its_event_has_a_status_and_no_number(table):
    lost = table[(table["route"] == "reduced_ode") & (table["status"] != "escaped")]
    assert set(lost["status"]) == {"no_plateau"} and set(lost["criterion"]) == {"loss"}
    assert lost[["t_escape", "ratio", "matched_ratio"]].isna().all(axis=None)
    for row in lost.itertuples():
        model = manifold.reduction(activations.get("tanh"), row.L, WIDTH)
        assert model.loss(start(row)) <= 0.5 * model.plateau
