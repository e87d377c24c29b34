"""Figures S1 and S2: every row with a time is drawn, in its kind; what has none is marked."""

import numpy as np
import pandas as pd
import pytest

from saddle_escape.figures import figureS1, figureS2

PLAIN = {
    "case": "a", "activation": "tanh", "cls": "B", "data": "gaussian", "target": "teacher",
    "loss": "squared", "training": "flow", "decayed": "small", "decay_ratio": 0.0, "L": 6,
    "width": 8, "r": 4, "order": 2, "seed": 0, "t_star": 1.0, "rtol": 1e-7, "status": "escaped",
    "accepted_steps": 1, "gradient_evaluations": 1,
}  # fmt: skip
KINDS = {
    "class B": {},
    "class C": {"cls": "C"},
    "digits": {"data": "digits", "loss": "logistic"},
    "logistic, Huber loss": {"loss": "huber"},
    "weight decay": {"decay_ratio": 0.8},
    "momentum": {"training": "momentum"},
    "minibatch SGD": {"training": "minibatch"},
    "class A, kinks too": {"cls": "A"},
}


def one_law_table():
    rows = []
    for change in KINDS.values():
        for epsilon in (0.1, 0.01, 1e-4):
            t = epsilon**-2
            times = {"t_predicted": t, "t_escape": t * (1 + epsilon**2)}
            rows.append({**PLAIN, **change, "epsilon": epsilon, "error_size": epsilon**2, **times})
    return pd.DataFrame(rows)[list(figureS1.COLUMNS)]


def points(axes, gid):
    lines = [line for line in axes.get_lines() if line.get_gid() == gid]
    return np.concatenate([np.column_stack(line.get_data()) for line in lines])


def test_every_row_answers_to_its_kind():
    table = one_law_table()
    names = [figureS1.KINDS[k][0] for k in figureS1.kinds(table)]
    assert names[::3] == list(KINDS)


def test_every_time_is_drawn_three_times_and_a_missing_one_never():
    table = one_law_table()
    table.loc[0, ["t_predicted", "t_escape"]] = np.nan
    times, below, law = figureS1.draw(table).axes
    rows = table.dropna(subset="t_escape")
    for axes in (times, below, law):
        assert len(points(axes, "times")) == len(rows)
    np.testing.assert_allclose(
        np.sort(points(times, "times")[:, 1]), np.sort(rows["t_escape"].to_numpy())
    )
    np.testing.assert_allclose(*points(law, "times").T, rtol=1e-6)


def test_the_guide_has_slope_one_through_the_flows():
    _, _, law = figureS1.draw(one_law_table()).axes
    x, y = points(law, "law").T
    np.testing.assert_allclose(y / x, 1, rtol=1e-6)


def test_a_class_without_the_law_is_refused():
    with pytest.raises(ValueError, match="cls: cannot draw 'D'"):
        figureS1.draw(one_law_table().assign(cls="D"))


def decay_table():
    rows = []
    for decayed in ("small", "all"):
        m = 2 if decayed == "small" else 4
        shared = {
            "case": decayed, "decayed": decayed, "L": 6, "r": 4, "epsilon": 0.01, "seed": 0,
            "t_free": 100.0, "gradient_evaluations": 1, "t": np.nan, "size": np.nan,
            "size_predicted": np.nan, "loss": np.nan,
        }  # fmt: skip
        for ratio in (0.0, 0.5, 0.9, 1.5):
            x, status = ratio / m, "escaped" if ratio < 1 else "not_escaped"
            t = 100 * figureS2.time_ratio(np.array([x]), m)[0] if ratio < 1 else np.inf
            times = {"t_predicted": t, "t_escape": t if ratio < 1 else np.nan}
            row = shared | times | {"decay_ratio": ratio, "decay": x / 100, "status": status}
            rows.append(row | {"kind": "time"})
        path = {"kind": "step", "size": 0.5, "size_predicted": 0.5, "loss": 1.0}
        rows += [row | path | {"t": t} for t in (100.0, 200.0)]
    return pd.DataFrame(rows)[list(figureS2.COLUMNS)]


def test_escapes_lie_on_their_curve_and_the_others_are_marked():
    small, whole, sizes = figureS2.draw(decay_table()).axes
    for axes, m in ((small, 2), (whole, 4)):
        x, y = points(axes, "times").T
        np.testing.assert_allclose(y, figureS2.time_ratio(x, m))
        assert points(axes, "not_escaped")[:, 0] == pytest.approx(1.5 / m)
    assert len(points(sizes, "steps")) == 4


def test_the_curve_is_the_closed_form():
    x = np.array([1e-9, 0.2, 0.4999])
    np.testing.assert_allclose(figureS2.time_ratio(x, 2), -np.log1p(-2 * x) / (2 * x))


@pytest.mark.parametrize("figure", [figureS1, figureS2])
def test_columns_are_the_studys(figure):
    from saddle_escape.studies import one_law, weight_decay

    study = {figureS1: one_law, figureS2: weight_decay}[figure]
    assert figure.COLUMNS == study.COLUMNS
