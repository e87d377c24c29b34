"""The claims' rules: what each one needs, the exit status, no verdict from a damaged result."""

import shutil

import pandas as pd
import pytest
import yaml

from saddle_escape.claims import report as claims_report
from saddle_escape.claims import statements as claims

from .conftest import planned, snakemake

KEPT = ("3", "13", "17b", "17d")  # one with a result, two without, one that smoke cannot test
pytestmark = pytest.mark.xdist_group("smoke")
SMOKE = ("--config", "tier=smoke", "--")


@pytest.fixture(scope="module")
def measured(smoke_tree, tmp_path_factory):
    """A finished smoke tree with a short list of claims, measured and reported."""
    tree = tmp_path_factory.mktemp("claims") / "project"
    shutil.copytree(smoke_tree, tree, symlinks=True)
    path = tree / "paper_check/claims.yaml"
    stated = claims.load_claims(path)
    rewrite(tree, [stated[name] for name in KEPT])
    done = snakemake(tree, *SMOKE, "claims")
    assert done.returncode == 0, done.stderr
    return tree, done


@pytest.fixture
def copied(measured, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(measured[0], tmp_path / "project", symlinks=True)


def rewrite(tree, stated):
    text = yaml.safe_dump({"claims": stated}, sort_keys=False)
    (tree / "paper_check/claims.yaml").write_text(text)


def report(tree):
    return pd.read_csv(tree / "results/smoke/claims/report.csv", dtype=str).set_index("id")


def test_every_claim_is_planned_and_one_alone(tree):
    everything = planned(tree, "claims")
    assert everything["claim"] == len(claims.load_claims()) and everything["claims_report"] == 1
    assert planned(tree, "claim_17c") == {"claim": 1}


def test_report_is_written_and_printed(measured):
    tree, done = measured
    verdicts = report(tree)
    assert tuple(verdicts.reset_index().columns) == claims_report.CSV_COLUMNS
    assert list(verdicts.index) == list(KEPT)
    assert set(verdicts.loc[["3", "13", "17b"], "control"]) == {
        "fails as it should",
        "passes as it should",
    }
    assert verdicts.loc["17d", "verdict"] == "not testable here"
    for name in ("report.md", "report.html"):
        assert "17b" in (tree / "results/smoke/claims" / name).read_text(encoding="utf-8")
    assert "all as expected" in done.stdout
    assert not (tree / "results/default").exists()  # paper_check/report.* is the default tier's


def test_unexpected_verdict_fails_with_the_full_table(copied):
    stated = list(claims.load_claims(copied / "paper_check/claims.yaml").values())
    stated[0]["expected"] = "not reproduced"
    stated[0]["remark"] = "a test says so"
    rewrite(copied, stated)
    done = snakemake(copied, *SMOKE, "claims")
    assert done.returncode == 1
    assert "claim 3 (The table of four universality classes): holds, expected not reproduced" in (
        done.stdout + done.stderr
    )
    assert list(report(copied).index) == list(KEPT)


def test_tolerance_change_measures_nothing_again(copied):
    stated = list(claims.load_claims(copied / "paper_check/claims.yaml").values())
    stated[0]["quantities"][1]["tolerance"] = {"absolute": 1e-13}
    rewrite(copied, stated)
    assert planned(copied, "claims") == {"claims_report": 1}


def test_truncated_result_gives_an_error_and_no_verdict(copied):
    path = copied / "results/smoke/classes.csv"
    path.write_text(path.read_text()[:300])
    done = snakemake(copied, *SMOKE, "claim_3")
    assert done.returncode != 0
    log = (copied / "logs/smoke/claim/3.log").read_text()
    assert "results/smoke/classes.csv: cut short" in log
    assert not (copied / "results/smoke/claims/3.csv").exists()


def test_invalid_claims_stop_before_any_job(copied):
    stated = list(claims.load_claims(copied / "paper_check/claims.yaml").values())
    del stated[0]["quantities"][0]["reason"]
    rewrite(copied, stated)
    done = snakemake(copied, *SMOKE, "claims")
    assert done.returncode != 0
    assert "claim 3.quantities.0: key 'reason' is missing" in done.stdout + done.stderr
