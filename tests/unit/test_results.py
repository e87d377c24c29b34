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


def manifest(wall_time=1.5):
    return results.make_manifest(PARAMETERS, wall_time=wall_time)


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
    assert stored["wall_time_s"] == 1.5
    assert stored["code_version"]


def spoil(path, change):
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-20], "cut short at line 3"),
        (lambda text: text[:-1], "cut short at line 3"),
        (lambda text: "".join(text.splitlines(True)[:-1]), "1 rows where its manifest says 2"),
        (lambda text: text.replace("not_escaped", ""), "row 2: a NaN without a status"),
        (lambda text: text.replace("704.5123456789012", ""), "row 1: t_escape must be a number"),
        (lambda text: text.replace("not_escaped", "timed_out"), "row 2: status is none of"),
        (lambda text: text.replace("not_escaped", "escaped"), "row 2: t_escape must be a number"),
    ],
)
def test_a_spoilt_table_is_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "a.csv"
    results.save_table(ESCAPES, path, manifest())
    spoil(path, change)
    with pytest.raises(ValueError, match=message) as caught:
        results.load_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unexplained_nan_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="row 1: a NaN without a status"):
        results.save_table(pd.DataFrame({"value": [np.nan]}), tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


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
    results.save_dataset(dataset, tmp_path / "a.nc", manifest(wall_time=1.0))
    results.save_dataset(dataset.copy(deep=True), tmp_path / "b.nc", manifest(wall_time=2.0))
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
    results.save_dataset(dataset, path, manifest())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"a\.nc: not a readable NetCDF file") as caught:
        results.load_dataset(path)
    assert "\n" not in str(caught.value)
