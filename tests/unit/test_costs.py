"""Costs: added up over a part's jobs and manifests, each counted once."""

import json
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from saddle_escape import results
from saddle_escape.artifact import costs

HEAD = "s\th:m:s\tmax_rss\tcpu_time\n"


@pytest.fixture
def tier(tmp_path, monkeypatch):
    """results/smoke with two jobs of figure 4 and its supplement, and one of figure 1."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "results/smoke"
    for name, line in {
        "offmanifold_points/flow_r3_b0": "9\t0:00:09\t200.4\t6.0",
        "figure4_table": "1\t0:00:01\t-\t-",
        "draw/supplement/signal": "2\t0:00:02\t300.6\t3.0",
        "reduction_reduced": "3\t0:00:03\t100.0\t1.2",
    }.items():
        path = root / f"benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{line}\n")
    for name, count, device in (
        ("offmanifold/flow_r3_b0", 700, "cpu"),
        ("offmanifold/sgd_r3_b0", 50, "cuda"),
        ("figures/figure4", 0, "cpu"),
        ("figures/supplement/attraction", 30, "cpu"),
        ("offmanifold/attraction", 30, "cpu"),  # of the same job
        ("figures/figure1", 0, "cpu"),
    ):
        path = root / f"{name}.manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        stated = {"gradient_evaluations": count, "device": device}
        path.write_text(json.dumps(stated | {"parameters": {"job": name.rpartition("/")[2]}}))
    manifest = results.make_manifest({}, gradient_evaluations=11)
    units = {"units": "flow time"}, {"units": "1"}
    data = xr.Dataset({"loss": ("t", [1.0, 0.5], units[1])}, {"t": ("t", [0.0, 1.0], units[0])})
    results.save_dataset(data, root / "reduction/reduced.nc", manifest)


def cost(part):
    return costs.cost("smoke", costs.PARTS[part])


def test_each_part_costs_its_own_jobs_and_results(tier):
    assert cost("figure4") == (2, 0.1, 200, 750, "cpu, cuda")
    assert cost("signal") == (1, 0.05, 301, 0, "")
    assert cost("figure1") == (1, 0.02, 100, 11, "cpu")


def test_two_results_of_one_job_count_its_gradients_once(tier):
    Path("results/smoke/benchmarks/offmanifold_attraction.tsv").write_text(
        f"{HEAD}1\t0:00:01\t90.0\t0.5\n"
    )
    assert cost("attraction")[3] == 30


def test_a_part_whose_jobs_were_too_short_to_be_sampled_costs_nothing(tier):
    Path("results/smoke/benchmarks/offmanifold_points/flow_r3_b0.tsv").unlink()
    assert cost("figure4")[:3] == (1, 0.0, 0)


def test_job_times_add_up_over_the_jobs_of_a_rule(tier):
    times = costs.job_times("smoke").set_index("rule")
    assert times["jobs"].to_dict() == dict.fromkeys(times.index, 1)
    assert times["cpu_seconds"].to_dict() == {
        "draw": 3.0,
        "figure4_table": 0.0,
        "offmanifold_points": 6.0,
        "reduction_reduced": 1.2,
    }
    second = Path("results/smoke/benchmarks/offmanifold_points/flow_r3_b1.tsv")
    second.write_text(f"{HEAD}1\t0:00:01\t90.0\t0.5\n")
    points = costs.job_times("smoke").set_index("rule").loc["offmanifold_points"]
    assert (points["jobs"], points["cpu_seconds"]) == (2, 6.5)


def test_what_a_job_says_that_it_used_counts_and_not_its_samples(tier):
    log = Path("logs/smoke/offmanifold_points/flow_r3_b0.log")
    log.parent.mkdir(parents=True)
    log.write_text("a warning\n" + json.dumps({"cpu_seconds": 30.0, "peak_mb": 250.0}) + "\n")
    assert cost("figure4")[:3] == (2, 0.5, 250)
    assert costs.job_times("smoke").set_index("rule").loc["offmanifold_points", "cpu_seconds"] == 30
    for text in ("", "Traceback: no JSON\n"):
        log.write_text(text)
        assert cost("figure4")[:3] == (2, 0.1, 200)


def test_missing_benchmarks_are_one_line(tier):
    with pytest.raises(FileNotFoundError, match="no benchmark of figure2; run `make figures`"):
        cost("figure2")


def test_without_results_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"costs: .*no benchmark of figure1; run `make figures`"):
        costs.main()
    assert not costs.TABLE.exists()


def test_rows_of_tiers_computed_elsewhere_stay_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("figures").mkdir()
    costs.TABLE.write_text("tier,cpu_minutes,devices\nsmoke,0.10,\ndefault,9,cpu\nfull,180.0,NA\n")
    columns = ["tier", "cpu_minutes", "devices"]
    monkeypatch.setattr(costs, "gather", lambda t: pd.DataFrame([(t, 2.5, "cpu")], columns=columns))
    monkeypatch.setattr(costs, "job_times", lambda t: pd.DataFrame({"tier": [t]}))
    costs.main()
    kept = "tier,cpu_minutes,devices\nsmoke,0.10,\ndefault,2.5,cpu\nfull,180.0,NA\n"
    assert costs.TABLE.read_text() == kept
    assert costs.JOB_TIMES.read_text() == "tier\ndefault\n"


def test_machine_is_named():
    assert "cores, Python 3" in costs.machine()
