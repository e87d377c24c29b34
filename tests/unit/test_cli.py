"""``python -m saddle_escape``: keys, values, and one line for every mistake."""

import dataclasses
import json
import subprocess
import sys

import pytest

from saddle_escape import status
from saddle_escape.cli import arguments, limit, start
from saddle_escape.cli.main import COMMANDS, main

NAMES = [module.__name__.rpartition(".")[2] for module in COMMANDS]
FIGURE1 = ["--activation", "tanh", "--depth", "4", "--width", "64"]
SMALL = ["--depth", "4", "--width", "8", "--input-dim", "4", "--samples", "32"]
HEAVY = {"numpy", "scipy", "sympy", "mpmath", "torch", "pandas", "xarray", "yaml", "jsonschema"}


def answer(capsys, *argv):
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys, *argv):
    """The one line of a refused command: exit status 2, nothing on standard output."""
    with pytest.raises(SystemExit) as stop:
        main(list(argv))
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    line = captured.err.removesuffix("\n")
    assert line.isprintable() and line.isascii() and len(line) <= 500
    return line


def python(code, *argv, **options):
    command = [sys.executable, "-c", code, *argv]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


# --- answers --------------------------------------------------------------------------------------


def test_classify(capsys):
    row = answer(capsys, "classify", "gelu")
    assert {"activation", "class", "q", "c_q", "c_q_exact", "alpha", "beta1", "status"} <= set(row)
    assert (row["class"], row["q"], row["alpha"], row["beta1"]) == ("C", 2, 0.5, 0.5)
    assert answer(capsys, "classify", "relu")["c_q"] is None
    assert answer(capsys, "classify", "z*exp(-z**2)")["class"] == "B"
    assert "no linear signal path" in answer(capsys, "classify", "cos")["status"]


def test_predict(capsys):
    row = answer(capsys, "predict", *FIGURE1, "--init", "0.03,0.05,0.07,0.09", "--threshold", "0.5")
    assert set(row) == {"K", "t_closed_form", "t_quadrature", "status"}
    assert row["t_closed_form"] is None and abs(row["t_quadrature"] - 1899.29) < 0.01
    balanced = answer(capsys, "predict", *FIGURE1, "--init", "0.03")
    assert abs(balanced["t_closed_form"] / balanced["t_quadrature"] - 1) < 1e-9


def test_escape(capsys):
    row = answer(capsys, "escape", *FIGURE1, "--init", "0.03,0.03,0.03,0.03")
    assert set(row) == {"t_escape", "status", "criterion", "threshold", "rhs_evaluations"}
    assert abs(row["t_escape"] - 7401.6) < 0.1 and row["status"] == "escaped"
    assert row == answer(capsys, "escape", *FIGURE1, "--init", "0.03")
    high = answer(capsys, "escape", *FIGURE1, "--init", "0.6")
    assert (high["t_escape"], high["status"]) == (None, "no_plateau")
    loss = answer(capsys, "escape", *FIGURE1, "--init", "0.1", "--criterion", "loss")
    assert 600 < loss["t_escape"] < 704.5


def test_a_start_in_a_dead_zone_stays_there(capsys):
    start = ["--depth", "4", "--width", "64", "--init"]
    row = answer(capsys, "escape", "--activation", "softshrink", *start, "0.1")
    assert (row["t_escape"], row["status"]) == (None, "not_escaped")


def test_a_run_that_reaches_its_limit_of_evaluations_says_so_and_fails(capsys):
    """Softplus of 64 layers would take hundreds of thousands: its stiffness grows with depth."""
    deep = ["--activation", "softplus", "--depth", "64", "--width", "64", "--init", "0.01"]
    assert main(["escape", *deep, "--max-evaluations", "150", "--json"]) == 3
    row = json.loads(capsys.readouterr().out)
    assert (row["t_escape"], row["rhs_evaluations"]) == (None, 150)
    assert row["status"].startswith("not escaped within 150 evaluations")
    assert main(["escape", *deep, "--max-evaluations", "150"]) == 3
    assert "not escaped within 150 evaluations" in capsys.readouterr().out.splitlines()[0]


def test_the_limit_of_evaluations_that_suffices(capsys):
    start = ["escape", *FIGURE1, "--init", "0.1"]
    needed = answer(capsys, *start)["rhs_evaluations"] + 1  # one more for the first step's size
    assert answer(capsys, *start, "--max-evaluations", str(needed))["status"] == "escaped"
    assert main([*start, "--max-evaluations", str(needed - 1)]) == 3


def test_flow(capsys):
    rows = answer(capsys, "flow", *SMALL, "--bottleneck", "3", "--epsilon", "0.1,5", "--seeds", "2")
    keys = ["seed", "r", "epsilon", "t_escape", "status", "accepted_steps", "gradient_evaluations"]
    assert [list(row) for row in rows] == [keys] * 4
    assert [row["seed"] for row in rows] == [0, 0, 1, 1]
    assert rows[0]["r"] == 3 and rows[0]["t_escape"] > 0 and rows[0]["status"] == "escaped"
    assert (rows[1]["t_escape"], rows[1]["status"]) == (None, "no_plateau")


def test_a_flow_that_reaches_its_limit_of_steps_says_so_and_fails(capsys):
    options = ["flow", *SMALL, "--bottleneck", "3", "--epsilon", "0.1", "--seeds", "1", "--json"]
    assert main([*options, "--max-steps", "5"]) == 3
    (row,) = json.loads(capsys.readouterr().out)
    assert row["t_escape"] is None
    assert row["status"] == "not escaped within 5 steps; --max-steps allows more"
    assert main([*options, "--weight-decay", "5"]) == 0  # which ends for another reason
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["t_escape"], row["status"]) == (None, "not_escaped")


def test_limit_and_flow_agree_on_who_has_no_plateau(capsys):
    options = [*SMALL, "--bottleneck", "4", "--epsilon", "0.1,5", "--seeds", "1"]
    for command, time in (("flow", "t_escape"), ("limit", "t_predicted")):
        on, above = answer(capsys, command, *options)
        assert on[time] > 0 and (above[time], above["status"]) == (None, "no_plateau")


def test_a_shallow_network_is_small_in_all_layers_unless_asked_otherwise(capsys):
    shallow = ["--depth", "3", *SMALL[2:], "--epsilon", "0.1", "--seeds", "1"]
    for command in ("flow", "limit"):
        assert answer(capsys, command, *shallow)[0]["r"] == 3


def test_limit_predicts_what_flow_measures(capsys):
    options = [*SMALL, "--bottleneck", "4", "--epsilon", "0.03,0.003", "--seeds", "2"]
    predicted = answer(capsys, "limit", *options)
    keys = ["seed", "r", "epsilon", "t_star", "t_predicted", "critical_decay", "status"]
    assert [list(row) for row in predicted] == [keys] * 4
    for there, here in zip(predicted, answer(capsys, "flow", *options), strict=True):
        assert [there[k] for k in ("seed", "r", "epsilon")] == [here[k] for k in keys[:3]]
        error = abs(here["t_escape"] / there["t_predicted"] - 1)
        assert error < (0.1 if here["epsilon"] > 0.01 else 2e-3)


def test_weight_decay_holds_a_network_back_and_then_for_good(capsys):
    options = [*SMALL, "--bottleneck", "4", "--epsilon", "0.01", "--seeds", "1", "--decay", "all"]
    (free,) = answer(capsys, "limit", *options)
    for share, escapes in ((0.8, True), (1.2, False)):
        decay = ["--weight-decay", str(share * free["critical_decay"])]
        (predicted,) = answer(capsys, "limit", *options, *decay)
        (measured,) = answer(capsys, "flow", *options, *decay)
        assert (measured["status"] == "escaped") is escapes
        if escapes:
            assert abs(measured["t_escape"] / predicted["t_predicted"] - 1) < 0.02
            assert predicted["t_predicted"] > 1.5 * free["t_predicted"]
        else:
            assert predicted["t_predicted"] is None and "never escapes" in predicted["status"]


def test_limit_without_a_number_has_a_sentence(capsys):
    (alone,) = answer(capsys, "limit", *SMALL, "--bottleneck", "3", "--seeds", "1")
    assert alone["t_star"] > 0 and alone["epsilon"] is alone["t_predicted"] is None
    assert main(["limit", *SMALL, "--bottleneck", "3", "--seeds", "1"]) == 0
    sentence = capsys.readouterr().out.splitlines()[0]
    assert sentence == f"1 of 1 limit flows blow up, T* = {alone['t_star']:.6g}"
    for name, words in (("softplus", "sigma(0) is not 0"), ("cos", "no linear signal path")):
        options = ["--activation", name, "--bottleneck", "3", "--seeds", "1", "--epsilon", "0.1"]
        (row,) = answer(capsys, "limit", *SMALL, *options)
        assert row["t_star"] is row["t_predicted"] is row["critical_decay"] is None
        assert words in row["status"]


def test_a_kinked_limit_flow_ends_at_its_limit_of_steps(capsys):
    options = ["--activation", "relu", *SMALL, "--bottleneck", "3", "--epsilon", "0.01"]
    (row,) = answer(capsys, "limit", *options, "--seeds", "1")
    assert row["status"] == "ok" and row["t_predicted"] == pytest.approx(100 * row["t_star"])
    assert main(["limit", *options, "--seeds", "2", "--max-steps", "9", "--json"]) == 3
    for row in json.loads(capsys.readouterr().out):
        assert row["t_star"] is row["t_predicted"] is None and row["epsilon"] == 0.01
        assert row["status"] == f"{status.SLIDES}; --max-steps allows more"


def test_nothing_is_advised_that_would_be_refused(capsys, monkeypatch):
    """At the largest limits of steps and evaluations there are no more to allow."""
    options = ["--activation", "relu", *SMALL, "--bottleneck", "3", "--epsilon", "0.01"]
    monkeypatch.setattr(arguments, "LIMIT_STEPS", 9)
    monkeypatch.setattr(limit, "LIMIT_STEPS", 9)
    assert main(["limit", *options, "--seeds", "1", "--max-steps", "9", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)[0]["status"] == status.SLIDES
    few = dataclasses.replace(arguments.RANGES["max-evaluations"], high=9)
    monkeypatch.setitem(arguments.RANGES, "max-evaluations", few)
    options = [*FIGURE1, "--init", "0.1", "--max-evaluations", "9", "--json"]
    assert main(["escape", *options]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "not escaped within 9 evaluations"


def test_a_kinked_limit_flow_of_two_layers_ends_there_too(capsys):
    """Its rate of growth is that of a flow whose steps are counted as well."""
    options = ["--activation", "relu", *SMALL, "--bottleneck", "2", "--epsilon", "0.01"]
    assert main(["limit", *options, "--seeds", "1", "--max-steps", "9", "--json"]) == 3
    (row,) = json.loads(capsys.readouterr().out)
    assert row["t_predicted"] is None and row["status"].startswith(status.SLIDES)


def test_a_kinked_limit_flow_is_followed_once(capsys, monkeypatch):
    from saddle_escape.training import limit_flow

    followed = []
    whole = limit_flow.blow_up_time
    monkeypatch.setattr(
        limit_flow, "blow_up_time", lambda *a, **k: followed.append(k) or whole(*a, **k)
    )
    options = ["--activation", "relu", *SMALL, "--bottleneck", "3", "--seeds", "1"]
    assert answer(capsys, "limit", *options)[0]["status"] == "ok"
    assert followed == [{"max_steps": 400}]


def test_a_smooth_limit_flow_has_no_limit_of_steps(capsys):
    options = [*SMALL, "--bottleneck", "3", "--seeds", "1", "--max-steps", "1"]
    assert answer(capsys, "limit", *options)[0]["status"] == "ok"


def test_homotopy(capsys):
    row = answer(capsys, "homotopy", "--epsilon", "0.2", "--nodes", "2")
    assert row["nodes"] == 2
    assert (
        abs((row["t0"] + row["integral"]) / row["t1"] - 1) < 2 * row["integral_error"] / row["t1"]
    )


@pytest.mark.parametrize("code", [s for s in status.STATUSES if s != status.ESCAPED])
def test_every_status_without_a_time_has_words(code):
    assert start.escape_in_words("reduced", None, code).endswith(status.IN_WORDS[code])


def test_text_output_names_every_key(capsys):
    assert main(["classify", "tanh"]) == 0
    assert "class  B" in capsys.readouterr().out


def test_text_output_is_printable(capsys):
    assert main(["classify", "(z\n)"]) == 0
    assert r"activation  (z\n)" in capsys.readouterr().out


def test_as_a_program():
    command = [sys.executable, "-m", "saddle_escape", "classify", "erf", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["c_q_exact"] == "-4/(3*sqrt(pi))"


# --- mistakes -------------------------------------------------------------------------------------

START = ["--activation", "tanh", "--init", "0.1"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["classify", "tahn"], ["unknown 'tahn'", "did you mean 'tanh'", "gelu"]),
        (["classify", "__import__('os').system('x')"], ["not allowed"]),
        (["escape", *FIGURE1, "--init", "0.1,0.1"], ["--init", "2 scales for depth 4"]),
        (["escape", *FIGURE1, "--init", "0.1,-0.1,1,1"], ["--init", "'-0.1'", "from 1e-12 to 10"]),
        (["escape", *FIGURE1, "--init", "-1e3"], ["--init", "'-1e3'", "from 1e-12 to 10"]),
        (["escape", *FIGURE1, "--init", "a"], ["--init", "'a'", "a number from 1e-12 to 10"]),
        (["escape", *FIGURE1, "--init", "nan"], ["--init", "'nan'", "from 1e-12"]),
        (["escape", *FIGURE1, "--init", "-inf"], ["--init", "'-inf'", "from 1e-12"]),
        (["escape", *FIGURE1, "--init", "1e-300"], ["--init", "'1e-300'", "from 1e-12 to 10"]),
        (["escape", *START, "--width", "9", "--depth", "64", "--init", "1e-9"], ["product", "64"]),
        (["escape", *FIGURE1, "--init", "0.1", "--criterion", "foo"], ["--criterion", "alignment"]),
        (["escape", *FIGURE1, "--init", "0.1", "--threshold", "1e300"], ["--threshold", "to 10"]),
        (["escape", *FIGURE1, "--init", "0.1", "--thresh", "1"], ["--thresh"]),
        (["predict", *FIGURE1, "--init", "0.1", "--threshold", "0"], ["--threshold", "'0'"]),
        (["predict", *FIGURE1, "--init", "0.1", "--threshold", "1e308"], ["--threshold", "to 10"]),
        (["predict", *FIGURE1, "--init", "1e-320"], ["--init", "'1e-320'", "from 1e-12 to 10"]),
        (["predict", *START, "--width", "9", "--depth", "1000000"], ["--depth", "from 2 to 64"]),
        (["predict", *START, "--width", "9", "--depth", "1000000000000"], ["--depth", "2 to 64"]),
        (["predict", *START, "--width", "9", "--depth", "4.5"], ["--depth", "an integer from 2"]),
        (["predict", *START, "--depth", "4", "--width", "9" * 400], ["--width", "'99", "to 16384"]),
        (["predict", *START, "--depth", "4", "--width", "9" * 5000], ["--width", "to 16384"]),
        (["predict", *START, "--depth", "4", "--width", "\x1b[31m\n7"], [r"'\x1b[31m\n7'"]),
        (["predict", *START, "--depth", "4", "--width", "\udcff"], [r"'\udcff'"]),
        (["predict", *START, "--depth", "4", "\x1b[31m" * 200], ["--width"]),
        (
            ["predict", "--activation", "z/10**6", *FIGURE1[2:], "--depth", "64", "--init", "0.01"],
            ["beyond the range of floats"],
        ),
        (
            ["escape", *FIGURE1, "--init", "0.1", "--criterion", "loss", "--threshold", "2"],
            ["--threshold", "fraction", "below 1"],
        ),
        (["escape", *FIGURE1, "--init", "1", "--max-evaluations", "0"], ["'0'", "to 100000"]),
        (["escape", *START, "--width", "9", "--depth", "1000000"], ["--depth", "from 2 to 64"]),
        (["escape", *START, "--depth", "1", "--width", "4"], ["--depth", "from 2"]),
        (["escape", "--activation", "sinh(z)", *FIGURE1[2:], "--init", "0.1"], ["infinite"]),
        (["flow", "--activation", "tahn"], ["did you mean 'tanh'"]),
        (["flow", "--epsilon", "0"], ["--epsilon", "'0'", "from 1e-08 to 10"]),
        (["flow", "--epsilon", "0.1,1e-300"], ["--epsilon", "'1e-300'"]),
        (["flow", "--bottleneck", "9"], ["--bottleneck", "'9'", "from 1 to 8"]),
        (["flow", "--loss-fraction", "1"], ["--loss-fraction", "'1'", "below 1"]),
        (["flow", "--rtol", "1"], ["--rtol", "'1'", "from 1e-13 to 0.01"]),
        (["flow", "--max-steps", "0"], ["--max-steps", "'0'", "from 1 to 1000000000"]),
        (["flow", "--width", "16384", "--depth", "64"], ["--width", "numbers"]),
        (["flow", "--samples", "1000000", "--width", "100"], ["--samples", "numbers"]),
        (["flow", "--weight-decay", "-1"], ["--weight-decay", "'-1'", "from 0 to"]),
        (["limit", "--decay", "none"], ["--decay", "small", "all"]),
        (["limit", "--bottleneck", "9"], ["--bottleneck", "'9'", "from 1 to 8"]),
        (["limit", "--activation", "tahn"], ["did you mean 'tanh'"]),
        (["limit", "--max-steps", "3001"], ["--max-steps", "'3001'", "from 1 to 3000"]),
        (["limit", "--weight-decay", "1"], ["--weight-decay", "give --epsilon"]),
        (["homotopy", "--epsilon", "0.9"], ["--epsilon", "'0.9'", "below 0.5"]),
        (["homotopy", "--epsilon", "1e-300"], ["--epsilon", "'1e-300'"]),
        (["homotopy", "--rho", "nan"], ["--rho", "'nan'", "from 0 to 1"]),
        (["homotopy", "--nodes", "0"], ["--nodes", "'0'", "from 1 to 64"]),
        (["explode"], ["explode", *NAMES]),
        (["\x1b]0;x\x07" * 300], ["argument command", *NAMES]),
    ],
)
def test_mistakes_are_one_line(capsys, argv, words):
    message = refusal(capsys, *argv)
    for word in words:
        assert word in message


@pytest.mark.parametrize("name", arguments.RANGES)
def test_bounds_of_every_range(name):
    allowed = arguments.RANGES[name]
    for bound, outward in ((allowed.low, -1), (allowed.high, 1)):
        assert (bound in allowed) is not allowed.strict
        assert bound * (1 + 0.01 * outward) + 1e-9 * outward not in allowed
    for value in (float("nan"), float("inf"), -float("inf")):
        assert value not in allowed


# --- what it costs, and where the answer goes -----------------------------------------------------


def test_help_refusals_and_classes_of_built_ins_import_nothing_heavy():
    code = (
        "import sys\nfrom saddle_escape.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\nprint('modules', *sys.modules)"
    )
    helps = ["--help"], *([name, "--help"] for name in NAMES)
    for argv in (*helps, ["flow", "--epsilon", "0"], ["classify", "gelu"]):
        out = python(code, *argv)
        assert HEAVY.isdisjoint(out.partition("modules ")[2].split()), argv


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
def test_built_ins_are_predicted_and_followed_without_sympy_torch_and_pandas(name):
    code = (
        "import sys\nfrom saddle_escape.cli.main import main\n"
        "main(sys.argv[1:])\nprint('modules', *sys.modules)"
    )
    options = ["--activation", name, "--depth", "4", "--width", "64", "--init", "0.1"]
    allowed = {"predict": {"numpy", "mpmath"}, "escape": {"numpy", "mpmath", "scipy"}}
    for command, heavy in allowed.items():
        out = python(code, command, *options)
        assert HEAVY.intersection(out.partition("modules ")[2].split()) == heavy, command


@pytest.mark.parametrize("name", ["tanh", "gelu", "relu", "leaky_relu", "softplus", "cos"])
def test_a_built_in_and_its_expression_have_the_same_answers(capsys, name):
    """The one is read from the committed table, the other derived."""
    text = f"1*({arguments.BUILTIN[name][0]})"
    for command in ("predict", "escape"):
        options = ["--depth", "4", "--width", "64", "--init", "0.1"]
        read, derived = (answer(capsys, command, "--activation", a, *options) for a in (name, text))
        read.pop("rhs_evaluations", None), derived.pop("rhs_evaluations", None)
        assert read == pytest.approx(derived, rel=1e-8)


def test_choices_are_those_of_the_modules_that_take_long_to_import():
    from saddle_escape.theory import escape, limit_flow
    from saddle_escape.training import integrate
    from saddle_escape.training import limit_flow as of_networks

    assert (arguments.CRITERIA, arguments.CLOCKS) == (escape.CRITERIA, integrate.CLOCKS)
    assert arguments.DECAYED == limit_flow.DECAYED
    assert arguments.LIMIT_STEPS == of_networks.MAX_STEPS
    assert arguments.RANGES["max-evaluations"].high == escape.EVALUATION_LIMIT


@pytest.mark.parametrize(
    ("redirection", "status", "lines"),
    [("| head -0", 1, 0), ("> /dev/full", 1, 1), (">&-", 0, 0), ("--help > /dev/full", 1, 1)],
)
def test_output_that_cannot_be_written_ends_quietly(redirection, status, lines):
    command = f"set -o pipefail; {sys.executable} -m saddle_escape classify gelu {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == lines and "Traceback" not in done.stderr
