"""The smoke tier, run for real: every output, its columns, its manifest, its bytes."""

import json
import sys

import numpy as np
import pytest

from saddle_escape import results

from .conftest import offline, run, snakemake

COLUMNS = {
    "classes": "activation class q c_q c_q_exact alpha beta1 K homogeneity conserved status",
    "figures/figure1": "panel series t value",
    "figures/figure2": "panel L r epsilon criterion threshold route t_escape upper_limit theory"
    " ratio matched_ratio local_exponent status",
    "figures/figure3": "activation class epsilon route t_escape t_min t_max K K_t_escape status",
    "figures/figure4": "route r epsilon t_mean t_sd t_min t_max n_seeds published ratio"
    " accepted_steps gradient_evaluations source status",
    "figures/figure5": "series t nu channel value",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_table_has_its_columns_and_manifest(smoke_tree, name):
    path = smoke_tree / f"results/smoke/{name}.csv"
    table = results.load_table(path)
    assert list(table.columns) == COLUMNS[name].split()
    manifest = json.loads(results.manifest_path(path).read_text())
    assert manifest["rows"] == len(table) > 0
    assert manifest["sha256"] == results.sha256_of(path)


def test_every_figure_is_drawn_from_its_table(smoke_tree):
    folder = smoke_tree / "results/smoke/figures"
    tables = sorted(folder.glob("**/*.csv"))
    assert {f"figure{n}" for n in (1, 2, 3, 4, 5)} <= {table.stem for table in tables}
    for table in tables:
        assert table.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert results.load_table(table).shape[0] > 0


def test_figures_tables_are_rounded_and_what_they_come_from_is_not(smoke_tree):
    folder = smoke_tree / "results/smoke"
    for path in (folder / "figures").glob("**/*.csv"):
        table = results.load_table(path)
        assert results.rounded(table).equals(table), path
    exact = results.load_table(folder / "cascade/sensitivity.csv")
    assert not results.rounded(exact).equals(exact)


def test_the_smoke_tier_never_writes_into_figures(smoke_tree):
    changed = run(["git", "status", "--porcelain", "--", "figures", "paper_check"], smoke_tree)
    assert changed.returncode == 0 and changed.stdout == ""
    assert {path.name for path in (smoke_tree / "results").iterdir()} == {"smoke"}


@pytest.mark.parametrize("name", ["flow_r3_b0", "sgd_r3_b0"])
def test_manifests_count_gradient_evaluations(smoke_tree, name):
    path = smoke_tree / f"results/smoke/offmanifold/{name}.csv"
    manifest = json.loads(results.manifest_path(path).read_text())
    spent = results.load_table(path)["gradient_evaluations"].sum()
    assert manifest["gradient_evaluations"] == spent > 0


@pytest.mark.parametrize("name", ["reduced", "network", "minibatch"])
def test_trajectories_carry_units_and_parameters(smoke_tree, name):
    data = results.load_dataset(smoke_tree / f"results/smoke/reduction/{name}.nc")
    assert set(data.dims) == {"t", "layer"}
    assert data["t"].attrs["units"] == "flow time"
    assert data.attrs["manifest"]["parameters"]["width"] == 16


def test_the_full_network_follows_the_reduction(smoke_tree):
    reduced, network = (
        results.load_dataset(smoke_tree / f"results/smoke/reduction/{name}.nc")
        for name in ("reduced", "network")
    )
    scale = reduced["scale"].interp(t=network["t"], method="cubic")
    assert np.abs(scale - network["scale"]).max() < 0.02  # rate 0.25 and a short plateau
    assert network["distance"].max() < 1e-12


def test_all_of_it_ran_without_a_network_and_so_does_a_run_with_nothing_to_do(smoke_tree):
    if not offline():
        pytest.skip("no network namespace here: `unshare --net` is not permitted")
    assert run([*offline(), "cat", "/proc/net/route"], smoke_tree).stdout.count("\n") <= 1
    done = run([*offline(), "make", "figures", "TIER=smoke"], smoke_tree)
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr


WITHOUT_SLURM = """
import pkgutil, sys

modules = pkgutil.iter_modules  # the plugin for SLURM imports pandas, and users need not have it
pkgutil.iter_modules = lambda *args: (m for m in modules(*args) if not m.name.endswith("slurm"))
import snakemake.cli

try:
    snakemake.cli.main(["--cores", "2", "--config", "tier=smoke"])
finally:
    print("pandas" in sys.modules)
"""


def test_a_run_with_nothing_to_do_imports_no_pandas(smoke_tree):
    done = run([sys.executable, "-c", WITHOUT_SLURM], smoke_tree)
    assert "Nothing to be done" in done.stderr and done.stdout.endswith("False\n"), done.stderr


def test_every_job_leaves_a_log_and_a_benchmark(smoke_tree):
    logs = {p.relative_to(smoke_tree / "logs/smoke") for p in smoke_tree.glob("logs/**/*.log")}
    folder = smoke_tree / "results/smoke/benchmarks"
    benchmarks = {p.relative_to(folder) for p in folder.glob("**/*.tsv")}
    assert {p.with_suffix("") for p in logs} == {p.with_suffix("") for p in benchmarks}
    assert len(logs) >= 15


def test_a_second_run_gives_the_same_bytes(smoke_tree):
    names = ["figures/figure1.pdf", "figures/figure1.png", "figures/figure1.csv"]
    names += ["reduction/network.nc"]
    folder = smoke_tree / "results/smoke"
    before = {name: (folder / name).read_bytes() for name in names}
    again = ["reduction_network", "figure1_table", "draw"]
    targets = [f"results/smoke/{name}" for name in names]
    done = snakemake(smoke_tree, "--forcerun", *again, "--", *targets)
    assert done.returncode == 0, done.stderr
    assert "reduction_network" in done.stderr + done.stdout
    assert {name: (folder / name).read_bytes() for name in names} == before
