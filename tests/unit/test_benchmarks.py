"""The committed benchmarks' schema and verdicts; every row's code at tiny size."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from saddle_escape.artifact import performance

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench():
    """The package benchmarks, imported from the repository's root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield importlib.import_module("benchmarks.__main__")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def row(bench):
    """Makes a Row of the benchmarks."""
    return importlib.import_module("benchmarks.rows").Row


@pytest.fixture
def committed():
    return performance.read(ROOT / performance.RESULTS)


# --- the committed tables -------------------------------------------------------------------------


def test_the_columns_are_the_agreed_ones(committed):
    assert list(committed) == ["work", "peer", "ours", "theirs", "ratio", "bar", "reached"]
    assert set(committed["reached"]) <= {"true", "false", "skipped"}
    assert committed[["work", "peer", "bar"]].ne("").all(axis=None)
    assert not committed.duplicated(["work", "peer"]).any()


def test_verdicts_follow_from_the_numbers(bench, committed):
    holds = importlib.import_module("benchmarks.rows").holds
    for line in committed.itertuples():
        if line.reached == "skipped":
            assert line.ours == "" and line.peer.endswith(")"), line.work
            continue
        value = float(getattr(line, line.bar.partition(" ")[0]))
        assert holds(line.bar, value) == (line.reached == "true"), line.work


def test_ratios_follow_from_the_medians(bench, committed):
    details = performance.read(ROOT / performance.DETAILS)
    assert list(details["work"]) == list(committed["work"])
    for line, ratio_of in zip(committed.itertuples(), details["ratio_of"], strict=True):
        if line.ratio:
            ours, theirs = float(line.ours), float(line.theirs)
            expected = theirs / ours if ratio_of.startswith("theirs") else ours / theirs
            assert float(line.ratio) == pytest.approx(expected, rel=0.02), line.work


def test_pages_show_the_committed_numbers(committed):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert performance.speed().rstrip() in page
    page = (ROOT / performance.PAGE).read_text(encoding="utf-8")
    for block in performance.blocks().values():
        assert block.rstrip() in page


def test_fitted_exponents():
    growth = pd.DataFrame({
        "against": ["a"] * 3, "value": ["1", "2", "4"], "seconds": ["3", "12", "48"],
        "gradient_evaluations": ["5", "10", "20"], "expected": ["1"] * 3,
    })  # fmt: skip
    for cost, fitted in (
        ("seconds", "2.00"),
        ("seconds per gradient evaluation", "1.00"),
        ("gradient evaluations", "1.00"),
    ):
        line = performance.growth_table(growth.assign(cost=cost)).splitlines()[-1]
        assert line == f"| a | 1, 2, 4 | 3, 12, 48 | 5, 10, 20 | {cost} | {fitted} | 1 |"


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "ours", "theirs", "reached"),
    [
        ("ratio >= 10", [1, 2, 3], [20, 21, 90], "true"),
        ("ratio >= 10", [1, 2, 3], [19, 19, 90], "false"),
        ("ours <= 34", [34], [1], "true"),
        ("ours <= 34", [35], [], "false"),
        ("ours <= 34", [], [], "skipped"),
    ],
)
def test_a_row_is_judged_by_its_medians(row, bar, ours, theirs, reached):
    assert row("w", "p", bar, ours, theirs).reached == reached


def test_a_skipped_row_says_why(row):
    result = row("w", "p", "ratio >= 10", skipped="no GPU here").result()
    assert result["peer"] == "p (no GPU here)" and result["reached"] == "skipped"
    assert result["ours"] == result["theirs"] == result["ratio"] == ""


def test_a_missing_peer_is_skipped(bench, monkeypatch):
    escapes = importlib.import_module("benchmarks.escapes")
    monkeypatch.setattr(escapes, "missing", lambda *names: f"not installed: {names[0]}")
    found = [r.result() for r in escapes.ensemble(escapes.TINY)]
    assert [r["reached"] for r in found] == ["skipped"] * 4
    assert found[0]["peer"].endswith("(not installed: torchdiffeq)")


def test_an_inaccurate_peer_is_not_compared(bench):
    accurate = importlib.import_module("benchmarks.rows").accurate
    with pytest.raises(RuntimeError, match=r"right to 1\.0e-04, not 1e-05"):
        accurate("peer", np.array([1.0, 1.0001]), np.ones(2), 1e-5)
    accurate("peer", np.array([1.0, 1.0001]), np.ones(2), 1e-3)


@pytest.mark.parametrize("name", ["commands", "escapes", "gradients", "reduced", "whole"])
def test_every_row_can_be_measured(bench, name):
    module = importlib.import_module(f"benchmarks.{name}")
    found = [row.result() for row in module.rows(module.TINY)]
    assert all(float(r["ours"]) > 0 for r in found if r["reached"] != "skipped")
    peers = [r for r in found if r["peer"] != "none" and r["reached"] != "skipped"]
    assert all(float(r["theirs"]) > 0 for r in peers)


def test_growth_and_picture(bench, committed, tmp_path):
    found = list(bench.growth.rows(bench.growth.TINY))
    assert [row["against"] for row in found[::2]] == ["width N", "depth L", "seeds", "1/ε"]
    assert all(tuple(row) == bench.growth.COLUMNS for row in found)
    table = pd.read_csv(performance.RESULTS)
    axes = bench.picture.draw(table).axes[0]
    shown = sorted(x for line in axes.get_lines()[:2] for x in line.get_xdata())
    measured = table[table["reached"].ne("skipped")]
    margins = np.sort([bench.picture.margin(r) for r in measured.itertuples()])
    assert np.all(np.clip(margins, *bench.picture.LIMITS) == shown)
    assert sum(x >= 1 for x in shown) == (committed["reached"] == "true").sum()
