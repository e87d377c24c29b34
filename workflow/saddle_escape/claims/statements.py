"""The claims as data: load ``paper_check/claims.yaml``, validate it, say what each claim needs.

Each claim says what is measured, the predicted value, the tolerance with its reason, who states it,
the verdict we expect and its controls. Nothing here imports a numerical library: Snakemake reads
the claims at its start.
"""

import re
from pathlib import Path

from .. import config
from . import CHECK, ClaimsError

CLAIMS = Path(__file__).parents[3] / "paper_check" / "claims.yaml"
SCHEMA = Path(__file__).parents[2] / "schemas" / "claims.schema.yaml"

HOLDS, REMARK, NOT_REPRODUCED, NO_PREMISE, NOT_TESTABLE = (
    "holds",
    "holds with remark",
    "not reproduced",
    "premise not met",
    "not testable here",
)
VERDICTS = (HOLDS, REMARK, NOT_REPRODUCED, NO_PREMISE, NOT_TESTABLE)
DOUBTFUL = {REMARK, NOT_REPRODUCED, NO_PREMISE}  # verdicts that a remark has to explain

PAPER = "paper"
MACHINE = ("machine review", "simulated rebuttal", "editorial extension")  # no author wrote these
GROUPS = {  # who states it: sources, in the order of the report
    "the paper": (PAPER,),
    "the authors' write-up": ("write-up",),
    "the machine review": MACHINE,
    "our own": ("derived", "choice"),
}
# What a place in the paper must name, so that it can be found there.
PLACE = re.compile(
    r"\b(Theorem|Prop(osition|\.)|Cor(ollary|\.)|Lemma|Def(inition|\.)|eqs?\.|[Ff]igure|Remark|Table"
    r"|Section|Appendix)\s*[0-9A-F]|abstract|title",
)


# --- reading --------------------------------------------------------------------------------------


def load_claims(path=CLAIMS):
    """{id: claim} in the file's order. Raises ClaimsError, naming the file and the claim."""
    return {claim["id"]: claim for claim in load(path)["claims"]}


def load_unchecked(path=CLAIMS):
    """The statements that cannot be checked: list of {place, statement, why}."""
    return load(path).get("unchecked", [])


def load(path=CLAIMS):
    """The validated content of a claims file: {claims: [...], unchecked: [...]}."""
    try:
        content = config.read_yaml(path)
    except config.ConfigError as error:
        raise ClaimsError(str(error)) from None
    validate(content, path)
    return content


def validate(content, path):
    """Check the content of a claims file. Raises ClaimsError for the first problem."""
    if problem := config.violation(content, config.read_schema(SCHEMA)):
        place, text = problem
        raise ClaimsError(config.one_line(f"{path}: {_readable(content, place)}: {text}"))
    claims = content["claims"]
    for key in ("id", "name"):
        _refuse_repeated([claim[key] for claim in claims], f"{path}: {key}")
    for claim in claims:
        for problem in _cross_check(claim):
            raise ClaimsError(config.one_line(f"{path}: claim {claim['id']}: {problem}"))


def _readable(content, place):
    """Dotted path with the claim's id in place of its index."""
    parts = list(place)
    if parts[:1] == ["claims"] and len(parts) > 1 and isinstance(content["claims"][parts[1]], dict):
        parts[:2] = [f"claim {content['claims'][parts[1]].get('id', parts[1])}"]
    return config.dotted(parts)


def _refuse_repeated(values, what):
    for value in values:
        if values.count(value) > 1:
            raise ClaimsError(config.one_line(f"{what} '{value}' is given twice"))


# --- problems between the keys of one claim -------------------------------------------------------


def _cross_check(claim):
    """Problems between the keys of one claim."""
    yield from _quantity_problems(claim)
    yield from _verdict_problems(claim)
    yield from _control_problems(claim)


def _quantity_problems(claim):
    names = [q["name"] for q in claim["quantities"]]
    roles = [role(q) for q in claim["quantities"] if source(claim, q) == claim["source"]]
    if len(set(names)) < len(names):
        yield "two quantities have the same name"
    if "core" not in roles:
        yield f"no core quantity of its own source, {claim['source']}"
    if "letter" in map(role, claim["quantities"]) and "remark" not in claim:
        yield "a 'letter' quantity needs a remark that says what fails to the letter"
    if claim["source"] == PAPER and not PLACE.search(claim["place"]):
        yield f"place: '{claim['place']}' names no theorem, equation, figure or section"
    for quantity in claim["quantities"]:
        result = quantity["where"].partition(":")[0]
        if not result.startswith("saddle_escape.") and result not in inputs(claim).values():
            yield f"{quantity['name']}: '{result}' is not among the inputs"


def _verdict_problems(claim):
    for name in claim.get("expected_of", {}):
        if name not in sources(claim)[1:]:
            yield f"expected_of: no quantity has the source '{name}', or it is the claim's own"
    verdicts = {expected(claim, tier, of) for tier in config.tiers() for of in sources(claim)}
    if NOT_TESTABLE in verdicts and "untestable" not in claim:
        yield f"expected '{NOT_TESTABLE}' in a tier needs 'untestable', the reason"
    if DOUBTFUL & verdicts and "remark" not in claim:
        yield "this expected verdict needs a remark"
    if NO_PREMISE in verdicts and "premise" not in map(role, claim["quantities"]):
        yield f"expected '{NO_PREMISE}' needs a quantity with 'role: premise'"


def _control_problems(claim):
    names = [q["name"] for q in claim["quantities"]]
    labels = [control["name"] for control in controls(claim)]
    if len(set(labels)) < len(labels):
        yield "two controls have the same name"
    if CHECK in labels:
        yield f"a control cannot be called '{CHECK}'"
    verdicts = {expected(claim, "default", of) for of in sources(claim)}
    for control in controls(claim):
        for name in control["quantities"]:
            if name not in names:
                yield f"control {control['name']}: no quantity '{name}'"
        if must(control) == "pass" and not DOUBTFUL & verdicts:
            yield f"control {control['name']}: may pass only where the claim does not simply hold"
    covered = {name for control in controls(claim) for name in control["quantities"]}
    for quantity in claim["quantities"]:
        name = quantity["name"]
        if name not in covered and "uncontrolled" not in quantity:
            yield f"{name}: no control covers it; name it in one, or say why not: 'uncontrolled'"
        if name in covered and "uncontrolled" in quantity:
            yield f"{name}: 'uncontrolled', but a control covers it"


# --- what a claim says ----------------------------------------------------------------------------


def role(quantity):
    """ "core" unless the quantity says otherwise."""
    return quantity.get("role", "core")


def source(claim, quantity):
    """Who states a quantity: the claim's own source unless it names another."""
    return quantity.get("source", claim["source"])


def sources(claim):
    """Everyone who states a quantity of the claim, its own source first."""
    return list(dict.fromkeys([claim["source"], *(source(claim, q) for q in claim["quantities"])]))


def controls(claim):
    """The claim's controls, none if every quantity says why it has none."""
    return claim.get("controls", [])


def must(control):
    """What a control must do: "fail" unless it says otherwise."""
    return control.get("must", "fail")


def inputs(claim):
    """{name: result} that the measurement of a claim reads, below results/<tier>/."""
    return claim.get("inputs", {})


def expected(claim, tier, of=None):
    """The expected verdict in a tier on the quantities of one source, the claim's own by default.

    What others state is expected to hold where the tier can test it, unless ``expected_of`` says.
    """
    if of in (None, claim["source"]):
        verdict = claim["expected"]
    elif of in claim.get("expected_of", {}):
        verdict = claim["expected_of"][of]
    else:
        theirs = [q for q in claim["quantities"] if source(claim, q) == of and role(q) != "letter"]
        names = {q["name"] for q in testable(claim, tier)}
        verdict = HOLDS if all(q["name"] in names for q in theirs) else NOT_TESTABLE
    return verdict if isinstance(verdict, str) else verdict[tier]


def testable(claim, tier):
    """The quantities of a claim whose tolerances hold at the sizes of a tier."""
    return [q for q in claim["quantities"] if tier in q.get("tiers", config.tiers())]


# --- what a measuring job is given ----------------------------------------------------------------


def settings(claim, tier, sections):
    """Parameters of a claim's measurement in a tier.

    ``sections``: the tier's configuration, of which the parts that the claim names are added, each
    under its section's name. Raises ClaimsError for a part that is not there.
    """
    stated = dict(claim.get("settings", {}))
    changes = {name: stated.pop(name, {}) for name in ("smoke", "full")}
    try:
        chosen = config.select(sections, claim.get("sections", ()))
    except (KeyError, TypeError) as error:
        raise ClaimsError(f"claim {claim['id']}: sections: {error} is not configured") from None
    return {**stated, **changes.get(tier, {}), **chosen}


def specification(claim, tier, sections):
    """What decides a claim's measurement in a tier, as plain data: a change of it asks for a rerun.

    ``sections``: the tier's configuration. Tolerances and texts are not part of it.
    """
    names = [q["name"] for q in testable(claim, tier)]
    runs = {CHECK: names}
    for control in controls(claim):
        if wanted := [name for name in control["quantities"] if name in names]:
            runs[control["name"]] = wanted
    return {
        "id": claim["id"],
        "measure": claim["measure"],
        "settings": settings(claim, tier, sections),
        "runs": runs if names else {},
    }


def jobs(claims):
    """{name: ids} of the jobs that measure claims: those of one module that read the same results.

    To import what a check needs takes as long as most checks. claims: {id: claim}; a name is the
    module's and the first claim's.
    """
    together = {}
    for name, claim in claims.items():
        shared = module_name(claim), tuple(inputs(claim).items())
        together.setdefault(shared, []).append(name)
    return {
        f"{module.rpartition('.')[2]}_{names[0]}": names for (module, _), names in together.items()
    }


def module_name(claim):
    """Dotted name of the module that measures a claim."""
    return "saddle_escape.claims.checks." + claim["measure"].split(".")[0]
