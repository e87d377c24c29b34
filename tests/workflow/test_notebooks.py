"""The notebooks: headless on the smoke tier's results, reading only, and what they say is there."""

import ast
import os
import re
import runpy
import sys
from pathlib import Path

import matplotlib.figure
import pytest

from saddle_escape.artifact import notebook
from saddle_escape.artifact.catalogue import FIGURES

from .conftest import ROOT, run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
IDS = [path.stem for path in NOTEBOOKS]
EXECUTE = "workflow/scripts/execute_notebooks.py"


@pytest.fixture
def pictures(monkeypatch, tmp_path):
    """An empty working directory on the smoke tier; the pictures that are shown in it."""
    shown = []

    class Recorded(notebook.Picture):
        def __init__(self, figure):
            super().__init__(figure)
            shown.append(self._repr_png_())

    monkeypatch.setattr(notebook, "Picture", Recorded)
    monkeypatch.setenv(notebook.VARIABLE, "smoke")
    monkeypatch.chdir(tmp_path)
    return shown


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.xdist_group("smoke")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_runs_headless_and_only_reads(smoke_tree, pictures, monkeypatch, tmp_path, path):
    monkeypatch.setattr(notebook, "RESULTS", smoke_tree / "results")
    before = stamps(smoke_tree / "results")
    runpy.run_path(str(path))
    assert len(pictures) >= 2 and len(set(pictures)) == len(pictures)  # turned, it looks otherwise
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert stamps(smoke_tree / "results") == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_missing_result_is_one_line_with_the_command(pictures, monkeypatch, tmp_path, path):
    monkeypatch.setattr(notebook, "RESULTS", tmp_path)
    with pytest.raises(notebook.MissingResult) as caught:
        runpy.run_path(str(path))
    (line,) = caught.value._render_traceback_()
    assert re.fullmatch(r"results/smoke/\S+ is not there yet; run `TIER=smoke make figures`", line)


def test_there_is_one_for_each_figure_and_one_for_the_classes():
    assert {*IDS} == {"classes_and_identity", *(path for path in FIGURES if path.isalnum())}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_has_its_parts(path):
    text = path.read_text(encoding="utf-8")
    for part in ("**In plain words.**", "$$", "## Turn it", "notebook.turn(", "## Try to break it"):
        assert part in text, part
    assert 'TIER = notebook.tier()  # or "smoke", "default", "full"' in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_imports_the_library_and_trains_nothing(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    outside = {name for name in imported if not name.startswith("saddle_escape.")}
    assert outside <= {"dataclasses.replace", "numpy", "pandas", "torch"}
    trains = {f"saddle_escape.training.{name}" for name in ("integrate", "bottleneck")}
    assert not (trains | {"saddle_escape.results"}) & imported
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert all(node.end_lineno - node.lineno < 20 for node in functions)


def test_without_results_no_ipynb_but_one_line(tree, monkeypatch):
    monkeypatch.setenv(notebook.VARIABLE, "smoke")
    monkeypatch.setenv("PYTHONPATH", str(tree / "workflow"))
    source = tree / "short.py"
    load = 'notebook.load("figures/figure4.csv", notebook.tier())'
    source.write_text(f"# %%\nfrom saddle_escape.artifact import notebook\n\n{load}\n")
    done = run([sys.executable, EXECUTE, "short.py"], tree)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "short.py: results/smoke/figures/figure4.csv is not there yet; "
        "run `TIER=smoke make figures`"
    )
    assert not source.with_suffix(".ipynb").exists()


def test_parameters_turn_by_widgets_where_there_are_any(monkeypatch):
    ipywidgets = pytest.importorskip("ipywidgets")
    calls = []

    def draw(scale=2, name="tanh"):
        calls.append((scale, name))

    notebook.turn(draw, scale=[1, 2], name=["sin", "tanh"])  # no Jupyter here: a plain call
    assert calls == [(2, "tanh")]
    monkeypatch.setattr(notebook, "_widgets", lambda: ipywidgets)
    panel = notebook.turn(draw, scale=[1, 2], name=["sin", "tanh"])
    panel.children[0].value = 1
    assert (panel.kwargs, calls[-1]) == ({"scale": 1, "name": "tanh"}, (1, "tanh"))


def test_a_tier_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv(notebook.VARIABLE, "smok")
    with pytest.raises(ValueError, match="'smok' is not a tier, choose from smoke, default, full"):
        notebook.tier()


def test_a_picture_is_a_png_in_the_figures_style():
    figure = matplotlib.figure.Figure()
    figure.text(0.5, 0.5, r"$\varepsilon$")
    assert notebook.Picture(figure)._repr_png_() == notebook.Picture(figure)._repr_png_()


def test_make_runs_every_notebook_on_the_tier(tree):
    (tree / "notebooks").mkdir()
    (tree / ".venv").mkdir()
    for stamp in (".requirements", ".requirements-dev"):
        Path(tree / ".venv" / stamp).touch()
    plan = run(["make", "--dry-run", "notebooks", "TIER=smoke"], tree).stdout
    assert f"{notebook.VARIABLE}=smoke .venv/bin/python {EXECUTE} notebooks/*.py" in plan
    assert os.access(ROOT / EXECUTE, os.R_OK)
