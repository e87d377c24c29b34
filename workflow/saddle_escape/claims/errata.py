"""The paper's misprints as data, ``paper_check/errata.yaml``, and the page that shows them.

Every entry names what checks it, a quantity of a claim or a test; its numbers are templates filled
from the measured claims, ``{claim.quantity}``, ``{claim.quantity.fact}`` or, for what a control
measured, ``{claim.quantity/control}``.
"""

from pathlib import Path

from .. import config
from . import ClaimsError, words

ERRATA = Path(__file__).parents[3] / "paper_check" / "errata.yaml"
SCHEMA = Path(__file__).parents[2] / "schemas" / "errata.schema.yaml"
CONFIRMED, DROPPED = "confirmed", "dropped"
TEXTS = ("printed", "correct", "found", "matters")  # what may hold templates
HEADINGS = {
    CONFIRMED: "Confirmed",
    DROPPED: "Looked like a slip, and is none",
}


def load_errata(path=ERRATA):
    """{id: entry} in the file's order. Raises ClaimsError, naming the file and the entry."""
    try:
        content = config.read_yaml(path)
    except config.ConfigError as error:
        raise ClaimsError(str(error)) from None
    if problem := config.violation(content, config.read_schema(SCHEMA)):
        place, text = problem
        raise ClaimsError(config.one_line(f"{path}: {config.dotted(place)}: {text}"))
    entries = {entry["id"]: entry for entry in content["errata"]}
    if len(entries) < len(content["errata"]):
        raise ClaimsError(f"{path}: two entries have the same id")
    return entries


def checking_claims(entries, claims):
    """Ids of the claims that check the entries, in the claims' order.

    Raises ClaimsError, naming the entry, for a claim or a quantity that does not exist.
    """
    for name, entry in entries.items():
        for check in entry["checked"]:
            claim = check.get("claim")
            if claim is not None and claim not in claims:
                known = config.nearest(claim, claims)
                raise ClaimsError(f"errata {name}: checked: no claim '{claim}'; {known}")
            if claim is not None:
                quantities = [q["name"] for q in claims[claim]["quantities"]]
                if check["quantity"] not in quantities:
                    known = config.nearest(check["quantity"], quantities)
                    raise ClaimsError(
                        f"errata {name}: checked: claim {claim} has no quantity "
                        f"'{check['quantity']}'; {known}"
                    )
    named = {check.get("claim") for entry in entries.values() for check in entry["checked"]}
    return [claim for claim in claims if claim in named]


def markdown(entries, judgements):
    """The page of errata in Markdown. judgements: {claim id: Judgement} of what checks them.

    Raises ClaimsError, naming the entry, for a number that no checking claim measures.
    """
    parts = [
        "# Errata of version 1, as far as we found them\n",
        "Generated from `paper_check/errata.yaml`; the numbers are those of the claims named with "
        "them. Reading a long paper line by line finds slips in any; most change nothing that is "
        "concluded from them, and each entry says whether something depends on it. Version 3 of "
        "23 June 2026 may have mended some; we have read version 1 only.\n",
    ]
    for status, heading in HEADINGS.items():
        chosen = {name: e for name, e in entries.items() if e["status"] == status}
        if chosen:
            parts.append(f"## {heading}\n")
        parts += [_section(name, entry, judgements) for name, entry in chosen.items()]
    return "\n".join(parts)


def _section(name, entry, judgements):
    from .report import quantity_lookup  # here: Snakemake reads the entries without pandas

    def lookup(path):
        claim, _, rest = path.partition(".")
        if claim not in judgements:
            raise KeyError(path)
        return quantity_lookup(judgements[claim])(rest)

    try:
        text = {key: words.cell(words.fill(entry[key], lookup)) for key in TEXTS if key in entry}
    except LookupError as error:
        raise ClaimsError(f"errata {name}: no measured number is called {error}") from None
    except ValueError as error:
        raise ClaimsError(f"errata {name}: {error}") from None
    lines = [
        f"### {words.cell(entry['place'])}\n",
        f"**Printed.** {text['printed']}\n",
        f"**Correct.** {text['correct']}\n" if "correct" in text else "",
        f"**Found.** {text['found']}\n" if "found" in text else "",
        f"**Checked by** {', '.join(_checked(c, judgements) for c in entry['checked'])}.\n",
        f"**Does anything depend on it?** {text['matters']}\n",
    ]
    return "\n".join(filter(None, lines))


def _checked(check, judgements):
    if "test" in check:
        return f"`{check['test']}`"
    judgement, name = judgements[check["claim"]], check["quantity"]
    value = judgement.value(name)
    measured = "not in this tier" if value is None else words.result(value)
    return f"claim {check['claim']}, {name.replace('_', ' ')}: {measured}"
