"""Every figure: rows are drawn, bad tables are refused, files are byte-identical, torch unused."""

import hashlib
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from saddle_escape.artifact import from_seaborn, notebook
from saddle_escape.artifact.catalogue import FIGURES
from saddle_escape.figures import (
    asymptotics,
    attraction,
    figure1,
    figure2,
    figure3,
    figure4,
    phi,
    signal,
    style,
)
from saddle_escape.figures.axes import CIRCLES, label_ends, settle, thin

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow" / "saddle_escape"

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
    for shift, route in enumerate(figure1.ROUTES):
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
    """Five depths and five bottleneck sizes by both criteria, of which two lose their plateau."""
    rows = []
    for epsilon in np.geomspace(1e-3, 0.3, count):
        curves = [("a", depth, depth) for depth in (3, 4, 5, 6, 8)]
        for panel, depth, r in curves + [("b", 6, r) for r in (2, 3, 4, 5, 6)]:
            law = closed_form(epsilon, r, K["tanh"]) if r > 2 else np.log(1 / epsilon)
            for criterion, threshold in (("alignment", 0.3), ("loss", 0.5)):
                lost = panel == "b" and r < 4 and epsilon > 0.1 and criterion == "loss"
                ratio, matched = (
                    (1 - epsilon, 1 + epsilon) if threshold < 0.4 else (1 + epsilon,) * 2
                )
                t, status = (np.nan, "no_plateau") if lost else (ratio * law, "escaped")
                common = (panel, depth, r, epsilon, criterion, threshold)
                line = (1.0, np.nan, np.nan, np.nan)
                rows.append((*common, "quadrature", law, "escaped", *line))
                quotients = (np.nan, np.nan) if lost else (ratio, matched)
                rows.append((*common, "reduced_ode", t, status, 1.0, law, *quotients))
    columns = ["panel", "L", "r", "epsilon", "criterion", "threshold", "route", "t_escape"]
    columns += ["status", "upper_limit", "theory", "ratio", "matched_ratio"]
    return pd.DataFrame(rows, columns=columns).reindex(columns=list(figure2.COLUMNS))


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
                ("minibatch", 1.01 + deviation),
                ("published", 1.05 + deviation),
            ):
                seeds = route == "minibatch"
                rows.append(
                    (
                        name,
                        CLASS[name],
                        epsilon,
                        route,
                        t * factor,
                        0.9 * t * factor if seeds else np.nan,
                        1.1 * t * factor if seeds else np.nan,
                        rate,
                        rate * t * factor,
                        "escaped",
                    )
                )
    return pd.DataFrame(rows, columns=list(figure3.COLUMNS))


def figure4_table(count=4):
    """Three r by both routes, of which a tier leaves one point out and one starts too high."""
    rows = []
    for r in (3, 5, 8):
        for epsilon in np.geomspace(0.05, 0.4, count):
            t = epsilon ** (2 - r)
            common = {"r": r, "epsilon": epsilon, "published": 1.1 * t if r < 8 else np.nan}
            for route, factor in (("flow", 1.0), ("sgd", 1.05)):
                times = {"t_mean": factor * t, "t_min": 0.9 * t, "t_max": 1.2 * t}
                outcome = {"n_seeds": 6, "source": "computed", "status": "escaped"}
                rows.append({"route": route} | outcome | common | times)
    table = pd.DataFrame(rows, columns=figure4.COLUMNS)
    table.loc[table.index[-2:], ["status", "t_max"]] = ("no_plateau", np.nan)
    table.loc[table.index[-1], ["status", "source", "t_mean"]] = ("left_out", "none", np.nan)
    table.loc[table.index[-3], "source"] = "record"
    return table


def asymptotics_table(count=4):
    cases = [(8, 3), (8, 5), (4, 4), (12, 4)]
    epsilon = np.geomspace(1e-4, 1e-1, count)
    parts = [
        pd.DataFrame(
            {
                "L": depth,
                "r": r,
                "epsilon": epsilon,
                "t_median": epsilon ** (2.0 - r),
                "t_q25": 0.9 * epsilon ** (2.0 - r),
                "t_q75": 1.1 * epsilon ** (2.0 - r),
                "local_exponent": 2 - r - epsilon**2 / depth,
                "status": "escaped",
            }
        )
        for depth, r in cases
    ]
    return pd.concat(parts).reindex(columns=asymptotics.COLUMNS).reset_index(drop=True)


def signal_table(count=30):
    gamma = np.geomspace(1e-12, 0.3, count)
    parts = [
        pd.DataFrame(
            {
                "r": r,
                "seed": seed,
                "epsilon": epsilon,
                "gamma": gamma,
                "growth": gamma ** (2 - 2 / r),
                "spectral_min": 1 - gamma,
            }
        )
        for r in (3, 5)
        for seed in (0, 1)
        for epsilon in (1e-4, 1e-3)
    ]
    return pd.concat(parts).reindex(columns=signal.COLUMNS).reset_index(drop=True)


def attraction_table(count=20):
    growth = np.geomspace(1, 50, count)
    parts = [
        pd.DataFrame(
            {"kind": kind, "seed": 0, "epsilon": e, "growth": growth, "distance": growth**power}
        )
        for kind, power in (("noise", -0.2), ("profile", -0.02))
        for e in (0.01, 0.1)
    ]
    return pd.concat(parts).reindex(columns=attraction.COLUMNS).reset_index(drop=True)


def phi_table(count=50):
    return notebook.phi_table(["tanh", "gelu", "relu", "sigmoid"], np.geomspace(1e-3, 3, count))


CASES = {
    "figure1": (figure1.draw, figure1_table),
    "figure2": (figure2.draw, figure2_table),
    "figure3": (figure3.draw, figure3_table),
    "figure4": (figure4.draw, figure4_table),
    "asymptotics": (asymptotics.draw, asymptotics_table),
    "signal": (signal.draw, signal_table),
    "attraction": (attraction.draw, attraction_table),
    "phi": (phi.draw, phi_table),
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
    assert sorted(p.name for p in tmp_path.glob("*.p*")) == [f"{name}.pdf", f"{name}.png"]


def test_bytes_do_not_depend_on_the_process(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_figures as t;"
        "t.style.save(t.figure1.draw(t.figure1_table(3)), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, os.path.dirname(__file__), str(tmp_path / "other")]
    changed = {"PYTHONHASHSEED": "7", "MPLBACKEND": "pdf", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, check=True, env=os.environ | changed)
    here = style.save(figure1.draw(figure1_table(3)), tmp_path / "here")
    assert [digest(tmp_path / f"other{p.suffix}") for p in here] == [digest(p) for p in here]


def test_drawing_does_not_depend_on_row_order():
    shuffled = figure2_table().sample(frac=1.0, random_state=0)
    both = figure2.draw(figure2_table()), figure2.draw(shuffled)
    for one, other in zip(*(figure.axes for figure in both), strict=True):
        for a, b in zip(one.get_lines(), other.get_lines(), strict=True):
            np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


def test_figure1_draws_every_series():
    table = figure1_table()
    axes = dict(zip("ab", figure1.draw(table).axes, strict=True))
    for panel in "ab":
        rows = table[table["panel"] == panel]
        for route in figure1.ROUTES:
            series = rows[rows["series"].str.fullmatch(route + r"(_X\d)?")]
            shown, given = drawn(axes[panel], route), points_of(series, "t", "value")
            assert shown <= given
            if route == "network":
                curves = series["series"].nunique()
                assert 10 * curves <= len(shown) <= CIRCLES * curves
            else:
                assert shown == given
    (inset,) = axes["b"].child_axes
    assert all(drawn(inset, route) for route in figure1.ROUTES)
    assert drawn(inset, "reduced_ode") < drawn(axes["b"], "reduced_ode")
    low, high = inset.get_xlim()
    assert low < 1950 < high < low + 600, "the inset magnifies the escape"
    labels = {text.get_text() for text in axes["b"].texts}
    assert labels == {f"$X_{{{layer}}}$" for layer in range(1, LAYERS + 1)}


def figure2_panels(table):
    """{panel: axes of the times}, {panel: axes of the ratios}."""
    axes = figure2.draw(table).axes
    return dict(zip("ab", axes[:2], strict=True)), dict(zip("ab", axes[2:], strict=True))


def test_figure2_draws_every_escaped_row_and_marks_the_others():
    table = figure2_table()
    times, _ = figure2_panels(table)
    for (panel, route, criterion), rows in table.groupby(["panel", "route", "criterion"]):
        done = rows[rows["status"] == "escaped"]
        shown = drawn(times[panel], f"{route} {criterion}")
        assert shown == points_of(done, "epsilon", "t_escape")
    lost = table[table["status"] == "no_plateau"]
    marks = drawn(times["b"], "no_plateau")
    assert len(marks) == len(lost) > 0
    assert {x for x, _ in marks} == set(lost["epsilon"])
    assert len({y for _, y in marks}) == lost["r"].nunique(), "series must not hide one another"
    assert all(0 < y < 1 for _, y in marks), "axes fractions"
    assert not drawn(times["a"], "no_plateau")
    legend = [text.get_text() for text in times["b"].get_legend().get_texts()]
    assert legend == ["no plateau"]


def test_figure2_draws_the_ratios_of_both_criteria():
    table = figure2_table()
    times, ratios = figure2_panels(table)
    assert all(times[panel].get_xlim() == ratios[panel].get_xlim() for panel in "ab")
    computed = table[table["route"] == "reduced_ode"]
    for (panel, criterion), rows in computed.groupby(["panel", "criterion"]):
        shown = drawn(ratios[panel], f"reduced_ode {criterion}")
        assert shown == points_of(rows, "epsilon", "ratio")
    for panel, rows in computed[computed["criterion"] == "alignment"].groupby("panel"):
        assert drawn(ratios[panel], "matched") == points_of(rows, "epsilon", "matched_ratio")


def test_figure2_says_where_its_integrals_and_events_end():
    table = figure2_table().replace({"threshold": {0.3: 0.25}, "upper_limit": {1.0: 0.75}})
    times, ratios = figure2_panels(table)
    legends = [axes["a"].get_legend().get_texts() for axes in (times, ratios)]
    words = [text.get_text() for legend in legends for text in legend]
    assert "reduced ODE to $X_1=0.25$ (Thm. 4)" in words
    assert "$X_1=0.25$ over the integral to 0.75" in words
    assert "the same over the integral to 0.25" in words


def test_unescaped_marks_lie_below_the_data():
    axes = figure2_panels(figure2_table())[0]["b"]
    routes = ("quadrature loss", "reduced_ode loss", "reduced_ode alignment")
    lowest = min(y for route in routes for _, y in drawn(axes, route))
    fraction = axes.transAxes.inverted().transform(axes.transData.transform((1e-2, lowest)))[1]
    assert max(y for _, y in drawn(axes, "no_plateau")) < fraction


@pytest.mark.parametrize("status", ["no_plateau", "not_escaped", "diverged"])
def test_every_status_has_its_own_mark(status):
    table = figure3_table()
    hit = (table["activation"] == "erf") & (table["route"] == "network")
    table.loc[hit, ["t_escape", "K_t_escape"]] = np.nan
    table.loc[hit, "status"] = status
    figure = figure3.draw(table)
    assert {x for x, _ in drawn(figure.axes[0], status)} == set(table.loc[hit, "epsilon"])
    legend = [t.get_text() for t in figure.axes[1].get_legend().get_texts()]
    assert status.replace("_", " ") in legend


def test_figure3_draws_raw_scaled_and_ratio():
    table = figure3_table()
    raw, scaled, ratio = figure3.draw(table).axes
    for route, rows in table.groupby("route"):
        assert drawn(raw, route) == points_of(rows, "epsilon", "t_escape")
        if route == "closed_form":
            assert drawn(scaled, "common") == points_of(rows, "epsilon", "K_t_escape")
            continue
        assert drawn(scaled, route) == points_of(rows, "epsilon", "K_t_escape")
        offset = {"minibatch": 1.01, "published": 1.05}.get(route, 1.0)
        for epsilon, quotient in drawn(ratio, route):
            deviations = [5 * epsilon**2, -epsilon]
            assert min(abs(quotient - offset - d) for d in deviations) < 1e-3
        assert len(drawn(ratio, route)) >= 8


def test_figure3_tells_overlapping_activations_apart():
    raw = figure3.draw(figure3_table()).axes[0]
    lines = [line for line in raw.get_lines() if line.get_gid() == "closed_form"]
    assert len({line.get_color() for line in lines}) == len(K)
    assert [line.is_dashed() for line in lines] == [CLASS[name] == "C" for name in K]
    tanh, sin = (
        line for line in raw.get_lines() if line.get_gid() == "network" and line in raw.lines[:8]
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
        ("figure2", "criterion", "correlation"),
        ("figure2", "status", "capped"),
        ("figure3", "route", "quadrature"),
        ("figure3", "status", "capped"),
        ("figure3", "class", "E"),
        ("figure4", "route", "reduced_ode"),
        ("figure4", "status", "capped"),
        ("figure4", "source", "typed"),
        ("attraction", "kind", "nosie"),
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
    assert [bool(axes.get_lines()) for axes in figure.axes[:2]] == [
        name == "figure1",
        name == "figure2",
    ]


def test_labels_at_line_ends_move_apart_and_stay_in_order():
    panel = style.new_figure().subplots()
    panel.plot([0, 1], [0, 1])
    settle(panel.figure)
    heights = [0.5, 0.501, 0.1, 0.502]
    label_ends(panel, [(1.0, y, str(y), (0, 0, 0)) for y in heights])
    shift = {float(text.get_text()): text.get_position()[1] for text in panel.texts}
    assert shift[0.1] == pytest.approx(0.0, abs=1e-9)
    assert shift[0.5] < -5 < 5 < shift[0.502]
    assert sum(shift.values()) == pytest.approx(0.0, abs=1e-9), "a cluster keeps its centre"


def test_thinning_keeps_ends_and_resolves_the_drop():
    t = np.linspace(0.0, 1.0, 2001)
    y = -10.0 / (1.0 + np.exp(-(t - 0.5) / 0.005))
    kept = thin(t, y, 21)
    assert kept[0] == 0 and kept[-1] == 2000 and len(kept) <= 21
    assert np.all(np.diff(kept) > 0)
    assert np.sum((t[kept] > 0.47) & (t[kept] < 0.53)) >= 7, (
        "half of the curve's length is the drop"
    )
    assert list(thin(t[:5], y[:5], 21)) == [0, 1, 2, 3, 4]


def test_style_neither_leaks_in_nor_out():
    mpl.rcParams["axes.labelpad"] = 30.0
    try:
        figure = figure1.draw(figure1_table())
        assert mpl.rcParams["axes.labelpad"] == 30.0
    finally:
        mpl.rcdefaults()
    assert figure.axes[0].xaxis.labelpad < 10.0
    assert isinstance(figure.canvas, FigureCanvasAgg)
    assert tuple(figure.get_size_inches()) == (style.DOUBLE_WIDTH, style.PANEL_HEIGHT)


def test_style_is_that_of_the_installed_seaborn():
    assert from_seaborn.module() == from_seaborn.TABLE.read_text(), (
        "run python -m saddle_escape.artifact.from_seaborn"
    )


def test_ordered_colours_grow_lighter():
    luminance = [np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in style.ordered_colors(5)]
    assert np.all(np.diff(luminance) > 0.04)


def test_text_is_set_without_latex_in_shipped_fonts():
    figure = figure2.draw(figure2_table())
    for text in figure.findobj(mpl.text.Text):
        assert not text.get_usetex()
        assert text.get_fontfamily() == ["STIXGeneral"]


def test_figure4_draws_every_mean_the_published_points_and_one_law_for_each_r():
    table = figure4_table()
    figure = figure4.draw(table)
    (panel,) = figure.axes
    with_bars = {"flow": [], "sgd": []}
    for container in panel.containers:
        with_bars[container.lines[0].get_gid()] += [*container.lines[0].get_xydata()]
    for route, rows in table.groupby("route"):
        shown = {tuple(point) for point in with_bars[route]}
        assert shown == points_of(rows, "epsilon", "t_mean")
    recorded = table[table["source"] == "record"]
    assert drawn(panel, "record") == points_of(recorded, "epsilon", "t_mean") != set()
    assert drawn(panel, "published") == points_of(table, "epsilon", "published")
    laws = [line.get_xydata() for line in panel.get_lines() if line.get_gid() == "law"]
    slopes = [np.diff(np.log(law[[0, -1]]), axis=0)[0] for law in laws]
    np.testing.assert_allclose([dy / dx for dx, dy in slopes], [-1, -3, -6])
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert "faint: starts above its plateau" in legend
    assert "no SGD: left to the full tier" in legend


def test_an_r_without_any_time_has_no_law():
    table = figure4_table()
    table.loc[table["r"] == 5, ["t_mean", "t_min", "t_max"]] = np.nan
    panel = figure4.draw(table).axes[0]
    assert [line.get_gid() for line in panel.get_lines()].count("law") == 2


def test_asymptotics_show_the_depth_with_most_r_in_colour_and_the_others_in_grey():
    left, right = asymptotics.draw(asymptotics_table()).axes
    assert len([line for line in left.get_lines() if line.get_gid() == "law"]) == 2
    grey = [to_rgb(line.get_color()) == to_rgb(style.GREY) for line in right.get_lines()]
    assert grey == [False, False, True, True]
    epsilon = asymptotics_table()["epsilon"].unique()
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), epsilon**2 / 8, rtol=1e-6)


def test_the_signals_smallest_epsilon_alone_is_drawn_with_its_power():
    left, right = signal.draw(signal_table()).axes
    laws = [line.get_xydata() for line in left.get_lines() if line.get_gid() == "law"]
    slopes = [np.diff(np.log(law[[0, -1]]), axis=0)[0] for law in laws]
    np.testing.assert_allclose([dy / dx for dx, dy in slopes], [4 / 3, 8 / 5])
    assert len(right.get_lines()) == 4, "two r, two seeds"


def test_attraction_is_relative_to_the_start():
    for panel, power in zip(attraction.draw(attraction_table()).axes, (-0.2, -0.02), strict=True):
        *runs, law = panel.get_lines()
        for run in runs:
            np.testing.assert_allclose(run.get_ydata(), run.get_xdata() ** power)
        np.testing.assert_allclose(law.get_ydata(), 1 / law.get_xdata())


def test_phi_shows_every_class_but_a_with_its_order():
    (panel,) = phi.draw(phi_table()).axes
    labels = [line.get_label() for line in panel.get_lines()]
    assert labels == [r"$\tanh$: B, q = 3", "GELU: C, q = 2", "sigmoid: D, q = 0"]
    for line, q in zip(panel.get_lines(), (3, 2, 0), strict=True):
        (x0, y0), (x1, y1) = line.get_xydata()[:2]
        assert np.log(y1 / y0) / np.log(x1 / x0) == pytest.approx(q, abs=0.01)


# --- the catalogue, and what drawing needs --------------------------------------------------------


@pytest.mark.parametrize("path", FIGURES)
def test_everything_of_a_figure_exists(path):
    figure = FIGURES[path]
    assert callable(import_module(f"saddle_escape.figures.{figure.name}").draw)
    assert (LIBRARY / figure.drawing).is_file() and (LIBRARY / figure.code).is_file()
    assert (ROOT / "workflow" / figure.caption).is_file()
    if not figure.on_demand:  # else the rules are made from this record
        rows = (ROOT / "workflow/rules/studies.smk").read_text()
        for folder in {pattern.split("/")[0] for pattern in figure.results}:
            assert f'"{folder}/' in rows or f"<results>/{folder}/" in rows
        for pattern in figure.jobs:
            assert f'\n    "{pattern.split("/")[0].rstrip("*")}' in rows
    assert all((ROOT / "figures" / f"{path}.{kind}").is_file() for kind in ("pdf", "png", "csv"))


def test_no_figure_is_missing_from_the_catalogue():
    drawings = {file.stem for file in (LIBRARY / "figures").glob("*.py")}
    assert drawings - {figure.name for figure in FIGURES.values()} == {
        "__init__",
        "answers",  # the command line's
        "cascade",
        "axes",
        "from_seaborn",  # generated, of the style
        "losses",  # the notebooks'
        "phi",  # the notebooks'
        "style",
    }


@pytest.mark.parametrize("path", FIGURES)
def test_the_committed_table_has_the_columns_that_are_drawn(path):
    columns = import_module(f"saddle_escape.figures.{FIGURES[path].name}").COLUMNS
    header = (ROOT / "figures" / f"{path}.csv").read_text().partition("\n")[0]
    assert header.split(",") == list(columns)


def test_neither_drawing_needs_torch_nor_the_catalogue_numpy():
    code = f"""
import sys
from saddle_escape.artifact.catalogue import FIGURES
assert "numpy" not in sys.modules
from importlib import import_module
from saddle_escape.results import load_table
for path, figure in FIGURES.items():
    draw = import_module(f"saddle_escape.figures.{{figure.name}}").draw
    draw(load_table(f"{ROOT}/figures/{{path}}.csv"))
assert "torch" not in sys.modules
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()
