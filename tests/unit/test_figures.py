"""Figures 1-3: every row is drawn, bad tables are refused, files are byte-identical."""

import hashlib
import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from saddle_escape.figures import manifold as figures
from saddle_escape.figures import style

LAYERS = 4
K = {"tanh": 0.07571, "sin": 0.07582, "erf": 0.11700, "gelu": 0.00781, "swish": 0.00781}
CLASS = {"tanh": "B", "sin": "B", "erf": "B", "gelu": "C", "swish": "C"}


def closed_form(epsilon, depth, rate, threshold=0.5):
    """Theorem 5's escape time of a balanced start."""
    return (epsilon ** (2 - depth) - threshold ** (2 - depth)) / ((depth - 2) * rate)


def figure1_table(count=301):
    """One sigmoidal drop, at the time and with the values of figure 1."""
    t = np.linspace(0.0, 6300.0, count)
    escaped = 1.0 / (1.0 + np.exp(-(t - 1950.0) / 60.0))
    parts = []
    for shift, route in enumerate(figures.FIGURE1_ROUTES):
        loss = 0.197 * (1 - escaped) + 0.003 * escaped * np.exp(-t / 2000.0)
        curves = {("a", route): loss * (1 + 0.01 * shift)}
        for layer in range(1, LAYERS + 1):
            curves["b", f"{route}_X{layer}"] = 0.02 * layer + 0.5 * escaped * (1 + 0.01 * shift)
        parts += [
            pd.DataFrame({"panel": panel, "series": series, "t": t, "value": value})
            for (panel, series), value in curves.items()
        ]
    return pd.concat(parts, ignore_index=True)


def figure2_table(count=8):
    """Closed forms for five depths; five bottleneck sizes, of which two lose their plateau."""
    rows = []
    for epsilon in np.geomspace(1e-3, 0.3, count):
        for depth in (3, 4, 5, 6, 8):
            t = closed_form(epsilon, depth, K["tanh"])
            rows += [
                ("a", depth, depth, epsilon, r, t, "escaped")
                for r in ("closed_form", "reduced_ode")
            ]
        for r in (2, 3, 4, 5, 6):
            law = epsilon ** (2 - r) if r > 2 else np.log(1 / epsilon)
            lost = r < 4 and epsilon > 0.1
            rows.append(("b", 6, r, epsilon, "quadrature", law, "escaped"))
            rows.append(("b", 6, r, epsilon, "power_law", epsilon ** (2 - r), "escaped"))
            t, status = (np.nan, "no_plateau") if lost else (1.05 * law, "escaped")
            rows.append(("b", 6, r, epsilon, "reduced_ode", t, status))
    columns = ["panel", "L", "r", "epsilon", "route", "t_escape", "status"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(6, "local_exponent", np.nan)
    return table


def figure3_table(count=4):
    """Corollary 7 with deviations of the sign and order that the classes have."""
    rows = []
    for name, rate in K.items():
        for epsilon in np.geomspace(0.03, 0.1, count):
            t = closed_form(epsilon, LAYERS, rate)
            deviation = 5 * epsilon**2 if CLASS[name] == "B" else -epsilon
            for route, factor in (
                ("closed_form", 1),
                ("reduced_ode", 1 + deviation),
                ("network", 1 + deviation),
            ):
                rows.append(
                    (
                        name,
                        CLASS[name],
                        epsilon,
                        route,
                        t * factor,
                        rate,
                        rate * t * factor,
                        "escaped",
                    )
                )
    return pd.DataFrame(rows, columns=list(figures.FIGURE3_COLUMNS))


CASES = {
    "figure1": (figures.draw_figure1, figure1_table),
    "figure2": (figures.draw_figure2, figure2_table),
    "figure3": (figures.draw_figure3, figure3_table),
}


def drawn(axes, gid):
    """All finite points of the artists of one route or status, as a set of (x, y)."""
    lines = [line for line in axes.get_lines() if line.get_gid() == gid]
    points = [line.get_xydata() for line in lines]
    return {
        tuple(p) for p in np.concatenate(points or [np.empty((0, 2))]) if np.all(np.isfinite(p))
    }


def points_of(rows, x, y):
    return set(rows[[x, y]].dropna().itertuples(index=False, name=None))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_saving_twice_gives_the_same_bytes(name, tmp_path):
    draw, table = CASES[name]
    figure = draw(table())
    first = [digest(p) for p in style.save(figure, tmp_path / name)]
    assert [digest(p) for p in style.save(figure, tmp_path / name)] == first, "same figure"
    assert [digest(p) for p in style.save(draw(table()), tmp_path / "new" / name)] == first
    assert sorted(p.name for p in tmp_path.glob("figure*")) == [f"{name}.pdf", f"{name}.png"]


def test_bytes_do_not_depend_on_the_process(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_figures as t;"
        "t.style.save(t.figures.draw_figure1(t.figure1_table(3)), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, os.path.dirname(__file__), str(tmp_path / "other")]
    changed = {"PYTHONHASHSEED": "7", "MPLBACKEND": "pdf", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, check=True, env=os.environ | changed)
    here = style.save(figures.draw_figure1(figure1_table(3)), tmp_path / "here")
    assert [digest(tmp_path / f"other{p.suffix}") for p in here] == [digest(p) for p in here]


def test_drawing_does_not_depend_on_row_order():
    shuffled = figure2_table().sample(frac=1.0, random_state=0)
    figures_ = figures.draw_figure2(figure2_table()), figures.draw_figure2(shuffled)
    for one, other in zip(*(figure.axes for figure in figures_), strict=True):
        for a, b in zip(one.get_lines(), other.get_lines(), strict=True):
            np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


def test_figure1_draws_every_series():
    table = figure1_table()
    axes = dict(zip("ab", figures.draw_figure1(table).axes, strict=True))
    for panel in "ab":
        rows = table[table["panel"] == panel]
        for route in figures.FIGURE1_ROUTES:
            series = rows[rows["series"].str.fullmatch(route + r"(_X\d)?")]
            shown, given = drawn(axes[panel], route), points_of(series, "t", "value")
            assert shown <= given
            if route == "network":
                curves = series["series"].nunique()
                assert 10 * curves <= len(shown) <= figures.CIRCLES * curves
            else:
                assert shown == given
    (inset,) = axes["b"].child_axes
    assert all(drawn(inset, route) for route in figures.FIGURE1_ROUTES)
    assert drawn(inset, "reduced_ode") < drawn(axes["b"], "reduced_ode")
    low, high = inset.get_xlim()
    assert low < 1950 < high < low + 600, "the inset magnifies the escape"
    labels = {text.get_text() for text in axes["b"].texts}
    assert labels == {f"$X_{{{layer}}}$" for layer in range(1, LAYERS + 1)}


def test_figure2_draws_every_escaped_row_and_marks_the_others():
    table = figure2_table()
    axes = dict(zip("ab", figures.draw_figure2(table).axes, strict=True))
    for (panel, route), rows in table.groupby(["panel", "route"]):
        done = rows[rows["status"] == "escaped"]
        assert drawn(axes[panel], route) == points_of(done, "epsilon", "t_escape")
    lost = table[table["status"] == "no_plateau"]
    marks = drawn(axes["b"], "no_plateau")
    assert len(marks) == len(lost) > 0
    assert {x for x, _ in marks} == set(lost["epsilon"])
    assert len({y for _, y in marks}) == lost["r"].nunique(), "series must not hide one another"
    assert all(0 < y < 1 for _, y in marks), "axes fractions"
    legends = {p: [t.get_text() for t in a.get_legend().get_texts()] for p, a in axes.items()}
    assert "no plateau" in legends["b"] and "no plateau" not in legends["a"]


def test_unescaped_marks_lie_below_the_data():
    axes = figures.draw_figure2(figure2_table()).axes[1]
    lowest = min(y for route in ("quadrature", "reduced_ode") for _, y in drawn(axes, route))
    fraction = axes.transAxes.inverted().transform(axes.transData.transform((1e-2, lowest)))[1]
    assert max(y for _, y in drawn(axes, "no_plateau")) < fraction


@pytest.mark.parametrize("status", ["no_plateau", "not_escaped", "diverged"])
def test_every_status_has_its_own_mark(status):
    table = figure3_table()
    hit = (table["activation"] == "erf") & (table["route"] == "network")
    table.loc[hit, ["t_escape", "K_t_escape"]] = np.nan
    table.loc[hit, "status"] = status
    figure = figures.draw_figure3(table)
    assert {x for x, _ in drawn(figure.axes[0], status)} == set(table.loc[hit, "epsilon"])
    legend = [t.get_text() for t in figure.axes[1].get_legend().get_texts()]
    assert status.replace("_", " ") in legend


def test_figure3_draws_raw_scaled_and_ratio():
    table = figure3_table()
    raw, scaled, ratio = figures.draw_figure3(table).axes
    for route, rows in table.groupby("route"):
        assert drawn(raw, route) == points_of(rows, "epsilon", "t_escape")
        if route == "closed_form":
            assert drawn(scaled, "common") == points_of(rows, "epsilon", "K_t_escape")
            continue
        assert drawn(scaled, route) == points_of(rows, "epsilon", "K_t_escape")
        for epsilon, quotient in drawn(ratio, route):
            deviations = [5 * epsilon**2, -epsilon]
            assert min(abs(quotient - 1 - d) for d in deviations) < 1e-3
        assert len(drawn(ratio, route)) >= 8


def test_figure3_tells_overlapping_activations_apart():
    raw = figures.draw_figure3(figure3_table()).axes[0]
    lines = [line for line in raw.get_lines() if line.get_gid() == "closed_form"]
    assert len({line.get_color() for line in lines}) == len(K)
    assert [line.is_dashed() for line in lines] == [CLASS[name] == "C" for name in K]
    tanh, sin = (
        line for line in raw.get_lines() if line.get_gid() == "network" and line in raw.lines[:6]
    )
    assert tanh.get_markersize() > sin.get_markersize()
    assert lines[0].get_linewidth() > lines[1].get_linewidth()


@pytest.mark.parametrize("name", CASES)
def test_missing_and_unknown_columns_are_named(name):
    draw, table = CASES[name]
    for column in table().columns:
        with pytest.raises(ValueError, match=f"missing.*'{column}'"):
            draw(table().drop(columns=column))
    with pytest.raises(ValueError, match=r"unknown.*'epsilonn'"):
        draw(table().assign(epsilonn=1.0))
    with pytest.raises(ValueError, match="no rows"):
        draw(table().iloc[:0])


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("figure1", "panel", "c"),
        ("figure1", "series", "netwrok_X1"),
        ("figure2", "panel", "c"),
        ("figure2", "route", "sgd"),
        ("figure2", "status", "capped"),
        ("figure3", "route", "quadrature"),
        ("figure3", "status", "capped"),
        ("figure3", "class", "E"),
    ],
)
def test_values_that_cannot_be_drawn_are_named(name, column, value):
    draw, table = CASES[name]
    bad = table()
    bad.loc[bad.index[-1], column] = value
    with pytest.raises(ValueError, match=value) as error:
        draw(bad)
    assert "\n" not in str(error.value) and name[-1] in str(error.value)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 3])
def test_tables_of_a_small_tier_can_be_drawn(name, count):
    draw, table = CASES[name]
    figure = draw(table(count))
    figure.draw_without_rendering()
    assert all(axes.get_lines() for axes in figure.axes)


@pytest.mark.parametrize(
    ("name", "choice"),
    [("figure1", "series == 'network'"), ("figure2", "panel == 'b' and r == 2")],
)
def test_one_series_alone_can_be_drawn(name, choice):
    draw, table = CASES[name]
    figure = draw(table().query(choice))
    figure.draw_without_rendering()
    assert [bool(axes.get_lines()) for axes in figure.axes] == [
        name == "figure1",
        name == "figure2",
    ]


def test_labels_at_line_ends_move_apart_and_stay_in_order():
    axes = style.new_figure().subplots()
    axes.plot([0, 1], [0, 1])
    figures.settle(axes.figure)
    heights = [0.5, 0.501, 0.1, 0.502]
    figures.label_ends(axes, [(1.0, y, str(y), (0, 0, 0)) for y in heights])
    shift = {float(text.get_text()): text.get_position()[1] for text in axes.texts}
    assert shift[0.1] == pytest.approx(0.0, abs=1e-9)
    assert shift[0.5] < -5 < 5 < shift[0.502]
    assert sum(shift.values()) == pytest.approx(0.0, abs=1e-9), "a cluster keeps its centre"


def test_thinning_keeps_ends_and_resolves_the_drop():
    t = np.linspace(0.0, 1.0, 2001)
    y = -10.0 / (1.0 + np.exp(-(t - 0.5) / 0.005))
    kept = figures.thin(t, y, 21)
    assert kept[0] == 0 and kept[-1] == 2000 and len(kept) <= 21
    assert np.all(np.diff(kept) > 0)
    assert np.sum((t[kept] > 0.47) & (t[kept] < 0.53)) >= 7, (
        "half of the curve's length is the drop"
    )
    assert list(figures.thin(t[:5], y[:5], 21)) == [0, 1, 2, 3, 4]


def test_style_neither_leaks_in_nor_out():
    mpl.rcParams["axes.labelpad"] = 30.0
    try:
        figure = figures.draw_figure1(figure1_table())
        assert mpl.rcParams["axes.labelpad"] == 30.0
    finally:
        mpl.rcdefaults()
    assert figure.axes[0].xaxis.labelpad < 10.0
    assert isinstance(figure.canvas, FigureCanvasAgg)
    assert tuple(figure.get_size_inches()) == (style.DOUBLE_WIDTH, style.PANEL_HEIGHT)


def test_ordered_colours_grow_lighter():
    luminance = [np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in style.ordered_colors(5)]
    assert np.all(np.diff(luminance) > 0.04)


def test_text_is_set_without_latex_in_shipped_fonts():
    figure = figures.draw_figure2(figure2_table())
    for text in figure.findobj(mpl.text.Text):
        assert not text.get_usetex()
        assert text.get_fontfamily() == ["STIXGeneral"]
