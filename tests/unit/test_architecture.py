"""Every module imports what the table in docs/architecture.md allows, and there is no circle."""

import graphlib
import re
from pathlib import Path

import pytest

from saddle_escape import imports

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow" / "saddle_escape"
PAGE = ROOT / "docs" / "architecture.md"


def name_of(path):
    """``theory/escape`` for a module of a room, ``root/status`` for one beside the rooms."""
    name = path.relative_to(LIBRARY).with_suffix("").as_posix()
    return name if "/" in name else f"root/{name}"


def covers(entry, name):
    """Whether an entry of the table, a room or a module, is ``name`` or holds it."""
    return name in (entry, f"root/{entry}") or name.startswith(f"{entry}/")


def table(text):
    """{room or module: what it may import} of the page's table."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `")]
    names = [(re.findall("`(.+?)`", row[0]), re.findall("`(.+?)`", row[-1])) for row in rows]
    return {room: allowed for (room,), allowed in names}


def row_of(name, rows):
    """The most particular row that covers a module."""
    return max((room for room in rows if covers(room, name)), key=len)


MODULES = {
    name_of(path): path
    for path in sorted(LIBRARY.rglob("*.py"))
    if path.stem not in ("__init__", "__main__")
}


def imported(path):
    """Names of the modules that one imports itself."""
    files = imports.imported_files(path, (LIBRARY.parent,)) - {path}
    return {name for name, module in MODULES.items() if module in files}


IMPORTS = {name: imported(path) for name, path in MODULES.items()}
ROWS = table(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_its_room_may(name):
    allowed = ROWS[row_of(name, ROWS)]
    forbidden = {other for other in IMPORTS[name] if not any(covers(a, other) for a in allowed)}
    assert not forbidden, f"{name} may import {', '.join(allowed)}, not {', '.join(forbidden)}"


def test_every_room_and_module_of_the_table_exists():
    for entry in set(ROWS).union(*ROWS.values()):
        assert any(covers(entry, name) for name in MODULES), entry


def test_the_rules_that_the_table_must_contain():
    """The table is text: these are what it is for."""

    def may(room, other):
        return any(covers(entry, other) for entry in ROWS[row_of(room, ROWS)])

    for room, other in (
        ("theory/escape", "training/network"),
        ("theory/escape", "root/config"),
        ("training/network", "studies/reduction"),
        ("studies/reduction", "studies/classes"),
        ("studies/reduction", "figures/style"),
        ("figures/figure1", "studies/reduction"),
        ("figures/figure1", "training/network"),
        ("claims/checks/identity", "studies/reduction"),
        ("claims/measure", "claims/verdict"),
        ("claims/measure", "claims/report"),
        ("claims/measure", "claims/page"),
        ("cli/flow", "claims/report"),
    ):
        assert not may(room, other), f"{room} may import {other}"


def test_no_circle_of_imports():
    tuple(graphlib.TopologicalSorter(IMPORTS).static_order())  # CycleError names the circle


def test_a_forbidden_import_and_a_circle_are_seen(tmp_path):
    """The graph that the rules are held against has the imports inside functions too."""
    for name, text in {
        "lib/__init__.py": "",
        "lib/a.py": "def f():\n    from . import b\n",
        "lib/b.py": "from .a import f\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    a, b = tmp_path / "lib/a.py", tmp_path / "lib/b.py"
    graph = {
        p: imports.imported_files(p, (tmp_path,)) - {a.with_name("__init__.py")} for p in (a, b)
    }
    assert graph == {a: {b}, b: {a}}
    with pytest.raises(graphlib.CycleError):
        tuple(graphlib.TopologicalSorter(graph).static_order())
