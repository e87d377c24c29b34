"""The report on the paper's claims in Markdown and as a table: all the words, no measuring.

It opens with the paper's own statements; what the authors' write-up, a machine-written review and
we ourselves state is counted apart. Nothing in it depends on the machine that measured.
"""

from collections import Counter

import pandas as pd

from . import CHECK, ClaimsError, words
from .statements import (
    GROUPS,
    HOLDS,
    MACHINE,
    NO_PREMISE,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REMARK,
    VERDICTS,
    controls,
    role,
    source,
)

COLUMNS = (
    "id",
    "section",
    "title",
    "place",
    "source",
    "verdict",
    "verdicts",
    "quantity",
    "measured",
    "relation",
    "predicted",
    "tolerance",
    "reason",
    "control",
    "remark",
)
SUMMARY = ("", "claim", "place", "verdict", "measured", "predicted", "tolerance", "control")
HEAD = ("quantity", "measured", "predicted", "tolerance", "within", "why this tolerance")
BOUND = {"equals": "", "at_most": "≤ ", "at_least": "≥ "}
SOURCES = {
    "paper": "stated by the paper",
    "write-up": "stated by the authors' public write-up",
    "machine review": "stated by a machine-written review, not by the paper",
    "simulated rebuttal": "stated by a rebuttal that a machine review simulates, not by the paper",
    "editorial extension": "an extension proposed by a machine review, not by the paper",
    "derived": "derived from the paper's statements",
    "choice": "our choice",
}
SEVERITY = (HOLDS, REMARK, NOT_TESTABLE, NO_PREMISE, NOT_REPRODUCED)  # the last one counts
NOTHING = "–"
TITLE = "The paper's claims, checked"
MEANING = """\
*Holds*: every quantity is within its tolerance. *Holds with remark*: those at the claim's core
are, and something that it says to the letter is not, which the remark names. *Not reproduced*: a
core quantity is not; the remark says what holds instead. *Premise not met*: a conditional whose
premise is never seen. What is core, letter or premise is our judgement, stated for each quantity
in `paper_check/claims.yaml`. A second verdict, after *derived* or *choice*, is on what we derive
or choose beside the statement. A control changes the input or the physics: it *fails as it
should* where the check has to notice, and *passes as it should* where what is changed is what
keeps the statement from holding.
"""


# --- words for one judgement ----------------------------------------------------------------------


def predicted(relation, value):
    """The predicted value with its relation; a size that is at most 0 is 0."""
    return ("" if relation == "at_most" and value == 0 else BOUND[relation]) + words.number(value)


def tolerance(quantity):
    """The tolerance in words."""
    ((kind, size),) = quantity["tolerance"].items()
    if kind == "relative":
        return f"± {100 * size:g} %"
    return f"± {words.number(size)}" if size else "none"


def measured(judgement, quantity, run=CHECK):
    """The measured value with its interval."""
    value, facts = judgement.value(quantity["name"], run), judgement.facts(quantity["name"], run)
    if value is None:
        return NOTHING
    if "low" not in facts:
        return words.result(value)
    return f"{words.result(value)} [{words.number(facts['low'])}, {words.number(facts['high'])}]"


def said(verdict, of):
    """A verdict; of what only a machine wrote, with the word for it."""
    if of not in MACHINE:
        return verdict
    return f"{verdict} ({'' if of == MACHINE[0] else MACHINE[0] + ', '}{of})"


def verdict(verdicts):
    """{source: verdict} in words: the claim's own first, without its source, then the others."""
    (own, first), *others = verdicts.items()
    return "; ".join([said(first, own), *(f"{of}: {said(v, of)}" for of, v in others)])


def note(judgement, quantity):
    """What is worth knowing of a measured quantity; "" if nothing is.

    Raises ClaimsError, naming the claim and the quantity, for a fact that was not measured.
    """
    template, name = quantity.get("note", ""), quantity["name"]
    if judgement.value(name) is None:
        return ""
    facts = {**judgement.facts(name), "value": judgement.value(name)}
    return _fill(judgement, template, facts.__getitem__, f"{name}: note", facts)


def remark(judgement):
    """The claim's remark with its numbers, written ``{quantity}`` or ``{quantity.fact}``."""
    return _fill(judgement, judgement.claim.get("remark", ""), quantity_lookup(judgement), "remark")


def quantity_lookup(judgement):
    """A function name -> value of ``quantity``, ``quantity.fact`` or ``quantity/control``.

    It gives None where this tier measured nothing, and raises LookupError for a quantity or a
    control that the claim does not have, or a fact that its check did not give.
    """
    known = {q["name"] for q in judgement.claim["quantities"]}

    def lookup(name):
        path, _, fact = name.partition(".")
        quantity, _, control = path.partition("/")
        if quantity not in known:
            raise KeyError(name)
        run = control or CHECK
        if control and control not in judgement.controls:
            raise KeyError(name)
        if judgement.value(quantity, run) is None:
            return None
        return judgement.facts(quantity, run)[fact] if fact else judgement.value(quantity, run)

    return lookup


def _fill(judgement, template, lookup, where, known=()):
    try:
        return words.fill(template, lookup)
    except LookupError as error:
        there = f"; there are {', '.join(sorted(known))}" if known else ""
        problem = f"nothing called {error}{there}"
    except ValueError as error:
        problem = str(error)
    raise ClaimsError(f"claim {judgement.claim['id']}: {where}: {problem}") from None


def quantity_rows(judgement):
    """Cells of a claim's own table, one row per quantity, HEAD being their head."""
    return [_quantity_row(judgement, quantity) for quantity in judgement.claim["quantities"]]


def _quantity_row(judgement, quantity):
    passed = judgement.passed.get(quantity["name"])
    within = {True: "yes", False: "NO", None: "not here"}[passed]
    details = note(judgement, quantity)
    labels = {"letter": "to the letter", "premise": "premise"}
    of = source(judgement.claim, quantity)
    tags = [labels.get(role(quantity)), None if of == judgement.claim["source"] else of]
    tagged = ", ".join(filter(None, tags))
    what = quantity["what"] + (f" [{details}]" if details else "")
    return (
        what + (f" ({tagged})" if tagged else ""),
        measured(judgement, quantity),
        predicted(quantity["relation"], quantity["predicted"]),
        tolerance(quantity),
        said(within, of) if passed is False else within,
        quantity["reason"],
    )


def control_text(judgement, control):
    """A control in words, with what it measured."""
    values = ", ".join(
        f"{name.replace('_', ' ')} {words.result(value)}"
        for name in control["quantities"]
        if (value := judgement.value(name, control["name"])) is not None
    )
    reading = judgement.controls[control["name"]][0]
    return f"{control['what']}: {values}: {reading}" if values else f"{control['what']}: {reading}"


def uncontrolled(judgement):
    """Quantities that no control covers, each with the reason, as one text; "" for none."""
    parts = [
        f"{q['name'].replace('_', ' ')}: {q['uncontrolled']}"
        for q in judgement.claim["quantities"]
        if "uncontrolled" in q
    ]
    return "; ".join(parts)


def surprise(judgement):
    """What is wrong with an unexpected judgement, in one line."""
    claim = judgement.claim
    problems = [
        f"{said(found, of)}, expected {wanted}" + (f" (stated by: {of})" * (of != claim["source"]))
        for of, (found, wanted) in judgement.unexpected.items()
    ]
    problems += [f"control {name} {reading}" for name, reading in judgement.vacuous.items()]
    return f"claim {claim['id']} ({claim['title']}): {'; '.join(problems)}"


def command(judgement):
    """The command that checks only this claim."""
    tier = "" if judgement.tier == "default" else f" --config tier={judgement.tier}"
    return f"snakemake --cores all claim_{judgement.claim['id']}{tier}"


def notes(judgement):
    """(label, text) of what a claim's section says below its table."""
    claim = judgement.claim
    if "remark" in claim:
        yield "Remark", remark(judgement)
    if NOT_TESTABLE in judgement.verdicts.values():
        yield "Not testable here", claim["untestable"]
    if judgement.surprise:
        yield "NOT AS EXPECTED", surprise(judgement)
    for control in controls(claim):
        yield "Control", control_text(judgement, control)
    if reasons := uncontrolled(judgement):
        yield "Without control", reasons


def section_title(key):
    """ "Section 3", "Appendix C", "Further": what a claim's ``section`` key stands for."""
    if key.isdigit():
        return f"Section {key}"
    return "Further statements" if key == "further" else f"Appendix {key}"


# --- the report as a table ------------------------------------------------------------------------


def row(judgement):
    """One line of report.csv; the quantity that decides stands for the claim.

    What is measured has the digits of :func:`.words.kept`, wherever the line is shown.
    """
    claim, quantity = judgement.claim, judgement.headline
    readings = dict.fromkeys(reading for reading, _ in judgement.controls.values())
    line = dict.fromkeys(COLUMNS) | {key: claim[key] for key in COLUMNS[:5]}
    line |= {
        "verdict": judgement.verdict,
        "verdicts": "; ".join(f"{of}: {v}" for of, v in judgement.verdicts.items()),
        "reason": claim.get("untestable"),
        "control": "; ".join(readings) or "none",
        "remark": remark(judgement) or None,
    }
    if quantity and judgement.verdict != NOT_TESTABLE:
        line |= {key: quantity[key] for key in ("relation", "predicted", "reason")}
        value = judgement.value(quantity["name"])
        line |= {"quantity": quantity["name"], "measured": words.kept(value)}
        line["tolerance"] = tolerance(quantity)
    return line


def table(judgements):
    """report.csv as a DataFrame."""
    return pd.DataFrame([row(j) for j in judgements], columns=COLUMNS)


def to_csv(judgements):
    """report.csv as text."""
    return table(judgements).to_csv(index=False, lineterminator="\n")


def shown(line):
    """What the summary table shows of one row of report.csv: cells for SUMMARY."""
    value, bound = NOTHING, NOTHING
    if not pd.isna(line["quantity"]):
        value = f"{line['quantity'].replace('_', ' ')}: {words.result(line['measured'])}"
        bound = predicted(line["relation"], line["predicted"])
    verdicts = verdict(dict(pair.split(": ") for pair in line["verdicts"].split("; ")))
    place = f"{line['place']} ({line['source']})"
    limit = NOTHING if pd.isna(line["tolerance"]) else line["tolerance"]
    return line["id"], line["title"], place, verdicts, value, bound, limit, line["control"]


def summary_table(report):
    """The table of report.csv (a DataFrame) in Markdown."""
    return words.table(SUMMARY, [shown(line) for _, line in report.iterrows()])


# --- who states what, counted ---------------------------------------------------------------------


def counts(report):
    """{group of GROUPS: Counter of verdicts} on what each states; a claim counts once in each.

    report: the table of report.csv.
    """
    tally = {group: Counter() for group in GROUPS}
    for line in report["verdicts"]:
        verdicts = dict(pair.split(": ") for pair in line.split("; "))
        for group, members in GROUPS.items():
            if theirs := [verdict for of, verdict in verdicts.items() if of in members]:
                tally[group][max(theirs, key=SEVERITY.index)] += 1
    return tally


def count_lines(report):
    """One line per group that states something: "the paper: 12 checked, holds 10, ...".

    What a machine wrote has the word beside every verdict that is not "holds".
    """
    for group, tally in counts(report).items():
        of = GROUPS[group][0]
        parts = [f"{v if v == HOLDS else said(v, of)} {tally[v]}" for v in VERDICTS if tally[v]]
        if parts:
            yield f"{group}: {sum(tally.values())} checked, {', '.join(parts)}"


def as_expected(judgements):
    """Whether all came out as expected, in words."""
    surprises = [j.claim["id"] for j in judgements if j.surprise]
    return "All as expected." if not surprises else f"NOT AS EXPECTED: {', '.join(surprises)}."


def summary(judgements):
    """One line: how many statements came out how, group by group, and what was not expected."""
    return f"{'; '.join(count_lines(table(judgements)))}. {as_expected(judgements)}"


# --- Markdown -------------------------------------------------------------------------------------


def count_list(report):
    """The counts as a Markdown list, the paper's in bold."""
    first, *others = count_lines(report)
    return "\n".join([f"- **{first}**", *(f"- {line}" for line in others), ""])


def markdown(judgements, unchecked=()):
    """The report in Markdown. unchecked: the statements that cannot be checked."""
    tier, report = judgements[0].tier, table(judgements)
    parts = [
        f"# {TITLE}\n",
        f"Generated by `make claims`, {tier} tier; what to edit is `paper_check/claims.yaml`.\n",
        count_list(report),
        f"{as_expected(judgements)}\n",
        MEANING,
        summary_table(report),
    ]
    section = None
    for judgement in judgements:
        if judgement.claim["section"] != section:
            section = judgement.claim["section"]
            parts.append(f"## {section_title(section)}\n")
        parts.append(_markdown_claim(judgement))
    if unchecked:
        rows = [(u["place"], u["statement"], u["why"]) for u in unchecked]
        parts += ["## Not checked\n", words.table(("place", "statement", "why"), rows)]
    return "\n".join(parts)


def _markdown_claim(judgement):
    claim = judgement.claim
    stated = f"{claim['place']}; {SOURCES[claim['source']]}"
    lines = [
        f"### {claim['id']}. {words.cell(claim['title'])}: {verdict(judgement.verdicts)}\n",
        f"{words.cell(claim['statement'])} *({words.cell(stated)})*\n",
        words.table(HEAD, quantity_rows(judgement)),
        *(f"**{label}.** {words.cell(text)}\n" for label, text in notes(judgement)),
        f"`{command(judgement)}`\n",
    ]
    return "\n".join(lines)
