"""Claims as data: what is refused, every verdict rule, controls, corrupted inputs, the report."""

import base64
import copy
import dataclasses
import importlib
import io
import json
import re
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from saddle_escape import config, imports, results, settings
from saddle_escape.claims import (
    ClaimsError,
    errata,
    measure,
    page,
    report,
    statements,
    verdict,
    words,
)
from saddle_escape.claims.checks import points, quantity
from saddle_escape.claims.measure import POINT_COLUMNS
from saddle_escape.studies import classes as classes_study
from saddle_escape.theory import classes, escape
from saddle_escape.training import network

torch.set_num_threads(1)
pytestmark = pytest.mark.xdist_group("claims")  # its fixtures take seconds
ROOT = Path(__file__).parents[2]
CLAIMS = statements.load_claims()
CONFIGS = config.load_tiers(ROOT / "config")[1]


# --- the committed file ---------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_claim_points_at_things_that_exist(claim):
    assert callable(measure.check_function(claim))
    for tier in CONFIGS:
        json.dumps(statements.specification(claim, tier, CONFIGS[tier]))
    for stated in claim["quantities"]:
        if stated["where"].startswith("saddle_escape."):
            assert _resolves(stated["where"]), stated["where"]


def _resolves(name):
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            value = getattr(value, part)
        return value
    return None


def test_claims_of_one_job_share_their_module_and_what_they_read():
    jobs = statements.jobs(CLAIMS)
    assert sorted(name for names in jobs.values() for name in names) == sorted(CLAIMS)
    for names in jobs.values():
        shared = {
            (statements.module_name(CLAIMS[n]), str(statements.inputs(CLAIMS[n]))) for n in names
        }
        assert len(shared) == 1
    assert len(jobs) < 0.7 * len(CLAIMS)


def test_sections_stand_together():
    """The report opens a section once: claims of one section follow one another."""
    order = [claim["section"] for claim in CLAIMS.values()]
    changes = [b for a, b in zip(["", *order], order, strict=False) if a != b]
    assert len(changes) == len(set(changes))


def test_no_measuring_job_imports_what_judges_or_words():
    """Editing a verdict, a text or the schema's reader measures nothing again."""
    workflow = ROOT / "workflow"
    roots, claims = (workflow, workflow / "scripts"), workflow / "saddle_escape/claims"
    for entry in (workflow / "scripts/claims_measure.py", *(claims / "checks").glob("*.py")):
        used = {path.name for path in imports.import_closure(entry, roots) if path.parent == claims}
        assert used <= {"__init__.py", "measure.py"}, entry


def test_checks_borrow_nothing_from_studies():
    workflow = ROOT / "workflow"
    for entry in (workflow / "saddle_escape/claims/checks").glob("*.py"):
        used = imports.import_closure(entry, (workflow,))
        assert not [path for path in used if path.parent.name == "studies"], entry


# --- what is refused ------------------------------------------------------------------------------


def a_quantity(**changes):
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


def a_control(*names, **changes):
    return {"name": "other", "what": "another", "quantities": list(names) or ["slope"], **changes}


def a_claim(*quantities, **changes):
    return {
        "id": "1",
        "section": "2",
        "name": "law",
        "title": "A law",
        "place": "Theorem 1",
        "source": "paper",
        "statement": "The slope is two.",
        "measure": "escape_times.shells",
        "quantities": list(quantities) or [a_quantity()],
        "expected": "holds",
        "controls": [a_control()],
        **changes,
    }


def without(mapping, key):
    return {k: v for k, v in mapping.items() if k != key}


LETTER = a_quantity(name="letter", role="letter")
PREMISE = a_quantity(name="premise", role="premise")
FREE = {"uncontrolled": "a count"}


def test_a_complete_claim_is_accepted():
    statements.validate({"claims": [a_claim()]}, "claims.yaml")
    statements.validate(
        {"claims": [without(a_claim(a_quantity(**FREE)), "controls")]}, "claims.yaml"
    )


REFUSED = {
    "unknown key at the top": ({"claims": [a_claim()], "claim": 1}, "unknown key"),
    "unknown key of a claim": ({"claims": [a_claim(quantitties=[])]}, "did you mean 'quantities'"),
    "unknown key of a quantity": (
        {"claims": [a_claim(a_quantity(tol=1))]},
        "claim 1.quantities.0.tol",
    ),
    "unknown key of a tolerance": (
        {"claims": [a_claim(a_quantity(tolerance={"absolut": 0.1}))]},
        "did you mean 'absolute'",
    ),
    "unknown key of a control": (
        {"claims": [a_claim(controls=[a_control(musst="fail")])]},
        "did you mean 'must'",
    ),
    "id with a capital": ({"claims": [a_claim(id="Theorem1")]}, "claim Theorem1.id"),
    "no reason": (
        {"claims": [a_claim(without(a_quantity(), "reason"))]},
        "key 'reason' is missing",
    ),
    "empty reason": ({"claims": [a_claim(a_quantity(reason=" "))]}, "quantities.0.reason"),
    "no place": ({"claims": [without(a_claim(), "place")]}, "key 'place' is missing"),
    "no section": ({"claims": [without(a_claim(), "section")]}, "key 'section' is missing"),
    "place that cannot be found": ({"claims": [a_claim(place="the text")]}, "names no theorem"),
    "unknown verdict": ({"claims": [a_claim(expected="hold")]}, "claim 1.expected"),
    "unknown source": ({"claims": [a_claim(source="papers")]}, "did you mean 'paper'"),
    "unknown source of a quantity": (
        {"claims": [a_claim(a_quantity(), a_quantity(name="b", source="page"))]},
        "claim 1.quantities.1.source",
    ),
    "unchecked without why": (
        {"claims": [a_claim()], "unchecked": [{"place": "Lemma 1", "statement": "s"}]},
        "unchecked.0: key 'why' is missing",
    ),
    "prediction that is no number": (
        {"claims": [a_claim(a_quantity(predicted=float("nan")))]},
        "quantities.0.predicted",
    ),
    "negative tolerance": (
        {"claims": [a_claim(a_quantity(tolerance={"absolute": -1}))]},
        "tolerance.absolute",
    ),
    "repeated id": ({"claims": [a_claim(), a_claim(name="other")]}, "id '1' is given twice"),
    "repeated quantity": ({"claims": [a_claim(a_quantity(), a_quantity())]}, "same name"),
    "repeated control": (
        {"claims": [a_claim(controls=[a_control(), a_control()])]},
        "two controls have the same name",
    ),
    "control called check": (
        {"claims": [a_claim(controls=[a_control(name="check")])]},
        "cannot be called 'check'",
    ),
    "control of another quantity": (
        {"claims": [a_claim(controls=[a_control("slope", "size")])]},
        "control other: no quantity 'size'",
    ),
    "quantity without control": (
        {"claims": [a_claim(a_quantity(), a_quantity(name="size"))]},
        "size: no control covers it",
    ),
    "control and none": (
        {"claims": [a_claim(a_quantity(**FREE))]},
        "slope: 'uncontrolled', but a control covers it",
    ),
    "letter without remark": (
        {"claims": [a_claim(a_quantity(), {**LETTER, **FREE})]},
        "needs a remark",
    ),
    "only letters": ({"claims": [a_claim(a_quantity(role="letter"), remark="r")]}, "no core"),
    "core of another source only": (
        {"claims": [a_claim(a_quantity(source="derived"))]},
        "no core quantity of its own source, paper",
    ),
    "not testable without why": (
        {"claims": [a_claim(expected="not testable here")]},
        "needs 'untestable'",
    ),
    "not reproduced without remark": (
        {"claims": [a_claim(expected="not reproduced")]},
        "needs a remark",
    ),
    "no premise": (
        {"claims": [a_claim(expected="premise not met", remark="r")]},
        "needs a quantity with 'role: premise'",
    ),
    "verdict on a source that states nothing": (
        {"claims": [a_claim(expected_of={"derived": "holds"})]},
        "expected_of: no quantity has the source 'derived'",
    ),
    "control that passes where the claim holds": (
        {"claims": [a_claim(controls=[a_control(must="pass")])]},
        "may pass only",
    ),
    "result that is no input": (
        {"claims": [a_claim(a_quantity(where="figures/figure2.csv:t_escape"))]},
        "not among the inputs",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    content, message = REFUSED[case]
    with pytest.raises(ClaimsError, match=re.escape(message)) as error:
        statements.validate(content, "claims.yaml")
    assert str(error.value).startswith("claims.yaml: ") and "\n" not in str(error.value)


def test_missing_claims_file_is_named(tmp_path):
    with pytest.raises(ClaimsError, match=r"claims\.yaml: cannot be read"):
        statements.load_claims(tmp_path / "claims.yaml")


def test_part_of_the_configuration_that_is_not_there():
    with pytest.raises(ClaimsError, match="claim 1: sections: 'wdth' is not configured"):
        statements.settings(a_claim(sections=["reduction.wdth"]), "default", CONFIGS["default"])


def test_tier_changes_settings_and_sections_come_in_parts():
    stated = a_claim(settings={"seeds": 3, "smoke": {"seeds": 1}}, sections=["cascade.depth"])
    sections = {"cascade": {"depth": 4, "width": 7}}
    assert statements.settings(stated, "smoke", sections) == {"seeds": 1, "cascade": {"depth": 4}}
    assert statements.settings(stated, "default", sections)["seeds"] == 3


# --- measuring ------------------------------------------------------------------------------------


def spec(runs, name="law"):
    return {"id": "1", "measure": f"fake.{name}", "settings": {"a": 1}, "runs": runs}


@pytest.fixture
def fake(monkeypatch):
    """Put a function in the place of a claim's check."""

    def put(function):
        monkeypatch.setattr(measure, "check_function", lambda claim: function)

    return put


def test_check_and_each_control_on_tables_loaded_once(fake, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    results.save_table(pd.DataFrame({"x": [1.0, 2.0]}), path)
    loads, seen = [], []
    load_table = results.load_table
    monkeypatch.setattr(results, "load_table", lambda p: loads.append(p) or load_table(p))

    def check(case):
        seen.append((case.control, sorted(case.quantities), case.settings))
        table, first = case.tables["t"], case.tables["many"][0]
        table["x"] *= 2 if case.control == "twice" else 1  # a control may change its tables
        total = table["x"].sum() + first["x"].sum()
        return [quantity("sum", total, (1, 2), n=np.int64(2), each=table["x"].to_numpy())], None

    fake(check)
    runs = {"check": ["sum"], "twice": ["sum"], "again": ["sum"]}
    table, drawn = measure.measure(spec(runs), {"t": path, "many": [path, path]})
    assert list(table["value"]) == [6.0, 9.0, 6.0] and list(table["run"]) == list(runs)
    assert seen[1] == ("twice", ["sum"], {"a": 1}) and seen[0][0] is None
    assert len(loads) == 3 and drawn.empty
    facts = json.loads(table["facts"][0])
    assert facts == {"n": 2, "each": [1.0, 2.0], "low": 1, "high": 2}


def test_points_are_those_of_the_check(fake):
    fake(lambda case: ([quantity("a", 1)], points(str(case.control), [1], [2])))
    _, drawn = measure.measure(spec({"check": ["a"], "other": ["a"]}), {})
    assert list(drawn["series"]) == ["None"]


def test_nothing_is_loaded_for_a_tier_that_is_too_small(tmp_path):
    table, drawn = measure.measure(spec({}), {"t": tmp_path / "missing.csv"})
    assert table.empty and drawn.empty


@pytest.mark.parametrize(
    ("quantities", "message"),
    [
        ([], "claim 1, other: 'a' measured 0 times"),
        ([quantity("a", 1), quantity("a", 2)], "claim 1, other: 'a' measured 2 times"),
        ([quantity("a", np.nan)], "claim 1, other: 'a' is nan, not a number"),
        ([quantity("a", np.inf)], "claim 1, other: 'a' is inf, not a number"),
    ],
)
def test_missing_or_unusable_quantity_is_named(fake, quantities, message):
    fake(lambda case: (quantities if case.control else [quantity("a", 1)], None))
    with pytest.raises(ClaimsError, match=re.escape(message)):
        measure.measure(spec({"check": ["a"], "other": ["a"]}), {})


def test_unknown_check_is_named():
    with pytest.raises(ClaimsError, match="claim 1: measure: "):
        measure.check_function({"id": "1", "measure": "reduction.figure9"})


def test_a_control_is_run_for_its_testable_quantities_only():
    late = a_quantity(name="late", tiers=["default", "full"])
    stated = a_claim(
        a_quantity(),
        late,
        untestable="too small",
        controls=[a_control("slope"), a_control("late", name="second")],
    )
    runs = {tier: statements.specification(stated, tier, {})["runs"] for tier in CONFIGS}
    assert runs["smoke"] == {"check": ["slope"], "other": ["slope"]}
    assert runs["default"] == {
        "check": ["slope", "late"],
        "other": ["slope"],
        "second": ["late"],
    }


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
    one = a_quantity(relation=relation, tolerance=tolerance)
    assert all(verdict.passes(one, value) for value in inside)
    assert not any(verdict.passes(one, value) for value in outside)


def test_relative_tolerance_of_a_negative_prediction():
    one = a_quantity(predicted=-2.0, tolerance={"relative": 0.1})
    assert verdict.passes(one, -2.19) and not verdict.passes(one, -2.21)


def table(check, **control_runs):
    """A measured table; a value may be (number, {fact: ...})."""
    rows = [
        (run, name, *(value if isinstance(value, tuple) else (value, {})))
        for run, values in {"check": check, **control_runs}.items()
        for name, value in values.items()
    ]
    rows = [(run, name, value, json.dumps(facts)) for run, name, value, facts in rows]
    return pd.DataFrame(rows, columns=measure.COLUMNS)


TWO = a_claim(
    a_quantity(),
    LETTER,
    remark="to the letter it does not",
    controls=[a_control("slope", "letter")],
)


@pytest.mark.parametrize(
    ("slope", "letter", "outcome"),
    [
        (2.05, 2.05, "holds"),
        (2.05, 2.15, "holds with remark"),
        (2.15, 2.05, "not reproduced"),
        (2.15, 2.15, "not reproduced"),
    ],
)
def test_verdict(slope, letter, outcome):
    judged = verdict.judge(
        TWO, "default", table({"slope": slope, "letter": letter}, other={"slope": 3, "letter": 3})
    )
    assert judged.verdict == outcome
    assert judged.surprise == (outcome != "holds")


@pytest.mark.parametrize(
    ("premise", "slope", "outcome"),
    [
        (2.0, 2.0, "holds"),
        (2.0, 3.0, "not reproduced"),
        (3.0, 2.0, "premise not met"),
        (3.0, 3.0, "premise not met"),
    ],
)
def test_premise_decides_before_the_conclusion(premise, slope, outcome):
    stated = a_claim(
        a_quantity(), {**PREMISE, **FREE}, expected="premise not met", remark="never seen"
    )
    statements.validate({"claims": [stated]}, "claims.yaml")
    judged = verdict.judge(
        stated, "default", table({"slope": slope, "premise": premise}, other={"slope": 9.0})
    )
    assert judged.verdict == outcome


def test_core_quantity_of_larger_tiers_is_not_testable():
    late = a_quantity(name="late", tiers=["default", "full"], **FREE)
    stated = a_claim(a_quantity(), late, untestable="too small", expected="holds")
    judged = verdict.judge(stated, "smoke", table({"slope": 2.0}, other={"slope": 3.0}))
    assert judged.verdict == "not testable here" and judged.surprise
    failing = verdict.judge(stated, "smoke", table({"slope": 9.0}, other={"slope": 3.0}))
    assert failing.verdict == "not reproduced"  # what can be tested here, counts here


def test_each_source_has_its_own_verdict():
    """What the review states is not held against the paper, nor the other way round."""
    review = a_quantity(name="review", source="machine review", **FREE)
    stated = a_claim(a_quantity(), review, remark="r")
    judged = verdict.judge(stated, "default", table({"slope": 2, "review": 9}, other={"slope": 9}))
    assert judged.verdicts == {"paper": "holds", "machine review": "not reproduced"}
    assert judged.verdict == "holds" and judged.headline["name"] == "slope"
    assert judged.unexpected == {"machine review": ("not reproduced", "holds")}
    stated["expected_of"] = {"machine review": "not reproduced"}
    assert not verdict.judge(
        stated, "default", table({"slope": 2, "review": 9}, other={"slope": 9})
    ).surprise


def test_several_controls_each_have_to_do_what_they_must():
    stated = a_claim(controls=[a_control(), a_control(name="second")])
    good = verdict.judge(
        stated, "default", table({"slope": 2.0}, other={"slope": 3.0}, second={"slope": 4.0})
    )
    assert not good.surprise and set(good.controls) == {"other", "second"}
    idle = verdict.judge(
        stated, "default", table({"slope": 2.0}, other={"slope": 3.0}, second={"slope": 2.05})
    )
    assert idle.verdict == "holds" and idle.surprise
    assert idle.vacuous == {"second": "vacuous: slope passes"}
    assert "control second vacuous" in report.surprise(idle)


def test_a_control_that_must_fail_where_the_check_fails_already_says_nothing():
    judged = verdict.judge(a_claim(), "default", table({"slope": 9.0}, other={"slope": 9.0}))
    assert judged.vacuous == {"other": "vacuous: slope fails without it"}


def test_control_that_has_to_pass():
    control = a_control(must="pass")
    stated = a_claim(controls=[control], expected="not reproduced", remark="it is three")
    good = verdict.judge(stated, "default", table({"slope": 3.0}, other={"slope": 2.0}))
    assert good.controls == {"other": ("passes as it should", False)} and not good.surprise
    bad = verdict.judge(stated, "default", table({"slope": 3.0}, other={"slope": 3.0}))
    assert bad.vacuous == {"other": "vacuous: slope fails"} and bad.surprise
    idle = verdict.judge(stated, "default", table({"slope": 2.0}, other={"slope": 2.0}))
    assert idle.vacuous == {"other": "vacuous: slope passes without it"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_verdict_on_what_is_not_a_number(value):
    with pytest.raises(ClaimsError, match=r"claim 1, check: 'slope' is .*, not a number"):
        verdict.judge(a_claim(), "default", table({"slope": value}, other={"slope": 3.0}))


def test_no_verdict_on_a_missing_quantity():
    with pytest.raises(ClaimsError, match="claim 1, other: 'slope' was not measured"):
        verdict.judge(a_claim(), "default", table({"slope": 2.0}))


# --- corrupted results ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classes_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "classes.csv"
    results.save_table(class_table(), path, results.make_manifest({}))
    return path


def class_table():
    section = settings.load(classes_study.Classes, CONFIGS["default"]["classes"])
    return classes_study.table(section)


def measured(claim, paths):
    specification = statements.specification(claim, "default", CONFIGS["default"])
    return measure.measure(specification, paths)[0]


def test_missing_result_is_a_named_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"classes\.csv: missing"):
        measured(CLAIMS["3"], {"classes": tmp_path / "classes.csv"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "altered"),
        (lambda text: "\n".join(text.splitlines()[:-2]) + "\n", "altered"),
        (lambda text: text.replace(",B,", ",,B,", 1), "altered"),
    ],
)
def test_truncated_or_corrupted_table_is_a_named_error(tmp_path, classes_csv, damage, message):
    path = tmp_path / "classes.csv"
    results.save_table(results.load_table(classes_csv), path, results.make_manifest({}))
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=rf"classes\.csv: .*{message}"):
        measured(CLAIMS["3"], {"classes": path})


def test_nan_in_a_result_is_a_named_error(tmp_path):
    path = tmp_path / "closure.csv"
    path.write_text("order,gap,round_off,moment_error,quadrature_change\n1,,1e-16,0.0,0.0\n")
    with pytest.raises(ValueError, match=r"closure\.csv: row 1: a NaN without a status"):
        measured(CLAIMS["15"], {"closure": path})


def test_corrupted_trajectory_is_a_named_error(tmp_path):
    path = tmp_path / "reduced.nc"
    path.write_bytes(b"not a NetCDF file")
    with pytest.raises(ValueError, match=r"reduced\.nc: not a readable NetCDF file"):
        measured(CLAIMS["4"], dict.fromkeys(statements.inputs(CLAIMS["4"]), path))


# --- broken libraries flip the claims that use them -----------------------------------------------

LIBRARY = (
    "1",
    "3",
    "5",
    "6",
    "7",
    "9",
    "13",
    "16b",
    "17",
    "17b",
    "17c",
)  # need at most classes.csv


def from_library(stated):
    """A claim with the quantities that need no result but the table of classes."""
    near = [
        q for q in stated["quantities"] if q["where"].startswith(("saddle_escape.", "classes.csv"))
    ]
    names = {q["name"] for q in near}
    kept = [{**c, "quantities": [n for n in c["quantities"] if n in names]}
            for c in statements.controls(stated)]  # fmt: skip
    return {**stated, "quantities": near, "controls": [c for c in kept if c["quantities"]]}


@pytest.fixture(scope="module")
def surprises(tmp_path_factory):
    """A function: ids of the claims that do not come out as expected, as the library now is."""
    path = tmp_path_factory.mktemp("measured") / "classes.csv"

    def run(names=LIBRARY):
        results.save_table(class_table(), path)
        odd = []
        for name in names:
            stated = from_library(copy.deepcopy(CLAIMS[name]))
            stated["settings"] = stated.get("settings", {}) | CLAIMS[name].get("settings", {}).get(
                "smoke", {}
            )
            tabled = measured(
                stated, {"classes": path} if "classes" in stated.get("inputs", ()) else {}
            )
            odd += [name] if verdict.judge(stated, "default", tabled).surprise else []
        return odd

    assert run() == []
    return run


def test_wrong_prefactor_flips_what_uses_it(surprises, monkeypatch):
    right = classes.rate_constant
    monkeypatch.setattr(classes, "rate_constant", lambda *args: 1.1 * right(*args))
    assert surprises() == ["6", "7", "16b", "17c"]


def test_wrong_exponent_flips_what_uses_it(surprises, monkeypatch):
    right = escape.closed_form

    def wrong(rate, epsilon, depth, threshold=0.5):
        return right(rate, epsilon, depth + 1, threshold)

    monkeypatch.setattr(escape, "closed_form", wrong)
    assert surprises() == ["6"]


def test_wrong_class_flips_what_uses_it(surprises, monkeypatch):
    right = classes.classify

    def wrong(act):
        row = right(act)
        return dataclasses.replace(row, cls="C", q=2) if act.name == "tanh" else row

    monkeypatch.setattr(classes, "classify", wrong)
    # 3: the table; 5, 6 and 17b: laws in q; 17: its control compares tanh with another of class B
    assert surprises() == ["3", "5", "6", "17", "17b"]


def test_wrong_gradient_flips_the_identity(surprises, monkeypatch):
    """The gradient that trains every network is the one that Theorem 1 is checked with."""
    right = network.output_and_gradient

    def wrong(*args, **options):
        f, gradients = right(*args, **options)
        return f, [2 * gradients[0], *gradients[1:]]

    monkeypatch.setattr(network, "output_and_gradient", wrong)
    assert surprises(["1"]) == ["1"]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{n} points, K = {K:.3g}", "2 points, K = 0.333"),
        ("{K}, {tiny}", "0.3333, 1e-5"),
        ("{by_r:.2f}", "3: -1.00, 5: -3.01"),
        ("{each:.1f}", "1.0, 2.0"),
        ("{name}: {absent:.2f}, {nan}", "tanh: –, –"),
    ],
)
def test_templates(template, text):
    facts = {
        "n": 2,
        "K": 1 / 3,
        "tiny": 1e-5,
        "by_r": {"3": -1.0, "5": -3.011},
        "each": [1.0, 2.0],
        "name": "tanh",
        "absent": None,
        "nan": float("nan"),
    }
    assert words.fill(template, facts.__getitem__) == text


def test_a_template_evaluates_nothing():
    with pytest.raises(LookupError):
        words.fill("{n.__class__}", {"n": 1}.__getitem__)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"note": "K = {k}"}, "claim 1: slope: note: nothing called 'k'; there are K, value"),
        ({"note": "K = {K:d}"}, "claim 1: slope: note: Unknown format code"),
    ],
)
def test_unknown_fact_is_named_with_its_claim_and_quantity(change, message):
    stated = a_claim(a_quantity(**change))
    judged = verdict.judge(
        stated, "default", table({"slope": (2.0, {"K": 1.5})}, other={"slope": 9.0})
    )
    with pytest.raises(ClaimsError, match=re.escape(message)):
        report.quantity_rows(judged)


def test_a_remark_is_filled_with_measured_numbers():
    stated = a_claim(remark="{slope:.1f} with K = {slope.K}, {slope/other:.0f} without")
    judged = verdict.judge(
        stated, "default", table({"slope": (2.0, {"K": 1.5})}, other={"slope": 9.0})
    )
    assert report.remark(judged) == "2.0 with K = 1.5, 9 without"
    stated["remark"] = "{slop}"
    with pytest.raises(ClaimsError, match="claim 1: remark: nothing called 'slop'"):
        report.remark(judged)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_remarks_name_quantities_of_their_claim(claim):
    names = {q["name"] for q in claim["quantities"]}
    fields = {field for _, field, *_ in string.Formatter().parse(claim.get("remark", "")) if field}
    assert {re.split("[./]", field)[0] for field in fields} <= names


# --- the report -----------------------------------------------------------------------------------


@pytest.fixture
def judgements():
    odd = a_claim(
        a_quantity(), LETTER, id="prop2", name="odd", section="B", title="<b>bold</b> & | cell",
        remark="<script>alert(1)</script> {letter}", expected="holds with remark",
        controls=[a_control(), a_control("letter", name="second", must="pass")],
        picture={"x": "epsilon", "y": "t", "scale": "loglog"},
    )  # fmt: skip
    review = a_claim(
        id="3", name="review", section="further", source="machine review", place="a list",
        title="What the review says", remark="It does not.", expected="not reproduced",
        controls=[a_control(must="pass")],
    )  # fmt: skip
    good = table({"slope": (2.05, {"low": 1.9, "high": 2.2})}, other={"slope": 3.0})
    both = table({"slope": 2.0, "letter": 2.5}, other={"slope": 3.0}, second={"letter": 2.0})
    return [
        verdict.judge(a_claim(), "default", good),
        verdict.judge(odd, "default", both),
        verdict.judge(review, "default", table({"slope": 7.0}, other={"slope": 2.0})),
    ]


UNCHECKED = [{"place": "Remark 9", "statement": "A <i>remark</i>.", "why": "It is about words."}]


def test_csv_has_one_row_per_claim_and_the_deciding_quantity(judgements):
    text = report.to_csv(judgements)
    rows = pd.read_csv(io.StringIO(text), dtype={"id": str})
    assert tuple(rows.columns) == report.COLUMNS
    assert list(rows["verdict"]) == ["holds", "holds with remark", "not reproduced"]
    assert list(rows["quantity"]) == ["slope", "letter", "slope"]
    assert list(rows["measured"]) == [2.05, 2.5, 7.0]
    assert rows["remark"][1].endswith("</script> 2.500") or rows["remark"][1].endswith("2.5")


def test_csv_is_the_same_on_every_machine(judgements):
    """Nine digits, no times, no names of machines."""
    judgements[0].values["check"]["slope"] = (2.05 + 1e-14, {})
    text = report.to_csv(judgements)
    assert ",2.05," in text
    assert not {"seconds", "machine"} & set(text.splitlines()[0].split(","))


@pytest.mark.parametrize(("value", "shown"), [(3e-16, "0"), (255.99999, "256"), (2.05, "2.050")])
def test_the_reports_summary_and_the_readmes_show_the_same_numbers(judgements, value, shown):
    """The one is made from what was measured, the other from report.csv."""
    judgements[0].values["check"]["slope"] = (value, {})
    text = report.to_csv(judgements)
    rows = pd.read_csv(io.StringIO(text), dtype={"id": str})
    assert report.summary_table(report.table(judgements)) == report.summary_table(rows)
    assert f"slope: {shown} |" in report.summary_table(rows)


def test_report_opens_with_the_paper_and_marks_what_a_machine_wrote(judgements):
    first, second = report.count_lines(report.table(judgements))
    assert first == "the paper: 2 checked, holds 1, holds with remark 1"
    assert second == "the machine review: 1 checked, not reproduced (machine review) 1"
    for text in (report.markdown(judgements), page.html_report(judgements, {})):
        lines = [line for line in re.split(r"\n|</?li>", text) if "not reproduced" in line]
        assert lines and all("machine review" in line for line in lines)
        assert text.index("the paper: 2") < text.index("the machine review: 1")


def test_a_machines_extension_is_never_counted_as_the_papers():
    for source in statements.MACHINE:
        stated = a_claim(source=source, expected="not reproduced", remark="r")
        judged = verdict.judge(stated, "default", table({"slope": 9.0}, other={"slope": 9.0}))
        (line,) = report.count_lines(report.table([judged]))
        assert "the paper" not in line and "machine review" in line
        assert "machine review" in report.verdict(judged.verdicts)


def test_html_is_self_contained_and_escaped(judgements):
    drawn = pd.DataFrame(
        [("flow", 0.1, 5.0, "line"), ("published", 0.1, 6.0, "published")], columns=POINT_COLUMNS
    )
    text = page.html_report(judgements, {"prop2": drawn}, UNCHECKED)
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "<b>bold" not in text and "&lt;b&gt;bold&lt;/b&gt; &amp; | cell" in text
    assert not re.search(r"(src|href)=\"(?!data:|#)", text) and "@media print" in text
    assert "Appendix B" in text and "&lt;i&gt;remark" in text and "It is about words." in text
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert text == page.html_report(judgements, {"prop2": drawn}, UNCHECKED)


def test_markdown_says_everything_and_escapes(judgements):
    text = report.markdown(judgements, UNCHECKED)
    for part in ("slope", "step halving", "fails as it should", "claim_prop2`", "\\| cell",
                 "[1.9, 2.2]", "## Section 2", "## Appendix B", "## Not checked"):  # fmt: skip
        assert part in text, part
    assert "<b>" not in text and "<script>" not in text and "<i>" not in text


def test_summary_names_the_unexpected(judgements):
    assert report.summary(judgements).endswith("All as expected.")
    wrong = verdict.judge(a_claim(id="4"), "default", table({"slope": 9.0}, other={"slope": 3.0}))
    assert report.summary([*judgements, wrong]).endswith("NOT AS EXPECTED: 4.")
    assert report.surprise(wrong).startswith("claim 4 (A law): not reproduced, expected holds")


def test_committed_report_is_of_the_committed_claims():
    rows = pd.read_csv(ROOT / "paper_check/report.csv", dtype={"id": str})
    assert list(rows["id"]) == list(CLAIMS)
    assert list(rows["title"]) == [c["title"] for c in CLAIMS.values()]
    assert list(rows["verdict"]) == [statements.expected(c, "default") for c in CLAIMS.values()]
    readings = {reading for line in rows["control"] for reading in line.split("; ")}
    assert readings <= {"fails as it should", "passes as it should", "none"}


# --- errata ---------------------------------------------------------------------------------------


def an_erratum(**changes):
    return {
        "place": "eq. 1",
        "printed": "x = {1.slope/other:.1f}",
        "correct": "x = {1.slope} <b>",
        "checked": [{"claim": "1", "quantity": "slope"}, {"test": "tests/unit/test_x.py::test_x"}],
        "matters": "No.",
        "status": "confirmed",
        **changes,
    }


@pytest.fixture
def judged():
    return {"1": verdict.judge(a_claim(), "default", table({"slope": 2.0}, other={"slope": 9.0}))}


def test_committed_errata_point_at_things_that_exist():
    errata.checking_claims(errata.load_errata(), CLAIMS)
    for entry in errata.load_errata().values():
        for check in entry["checked"]:
            path, _, name = check.get("test", "").partition("::")
            assert not path or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


def test_page_of_errata_has_measured_numbers(judged):
    text = errata.markdown({"eq1": an_erratum(), "eq2": an_erratum(status="dropped")}, judged)
    assert "x = 9.0" in text and "x = 2 &lt;b>" in text
    assert "claim 1, slope: 2, `tests/unit/test_x.py::test_x`" in text
    assert text.index("## Confirmed") < text.index("is none")


@pytest.mark.parametrize("name", ["1.slop", "2.slope", "1.slope.fact", "1.slope/another"])
def test_number_that_nobody_measured_is_named(judged, name):
    with pytest.raises(ClaimsError, match="errata eq1: no measured number is called"):
        errata.markdown({"eq1": an_erratum(correct=f"{{{name}}}")}, judged)


def test_check_that_does_not_exist_is_named():
    entry = an_erratum(checked=[{"claim": "1", "quantity": "slop"}])
    with pytest.raises(ClaimsError, match="claim 1 has no quantity 'slop'; did you mean 'slope'"):
        errata.checking_claims({"eq1": entry}, {"1": a_claim()})
    entry = an_erratum(checked=[{"claim": "7", "quantity": "slope"}])
    with pytest.raises(ClaimsError, match="errata eq1: checked: no claim '7'"):
        errata.checking_claims({"eq1": entry}, {"1": a_claim()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("errata: [{id: a}]", "errata.0: key 'place' is missing"),
        ("erata: []", "did you mean 'errata'"),
    ],
)
def test_errata_file_is_validated(tmp_path, text, message):
    path = tmp_path / "errata.yaml"
    path.write_text(text)
    with pytest.raises(ClaimsError, match=rf"errata\.yaml: .*{re.escape(message)}"):
        errata.load_errata(path)
