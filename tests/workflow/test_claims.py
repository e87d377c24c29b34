"""The claims' rules: what each one needs, the exit status, no verdict from an altered result."""

import os
import shutil

import pandas as pd
import pytest
import yaml

from saddle_escape.claims import report as claims_report
from saddle_escape.claims import statements

from .conftest import planned, snakemake

# 2 and 3 for the errata; 17 and 17b are one job; 15 is too much for smoke.
KEPT = ("2", "3", "13", "17", "17b", "15")
SMOKE = ("--config", "tier=smoke", "--")


@pytest.fixture(scope="module")
def measured(smoke_tree, tmp_path_factory):
    """A finished smoke tree with a short list of claims and errata, measured and reported."""
    tree = tmp_path_factory.mktemp("claims") / "project"
    shutil.copytree(smoke_tree, tree, symlinks=True)
    stated = statements.load_claims(tree / "paper_check/claims.yaml")
    rewrite(tree, [stated[name] for name in KEPT])
    (tree / "paper_check/errata.yaml").write_text(yaml.safe_dump({"errata": [ERRATUM]}))
    done = snakemake(tree, *SMOKE, "claims")
    assert done.returncode == 0, done.stderr
    return tree, done


ERRATUM = {
    "id": "cor12",
    "place": "Corollary 12",
    "printed": "one matrix",
    "correct": "another, {2.matrix_residual:.1e}",
    "checked": [{"claim": "2", "quantity": "printed"}],
    "matters": "No.",
    "status": "confirmed",
}


@pytest.fixture
def copied(measured, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(measured[0], tmp_path / "project", symlinks=True)


def rewrite(tree, stated):
    text = yaml.safe_dump({"claims": stated}, sort_keys=False)
    (tree / "paper_check/claims.yaml").write_text(text)


def changed(tree, claim, change):
    """Apply ``change`` to one stated claim of a tree."""
    stated = statements.load_claims(tree / "paper_check/claims.yaml")
    change(stated[claim])
    rewrite(tree, list(stated.values()))


def append(path, text="\n# edited\n"):
    path.write_text(path.read_text() + text)


def report(tree):
    return pd.read_csv(tree / "results/smoke/claims/report.csv", dtype={"id": str}).set_index("id")


def measuring(plan):
    """The jobs of a plan that measure claims."""
    return {rule.removeprefix("measure_") for rule in plan if rule.startswith("measure_")}


def test_every_claim_is_planned_and_those_of_one_job_alone(tree):
    everything, jobs = planned(tree, "claims"), statements.jobs(statements.load_claims())
    assert measuring(everything) == set(jobs)
    assert everything["claims_report"] == everything["claims_errata"] == 1
    (job,) = (job for job, claims in jobs.items() if "17c" in claims)
    assert planned(tree, "claim_17c") == {f"measure_{job}": 1}


def test_report_is_written_and_printed(measured):
    tree, done = measured
    rows = report(tree)
    assert tuple(rows.reset_index().columns) == claims_report.COLUMNS
    assert list(rows.index) == list(KEPT)
    assert rows.loc["15", "verdict"] == "not testable here"
    for name in ("report.md", "report.html"):
        assert "17b" in (tree / "results/smoke/claims" / name).read_text(encoding="utf-8")
    errata = (tree / "results/smoke/claims/errata.md").read_text(encoding="utf-8")
    assert "another, round-off" in errata
    assert "All as expected." in done.stdout and "the paper: " in done.stdout
    assert not (tree / "results/default").exists()  # paper_check/report.* is the default tier's


def test_unexpected_verdict_fails_with_the_full_table(copied):
    changed(copied, "3", lambda c: c.update(expected="not reproduced", remark="a test says so"))
    done = snakemake(copied, *SMOKE, "claims")
    assert done.returncode == 1
    assert "claim 3 (The table of four universality classes): holds, expected not reproduced" in (
        done.stdout + done.stderr
    )
    assert list(report(copied).index) == list(KEPT)


def test_edit_of_a_tolerance_or_a_verdict_measures_nothing_again(copied):
    quantity = {"tolerance": {"absolute": 1e-13}}
    changed(copied, "3", lambda c: c["quantities"][1].update(quantity))
    for module in ("verdict", "report", "words", "statements"):
        append(copied / f"workflow/saddle_escape/claims/{module}.py")
    assert planned(copied, "claims") == {"claims_report": 1, "claims_errata": 1}
    done = snakemake(copied, *SMOKE, "claims")
    assert done.returncode == 0 and "kept as" not in done.stderr
    assert not list(copied.glob("results/smoke/**/*.aside")), "an edit is no damage"


def test_edit_of_a_check_measures_its_own_claims_again(copied):
    append(copied / "workflow/saddle_escape/claims/checks/taxonomy.py")
    assert measuring(planned(copied, "claims")) == {"taxonomy_3", "taxonomy_17"}


def test_a_new_control_measures_its_job_again(copied):
    control = {"name": "linear_too", "what": "w", "quantities": ["trace"]}
    changed(copied, "2", lambda c: c["controls"].append(control))
    assert measuring(planned(copied, "claims")) == {"identity_2"}


def test_an_altered_result_is_computed_again_whatever_its_time(copied):
    path = copied / "results/smoke/classes.csv"
    sound, time = path.read_bytes(), path.stat().st_mtime_ns
    path.write_bytes(sound[:300])
    os.utime(path, ns=(time, time))
    looked = snakemake(copied, "--dry-run", *SMOKE, "claim_3")
    assert "altered" not in looked.stderr and path.read_bytes() == sound[:300]
    done = snakemake(copied, *SMOKE, "claim_3")
    assert done.returncode == 0, done.stderr
    assert "results/smoke/classes.csv: altered since it was computed; kept as" in done.stderr
    assert path.read_bytes() == sound
    assert path.with_name("classes.csv.aside").read_bytes() == sound[:300]


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("claims", "reason: a count of labels", "reson: a", "claim 3.quantities.0"),
        ("errata", "quantity: printed", "quantity: prnted", "claim 2 has no quantity 'prnted'"),
    ],
)
def test_invalid_data_stop_before_any_job(copied, file, before, after, message):
    path = copied / f"paper_check/{file}.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    done = snakemake(copied, *SMOKE, "claims")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr and "Traceback" not in done.stderr
