"""Claims as data: what the schema refuses, every verdict rule, corrupted inputs, the report."""

import base64
import copy
import dataclasses
import importlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from saddle_escape import config, results
from saddle_escape.claims import report as report
from saddle_escape.claims import statements as claims
from saddle_escape.studies import classes as classes_study
from saddle_escape.theory import classes, escape

torch.set_num_threads(1)
ROOT = Path(__file__).parents[2]
CLAIMS = claims.load_claims()
CONFIGS = config.load_tiers(ROOT / "config")[1]


# --- the committed file ---------------------------------------------------------------------------


def test_every_number_of_the_list_is_there():
    numbers = {int(re.match(r"\d+", name)[0]) for name in CLAIMS}
    assert numbers == set(range(1, 18))


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_claim_points_at_things_that_exist(claim):
    assert callable(claims.measurement(claim))
    for tier in CONFIGS:
        claims.specification(claim, tier, CONFIGS[tier])
    for quantity in claim["quantities"]:
        if quantity["where"].startswith("saddle_escape."):
            assert _resolves(quantity["where"]), quantity["where"]


def _resolves(name):
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            found = getattr(found, part)
        return found
    return None


# --- schema ---------------------------------------------------------------------------------------


def quantity(**changes):
    return {
        "name": "slope",
        "what": "a slope",
        "where": "saddle_escape.theory.escape.escape_time",
        "relation": "equals",
        "predicted": 2.0,
        "tolerance": {"absolute": 0.1},
        "reason": "step halving",
        **changes,
    }


def claim(*quantities, **changes):
    quantities = list(quantities) or [quantity()]
    return {
        "id": "1",
        "name": "law",
        "title": "A law",
        "place": "Theorem 0",
        "source": "page",
        "statement": "The slope is two.",
        "measure": "escape_times.shells",
        "quantities": quantities,
        "expected": "holds",
        "control": {"name": "other", "what": "another", "quantities": [quantities[0]["name"]]},
        **changes,
    }


def without(mapping, key):
    return {k: v for k, v in mapping.items() if k != key}


def test_a_complete_claim_is_accepted():
    claims.validate({"claims": [claim()]}, "claims.yaml")


REFUSED = {
    "unknown key at the top": ({"claims": [claim()], "claim": 1}, "unknown key"),
    "unknown key of a claim": ({"claims": [claim(quantitties=[])]}, "did you mean 'quantities'"),
    "unknown key of a quantity": ({"claims": [claim(quantity(tol=1))]}, "claim 1.quantities.0.tol"),
    "unknown key of a tolerance": (
        {"claims": [claim(quantity(tolerance={"absolut": 0.1}))]},
        "did you mean 'absolute'",
    ),
    "unknown key of a control": (
        {"claims": [claim(control={**claim()["control"], "musst": "fail"})]},
        "did you mean 'must'",
    ),
    "no reason": ({"claims": [claim(without(quantity(), "reason"))]}, "key 'reason' is missing"),
    "empty reason": ({"claims": [claim(quantity(reason=" "))]}, "quantities.0.reason"),
    "no control": ({"claims": [without(claim(), "control")]}, "key 'control' is missing"),
    "no place": ({"claims": [without(claim(), "place")]}, "key 'place' is missing"),
    "unknown verdict": ({"claims": [claim(expected="hold")]}, "claim 1.expected"),
    "unknown source": ({"claims": [claim(source="pages")]}, "did you mean 'page'"),
    "prediction that is no number": (
        {"claims": [claim(quantity(predicted=float("nan")))]},
        "quantities.0.predicted",
    ),
    "negative tolerance": (
        {"claims": [claim(quantity(tolerance={"absolute": -1}))]},
        "tolerance.absolute",
    ),
    "repeated id": ({"claims": [claim(), claim(name="other")]}, "id '1' is given twice"),
    "repeated quantity": ({"claims": [claim(quantity(), quantity())]}, "same name"),
    "control of another quantity": (
        {"claims": [claim(control={**claim()["control"], "quantities": ["size"]})]},
        "no quantity 'size'",
    ),
    "letter without remark": (
        {"claims": [claim(quantity(), quantity(name="b", role="letter"))]},
        "needs a remark",
    ),
    "only letters": ({"claims": [claim(quantity(role="letter"), remark="r")]}, "no core"),
    "not testable without why": (
        {"claims": [claim(expected="not testable here")]},
        "needs 'untestable'",
    ),
    "not reproduced without remark": (
        {"claims": [claim(expected="not reproduced")]},
        "needs a remark",
    ),
    "control that passes where the claim holds": (
        {"claims": [claim(control={**claim()["control"], "must": "pass"})]},
        "may pass only",
    ),
    "result that is no input": (
        {"claims": [claim(quantity(where="figures/figure2.csv:t_escape"))]},
        "not among the inputs",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_schema_refuses(case):
    content, message = REFUSED[case]
    with pytest.raises(claims.ClaimsError, match=re.escape(message)) as error:
        claims.validate(content, "claims.yaml")
    assert str(error.value).startswith("claims.yaml: ") and "\n" not in str(error.value)


def test_missing_claims_file_is_named(tmp_path):
    with pytest.raises(claims.ClaimsError, match=r"claims\.yaml: cannot be read"):
        claims.load_claims(tmp_path / "claims.yaml")


# --- verdict rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("relation", "tolerance", "inside", "outside"),
    [
        ("equals", {"absolute": 0.1}, (1.901, 2.099), (1.899, 2.101)),
        ("equals", {"relative": 0.1}, (1.801, 2.199), (1.799, 2.201)),
        ("at_most", {"absolute": 0.1}, (2.099, -9.0), (2.101,)),
        ("at_most", {"absolute": 0}, (2.0,), (2.0000001,)),
        ("at_least", {"absolute": 0.1}, (1.901, 9.0), (1.899,)),
        ("at_least", {"relative": 0.1}, (1.801,), (1.799,)),
    ],
)
def test_relation_on_both_sides_of_its_tolerance(relation, tolerance, inside, outside):
    one = quantity(relation=relation, tolerance=tolerance)
    assert all(claims.passes(one, value) for value in inside)
    assert not any(claims.passes(one, value) for value in outside)


def test_relative_tolerance_of_a_negative_prediction():
    one = quantity(predicted=-2.0, tolerance={"relative": 0.1})
    assert claims.passes(one, -2.19) and not claims.passes(one, -2.21)


def table(check, control):
    rows = [(run, name, value, "-", "-") for run, values in (("check", check), ("control", control))
            for name, value in values.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=claims.COLUMNS)


CORE, LETTER = quantity(), quantity(name="letter", role="letter")
TWO = claim(CORE, LETTER, remark="to the letter it does not")


@pytest.mark.parametrize(
    ("slope", "letter", "verdict"),
    [
        (2.05, 2.05, "holds"),
        (2.05, 2.15, "holds with remark"),
        (2.15, 2.05, "not reproduced"),
        (2.15, 2.15, "not reproduced"),
    ],
)
def test_verdict(slope, letter, verdict):
    found = claims.judge(
        TWO, "default", table({"slope": slope, "letter": letter}, {"slope": 3, "letter": 3})
    )
    assert found.verdict == verdict
    assert found.surprise == (verdict != "holds")


def test_core_quantity_of_larger_tiers_is_not_testable():
    late = quantity(name="late", tiers=["default", "full"])
    stated = claim(CORE, late, untestable="too small", expected="holds")
    judged = claims.judge(stated, "smoke", table({"slope": 2.0}, {"slope": 3.0}))
    assert judged.verdict == "not testable here" and judged.surprise
    failing = claims.judge(stated, "smoke", table({"slope": 9.0}, {"slope": 3.0}))
    assert failing.verdict == "not reproduced"  # what can be tested here, counts here


def test_control_fails_as_it_should_or_is_vacuous():
    good = claims.judge(claim(), "default", table({"slope": 2.0}, {"slope": 3.0}))
    assert good.control == "fails as it should" and not good.surprise
    idle = claims.judge(claim(), "default", table({"slope": 2.0}, {"slope": 2.05}))
    assert idle.verdict == "holds" and idle.control.startswith("vacuous: slope passes")
    assert idle.surprise and "vacuous" in report.surprise(idle)


def test_positive_control_of_a_claim_that_is_not_reproduced():
    control = {**claim()["control"], "must": "pass"}
    stated = claim(control=control, expected="not reproduced", remark="it is three")
    good = claims.judge(stated, "default", table({"slope": 3.0}, {"slope": 2.0}))
    assert good.control == "passes as it should" and not good.surprise
    bad = claims.judge(stated, "default", table({"slope": 3.0}, {"slope": 3.0}))
    assert bad.control.startswith("vacuous: slope fails") and bad.surprise


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_verdict_on_what_is_not_a_number(value):
    with pytest.raises(claims.ClaimsError, match=r"claim 1: 'slope' is .*, not a number"):
        claims.judge(claim(), "default", table({"slope": value}, {"slope": 3.0}))


def test_no_verdict_on_a_missing_quantity():
    with pytest.raises(claims.ClaimsError, match="claim 1: 'slope' measured 0 times"):
        claims.judge(claim(), "default", table({}, {"slope": 3.0}))


def test_tier_changes_settings():
    stated = claim(settings={"seeds": 3, "depth": 4, "smoke": {"seeds": 1}}, sections=["cascade"])
    assert claims.settings(stated, "smoke", {"cascade": 7}) == {
        "seeds": 1, "depth": 4, "cascade": 7,
    }  # fmt: skip
    assert claims.settings(stated, "default", {"cascade": 7})["seeds"] == 3


# --- corrupted results ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classes_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "classes.csv"
    found = classes_study.table(CONFIGS["default"]["classes"])
    results.save_table(found, path, results.make_manifest({}, wall_time=0.0))
    return path


def measured(name, paths, tier="default", wanted=lambda quantity: True):
    spec = claims.specification(CLAIMS[name], tier, CONFIGS[tier])
    spec["quantities"] = [q["name"] for q in CLAIMS[name]["quantities"] if wanted(q)]
    return claims.measure(spec, paths)[0]


def test_missing_result_is_a_named_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"classes\.csv: missing"):
        measured("3", {"classes": tmp_path / "classes.csv"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda text: "\n".join(text.splitlines()[:-2]) + "\n", "where its manifest says"),
        (lambda text: text.replace(",B,", ",,B,", 1), "cut short at line 5"),
    ],
)
def test_truncated_or_corrupted_table_is_a_named_error(tmp_path, classes_csv, damage, message):
    path = tmp_path / "classes.csv"
    path.write_text(damage(classes_csv.read_text()))
    results.manifest_path(path).write_text(results.manifest_path(classes_csv).read_text())
    with pytest.raises(ValueError, match=rf"classes\.csv: .*{message}"):
        measured("3", {"classes": path})


def test_nan_in_a_result_is_a_named_error(tmp_path):
    path = tmp_path / "closure.csv"
    path.write_text("order,gap,round_off,moment_error,quadrature_change\n1,,1e-16,0.0,0.0\n")
    with pytest.raises(ValueError, match=r"closure\.csv: row 1: a NaN without a status"):
        measured("15", {"closure": path})


def test_corrupted_trajectory_is_a_named_error(tmp_path):
    path = tmp_path / "reduced.nc"
    path.write_bytes(b"not a NetCDF file")
    with pytest.raises(ValueError, match=r"reduced\.nc: not a readable NetCDF file"):
        measured("4", {"reduced": path, "network": path, "published": path})


# --- a wrong prefactor, exponent and class --------------------------------------------------------

# What needs no result of another rule, and the three that need only a small table.
LIBRARY = ("3", "5", "6", "7", "8", "13", "16", "16b", "17", "17b", "17c", "17d")


def from_library(quantity):
    return quantity["where"].startswith(("saddle_escape.", "classes.csv", "figures/figure2.csv:t"))


@pytest.fixture(scope="module")
def surprises(tmp_path_factory, classes_csv):
    """A function: ids of the claims that do not come out as expected, as the library now is."""
    folder = tmp_path_factory.mktemp("measured")

    def run():
        path = folder / "classes.csv"
        results.save_table(classes_study.table(CONFIGS["default"]["classes"]), path)
        found = []
        for name in LIBRARY:
            paths = {"classes": path, "figure2": ROOT / "figures/figure2.csv"}
            stated = copy.deepcopy(CLAIMS[name])
            stated["quantities"] = [q for q in stated["quantities"] if from_library(q)]
            rows = measured(name, paths, wanted=from_library)
            found += [name] if claims.judge(stated, "default", rows).surprise else []
        return found

    assert run() == []
    return run


def test_wrong_prefactor_flips_what_uses_it(surprises, monkeypatch):
    right = classes.rate_constant
    monkeypatch.setattr(classes, "rate_constant", lambda *args: 1.1 * right(*args))
    assert surprises() == ["6", "7", "8", "17c"]


def test_wrong_exponent_flips_what_uses_it(surprises, monkeypatch):
    right = escape.closed_form

    def wrong(rate, epsilon, depth, threshold=0.5):
        return right(rate, epsilon, depth + 1, threshold)

    monkeypatch.setattr(escape, "closed_form", wrong)
    assert surprises() == ["6", "8", "17d"]


def test_wrong_class_flips_what_uses_it(surprises, monkeypatch):
    right = classes.classify

    def wrong(act):
        row = right(act)
        return dataclasses.replace(row, cls="C", q=2) if act.name == "tanh" else row

    monkeypatch.setattr(classes, "classify", wrong)
    # 3: the table; 5 and 6: laws in q; 17: its control compares tanh with another of class B
    assert surprises() == ["3", "5", "6", "17"]


# --- the report -----------------------------------------------------------------------------------


@pytest.fixture
def judgements():
    odd = claim(
        CORE, LETTER, id="2", name="odd", title="<b>bold</b> & | cell",
        remark="<script>alert(1)</script>", expected="holds with remark",
        picture={"x": "epsilon", "y": "t", "scale": "loglog"},
    )  # fmt: skip
    good = table({"slope": 2.05}, {"slope": 3.0})
    both = table({"slope": 2.0, "letter": 2.5}, {"slope": 3.0, "letter": 3.0})
    return [claims.judge(claim(), "default", good), claims.judge(odd, "default", both)]


SECONDS = {"1": 0.5, "2": 1.25}


def test_csv_has_one_row_per_claim_and_the_deciding_quantity(judgements):
    found = report.table(judgements, SECONDS)
    assert tuple(found.columns) == report.CSV_COLUMNS
    assert list(found["verdict"]) == ["holds", "holds with remark"]
    assert list(found["measured"]) == ["slope: 2.050", "letter: 2.500"]
    assert set(found["control"]) == {"fails as it should"}
    assert list(found["seconds"]) == [0.5, 1.25]


def test_html_is_self_contained_and_escaped(judgements):
    points = pd.DataFrame(
        [("flow", 0.1, 5.0, "line"), ("published", 0.1, 6.0, "published")],
        columns=claims.POINT_COLUMNS,
    )
    page = report.html_report(judgements, SECONDS, {"2": points})
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>bold" not in page and "&lt;b&gt;bold&lt;/b&gt; &amp; | cell" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page) and "@media print" in page
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert page == report.html_report(judgements, SECONDS, {"2": points})


def test_markdown_says_everything_and_escapes(judgements):
    text = report.markdown(judgements, SECONDS)
    for part in ("slope", "step halving", "fails as it should", "claim_1`", "1.2 s", "\\| cell"):
        assert part in text, part
    assert "<b>" not in text and "<script>" not in text


def test_summary_names_the_unexpected(judgements):
    assert report.summary(judgements).endswith("all as expected.")
    wrong = claims.judge(claim(id="3"), "default", table({"slope": 9}, {"slope": 3}))
    assert "NOT AS EXPECTED: 3" in report.summary([*judgements, wrong])
    assert report.surprise(wrong) == "claim 3 (A law): not reproduced, expected holds"


def test_committed_report_is_of_the_committed_claims():
    found = pd.read_csv(ROOT / "paper_check/report.csv", dtype=str, keep_default_na=False)
    assert list(found["id"]) == list(CLAIMS)
    assert list(found["title"]) == [c["title"] for c in CLAIMS.values()]
    assert list(found["verdict"]) == [claims.expected(c, "default") for c in CLAIMS.values()]
    assert set(found["control"]) <= {"fails as it should", "passes as it should"}


def test_manifest_of_a_claim_is_plain_data():
    for stated in CLAIMS.values():
        json.dumps(claims.specification(stated, "default", CONFIGS["default"]))
