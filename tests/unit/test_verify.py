"""Results that are not the ones that were computed: each way of altering one is found."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from saddle_escape import results
from saddle_escape.cli.main import main
from saddle_escape.verify import verify

FOLDER = Path("results/smoke")


@pytest.fixture
def tier(tmp_path, monkeypatch):
    """Two tables, the second computed from the first, and two datasets, below results/smoke."""
    monkeypatch.chdir(tmp_path)
    results.save_table(
        pd.DataFrame({"epsilon": [0.1, 0.2], "value": [12.5, 7.25]}),
        FOLDER / "a.csv",
        results.make_manifest({"tier": "smoke"}),
    )
    inputs = {f"{FOLDER}/a.csv": results.sha256_of(FOLDER / "a.csv")}
    table = pd.DataFrame({"value": [20.0]})
    results.save_table(table, FOLDER / "b.csv", results.make_manifest({}, inputs=inputs))
    for name, start in (("x", 0), ("y", 1)):
        t = ("t", np.linspace(start, start + 1, 50), {"units": "flow time"})
        results.save_dataset(
            xr.Dataset({"loss": ("t", np.exp(-t[1]), {"units": "1"})}, {"t": t}),
            FOLDER / f"{name}.nc",
            results.make_manifest({}),
        )
    return FOLDER


def found():
    return {(Path(f.path).name, f.kind) for f in verify(FOLDER)}


def same_time(path, change):
    """Alter a file and give it its old time back."""
    before = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(first, second):
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def test_nothing_is_found_where_nothing_was_altered(tier):
    assert verify(tier) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a.csv", lambda data: data.replace(b"12.5", b"13.5")),
        ("a.csv", lambda data: data[: data.rindex(b"0.2")]),
        ("a.csv", lambda data: data[:-4]),
        ("a.csv", lambda data: data + b"\xff\n"),
        ("x.nc", lambda data: data[:-900]),
        ("x.nc", lambda data: b""),
    ],
)
def test_an_altered_result_is_found_though_its_time_is_the_old_one(tier, name, change):
    same_time(tier / name, change)
    assert found() == {(name, "altered")}, "b.csv, computed from it, is not called stale"
    load = results.load_dataset if name == "x.nc" else results.load_table
    with pytest.raises(ValueError, match=f"{name}: altered since it was computed; run `make") as e:
        load(tier / name)
    assert "\n" not in str(e.value)


def test_every_flipped_bit_of_a_dataset_is_found(tier):
    path = tier / "x.nc"
    sound, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.choice(len(sound), 120, replace=False):
        data = bytearray(sound)
        data[place] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        assert found() == {("x.nc", "altered")}


def test_a_dataset_alone_has_checksums_of_its_arrays(tier):
    """Without a manifest: a flipped bit of the stored numbers is no other content."""
    sound = results.load_dataset(tier / "x.nc")
    data = (tier / "x.nc").read_bytes()
    place = data.index(sound["loss"].to_numpy()[:4].tobytes())
    broken = bytearray(data)
    broken[place + 3] ^= 1
    (tier / "alone.nc").write_bytes(broken)
    with pytest.raises(ValueError, match=r"alone\.nc: not a readable NetCDF file"):
        results.load_dataset(tier / "alone.nc")


def test_results_that_changed_places_are_found(tier):
    swap(tier / "x.nc", tier / "y.nc")
    assert found() == {("x.nc", "altered"), ("y.nc", "altered")}
    swap(tier / "x.manifest.json", tier / "y.manifest.json")
    assert found() == {("x.nc", "foreign"), ("y.nc", "foreign")}
    with pytest.raises(ValueError, match=r"x\.nc: its manifest is that of results/smoke/y\.nc"):
        results.load_dataset(tier / "x.nc")


def test_a_result_of_another_input_is_stale(tier):
    results.save_table(pd.DataFrame({"value": [1.0]}), tier / "a.csv", results.make_manifest({}))
    assert found() == {("b.csv", "stale")}
    with pytest.raises(ValueError, match=r"b\.csv: computed from another results/smoke/a\.csv"):
        results.load_table(tier / "b.csv")


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[]", b"{}", b'{"rows": 2}', b""])
def test_a_damaged_manifest_is_named(tier, text):
    (tier / "b.manifest.json").write_bytes(text)
    assert found() == {("b.csv", "damaged")}
    with pytest.raises(ValueError, match=r"b\.manifest\.json: damaged, or of an older") as caught:
        results.load_table(tier / "b.csv")
    assert "\n" not in str(caught.value)


def test_what_is_gone_and_what_does_not_belong_are_found(tier):
    (tier / "b.csv").unlink()
    (tier / "y.manifest.json").unlink()
    (tier / "c.csv").write_text("value\n1\n")
    assert found() == {("b.csv", "missing"), ("y.nc", "foreign"), ("c.csv", "foreign")}


def test_a_copy_elsewhere_is_as_good(tier, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "results").rename(tmp_path / "archive/results")
    assert verify(tmp_path / "archive/results/smoke") == []
    assert results.load_table(tmp_path / "archive/results/smoke/b.csv")["value"][0] == 20


def test_a_folder_that_is_not_there_is_named(tier):
    with pytest.raises(FileNotFoundError, match="results/full: no such folder of results; run"):
        verify("results/full")


def test_the_command_says_what_it_found_and_ends_with_a_status_of_its_own(tier, capsys):
    assert main(["verify"]) == 0
    assert main(["verify", str(tier), "--json"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "[]"
    same_time(tier / "a.csv", lambda data: data.replace(b"12.5", b"13.5"))
    assert main(["verify"]) == 3
    assert "altered  results/smoke/a.csv  altered since it was computed" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["verify", "results/none"])
    assert ended.value.code == 2
    assert "results/none: no such folder of results" in capsys.readouterr().err


def test_a_folder_that_no_run_has_written_is_refused(tier, tmp_path, capsys):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/figure1.csv").write_text("t\n1\n")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "figures")])
    assert ended.value.code == 2
    assert "figures: no manifest here" in capsys.readouterr().err
