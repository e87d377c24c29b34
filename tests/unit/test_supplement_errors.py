"""Figures S3 and S6: every row is drawn, every law is, and what was not counted looks so."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from saddle_escape.figures import figureS3, figureS6

EPSILON = np.array([1e-3, 1e-2, 1e-1])


def errors():
    """Both starts at r = 4 and 5, q = 3: one logarithm, one constant, one error not seen."""
    rows = []
    for start, seeds in (("symmetric", 1), ("he_normal", 2)):
        for seed, r, e in ((s, r, e) for s in range(seeds) for r in (4, 5) for e in EPSILON):
            row = {"case": "q3", "activation": "tanh", "start": start, "seed": seed, "q": 3, "r": r}
            row |= {"L": r, "epsilon": e, "order": 2, "status": "escaped", "tolerance": 1e-9}
            row["log_slope"] = 2.4 if r == 4 else np.nan
            row["constant"] = 0.35 if r == 5 and start == "symmetric" else np.nan
            row["error"] = (1 + 2.4 * np.log(1 / e)) * e**2 if r == 4 else 0.35 * e**2
            row["t_predicted"] = e ** -(r - 2.0)
            row["t_escape"] = row["t_predicted"] * (1 + row["error"])
            rows.append(row)
    table = pd.DataFrame(rows)
    table.loc[(table["r"] == 5) & (table["epsilon"] == 1e-3), "error"] = 1e-10
    return table


def costs():
    """Two activations at four layers, tanh at three as well; descent counted at one epsilon."""
    rows = []
    for name, q, depth in (("tanh", 3, 3), ("tanh", 3, 4), ("gelu", 2, 4)):
        base = {"case": f"{name}_L{depth}", "activation": name, "q": q, "L": depth, "seed": 0}
        for layer in range(1, depth):
            law, at_escape = depth + layer * (q - 1), -(0.1**layer)
            rows.append(base | _row("drift_order", layer, 1e-3, law, law))
            rows += [base | _row("imbalance", layer, e, at_escape, at_escape) for e in EPSILON]
        for method, e in ((m, e) for m in figureS6.METHODS for e in EPSILON):
            far = method == "descent" and e < 0.1
            value = e ** -(depth - 1.0) if method == "descent" else 100 - 50 * np.log10(e)
            status = "extrapolated" if far else "escaped"
            rows.append(base | _row(method, 0, e, value, np.nan, status))
    return pd.DataFrame(rows)


def _row(quantity, layer, epsilon, value, law, status="escaped"):
    names = ("quantity", "layer", "epsilon", "value", "law", "status")
    return dict(zip(names, (quantity, layer, epsilon, value, law, status), strict=True))


def lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def total(drawn):
    return sum(len(line.get_xdata()) for line in drawn)


def test_every_error_is_drawn_and_those_below_the_tolerance_are_grey():
    table = errors()
    figure = figureS3.draw(table)
    shown = [*lines(figure, "r4"), *lines(figure, "r5")]
    below = lines(figure, "below")
    assert total(shown) + total(below) == len(table)
    assert total(below) == 3
    assert all(line.get_color() == figureS3.UNSEEN for line in below)


def test_the_laws_are_the_constant_and_the_logarithm():
    figure = figureS3.draw(errors())
    top, middle, bottom = figure.axes
    (known,) = [
        line for line in top.lines if line.get_gid() == "law" and line.get_linestyle() == "-"
    ]
    np.testing.assert_allclose(known.get_ydata(), 0.35 * known.get_xdata() ** 2)
    (curved,) = [
        line for line in top.lines if line.get_gid() == "law" and line.get_linestyle() != "-"
    ]
    np.testing.assert_allclose(curved.get_ydata(), errors()["error"][:3])
    laws = [line for line in bottom.lines if line.get_gid() == "law"]
    assert len(laws) == 3  # of the manifold and both seeds, r = 4 alone
    slopes = np.diff(laws[0].get_ydata()) / np.diff(np.log(laws[0].get_xdata()))
    np.testing.assert_allclose(slopes, -2.4)
    assert len(middle.lines) > len(top.lines)


def test_every_order_imbalance_and_cost_is_drawn():
    table = costs()
    figure = figureS6.draw(table)
    assert total(lines(figure, "drift")) == (table["quantity"] == "drift_order").sum()
    at_four = (table["quantity"] == "imbalance") & (table["L"] == 4)
    assert total(lines(figure, "imbalance")) == at_four.sum()
    for method in figureS6.METHODS:
        against_epsilon = 2 * len(EPSILON)  # of tanh, the activation with most depths
        assert total(lines(figure, method)) == against_epsilon + 2  # and at the smallest


def test_what_is_extrapolated_is_open():
    figure = figureS6.draw(costs())
    drawn = [line for line in lines(figure, "descent") if len(line.get_xdata())]
    opened = [line for line in drawn if to_rgb(line.get_markerfacecolor()) == (1, 1, 1)]
    assert total(opened) == 2 * 2 + 2
    assert "extrapolated" in [t.get_text() for t in figure.subfigs[1].legends[0].get_texts()]


@pytest.mark.parametrize(("module", "table"), [(figureS3, errors), (figureS6, costs)])
def test_missing_columns_and_unknown_values_are_named(module, table):
    with pytest.raises(ValueError, match=r"missing column.*'epsilon'"):
        module.draw(table().drop(columns="epsilon"))
    column = "start" if module is figureS3 else "quantity"
    with pytest.raises(ValueError, match="cannot draw 'other'"):
        module.draw(table().assign(**{column: "other"}))
