"""Rebuilt tables against committed ones."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from saddle_escape import results
from saddle_escape.artifact import compare
from saddle_escape.artifact.catalogue import FIGURES

ROOT = Path(__file__).parents[2]

TABLE = pd.DataFrame(
    {
        "route": ["closed_form", "reduced", "reduced"],
        "epsilon": [0.1, 0.1, 0.2],
        "t_escape": [700.0, 704.5, np.nan],
        "status": ["escaped", "escaped", "not_escaped"],
    }
)


def changed(column, row, value):
    table = TABLE.copy()
    table.loc[row, column] = value
    return table


def test_a_unit_of_the_last_digit_agrees_where_the_table_is_rounded():
    table = results.rounded(changed("epsilon", 0, 1 / 3))
    off = table.assign(epsilon=table["epsilon"] + [1e-9, 0, 0])
    assert off.loc[0, "epsilon"] != table.loc[0, "epsilon"]
    assert compare.compare(table, off)[0]


@pytest.mark.parametrize("path", FIGURES)
def test_every_computed_column_has_a_tolerance(path):
    committed = results.load_table(ROOT / "figures" / f"{path}.csv")
    computed = set(committed.select_dtypes("float")) - {"delta", "published"}
    assert computed <= compare.TOLERANCES.keys()


def test_deviation_within_tolerance_agrees():
    agrees, verdict = compare.compare(TABLE, changed("t_escape", 1, 704.5 * (1 + 5e-7)))
    assert agrees
    assert verdict == "3 rows; largest deviation 0.5 of its tolerance"


@pytest.mark.parametrize(
    ("rebuilt", "message"),
    [
        (changed("t_escape", 1, 704.5 * (1 + 2e-6)), "row 2: t_escape is 704.5"),
        (changed("t_escape", 2, 9.0), "row 3: t_escape is 9.0, was nan"),
        (changed("t_escape", 0, np.nan), "row 1: t_escape is nan, was 700.0"),
        (changed("status", 1, "diverged"), "row 2: status is diverged, was escaped"),
        (changed("epsilon", 0, 0.1 * (1 + 2e-8)), "row 1: epsilon"),
        (TABLE.iloc[:2], "2 rows, were 3"),
        (TABLE.drop(columns="status"), "columns are route, epsilon, t_escape"),
    ],
)
def test_anything_beyond_it_differs_and_is_named(rebuilt, message):
    agrees, verdict = compare.compare(TABLE, rebuilt)
    assert not agrees
    assert message in verdict


def test_two_infinite_times_are_equal():
    table = changed("t_escape", 2, np.inf)
    assert compare.compare(table, table)[0]
    assert not compare.compare(table, TABLE)[0]


def test_a_minibatch_row_may_differ_by_more_than_a_flow():
    table = TABLE.assign(route=["closed_form", "minibatch", "reduced"])
    off = table.assign(t_escape=table["t_escape"] * (1 + 5e-5 * (table["route"] == "minibatch")))
    assert compare.compare(table, off)[0]
    agrees, verdict = compare.compare(table, off.assign(t_escape=table["t_escape"] * (1 + 5e-5)))
    assert not agrees and "row 1: t_escape" in verdict
    further = table.assign(t_escape=table["t_escape"] * [1, 1 + 2e-4, 1])
    assert "allowed: 0.0001 relative plus 1e-06 absolute" in compare.compare(table, further)[1]


@pytest.fixture
def repository(tmp_path):
    """A repository with one committed figure table, rebuilt."""
    results.save_table(TABLE, tmp_path / "figures/figure1.csv")
    results.save_table(TABLE, tmp_path / "figures/costs.csv")  # no figure's: never compared
    (tmp_path / "figures/figure1.pdf").touch()
    results.save_table(TABLE, tmp_path / compare.REBUILT / "figure1.csv")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "figures"], [*identity, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def run(repository, capsys):
    status = compare.main(repository)
    return status, capsys.readouterr().out


def test_equal_tables_pass(repository, capsys):
    assert run(repository, capsys) == (
        0,
        "figures/figure1.csv: agrees: 3 rows; largest deviation 0 of its tolerance\n",
    )


def test_the_committed_version_counts_not_the_working_tree(repository, capsys):
    other = changed("t_escape", 1, 800.0)
    results.save_table(other, repository / "figures/figure1.csv")
    results.save_table(other, repository / compare.REBUILT / "figure1.csv")
    status, out = run(repository, capsys)
    assert status == 1
    assert "figures/figure1.csv: DIFFERS: row 2: t_escape is 800.0, was 704.5" in out


def test_missing_and_new_tables_fail(repository, capsys):
    path = repository / compare.REBUILT / "figure1.csv"
    path.rename(path.with_name("figure9.csv"))
    status, out = run(repository, capsys)
    assert status == 1
    assert "figures/figure1.csv: DIFFERS: not rebuilt; run `make figures`" in out
    assert "figures/figure9.csv: DIFFERS: not committed" in out


def test_without_git_history_it_says_so(tmp_path):
    with pytest.raises(SystemExit, match="compare: git ls-tree"):
        compare.main(tmp_path)
