"""Input that cannot be used: one printable line that says where it stands and what to do.

Most cases go through the same functions as a run does, from a text or a mapping to a ConfigError;
what only Snakemake can show is in tests/workflow.
"""

import copy
import string

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saddle_escape import conditions, config, strict_yaml
from saddle_escape.claims import ClaimsError, statements
from saddle_escape.config import ConfigError
from saddle_escape.theory import activations, builtin, classes

from .test_config import CONFIG

DEFAULT = strict_yaml.read_yaml(CONFIG / "config.yaml")
NASTY = "a\nb\x1b[31m\x00" + "x" * 5000
SCALES = {"min": 0.01, "max": 0.1, "count": 3}
NETWORK = {"depth": 7, "width": 4, "r": 3, "epsilon": [0.1]}
POINT = {"r": 3, "epsilon": 0.1, "flow": 1, "sgd": 1}


def assert_one_line(error, *parts):
    """The message is one printable line of at most 500 characters and holds the parts."""
    line = str(error.value)
    assert line.isprintable()
    assert len(line) <= 500
    for part in parts:
        assert part in line


# --- text that is no YAML for us ------------------------------------------------------------------

TEXTS = {
    "binary": (bytes(range(256)), "save the file as UTF-8"),
    "latin 1": ("# é\n".encode("latin-1"), "byte 0xe9 at 2 is not UTF-8 text"),
    "utf 16": ("device: cpu".encode("utf-16"), "save the file as UTF-8"),
    "utf 32": ("device: cpu".encode("utf-32"), "save the file as UTF-8"),
    "nul": (b"device: \0", "character U+0000 is not allowed"),
    "escape code": (b"device: \x1b[31mcpu", "character U+001B is not allowed"),
    "backspace": (b"a: 1\ndevice: \x08", "line 2: character U+0008"),
    "too large": (b"# " + b"x" * strict_yaml.MAX_BYTES, "is it the right file?"),
    "list": ("- a\n", "write 'key: value' lines"),
    "text": ("device", "write 'key: value' lines"),
    "number": ("3", "write 'key: value' lines"),
    "two documents": ("a: 1\n---\nb: 2\n", "but found another document"),
    "tab": ("a:\n\tb: 1\n", "line 2"),
    "open bracket": ("a: [1,\n", "line 2"),
    "open brace": ("a: {b: 1\n", "line 2"),
    "open quote": ("a: 'b\n", "line 2"),
    "wrong bracket": ("classes: {depth: [}", "line 1: did not find expected node content"),
    "two colons": ("a: b: c", "line 1: mapping values are not allowed in this context"),
    "at sign": ("a: @b", "line 1"),
    "percent": ("a: %b", "line 1"),
    "indentation": ("a:\n  b: 1\n c: 2\n", "line 3"),
    "unknown escape": ('a: "\\q"', "line 1: found unknown escape character"),
    "repeated key": ("device: cpu\ndevice: cuda\n", "line 2: key 'device' given twice; remove one"),
    "repeated nested key": ("a:\n  b: 1\n  b: 2\n", "line 3: key 'b' given twice"),
    "repeated flow key": ("a: {b: 1, b: 2}", "line 1: key 'b' given twice"),
    "repeated quoted key": ("a: {b: 1, 'b': 2}", "line 1: key 'b' given twice"),
    "list as key": ("? [a, b]\n: 1\n", "a key must be text, not a list or a mapping"),
    "mapping as key": ("{a: 1}: 1\n", "a key must be text, not a list or a mapping"),
    "octal as key": ("a: {010: 1}", "'010' is no plain integer"),
    "float as key": ("1.5: 1", "key '1.5' must be text"),
    "null as key": ("~: 1", "key '~' must be text"),
    "truth value as key": ("yes: 1", "key 'yes' must be text"),
    "no key": (": 1", "line 1: did not find expected key"),
    "date": ("a: 2024-13-45", "'2024-13-45' would be read as a date; put it in quotes"),
    "right date": ("a: 2024-01-02", "would be read as a date"),
    "tagged date": ("a: !!timestamp b", "would be read as a date"),
    "tagged integer": ("a: !!int abc", "'abc' is no plain integer"),
    "empty integer": ("a: !!int ''", "'' is no plain integer"),
    "tagged float": ("a: !!float abc", "'abc' is no plain number"),
    "tagged truth": ("a: !!bool abc", "write true or false"),
    "tagged binary": ("a: !!binary b", "line 1: failed to decode base64"),
    "tagged mapping": ("a: !!map [b]", "line 1: expected a mapping node"),
    "object": ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "own tag": ("a: !b c", "could not determine a constructor for the tag '!b'"),
    "5,000 digits": ("a: " + "9" * 5000, "is no plain integer; write decimal digits, at most 30"),
    "5,000 digits and a point": ("a: " + "9" * 5000 + ".0", "is no plain number"),
    "octal": ("a: 010", "'010' is no plain integer"),
    "negative octal": ("a: -017", "'-017' is no plain integer"),
    "hexadecimal": ("a: 0x10", "'0x10' is no plain integer"),
    "binary digits": ("a: 0b11", "'0b11' is no plain integer"),
    "sexagesimal": ("a: 1:30", "'1:30' is no plain integer"),
    "sexagesimal float": ("a: 1:30.5", "'1:30.5' is no plain number"),
    "underscores": ("a: 1_000", "'1_000' is no plain integer"),
    "unknown anchor": ("a: *b", "found undefined alias"),
    "recursive list": ("a: &b [*b]", "'b' refers to itself"),
    "recursive mapping": ("a: &b {c: *b}", "'b' refers to itself"),
    "recursive merge": ("a: &b {<<: *b}", "'b' refers to itself"),
    "recursion two up": ("&b a: &c [[*c]]", "'c' refers to itself"),
    "3,000 brackets": ("a: " + "[" * 3000, "nested more than 30 deep"),
    "3,000 closed brackets": ("a: " + "[" * 3000 + "]" * 3000, "nested more than 30 deep"),
    "3,000 braces": ("{a: " * 3000 + "1" + "}" * 3000, "nested more than 30 deep"),
    "3,000 dashes": ("- " * 3000 + "a", "nested more than 30 deep"),
    "billion laughs": (
        "a0: &a0 [1, 1]\n" + "".join(f"a{k}: &a{k} [{f'*a{k - 1}, ' * 9}]\n" for k in range(1, 9)),
        "anchors expand to more than 100000 values",
    ),
    "inline merge": ("a: {<<: {b: 1}, b: 2}", "'<<' comes first in its mapping and names one"),
    "late merge": ("a: &b {c: 1}\nd: {c: 2, <<: *b}", "line 2: a merge key '<<' comes first"),
    "merge of two": ("a: &b {c: 1}\nd: {<<: [*b, *b]}", "names one anchor"),
    "merge of a number": ("a: {<<: 3}", "names one anchor"),
    "merged twice": ("a: &b {c: 1}\nd: {<<: *b, <<: *b}", "key '<<' given twice"),
    "long key twice": ("x" * 900 + ": 1\n" + "x" * 900 + ": 2\n", "given twice"),
    "long anchor": ("a: *" + "b" * 4000, "found undefined alias"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name, tmp_path):
    text, part = TEXTS[name]
    path = tmp_path / "given.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        strict_yaml.read_yaml(path)
    assert_one_line(error, "given.yaml: ", part)


@pytest.mark.parametrize("name", [".", "not_there.yaml", "a" * 5000, "a\nb"])
def test_path(name, tmp_path):
    with pytest.raises(ConfigError) as error:
        strict_yaml.read_yaml(tmp_path / name)
    assert_one_line(error, "cannot be read", "check the path")


def test_a_merge_key_that_names_an_anchor_is_overridden_by_what_follows():
    text = "a: &a {b: 1, c: 2}\nd: &d {<<: *a, b: 3}\ne: {<<: *d, c: 4}"
    assert strict_yaml.parse(text)["e"] == {"b": 3, "c": 4}


def test_plain_numbers_are_read():
    text = "[0, -3, +7, 1.5, .5, 1., 1e-3, -2.0e+4, 6E5, .inf]"
    read = [0, -3, 7, 1.5, 0.5, 1, 1e-3, -2e4, 6e5, float("inf")]
    assert strict_yaml.parse(text) == read


# --- values ---------------------------------------------------------------------------------------

SHIFTED = ("softplus", "sigmoid", "cos", "hardsigmoid")
WITHOUT_PATH = ("cubic", "relu2", "selu")
BENT = ("relu", "leaky_relu")
LAW = ("critical_depth.activation", "offmanifold.activation", "weight_decay.activation")
LAW += ("prefactor.activation", "one_law.cases.tanh.activation", "error_law.cases.q3.activation")
LAW += ("drift.cases.tanh_L3.activation", "breakdown.cases.adam.network.activation")

VALUES = [
    ("tier", "smokey", "did you mean 'smoke'?"),
    ("tier", 3, "3 is not of type 'string'"),
    ("tier", ["smoke"], "is not of type 'string'"),
    ("device", NASTY, "is not known; valid: auto, cpu, cuda"),
    ("device", "", "valid: auto, cpu, cuda"),
    ("device", {"cpu": 1}, "is not"),
    (NASTY, 1, "unknown key"),
    ("devise", "cpu", "unknown key; did you mean 'device'?"),
    ("reduction", 3, "3 is not of type 'object' (Figure 1"),
    ("reduction", [], "is not of type 'object'"),
    ("reduction", None, "key 'reduction' is missing"),
    ("error_law", None, "key 'error_law' is missing"),
    ("drift", None, "key 'drift' is missing"),
    ("offmanifold", None, "key 'offmanifold' is missing"),
    ("reduction." + NASTY.replace(".", ""), 1, "unknown key"),
    ("reduction.depth", "4", "'4' is not of type 'integer'"),
    ("reduction.depth", 4.5, "4.5 is not of type 'integer'"),
    ("reduction.depth", True, "True is not of type 'integer'"),
    ("reduction.depth", 10**12, "is greater than the maximum of 16"),
    ("reduction.depth", -4, "less than the minimum of 2"),
    ("reduction.depth", NASTY, "is not of type 'integer'"),
    ("reduction.depth", [NASTY] * 900, "is not of type 'integer'"),
    ("reduction.depth", {NASTY: NASTY}, "is not of type 'integer'"),
    ("reduction.width", 0, "less than the minimum of 1"),
    ("reduction.width", 10**400, "is greater than the maximum of 4096"),
    ("reduction.t_end", float("inf"), "inf is not of type 'number'"),
    ("reduction.t_end", float("nan"), "nan is not of type 'number'"),
    ("reduction.t_end", 0, "minimum of 0"),
    ("reduction.points", 1, "less than the minimum of 2"),
    ("reduction.init", [0.1] * 3, "3 scales for depth 4; give one per layer"),
    ("reduction.init", [-1] * 3000, "minimum of 0 (Initial scale X_l)"),
    ("reduction.init", [0.1], "is too short"),
    ("reduction.init", "0.1", "is not of type 'array'"),
    ("reduction.init", [None] * 4, "None is not of type 'number'"),
    ("reduction.quadrature.rule", "simpson", "'simpson' is not known; valid: trapezoid"),
    ("reduction.quadrature.step", 1e-400, "minimum of 0"),
    ("reduction.network.rate", 7, "7 is greater than the maximum of 1"),
    ("reduction.minibatch.seed", -1, "less than the minimum of 0"),
    ("reduction.minibatch.seeed", 1, "unknown key; did you mean 'seed'?"),
    ("reduction.activation", "gelo", "did you mean 'gelu'?"),
    ("reduction.activation", None, "key 'activation' is missing; add it"),
    ("classes.activations", [], "(Activations to classify"),
    ("classes.activations", ["tanh", "tanh"], "has non-unique elements"),
    ("classes.activations", ["tanh"], "is not in classes.activations; add it there"),
    ("critical_depth.epsilon", {"min": 0.5, "max": 0.1}, "min 0.5 must be below max 0.1"),
    ("critical_depth.epsilon.min", 0.1778279410038923, "must be below max"),
    ("critical_depth.wide.epsilon.min", 0.3, "must be below max 0.3"),
    ("critical_depth.epsilon.count", 1, "less than the minimum of 2"),
    ("critical_depth.bottleneck.r", [7], "r = 7 exceeds depth 6"),
    ("critical_depth.wide.r", [2, 8], "r = 8 exceeds depth 6"),
    ("critical_depth.wide.r", [], "(Numbers of layers at epsilon"),
    ("critical_depth.wide.loss_fraction", 1, "maximum of 1"),
    ("critical_depth.line_point", 3, "unknown key; did you mean 'line_points'?"),
    ("critical_depth.threshold", 1, "maximum of 1"),
    ("universality.closed_form.max", 1e-3, "must be below max 0.001"),
    ("universality.epsilon.tahn", None, "null removes nothing here; did you mean 'tanh'?"),
    ("universality.epsilon.tahn", [0.1], "did you mean 'tanh'?"),
    ("universality.epsilon." + NASTY.replace(".", ""), [0.1], "is not known"),
    ("universality.epsilon.tanh", [], "(Initial scales of one activation)"),
    ("universality.epsilon.tanh", [0.1, 0.1], "has non-unique elements"),
    ("universality.epsilon.tanh", [3], "maximum of 2"),
    ("universality.minibatch.seeds", 0, "less than the minimum of 1"),
    ("cascade.amplitudes", [1, 1, 1], "must fall, each below the one before it"),
    ("cascade.amplitudes", [0.1, 0.2, 0.3], "must fall"),
    ("cascade.amplitudes", [1, 0.5], "is too short"),
    ("cascade.amplitudes", [1, 0.5, 0], "minimum of 0"),
    ("companion.amplitudes", [1, 0.5, 0.5], "must fall"),
    ("companion.amplitudes", [0.5, 1, 0.2], "must fall"),
    ("companion.amplitudes", [1, 0.5], "is too short"),
    *(("cascade.activation", name, "is not known; valid: tanh") for name in (*BENT, "linear")),
    *(("companion.activation", name, "is not known; valid: tanh") for name in SHIFTED),
    ("offmanifold.points", [], "(Points (r, epsilon) of the figure"),
    ("offmanifold.points", [POINT, POINT | {"flow": 2}], "(3, 0.1) is given twice; keep one"),
    (
        "offmanifold.points",
        [POINT | {"flow": 0, "sgd": 0}],
        "flow is 0 at every point; give it seeds",
    ),
    ("offmanifold.points", [POINT | {"r": 9}], "r = 9 exceeds depth 8"),
    ("offmanifold.points", [POINT | {"epsilon": 0}], "minimum of 0"),
    ("offmanifold.points", [POINT | {"seeds": 1}], "unknown key"),
    ("offmanifold.points", [3], "3 is not of type 'object' (One point"),
    ("offmanifold.threshold", 0.03, "0.03 is not among thresholds; add it there"),
    ("offmanifold.thresholds", [0.05], "0.02 is not among thresholds"),
    ("offmanifold.asymptotics.r", [9], "r = 9 exceeds depth 8"),
    ("offmanifold.asymptotics.fit_points", 8, "exceed epsilon.count 7"),
    ("offmanifold.asymptotics.epsilon.max", 1e-5, "must be below max"),
    ("offmanifold.depth_independence.depths", [3], "depth 3 is less than r = 4"),
    ("offmanifold.records", ["../../etc/passwd"], "does not match"),
    ("offmanifold.records", ["paper_check/records/../x.csv"], "does not match"),
    ("offmanifold.flow.dtype", "float16", "did you mean"),
    ("offmanifold.flow.rtol", 1, "maximum of 0.01"),
    ("one_law.cases.a/b", {}, "does not match"),
    ("one_law.digits", [3, 3], "has non-unique elements"),
    ("error_law.cases.q3.activation", "__import__('os')", "does not match"),
    ("error_law.cases.q3.activation", "tahn", "'tahn' is not known; did you mean 'tanh'?"),
    ("error_law.cases.q3.activation", "tahn(z)", "unknown 'tahn'; did you mean 'tanh'?"),
    ("error_law.cases.q3.activation", "tanh(z", "is no expression in z; close every bracket"),
    ("error_law.cases.q3.activation", "2z", "is no expression in z"),
    ("error_law.cases.q3.activation", "tanh(1)", "does not depend on z"),
    ("drift.cases.tanh_L3.activation", "relu(z) - z/2", "has a kink; give quadrature rule"),
    ("breakdown.cases.remedies.without_constant", "x/2", "has the unknown 'x'"),
    ("breakdown.cases.flat_origin.epsilon.thanh(z)", {"2": SCALES}, "unknown 'thanh'"),
    ("breakdown.cases.flat_origin.epsilon.tanh", {"2": SCALES}, "has a linear term at 0"),
    ("breakdown.cases.staircase.activation", "tanh", "is not of class D; give softplus"),
    ("breakdown.cases.kicks.activation", "cos", "is not of class D; give softplus"),
    ("breakdown.cases.adam.network.r", 7, "r = 7 exceeds depth 6; give a smaller r"),
    ("weight_decay.activation", "relu", "3 layers at order one of 'relu', which has a kink at 0"),
    ("weight_decay.cases.small_r3.followed", [0.5], "[0.5] is not in weight_decay.decay_ratio"),
    ("weight_decay.cases.small_r3.r", 7, "r = 7 exceeds depth 6"),
    ("prefactor.activation", "relu", "'relu' has no derivative at 0; give another activation"),
    ("prefactor.depth", 3, "r = 4 exceeds prefactor.depth 3"),
    ("one_law.cases.relu.networks", [NETWORK], "4 layers at order one of 'relu'"),
    ("one_law.cases.tanh.networks", [NETWORK | {"r": 8}], "r = 8 exceeds depth 7"),
    ("reduction.minibatch.steps", 24, "25 of them exceed steps 24; give fewer"),
    ("cascade.training.steps", 10, "1500 of them exceed steps 10"),
    ("drift.epsilon.min", 0.2, "must be below max 0.1"),
    ("breakdown.cases.staircase.epsilon.4.min", 0.2, "must be below max 0.1"),
    ("breakdown.cases.staircase.epsilon.12", {"min": 0.1, "max": 1, "count": 3}, "does not match"),
    *((path, name, "is not 0 at 0, nothing escapes") for path in LAW for name in SHIFTED),
    *((path, name, "has no linear signal path") for path in LAW for name in WITHOUT_PATH),
    *(
        (path, name, "has a kink; give quadrature rule half_line, or another")
        for path in ("reduction.activation", "critical_depth.activation", "offmanifold.activation")
        for name in BENT
    ),
    *(
        (f"{section}.activation", name, "has no nonlinear Taylor term at 0; give another")
        for section in ("error_law.cases.q3", "drift.cases.tanh_L3")
        for name in (*BENT, "linear")
    ),
    *(
        (f"universality.epsilon.{name}", [0.1], "give another")
        for name in (*SHIFTED, *WITHOUT_PATH)
    ),
]


def nested(path, value):
    for key in reversed(path.split(".") if path != NASTY else [path]):
        value = {key: value}
    return value


def resolved(patch):
    return config.resolve({"config.yaml": DEFAULT, "given.yaml": patch, "command line": {}})


@pytest.mark.parametrize(("path", "value", "part"), VALUES, ids=range(len(VALUES)))
def test_value(path, value, part):
    with pytest.raises(ConfigError) as error:
        resolved(nested(path, value))
    assert_one_line(error, ".yaml: ", part)


def test_an_emptied_section_is_blamed_on_the_file_that_emptied_it():
    with pytest.raises(ConfigError, match=r"^given\.yaml: top level: key 'drift' is missing"):
        resolved({"drift": None})


def test_a_broken_condition_is_blamed_on_the_file_that_broke_it():
    """It is told of r, which stands in config.yaml, and is due to the depth."""
    patch = {"weight_decay": {"cases": {"all_L6": {"depth": 2}}}}
    message = r"^given\.yaml: weight_decay\.cases\.all_L6\.r: r = 4 exceeds depth 2"
    with pytest.raises(ConfigError, match=message):
        resolved(patch)


def test_a_tier_file_does_not_name_a_tier(tmp_path):
    path = tmp_path / "full.yaml"
    path.write_text("tier: full\n")
    with pytest.raises(ConfigError, match="tier: the file's name says it; remove the key"):
        config._tier_file(path)


# --- what the command line gives ------------------------------------------------------------------

HOLDS_ITSELF = {}
HOLDS_ITSELF["reduction"] = HOLDS_ITSELF
OVERRIDES = {
    "broken text": ({"classes": "{depth: [}"}, "classes: '{depth: [}' cannot be read"),
    "broken nested text": ({"classes": {"depth": "[}"}}, "classes: '[}' cannot be read"),
    "octal": ({"reduction": {"depth": "010"}}, "reduction: '010' cannot be read"),
    "date": ({"device": "2024-13-45"}, "device: '2024-13-45' cannot be read"),
    "newlines and escape codes": ({"device": NASTY}, "device: 'a\\nb"),
    "brackets": ({"device": "[" * 3000}, "nested more than 30 deep"),
    "holds itself": (HOLDS_ITSELF, "nested too deep or holds itself"),
    "object": ({"device": "!!python/name:os.system"}, "could not determine a constructor"),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_command_line(name):
    overrides, part = OVERRIDES[name]
    with pytest.raises(ConfigError) as error:
        config.load_tiers(CONFIG, overrides)
    assert_one_line(error, "command line: ", part)


def test_a_file_of_the_command_line_is_read_strictly(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("device: cpu\ndevice: cuda\n")
    with pytest.raises(ConfigError, match=r"own\.yaml: line 2: key 'device' given twice"):
        config.load_tiers(CONFIG, {"device": "cuda"}, [path])


# --- claims ---------------------------------------------------------------------------------------

FIRST = "\n  - id:".join(statements.CLAIMS.read_text(encoding="utf-8").split("\n  - id:")[:2])
CLAIM = strict_yaml.parse(FIRST)["claims"][0]
CLAIMS = {
    "none": (lambda c: {"claims": []}, "claims"),
    "no list": (lambda c: {"claims": c}, "is not of type 'array'"),
    "nothing": (lambda c: {}, "key 'claims' is missing"),
    "twice": (lambda c: {"claims": [c, c]}, "is given twice"),
    "text": (lambda c: {"claims": ["a"]}, "is not of type 'object'"),
    "long text": (lambda c: {"claims": [NASTY]}, "is not of type 'object'"),
    "unknown key": (lambda c: {"claims": [c | {"titel": "a"}]}, "did you mean 'title'?"),
    "long key": (lambda c: {"claims": [c | {NASTY: 1}]}, "unknown key"),
    "source": (lambda c: {"claims": [c | {"source": NASTY}]}, "is not known"),
    "id": (lambda c: {"claims": [c | {"id": "../" + NASTY}]}, "does not match"),
    "id of another type": (lambda c: {"claims": [c | {"id": [NASTY]}]}, "is not of type 'string'"),
    "measure": (lambda c: {"claims": [c | {"measure": "os.system('a')"}]}, "does not match"),
    "no quantities": (lambda c: {"claims": [c | {"quantities": []}]}, "quantities"),
    "verdict": (lambda c: {"claims": [c | {"expected": "hold"}]}, "expected"),
    "section": (lambda c: {"claims": [c | {"section": "9"}]}, "does not match"),
    "place": (lambda c: {"claims": [c | {"source": "paper", "place": NASTY}]}, "place"),
    "statement": (lambda c: {"claims": [c | {"statement": " "}]}, "does not match"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims(name):
    change, part = CLAIMS[name]
    with pytest.raises(ClaimsError) as error:
        statements.validate(change(copy.deepcopy(CLAIM)), "claims.yaml")
    assert_one_line(error, "claims.yaml: ", part)


# --- which activation serves ----------------------------------------------------------------------


@pytest.mark.parametrize("name", builtin.BUILTIN)
def test_activations_are_sorted_as_the_theory_sorts_them(name):
    act = activations.get(name)
    assert (name in conditions.OFFSET) == (float(act(0.0)) != 0)
    assert (name in conditions.NO_RATE) == (not classes.rate_constant(act, 4, 64))
    assert (name in conditions.NO_SLOPE) == (act.slope_at_zero is None)
    assert (name in conditions.NO_ORDER) == (classes.classify(act).q is None)
    assert conditions.kinked(name) == (not act.smooth)


def test_words_of_expressions_are_those_of_the_theory():
    assert set(conditions.FUNCTIONS) == set(activations._FUNCTIONS)
    assert set(conditions.KINK.pattern[3:-3].split("|")) == set(activations._KINKS)


# --- anything at all ------------------------------------------------------------------------------

KEYS = st.sampled_from(["tier", "device", "reduction", "cases", "epsilon", "points", "min"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
SYNTAX = st.text(alphabet="ab01:.-_[]{}&*!<>~'\"#,|?%@ \n\t\x00é" + string.digits, max_size=60)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(SYNTAX)
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        strict_yaml.parse(text)
    except ConfigError as error:
        assert str(error).isprintable()
        assert len(str(error)) <= 500


@FEW
@given(TREES)
def test_any_tree_survives_the_round_trip_or_is_refused_in_one_line(tree):
    try:
        strict_yaml.parse(yaml.safe_dump(tree))
    except ConfigError as error:
        assert str(error).isprintable()


@settings(FEW, max_examples=10)
@given(st.sampled_from(sorted(DEFAULT)), TREES)
def test_any_value_of_a_section_is_valid_or_refused_in_one_line(section, tree):
    try:
        resolved({section: tree})
    except ConfigError as error:
        assert str(error).isprintable()
        assert len(str(error)) <= 500
