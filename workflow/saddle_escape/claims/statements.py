"""The paper's claims as data: load and validate them, and turn measured numbers into verdicts.

``paper_check/claims.yaml`` says for each claim what is measured, the predicted value, the tolerance
with its reason, the verdict we expect and a negative control. A measurement is a function of
:mod:`saddle_escape.claims.checks`; it runs twice, the second time on the control's perturbed
input. Verdicts:

    holds               every quantity is within its tolerance
    holds with remark   every core quantity is; the claim to the letter is not
    not reproduced      a core quantity is outside its tolerance
    not testable here   a core quantity needs larger sizes than this tier's
"""

import importlib
import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import config

CLAIMS = Path(__file__).parents[3] / "paper_check" / "claims.yaml"
SCHEMA = Path(__file__).parents[2] / "schemas" / "claims.schema.yaml"
HOLDS, REMARK, NOT_REPRODUCED, NOT_TESTABLE = (
    "holds",
    "holds with remark",
    "not reproduced",
    "not testable here",
)
NOT_RUN = "not run"
COLUMNS = ("run", "quantity", "measured", "uncertainty", "note")
POINT_COLUMNS = ("series", "x", "y", "look")


class ClaimsError(ValueError):
    """Invalid claims or measurements, told in one line."""


@dataclass(frozen=True)
class Case:
    """What a measurement is given.

    settings: the claim's own, and the configuration's sections it asks for; inputs: {name: path, or
    list of paths}; control: whether to measure on the perturbed input; quantities: the names wanted
    in this tier.
    """

    settings: dict
    inputs: dict
    control: bool
    quantities: frozenset


# --- reading --------------------------------------------------------------------------------------


def load_claims(path=CLAIMS):
    """{id: claim} in the file's order. Raises ClaimsError, naming the file and the claim."""
    try:
        content = config.read_yaml(path)
    except config.ConfigError as error:
        raise ClaimsError(str(error)) from None
    validate(content, path)
    return {claim["id"]: claim for claim in content["claims"]}


def validate(content, path):
    """Check the content of a claims file. Raises ClaimsError for the first problem."""
    if found := config.violation(content, config.read_yaml(SCHEMA)):
        place, problem = found
        raise ClaimsError(f"{path}: {_readable(content, place)}: {problem}")
    claims = content["claims"]
    for key in ("id", "name"):
        _refuse_repeated([claim[key] for claim in claims], f"{path}: {key}")
    for claim in claims:
        for problem in _cross_check(claim):
            raise ClaimsError(f"{path}: claim {claim['id']}: {problem}")


def _readable(content, place):
    """Dotted path with the claim's id in place of its index."""
    parts = list(place)
    if len(parts) > 1 and isinstance(content["claims"][parts[1]], dict):
        parts[:2] = [f"claim {content['claims'][parts[1]].get('id', parts[1])}"]
    return ".".join(map(str, parts)) or "top level"


def _refuse_repeated(values, what):
    for value in values:
        if values.count(value) > 1:
            raise ClaimsError(f"{what} '{value}' is given twice")


def _cross_check(claim):
    """Problems between the keys of one claim."""
    names = [q["name"] for q in claim["quantities"]]
    core = [q for q in claim["quantities"] if role(q) == "core"]
    if len(set(names)) < len(names):
        yield "two quantities have the same name"
    if not core:
        yield "no core quantity"
    if len(core) < len(names) and "remark" not in claim:
        yield "a 'letter' quantity needs a remark that says what fails to the letter"
    verdicts = {tier: expected(claim, tier) for tier in config.tiers()}
    if NOT_TESTABLE in verdicts.values() and "untestable" not in claim:
        yield f"expected '{NOT_TESTABLE}' in a tier needs 'untestable', the reason"
    if {REMARK, NOT_REPRODUCED} & set(verdicts.values()) and "remark" not in claim:
        yield "this expected verdict needs a remark"
    if must(claim) == "pass" and verdicts["default"] != NOT_REPRODUCED:
        yield f"a control may pass only where the claim is '{NOT_REPRODUCED}'"
    for name in claim["control"]["quantities"]:
        if name not in names:
            yield f"control: no quantity '{name}'"
    for quantity in claim["quantities"]:
        source = quantity["where"].partition(":")[0]
        if not source.startswith("saddle_escape.") and source not in inputs(claim).values():
            yield f"{quantity['name']}: '{source}' is not among the inputs"


def role(quantity):
    """ "core" unless the quantity says otherwise."""
    return quantity.get("role", "core")


def must(claim):
    """What the control must do: "fail" unless the claim says otherwise."""
    return claim["control"].get("must", "fail")


def inputs(claim):
    """{name: result} that the measurement of a claim reads, below results/<tier>/."""
    return claim.get("inputs", {})


def expected(claim, tier):
    """The expected verdict of a claim in a tier."""
    verdict = claim["expected"]
    return verdict if isinstance(verdict, str) else verdict[tier]


def testable(claim, tier):
    """The quantities of a claim whose tolerances hold at the sizes of a tier."""
    return [q for q in claim["quantities"] if tier in q.get("tiers", config.tiers())]


def settings(claim, tier, sections):
    """Parameters of a claim's measurement in a tier.

    ``sections``: the tier's configuration, of which the claim's sections are added.
    """
    own = dict(claim.get("settings", {}))
    changes = {name: own.pop(name, {}) for name in ("smoke", "full")}
    return {**own, **changes.get(tier, {}), **{k: sections[k] for k in claim.get("sections", ())}}


# --- measuring ------------------------------------------------------------------------------------


def specification(claim, tier, sections):
    """What decides a claim's measurement in a tier, as plain data: a change of it asks for a rerun.

    ``sections``: the tier's configuration. Tolerances and texts are not part of it.
    """
    return {
        "id": claim["id"],
        "measure": claim["measure"],
        "settings": settings(claim, tier, sections),
        "quantities": [q["name"] for q in testable(claim, tier)],
    }


def module_name(claim):
    """Dotted name of the module that measures a claim."""
    return "saddle_escape.claims.checks." + claim["measure"].split(".")[0]


def measurement(claim):
    """The function Case -> (rows, points) that measures a claim.

    rows: list of (quantity, measured, uncertainty, note); points: what its picture shows, rows
    (series, x, y, look), or None. Raises ClaimsError if there is no such function.
    """
    try:
        found = importlib.import_module(module_name(claim))
        return getattr(found, claim["measure"].split(".")[1])
    except (ImportError, AttributeError) as error:
        raise ClaimsError(f"claim {claim['id']}: measure: {error}") from None


def measure(spec, paths):
    """Measure a claim and its control: (table with COLUMNS, points with POINT_COLUMNS).

    spec: a :func:`specification`; paths: {name: path or paths} of its inputs. Both tables are empty
    where the tier is too small for every quantity. Raises ClaimsError for a quantity that is
    missing or not a number; ValueError or FileNotFoundError for an input that is corrupted or
    missing.
    """
    wanted = frozenset(spec["quantities"])
    tables, points = [pd.DataFrame(columns=COLUMNS)] if not wanted else [], None
    for run in ("check", "control") if wanted else ():
        case = Case(spec["settings"], paths, run == "control", wanted)
        rows, found = measurement(spec)(case)
        tables.append(_table(spec, run, rows, wanted))
        points = found if run == "check" else points
    return pd.concat(tables, ignore_index=True), pd.DataFrame(points or [], columns=POINT_COLUMNS)


def _table(claim, run, rows, wanted):
    table = pd.DataFrame([(run, *row) for row in rows], columns=COLUMNS)
    table = table[table["quantity"].isin(wanted)].astype({"measured": float})
    check_measured(claim, table, wanted)
    return table


def check_measured(claim, table, wanted):
    """Raise ClaimsError unless ``table`` has one finite number for every wanted quantity."""
    names = list(table["quantity"])
    for name in sorted(wanted):
        if names.count(name) != 1:
            raise ClaimsError(f"claim {claim['id']}: '{name}' measured {names.count(name)} times")
    for name, value in zip(names, table["measured"], strict=True):
        if not math.isfinite(value):
            raise ClaimsError(f"claim {claim['id']}: '{name}' is {value}, not a number to judge")


# --- judging --------------------------------------------------------------------------------------


def margin(quantity):
    """The absolute tolerance of a quantity."""
    ((kind, size),) = quantity["tolerance"].items()
    return size * abs(quantity["predicted"]) if kind == "relative" else size


def passes(quantity, measured):
    """Whether a measured value stands in the stated relation to the predicted one."""
    above = measured - quantity["predicted"]
    excess = {"equals": abs(above), "at_most": above, "at_least": -above}[quantity["relation"]]
    return bool(excess <= margin(quantity))


@dataclass(frozen=True)
class Judgement:
    """A claim's verdict in a tier.

    passed, measured: {quantity: ...}; control: its reading; vacuous: whether the control did not do
    what it must; rows: the table of :func:`measure`.
    """

    claim: dict
    tier: str
    verdict: str
    passed: dict
    control: str
    vacuous: bool
    rows: pd.DataFrame

    @property
    def expected(self):
        return expected(self.claim, self.tier)

    @property
    def surprise(self):
        """Whether the run must fail: an unexpected verdict or a vacuous check."""
        return self.vacuous or self.verdict != self.expected

    @property
    def headline(self):
        """The quantity that decides: the first that fails, else the first measured, else None."""
        ranked = sorted(
            (q for q in self.claim["quantities"] if q["name"] in self.passed),
            key=lambda q: (self.passed[q["name"]], role(q) != "core"),
        )
        return ranked[0] if ranked else None

    def value(self, name, run="check"):
        """(measured, uncertainty, note) of a quantity."""
        same = self.rows[(self.rows["run"] == run) & (self.rows["quantity"] == name)]
        return tuple(same.iloc[0][["measured", "uncertainty", "note"]])


def judge(claim, tier, table):
    """The :class:`Judgement` of a measured claim.

    Raises ClaimsError if the table lacks a quantity of the tier or has one that is not a number.
    """
    quantities = testable(claim, tier)
    names = frozenset(q["name"] for q in quantities)
    outcome = {}
    for run in ("check", "control"):
        mine = table[table["run"] == run]
        check_measured(claim, mine, names)
        values = dict(zip(mine["quantity"], mine["measured"], strict=True))
        outcome[run] = {q["name"]: passes(q, values[q["name"]]) for q in quantities}
    verdict = _verdict(claim, outcome["check"])
    control, vacuous = _control(claim, outcome)
    return Judgement(claim, tier, verdict, outcome["check"], control, vacuous, table)


def _verdict(claim, passed):
    core, letter = (
        [passed.get(q["name"]) for q in claim["quantities"] if role(q) == kind]
        for kind in ("core", "letter")
    )
    if False in core:
        return NOT_REPRODUCED
    if None in core:
        return NOT_TESTABLE
    return REMARK if False in letter else HOLDS


def _control(claim, outcome):
    """(reading, vacuous): do the named quantities come out otherwise on the perturbed input?"""
    goal = must(claim) == "pass"
    named = [name for name in claim["control"]["quantities"] if name in outcome["check"]]
    if not named:
        return NOT_RUN, False
    wrong = [name for name in named if outcome["control"][name] is not goal]
    idle = [name for name in named if goal and outcome["check"][name]]
    if wrong:
        return f"vacuous: {', '.join(wrong)} {'fails' if goal else 'passes'}", True
    if idle:
        return f"vacuous: {', '.join(idle)} passes without it", True
    return f"{'passes' if goal else 'fails'} as it should", False
