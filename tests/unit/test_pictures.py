"""``--plot``: pictures show the numbers of the answers; files are whole, or not touched."""

import json

import numpy as np
import pandas as pd
import pytest

from saddle_escape.cli import escape, pictures, predict
from saddle_escape.cli.main import _parser, main
from saddle_escape.figures import answers, style

FIGURE1 = ["--activation", "tanh", "--depth", "4", "--width", "64"]
KINDS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def asked(*argv):
    """(answer, figure) of a command."""
    args = _parser().parse_args(argv)
    answer = args.run(args)
    return answer, args.picture(args, answer)


def drawn(figure, gid):
    """(x, y) of the one line of this gid in a figure's panels, (n, 2)."""
    (line,) = [l for axes in figure.axes for l in axes.get_lines() if l.get_gid() == gid]
    return line.get_xydata()


# --- what is drawn --------------------------------------------------------------------------------


def test_classify_draws_phi_on_its_leading_term():
    answer, figure = asked("classify", "gelu")
    z, law = drawn(figure, "law").T
    np.testing.assert_allclose(law, abs(answer["c_q"]) * z ** answer["q"])
    near = z < 3e-3
    right = next(l for l in figure.axes[1].get_lines() if l.get_gid() == "phi")
    np.testing.assert_allclose(right.get_ydata()[near], law[near], rtol=1e-4)
    z, sigma = drawn(figure, "sigma").T
    np.testing.assert_allclose(sigma[z == 3], 3 * 0.9986501019683699)  # z Phi(z)


def test_predict_draws_the_closed_form():
    """Balanced, L = 4: 1/X^2 falls linearly in t (Theorem 5), up to the answer's time."""
    answer, figure = asked("predict", *FIGURE1, "--init", "0.1")
    assert drawn(figure, "event").tolist() == [[answer["t_quadrature"], 0.5]]
    t, x = drawn(figure, "X_1").T
    assert (x[0], x[-1], t[-1]) == pytest.approx((0.1, 0.5, answer["t_quadrature"]))
    np.testing.assert_allclose(x**-2, 100 - 2 * answer["K"] * t, rtol=1e-6)


@pytest.mark.parametrize("criterion", ["alignment", "loss", "correlation"])
def test_escape_draws_a_trajectory_through_its_event(criterion):
    start = [*FIGURE1, "--init", "0.2", "--criterion", criterion]
    answer, figure = asked("escape", *start)
    name = "X_1" if criterion == "alignment" else criterion
    assert drawn(figure, "event").tolist() == [[answer["t_escape"], 0.5]]
    t, value = drawn(figure, name).T
    assert np.interp(answer["t_escape"], t, value) == pytest.approx(0.5, abs=2e-3)
    assert t[-1] == pytest.approx(escape.PAST * answer["t_escape"])


def test_what_has_no_time_is_a_picture_of_its_status():
    for argv in (
        ["predict", "--activation", "cos", *FIGURE1[2:], "--init", "0.1"],
        ["escape", *FIGURE1, "--init", "0.6"],
    ):
        answer, figure = asked(*argv)
        (text,) = figure.axes[0].texts
        assert text.get_text().replace("\n", " ").startswith(answer["status"].replace("_", " "))


def test_flow_is_drawn_on_the_limit_flows_prediction():
    epsilons = ["--seeds", "1", "--bottleneck", "4", "--epsilon", "0.1,0.03,5"]
    small = ["--depth", "4", "--width", "8", "--input-dim", "4", "--samples", "32", *epsilons]
    measured, figure = asked("flow", *small)
    times = {row["epsilon"]: row["t_escape"] for row in measured if row["t_escape"]}
    assert dict(drawn(figure, "flow 0")) == times and len(times) == 2
    assert drawn(figure, "no_plateau")[0, 0] == 5
    line = dict(drawn(figure, "prediction 0"))
    ratios = dict(drawn(figure, "ratio 0"))
    assert ratios == {e: times[e] / line[e] for e in times}
    predicted, figure = asked("limit", *small)
    times = {row["epsilon"]: row["t_predicted"] for row in predicted if row["t_predicted"]}
    assert dict(drawn(figure, "asked 0")) == times
    assert {e: line[e] for e in times} == times


def test_times_of_no_run_are_words_and_a_run_without_a_look_is_named():
    rows = pd.DataFrame(
        [("flow", 0, 0.1, np.nan, "unresolved"), ("flow", 0, 0.2, 3.0, "escaped")],
        columns=answers.TIMES,
    )
    legend = answers.draw_times(rows).axes[0].get_legend()
    assert "unresolved" in [text.get_text() for text in legend.get_texts()]
    (text,) = answers.draw_times(rows[:1]).axes[0].texts
    assert text.get_text() == "unresolved"


def test_tables_of_other_columns_are_refused():
    for draw in (answers.draw_activation, answers.draw_trajectory):
        with pytest.raises(ValueError, match="missing column"):
            draw(pd.DataFrame({"a": [1.0]}), {"status": "ok"})


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_is_written_beside_the_answer(tmp_path, capsys, kind):
    path = tmp_path / f"p.{kind}"
    argv = ["predict", *FIGURE1, "--init", "0.1", "--json"]
    assert main(argv) == 0
    answer = capsys.readouterr().out
    assert main([*argv, "--plot", str(path)]) == 0
    assert capsys.readouterr().out == answer and json.loads(answer)
    first = path.read_bytes()
    assert first.startswith(KINDS[kind]) and [p.name for p in tmp_path.iterdir()] == [path.name]
    main([*argv, "--plot", str(path)])
    assert path.read_bytes() == first


def test_a_file_is_replaced_only_by_a_whole_picture(tmp_path, monkeypatch):
    path = tmp_path / "p.png"
    path.write_bytes(b"old")
    figure = style.new_figure(1, 1)

    def half(self, target, **_):
        target.write_bytes(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(type(figure), "savefig", half)
        with pytest.raises(OSError, match="disk full"):
            pictures.write(figure, path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    pictures.write(figure, path)
    assert path.read_bytes().startswith(KINDS["png"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p.gif", ".png, .pdf or .svg"),
        ("p", ".png, .pdf or .svg"),
        ("none/p.png", "no such file or directory"),
        ("folder.png", "it is a folder"),
        ("/proc/p.png", "cannot be written"),
        ("p" * 300 + ".png", "too long"),
    ],
)
def test_a_bad_name_is_one_line_and_nothing_is_computed(tmp_path, monkeypatch, capsys, name, words):
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(predict, "run", None)
    with pytest.raises(SystemExit) as stop:
        main(["predict", *FIGURE1, "--init", "0.1", "--plot", str(tmp_path / name)])
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == "" and captured.err.count("\n") == 1
    assert "--plot" in captured.err and words in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_limit_has_no_picture_without_a_scale(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["limit", "--plot", str(tmp_path / "p.png")])
    assert stop.value.code == 2 and "--epsilon" in capsys.readouterr().err


def test_several_rows_are_a_table(capsys):
    small = ["--depth", "3", "--width", "4", "--input-dim", "2", "--samples", "8"]
    main(["limit", *small, "--bottleneck", "3", "--epsilon", "0.1,0.01", "--seeds", "2"])
    first, head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["seed", "r", "epsilon", "t_star"] and len(lines) == 4
    assert {line.split()[2] for line in lines} == {"0.1", "0.01"}
    assert first.startswith("4 of 4 escape times predicted, t = ")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["classify", "gelu"], "class C: phi = z sigma' - sigma has order 2 at 0"),
        (["classify", "relu"], "class A: phi = z sigma' - sigma vanishes"),
        (["predict", *FIGURE1, "--init", "0.03,0.05,0.07,0.09"], "escapes at t = 1899.29"),
        (["escape", *FIGURE1, "--init", "0.6"], "no escape time of the reduced flow"),
    ],
)
def test_an_answer_begins_with_a_sentence(capsys, argv, words):
    main(argv)
    assert words in capsys.readouterr().out.splitlines()[0]


def test_the_help_names_every_exit_status(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    for status in ("0 answered", "1 the answer", "2 bad arguments", "130 interrupted"):
        assert status in words
