"""Judge measured claims. No measuring job imports this: editing it measures nothing again.

    holds               every quantity is within its tolerance
    holds with remark   every core quantity is; the claim to the letter is not
    not reproduced      a core quantity is outside its tolerance
    premise not met     the claim is a conditional, and its premise is never seen
    not testable here   a core quantity or the premise needs larger sizes than this tier's

A claim whose quantities are stated by several (the paper, a machine-written review, ourselves) has
one verdict for each of them; its own is that of its source.
"""

import json
import math
from dataclasses import dataclass

from . import CHECK, ClaimsError
from .statements import (
    HOLDS,
    NO_PREMISE,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REMARK,
    controls,
    expected,
    must,
    role,
    source,
    sources,
    testable,
)

NOT_RUN = "not run"


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
    """A claim's verdicts in a tier.

    verdicts: {source: verdict}, the claim's own source first; passed: {quantity: ...} of the check;
    controls: {name: (reading, whether it is vacuous)}; values: {run: {quantity: (value, facts)}}.
    """

    claim: dict
    tier: str
    verdicts: dict
    passed: dict
    controls: dict
    values: dict

    @property
    def verdict(self):
        """The verdict on what the claim's own source states."""
        return self.verdicts[self.claim["source"]]

    @property
    def unexpected(self):
        """{source: (verdict, expected verdict)} where they differ."""
        wanted = {of: expected(self.claim, self.tier, of) for of in self.verdicts}
        return {of: (v, wanted[of]) for of, v in self.verdicts.items() if v != wanted[of]}

    @property
    def vacuous(self):
        """Readings of the controls that did not do what they must, {name: reading}."""
        return {name: reading for name, (reading, vacuous) in self.controls.items() if vacuous}

    @property
    def surprise(self):
        """Whether the run must fail: an unexpected verdict or a vacuous control."""
        return bool(self.unexpected or self.vacuous)

    @property
    def headline(self):
        """The quantity that decides: of the claim's own source, the first that fails, else the
        first measured, else None."""
        ranked = sorted(
            (q for q in self.claim["quantities"] if self._decides(q)),
            key=lambda q: (self.passed[q["name"]], role(q) == "letter"),
        )
        return ranked[0] if ranked else None

    def _decides(self, quantity):
        return (
            quantity["name"] in self.passed and source(self.claim, quantity) == self.claim["source"]
        )

    def value(self, name, run=CHECK):
        """A quantity's measured value; None where this tier has none."""
        return self.values.get(run, {}).get(name, (None, {}))[0]

    def facts(self, name, run=CHECK):
        """A quantity's facts, {name: value}; empty where this tier has none."""
        return self.values.get(run, {}).get(name, (None, {}))[1]


def judge(claim, tier, table):
    """The :class:`Judgement` of a measured claim; table: what :func:`.measure.measure` returns.

    Raises ClaimsError if the table lacks a quantity of the tier or has one that is not a number.
    """
    values = _values(table)
    quantities = testable(claim, tier)
    _require(claim, CHECK, values, [q["name"] for q in quantities])
    passed = {q["name"]: passes(q, values[CHECK][q["name"]][0]) for q in quantities}
    readings = {c["name"]: _reading(claim, c, passed, values) for c in controls(claim)}
    verdicts = {of: _verdict(claim, of, passed) for of in sources(claim)}
    return Judgement(claim, tier, verdicts, passed, readings, values)


def _values(table):
    values = {}
    for row in table.itertuples():
        values.setdefault(row.run, {})[row.quantity] = (row.value, json.loads(row.facts))
    return values


def _require(claim, run, values, names):
    """Raise ClaimsError unless ``run`` has one finite number for each name."""
    for name in names:
        if name not in values.get(run, {}):
            raise ClaimsError(f"claim {claim['id']}, {run}: '{name}' was not measured")
        if not math.isfinite(values[run][name][0]):
            number = values[run][name][0]
            raise ClaimsError(f"claim {claim['id']}, {run}: '{name}' is {number}, not a number")


def _verdict(claim, of, passed):
    """The verdict on the quantities that one source states."""
    theirs = [q for q in claim["quantities"] if source(claim, q) == of]
    premise, core, letter = (
        [passed.get(q["name"]) for q in theirs if role(q) == kind]
        for kind in ("premise", "core", "letter")
    )
    if False in premise:
        return NO_PREMISE
    if False in core:
        return NOT_REPRODUCED
    if None in premise + core:
        return NOT_TESTABLE
    return REMARK if False in letter else HOLDS


def _reading(claim, control, passed, values):
    """(reading, whether vacuous): do its quantities come out otherwise than in the check?"""
    goal = must(control) == "pass"
    names = [name for name in control["quantities"] if name in passed]
    if not names:
        return NOT_RUN, False
    _require(claim, control["name"], values, names)
    by_name = {q["name"]: q for q in claim["quantities"]}
    run = values[control["name"]]
    wrong = [name for name in names if passes(by_name[name], run[name][0]) is not goal]
    idle = [name for name in names if passed[name] is goal]
    if wrong:
        return f"vacuous: {', '.join(wrong)} {'fails' if goal else 'passes'}", True
    if idle:
        return f"vacuous: {', '.join(idle)} {'passes' if goal else 'fails'} without it", True
    return f"{'passes' if goal else 'fails'} as it should", False
