"""The notebooks: headless on the smoke tier's results, reading only; their pages in step with them.

Only a short notebook is executed in a kernel here: `make notebooks` does that with the real ones.
"""

import ast
import os
import re
import runpy
import sys

import jupytext
import matplotlib.figure
import nbformat
import pytest

from saddle_escape.artifact import notebook
from saddle_escape.artifact.catalogue import FIGURES

from .conftest import ROOT, run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
IDS = [path.stem for path in NOTEBOOKS]
READERS = [path for path in NOTEBOOKS if path.stem != "limit_flow"]  # of results; that one trains
SMALLER = {  # networks and runs in a test
    "width=48": "width=8",
    "samples=256": "samples=64",
    "range(3)": "range(2)",
    "rtol=1e-9": "rtol=1e-6",
    "steps or 1000": "steps or 300",
}
LARGEST_PAGE = 500_000  # bytes; a code host shows it at once
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


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_runs_headless_and_only_reads(smoke_tree, pictures, monkeypatch, tmp_path, path):
    monkeypatch.setattr(notebook, "RESULTS", smoke_tree / "results")
    before = stamps(smoke_tree / "results")
    runpy.run_path(str(path))
    assert len(pictures) >= 2 and len(set(pictures)) == len(pictures)  # turned, it looks otherwise
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert stamps(smoke_tree / "results") == before
    assert not list(tmp_path.iterdir())


def test_the_limit_flow_runs_from_nothing(pictures, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(notebook, "RESULTS", tmp_path / "none")
    text = (ROOT / "notebooks/limit_flow.py").read_text(encoding="utf-8")
    for size, smaller in SMALLER.items():
        assert size in text
        text = text.replace(size, smaller)
    (tmp_path / "smaller.py").write_text(text, encoding="utf-8")
    runpy.run_path(str(tmp_path / "smaller.py"))
    assert len(set(pictures)) == len(pictures) == 4
    said = capsys.readouterr().out
    pairs = re.findall(r"predicted (\d+), trained (\d+)", said)
    assert len(pairs) == 6
    assert all(abs(int(p) - int(t)) <= max(2, 0.05 * int(t)) for p, t in pairs), said
    assert "predicted never, trained never" in said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_its_page_is_in_step_and_shows_no_error(path):
    page = path.with_suffix(".ipynb")
    assert page.stat().st_size < LARGEST_PAGE
    shown, source = nbformat.read(page, as_version=4), jupytext.read(path)
    cells = [[(cell.cell_type, cell.source) for cell in book.cells] for book in (shown, source)]
    assert cells[0] == cells[1], f"{page.name}: run `make notebooks`"
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    kinds = {(output.output_type, output.get("name")) for output in outputs}
    assert kinds <= {("execute_result", None), ("stream", "stdout")}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_its_page_tells_nothing_of_the_run(path):
    page = path.with_suffix(".ipynb")
    book = nbformat.read(page, as_version=4)
    assert set(book.metadata) == {"jupytext", "kernelspec", "language_info"}
    assert book.metadata["language_info"] == {"name": "python"}
    assert [cell.id for cell in book.cells] == [f"{path.stem}-{k}" for k in range(len(book.cells))]
    assert not any(cell.metadata for cell in book.cells)
    assert " at 0x" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_a_missing_result_is_one_line_with_the_command(pictures, monkeypatch, tmp_path, path):
    monkeypatch.setattr(notebook, "RESULTS", tmp_path)
    with pytest.raises(notebook.MissingResult) as caught:
        runpy.run_path(str(path))
    (line,) = caught.value._render_traceback_()
    assert re.fullmatch(r"results/smoke/\S+ is not there yet; run `TIER=smoke make figures`", line)


def test_there_is_one_for_each_figure_the_classes_and_the_limit_flow():
    figures = {path for path in FIGURES if path.isalnum()}
    assert {*IDS} == {"classes_and_identity", "limit_flow", *figures}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_has_its_parts(path):
    text = path.read_text(encoding="utf-8")
    for part in ("**In plain words.**", "$$", "## Turn it", "notebook.turn(", "## Try to break it"):
        assert part in text, part
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert all(node.end_lineno - node.lineno < 20 for node in functions)


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_the_tier_is_named_once(path):
    text = path.read_text(encoding="utf-8")
    assert 'TIER = notebook.tier()  # or "smoke", "default", "full"' in text


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
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
    assert not list(tree.rglob("*.ipynb"))


def test_a_page_has_the_same_bytes_in_a_second_run(tree, monkeypatch):
    """Prints in one stream, a picture in place of sliders, no time or address of the run."""
    monkeypatch.setenv(notebook.VARIABLE, "smoke")
    (tree / "short.py").write_text(
        "# %%\nfrom saddle_escape.artifact import notebook\n"
        "from saddle_escape.figures import phi\n\nprint(1)\nprint(2)\n\n\n"
        'def draw(name="tanh"):\n'
        "    return notebook.Picture(phi.draw(notebook.phi_table([name])))\n\n\n"
        'notebook.turn(draw, name=["sin", "tanh"])\n'
    )
    page = tree / "results/smoke/notebooks/short.ipynb"
    written = []
    for _ in range(2):
        done = run([sys.executable, EXECUTE, "short.py"], tree)
        assert (done.returncode, done.stdout) == (0, f"{page.relative_to(tree)}\n"), done.stderr
        written.append(page.read_bytes())
    assert written[0] == written[1]
    (cell,) = nbformat.reads(written[0].decode(), as_version=4).cells
    stream, picture = cell.outputs
    assert stream.text == "1\n2\n" and set(picture.data) == {"image/png", "text/plain"}
    assert not (tree / "short.ipynb").exists()


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
    monkeypatch.undo()
    monkeypatch.setenv(notebook.STATIC, "1")
    assert notebook.turn(draw, scale=[1, 2], name=["sin", "tanh"]) is None  # a plain call again


def test_a_tier_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv(notebook.VARIABLE, "smok")
    with pytest.raises(ValueError, match="'smok' is not a tier, choose from smoke, default, full"):
        notebook.tier()


def test_a_picture_is_a_png_in_the_figures_style():
    figure = matplotlib.figure.Figure()
    figure.text(0.5, 0.5, r"$\varepsilon$")
    assert notebook.Picture(figure)._repr_png_() == notebook.Picture(figure)._repr_png_()


def test_make_runs_and_opens_them_on_the_tier(tree):
    (tree / "notebooks").mkdir()
    (tree / ".venv").mkdir()
    (tree / ".venv/.requirements").touch()
    plan = run(["make", "--dry-run", "notebooks", "lab", "TIER=smoke"], tree).stdout.splitlines()
    assert plan == [
        f"{notebook.VARIABLE}=smoke .venv/bin/python {EXECUTE} notebooks/*.py",
        f"{notebook.VARIABLE}=smoke .venv/bin/jupyter lab notebooks",
    ]
    assert os.access(ROOT / EXECUTE, os.R_OK)


def test_only_the_default_tiers_pages_lie_beside_their_sources(monkeypatch, tmp_path):
    monkeypatch.setattr(notebook, "RESULTS", tmp_path)
    assert notebook.pages("default") == ROOT / "notebooks"
    assert notebook.pages("smoke") == tmp_path / "smoke/notebooks"
