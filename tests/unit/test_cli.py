"""``python -m saddle_escape``: keys, values, and one line for every mistake."""

import json
import subprocess
import sys

import pytest

from saddle_escape.__main__ import main

FIGURE1 = ["--activation", "tanh", "--depth", "4", "--width", "64"]


def answer(capsys, *argv):
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        main(list(argv))
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    assert captured.err.count("\n") == 1 and captured.err.endswith("\n")
    return captured.err


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


def test_flow(capsys):
    small = ["--depth", "4", "--width", "8", "--input-dim", "4", "--samples", "32"]
    rows = answer(capsys, "flow", *small, "--bottleneck", "3", "--epsilon", "0.1", "--seeds", "2")
    keys = ["seed", "r", "epsilon", "t_escape", "status", "accepted_steps", "gradient_evaluations"]
    assert [list(row) for row in rows] == [keys, keys]
    assert [row["seed"] for row in rows] == [0, 1]
    assert rows[0]["r"] == 3 and rows[0]["t_escape"] > 0 and rows[0]["status"] == "escaped"


def test_text_output_names_every_key(capsys):
    assert main(["classify", "tanh"]) == 0
    assert "class  B" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["classify", "tahn"], ["unknown 'tahn'", "did you mean 'tanh'", "gelu"]),
        (["classify", "__import__('os').system('x')"], ["not allowed"]),
        (["escape", *FIGURE1, "--init", "0.1,0.1"], ["--init", "2 scales for depth 4"]),
        (["escape", *FIGURE1, "--init", "0.1,-0.1,1,1"], ["--init", "positive"]),
        (["escape", *FIGURE1, "--init", "a"], ["--init", "not a comma-separated list"]),
        (["escape", *FIGURE1, "--init", "nan"], ["--init", "positive"]),
        (["escape", *FIGURE1, "--init", "0.1", "--criterion", "foo"], ["--criterion", "alignment"]),
        (["predict", *FIGURE1, "--init", "0.1", "--threshold", "0"], ["--threshold", "positive"]),
        (
            ["escape", *FIGURE1, "--init", "0.1", "--criterion", "loss", "--threshold", "2"],
            ["--threshold", "fraction"],
        ),
        (
            ["escape", "--activation", "tanh", "--depth", "1", "--width", "4", "--init", "1"],
            ["--depth"],
        ),
        (["escape", "--activation", "sinh(z)", *FIGURE1[2:], "--init", "0.1"], ["infinite"]),
        (["flow", "--activation", "tahn"], ["did you mean 'tanh'"]),
        (["flow", "--epsilon", "0"], ["--epsilon"]),
        (["flow", "--bottleneck", "9"], ["--bottleneck"]),
        (["homotopy", "--epsilon", "0.9"], ["--epsilon", "between 0 and 0.5"]),
        (["homotopy", "--nodes", "0"], ["--nodes"]),
        (["explode"], ["explode", "classify", "predict", "escape"]),
    ],
)
def test_mistakes_are_one_line(capsys, argv, words):
    message = refusal(capsys, *argv)
    for word in words:
        assert word in message


def test_as_a_program():
    command = [sys.executable, "-m", "saddle_escape", "classify", "erf", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["c_q_exact"] == "-4/(3*sqrt(pi))"
