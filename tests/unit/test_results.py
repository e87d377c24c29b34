"""Tables and datasets: exact round trip, equal bytes, and a line for what is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from saddle_escape import results

ESCAPES = pd.DataFrame(
    {
        "route": ["closed_form", "reduced"],
        "epsilon": [0.1, 1 / 3],
        "t_escape": [704.5123456789012, np.nan],
        "status": ["escaped", "not_escaped"],
    }
)
PARAMETERS = {"width": 64, "network": {"seed": 3, "rate": 0.25}}


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {"X": (("t", "layer"), rng.random((5, 2)), {"units": "1"})},
        coords={"t": ("t", np.linspace(0, 1, 5), {"units": "flow time"})},
    ).assign_coords(layer=("layer", [1, 2], {"units": "1"}))


def manifest(**stated):
    return results.make_manifest(PARAMETERS, **stated)


def test_table_round_trip_is_exact(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.random(200) * 10.0 ** rng.integers(-300, 300, 200)})
    table["name"] = "NA"  # text that pandas would take for a missing value
    results.save_table(table, tmp_path / "a.csv")
    back = results.load_table(tmp_path / "a.csv")
    assert (back["a"].to_numpy() == table["a"].to_numpy()).all()
    assert (back["name"] == "NA").all()


def test_a_rounded_table_keeps_its_types_and_its_other_digits(tmp_path):
    table = ESCAPES.assign(n_seeds=[6, 123456789012], rate=[10.0, 1.23456789012e-30])
    results.save_table(table, tmp_path / "a.csv", digits=9)
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == [
        "closed_form,0.1,704.512346,escaped,6,10.0",
        "reduced,0.333333333,,not_escaped,123456789012,1.23456789e-30",
    ]
    assert (results.load_table(tmp_path / "a.csv").dtypes == table.dtypes).all()
    assert table["t_escape"][0] == 704.5123456789012, "the table itself is left as it is"


def test_manifest_says_where_a_table_came_from(tmp_path):
    results.save_table(ESCAPES, tmp_path / "sub/a.csv", manifest())
    stored = json.loads((tmp_path / "sub/a.manifest.json").read_text())
    assert stored["parameters"] == PARAMETERS
    assert stored["seeds"] == {"network.seed": 3}
    assert (stored["dtype"], stored["device"], stored["rows"]) == ("float64", "cpu", 2)
    assert stored["libraries"]["numpy"] == np.__version__
    assert stored["sha256"] == results.sha256_of(tmp_path / "sub/a.csv")
    assert stored["columns"] == dict(
        route="text", epsilon="number", t_escape="number", status="text"
    )
    assert stored["code_version"]


def spoil(path, change):
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-20], "cut short at line 3"),
        (lambda text: text[:-1], "cut short at line 3"),
        (lambda text: text.replace("not_escaped", ""), "row 2: a NaN without a status"),
        (lambda text: text.replace("704.5123456789012", ""), "row 1: t_escape must be a number"),
        (lambda text: text.replace("not_escaped", "timed_out"), "row 2: status is none of"),
        (lambda text: text.replace("not_escaped", "escaped"), "row 2: t_escape must be a number"),
        (lambda text: text.replace("704.5", "-704.5"), "row 1: t_escape is not positive"),
        (lambda text: text.replace("0.1,", "inf,"), "row 1: a number that is not finite"),
        (lambda text: "", "not a CSV table|cut short"),
    ],
)
def test_a_spoilt_table_is_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "a.csv"
    results.save_table(ESCAPES, path)
    spoil(path, change)
    with pytest.raises(ValueError, match=message) as caught:
        results.load_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unexplained_nan_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="row 1: a NaN without a status"):
        results.save_table(pd.DataFrame({"value": [np.nan]}), tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_a_table_has_the_columns_that_it_should(tmp_path):
    columns = {"epsilon": results.NUMBER, "status": results.TEXT}
    results.check_table(ESCAPES[["epsilon", "status"]], "a.csv", columns)
    with pytest.raises(ValueError, match=r"a\.csv: columns epsilon, not epsilon, status"):
        results.check_table(ESCAPES[["epsilon"]], "a.csv", columns)
    words = ESCAPES[["epsilon", "status"]].assign(epsilon=["0.1", "a third"])
    with pytest.raises(ValueError, match=r"a\.csv: column epsilon holds what is no number"):
        results.check_table(words, "a.csv", columns)


def test_the_seeds_of_a_manifest_are_those_of_the_rows(tmp_path):
    results.save_table(pd.DataFrame({"seed": [5, 4, 5]}), tmp_path / "a.csv", manifest())
    assert results.load_manifest(tmp_path / "a.csv")["seeds"] == {"seed": [4, 5]}
    results.save_table(ESCAPES, tmp_path / "b.csv", manifest())
    assert results.load_manifest(tmp_path / "b.csv")["seeds"] == {"network.seed": 3}


def test_nobody_sees_a_part_of_a_file(tmp_path, monkeypatch):
    results.save_table(ESCAPES, tmp_path / "a.csv", manifest())
    before = (tmp_path / "a.csv").read_bytes()

    def fails(*_):
        raise OSError("killed before the file is in its place")

    monkeypatch.setattr(results.os, "replace", fails)
    with pytest.raises(OSError, match="killed"):
        results.save_table(ESCAPES.head(1), tmp_path / "a.csv", manifest())
    assert (tmp_path / "a.csv").read_bytes() == before


@pytest.mark.parametrize("load", [results.load_table, results.load_dataset])
def test_missing_results_name_the_command(tmp_path, load):
    with pytest.raises(FileNotFoundError, match=r"b\.out: missing; run `make figures`"):
        load(tmp_path / "b.out")


def test_dataset_round_trip_with_manifest(tmp_path, dataset):
    results.save_dataset(dataset, tmp_path / "a.nc", manifest())
    back = results.load_dataset(tmp_path / "a.nc")
    xr.testing.assert_equal(back, dataset)
    assert back["X"].attrs["units"] == "1"
    assert back.attrs["manifest"]["parameters"] == PARAMETERS


def test_equal_datasets_have_equal_bytes(tmp_path, dataset):
    results.save_dataset(dataset, tmp_path / "a.nc", manifest())
    results.save_dataset(dataset.copy(deep=True), tmp_path / "b.nc", manifest(threads=2))
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_dataset_needs_units_and_a_reason_for_nan(tmp_path, dataset):
    bare = dataset.copy()
    bare["X"].attrs = {}
    with pytest.raises(ValueError, match="variable 'X' has no units"):
        results.save_dataset(bare, tmp_path / "a.nc")
    broken = dataset.copy(deep=True)
    broken["X"][0, 0] = np.nan
    with pytest.raises(ValueError, match="variable 'X' has a NaN without a status"):
        results.save_dataset(broken, tmp_path / "a.nc")
    results.save_dataset(broken.assign(status="diverged"), tmp_path / "a.nc")


def test_a_truncated_dataset_is_refused_in_one_line(tmp_path, dataset):
    path = tmp_path / "a.nc"
    results.save_dataset(dataset, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"a\.nc: not a readable NetCDF file") as caught:
        results.load_dataset(path)
    assert "\n" not in str(caught.value)
