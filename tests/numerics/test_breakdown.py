"""Where the law of the escape time ends: activations flat at 0, and the study of figure S5."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from saddle_escape.figures import figureS5
from saddle_escape.settings import load
from saddle_escape.studies import breakdown
from saddle_escape.theory import activations, escape, flat_origin, manifold, teachers

torch.set_num_threads(1)
NETWORK = {
    "activation": "tanh", "depth": 4, "r": 3, "width": 8, "input_dim": 3, "samples": 32,
    "loss_fraction": 0.1, "seeds": 1, "epsilon": {"min": 0.01, "max": 1, "count": 3},
}  # fmt: skip
CASES = {
    "staircase": {
        "activation": "softplus", "width": 64,
        "epsilon": {"4": {"min": 1e-4, "max": 1e-2, "count": 3}},
    },
    "kicks": {
        "activation": "softplus", "width": 64, "depth": 4, "time": 30,
        "epsilon": {"min": 1e-4, "max": 1e-2, "count": 2},
    },
    "remedies": {
        "activation": "softplus", "without_constant": "z/2+log(cosh(z/2))", "width": 64,
        "depth": 3, "epsilon": {"min": 3e-3, "max": 1e-2, "count": 2},
    },
    "adam": {
        "network": NETWORK, "rate": 1e-3, "constants": [1e-8], "max_steps": 3000, "spacing": 0.02,
    },
    "large_starts": {"network": NETWORK, "rtol": 1e-5},
    "flat_origin": {
        "width": 64, "loss_fraction": 0.5,
        "epsilon": {"tanh(z)**2": {"2": {"min": 1e-3, "max": 1e-2, "count": 2}}},
    },
}  # fmt: skip
TABLES = {}


def rows(name):
    """One case's table, computed once."""
    if name not in TABLES:
        TABLES[name] = breakdown.measure(load(breakdown.Study, {"cases": CASES}), name)
    return TABLES[name]


# --- activations flat at 0 ------------------------------------------------------------------------


def test_the_leading_power_and_its_degrees():
    assert flat_origin.leading_power(activations.get("2*tanh(z)**3")) == (3, pytest.approx(2))
    assert flat_origin.degrees(2, 3).tolist() == [4, 2, 1]
    assert flat_origin.escape_exponent(2, 3) == 5
    assert [flat_origin.escape_exponent(1, depth) for depth in (3, 5)] == [1, 3]  # Theorem 5's


@pytest.mark.parametrize("name", ["tanh", "softplus", "cos", "relu"])
def test_activations_that_are_not_flat_are_refused(name):
    with pytest.raises(ValueError, match="no power above 1"):
        flat_origin.leading_power(activations.get(name))


def test_a_pure_power_of_depth_two_in_closed_form():
    """sigma = z^2, L = 2: int_0^inf dw / ((1 + 2w) sqrt(1 + w)) = sqrt(2) log(1 + sqrt(2))."""
    width, epsilon = 64, 1e-3
    rate = 3 / math.sqrt(width)  # E[z^4] / sqrt(N)
    law = math.sqrt(2) * math.log(1 + math.sqrt(2)) / (2 * rate * epsilon)
    time = flat_origin.escape_time(activations.get("z**2"), 2, width, epsilon)
    assert time == pytest.approx(law, rel=1e-9)


def test_leading_order_rates_are_those_of_the_reduced_equations():
    """dX_l/dt = K p_l prod X^p / X_l at small scales, not equal ones."""
    act, width, scales = activations.get("tanh(z)**2"), 64, np.array([1e-3, 2e-3, 3e-3])
    velocity = manifold.reduction(act, 3, width).velocity(scales)
    powers = flat_origin.degrees(2, 3)
    common = velocity * scales / powers / np.prod(scales**powers)
    np.testing.assert_allclose(common, common[0], rtol=1e-4)
    rate = teachers.moment(act, 4) / math.sqrt(width)
    assert common[0] == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "depth", "tolerance"),
    [("tanh(z)**2", 2, 5e-3), ("tanh(z)**2", 3, 1e-3), ("tanh(z)**3", 2, 1e-3)],
)
def test_flat_activations_escape_by_the_law_of_degree_d(name, depth, tolerance):
    """Constant and exponent; a linear term as small as 1/10 takes another law."""
    act, epsilon = activations.get(name), 1e-3
    law = flat_origin.escape_time(act, depth, 64, epsilon)
    assert flat_time(name, depth, epsilon) == pytest.approx(law, rel=tolerance)
    assert not 0.5 < flat_time(f"{name}+z/10", depth, epsilon) / law < 2


def flat_time(name, depth, epsilon):
    """Flow time of the reduced equations to half the plateau, all layers at epsilon."""
    reduced = manifold.reduction(activations.get(name), depth, 64)
    return escape.escape_time(reduced, [epsilon] * depth, "loss", 0.5).t_escape


def test_a_teacher_of_the_other_sign_never_lets_a_square_grow():
    assert flat_origin.escape_time(activations.get("-z**2"), 2, 64, 0.1, "tanh") == math.inf


# --- the study ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_the_columns_of_the_figure(name):
    assert tuple(rows(name).columns) == figureS5.COLUMNS
    assert set(rows(name)["case"]) == {name}


@pytest.mark.parametrize(("name", "tolerance"), [("staircase", 0.01), ("kicks", 0.03)])
def test_class_d_is_where_the_fit_of_the_mean_puts_it(name, tolerance):
    np.testing.assert_allclose(rows(name)["measured"], rows(name)["predicted"], rtol=tolerance)


def test_the_law_returns_without_the_constant_alone():
    table = rows("remedies")
    times = {series: np.log(one["measured"]) for series, one in table.groupby("series")}
    step = math.log(1e-2 / 3e-3)
    orders = {series: (log_t.iloc[0] - log_t.iloc[1]) / step for series, log_t in times.items()}
    assert orders["no constant"] == pytest.approx(1, abs=0.05)
    assert orders["centred teacher"] == pytest.approx(2, abs=0.05)
    assert orders["own teacher"] < 0.3


def test_adam_sees_no_plateau_above_its_constant():
    measured = rows("adam")["measured"].to_numpy()
    assert measured[0] < 2 * measured[1]
    assert rows("adam")["predicted"].iloc[0] < 1e-3 * measured[0]


def test_a_start_of_order_one_has_no_plateau_and_a_small_one_the_law():
    times = rows("large_starts").query("quantity == 'time'")
    losses = rows("large_starts").query("quantity == 'loss'")
    ratio = (times["measured"] / times["predicted"]).to_numpy()
    assert ratio[0] == pytest.approx(1, abs=0.1)
    assert losses["measured"].iloc[0] == pytest.approx(1, abs=0.01)
    above = losses["measured"].to_numpy() > 1.1
    assert (times["status"].to_numpy()[above] == "no_plateau").all()


def test_a_case_that_is_not_of_its_kind_is_refused():
    settings = load(breakdown.Study, {"cases": {"kicks": CASES["staircase"]}})
    with pytest.raises(ValueError, match=r"cases\.kicks\.depth: missing"):
        breakdown.measure(settings, "kicks")


def test_the_figure_has_a_panel_for_each_case():
    table = pd.concat([rows(name) for name in CASES], ignore_index=True)
    panels = figureS5.draw(table).axes
    titles = [panel.get_title(loc="left") for panel in panels]
    assert len(panels) == len(CASES)
    assert all(f"({letter})" in title for letter, title in zip("abcdef", titles, strict=True))
    kicked = rows("kicks")["measured"].to_numpy()
    shown = np.concatenate([line.get_ydata() for line in panels[1].get_lines()])
    assert np.isin(kicked, shown).all()
    with pytest.raises(ValueError, match="cannot draw 'kick'"):
        figureS5.draw(table.replace({"case": {"kicks": "kick"}}))
