"""Figure 5's companion: its table, its drawing, its control of another draw."""

from types import SimpleNamespace

import matplotlib.colors as mcolors
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from saddle_escape.claims.checks.cascade import companion_identity
from saddle_escape.figures import companion, style
from saddle_escape.studies import companion as study
from saddle_escape.theory import homotopy


@pytest.fixture
def table():
    t = np.linspace(0, 3000, 61)
    data = xr.Dataset(
        {
            "loss": ("t", 0.01 + 0.3 / (1 + np.exp((t - 1000) / 30))),
            "alignment": (("t", "mode"), 0.5 / (1 + np.exp(-(t[:, None] - 1000) / 50))),
        },
        coords={"t": t, "mode": [1]},
    )
    quantities = pd.DataFrame(
        {
            "quantity": ["t0", "t1", "integral", "t_leading_order"],
            "value": [1200.0, 1000.0, -200.0, 1100.0],
        }
    )
    sensitivities = pd.DataFrame(
        [
            (nu, 1000.0, channel, layer, -50.0 * nu)
            for nu in (0.1, 0.5, 0.9)
            for channel in homotopy.CHANNELS
            for layer in (1, 2)
        ],
        columns=["nu", "t_escape", "channel", "layer", "value"],
    )
    drops = pd.DataFrame(
        {"drop": [1], "t_drop": [1000.0], "loss_before": [0.31], "loss_after": [0.01]}
    )
    return study.figure_table(quantities, sensitivities, data, drops)


def drawn(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def test_table_is_complete(table):
    assert list(table.columns) == list(companion.COLUMNS)
    assert not table.isna().any(axis=None)
    assert set(table["series"]) == set(companion.SERIES)
    layers_summed = table[(table["series"] == "sensitivity") & (table["nu"] == 0.5)]
    assert list(layers_summed["value"]) == [-50.0] * 3


def test_everything_is_drawn_where_the_table_says(table):
    figure = companion.draw(table)
    for gid, color in (("loss", style.INK), ("alignment", companion.BLUE)):
        for line in drawn(figure, gid):
            rows = table[table["series"] == gid]
            np.testing.assert_array_equal(line.get_xydata(), rows[["t", "value"]])
            assert mcolors.same_color(line.get_color(), color)
    for name, t in (("leading order", 1100), ("T(0)", 1200), ("T(0) + integral", 1000)):
        lines = drawn(figure, name)
        assert [line.get_xdata()[0] for line in lines] == [t, t]


def test_files_are_reproducible(table, tmp_path):
    first, second = (style.save(companion.draw(table), tmp_path / name) for name in ("one", "two"))
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="nu"), "missing column"),
        (lambda t: t.replace({"series": {"loss": "los"}}), "series"),
        (lambda t: t.replace({"channel": {"layer scales": "scales"}}), "channel"),
        (lambda t: t.replace({"channel": {"T(0)": "T0"}}), "escape time"),
    ],
)
def test_unknown_content_is_refused(table, change, message):
    with pytest.raises(ValueError, match=message):
        companion.draw(change(table))


def test_more_draws_leave_the_control_its_draw():
    drawn = 1.0 + 0.01 * np.arange(100)
    drawn[23] = np.nan  # the last of the default tier's may be one that does not escape
    values = dict.fromkeys(("t_leading_order", "t0", "t1", "a_half_error", "a_half_adjoint"), 1.0)
    values |= {"t0_grid_change": 0.0, "t1_grid_change": 0.0}
    part = {"nu": 0.5, "weight": 1.0, "value": 0.0, "channel": "layer scales"}
    run = {"noise": 0, "route": "flow", "t_escape": 1.0, "t_block": 1.0, "rate": np.nan}

    def measured(draws):
        tables = {
            "identity": pd.DataFrame({"quantity": values.keys(), "value": values.values()}),
            "sensitivity": pd.DataFrame([part]),
            "network": pd.DataFrame([run, run | {"route": "descent", "rate": 4.0}]),
            "draws": pd.DataFrame({"route": "coupled", "t_escape": draws}),
        }
        found, _ = companion_identity(SimpleNamespace(control="other_draw", tables=tables))
        return {one["name"]: one["value"] for one in found}["network_flow"]

    assert measured(drawn) == measured(drawn[:24]) == 1 / drawn[22] - 1
