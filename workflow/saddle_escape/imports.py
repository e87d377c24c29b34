"""Which files of this project a script imports, directly or not: what its rule depends on."""

import ast
import functools
import re
from contextlib import suppress
from pathlib import Path

WORD = re.compile(r"\bimport\b")
STATEMENT = re.compile(  # an import on lines of its own
    r"^[ \t]*(import[ \t]+[\w., ]+"
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]+(?:\([^()]*\)|[\w., *]+))[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")  # where a node holds statements


def import_closure(entry, roots):
    """Files below ``roots`` that running ``entry`` imports, transitively and sorted.

    ``roots``: directories from which absolute imports resolve. Imports inside functions count, and
    so does every package's ``__init__``; imports by computed name cannot be seen, and those under
    ``if TYPE_CHECKING`` never run. ``entry`` itself is left out. Raises SyntaxError where a file's
    imports cannot be made out.
    """
    entry, roots = Path(entry).resolve(), tuple(Path(root).resolve() for root in roots)
    reached, todo = set(), [entry]
    while todo:
        new = imported_files(todo.pop(), roots) - reached - {entry}
        reached |= new
        todo += new
    return sorted(reached)


def imported_file(path, name, root):
    """The module below ``root`` that the file at ``path`` takes ``name`` from; None if none."""
    for node in parse(path).body:
        if isinstance(node, ast.ImportFrom) and name in (alias.name for alias in node.names):
            files = _files_of(".".join(_base(node, path, (root,))), (root,))
            return files[-1] if files else None
    return None


@functools.cache
def parse(path):
    """The syntax tree of a file. Raises SyntaxError."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@functools.cache  # scripts share most of their modules
def imported_files(path, roots):
    """Files below ``roots`` (a tuple of resolved paths) that the statements of one file import."""
    names = [name for node in _imports(path) for name in _imported_names(node, path, roots)]
    return {file for name in names for file in _files_of(name, roots)}


def _imports(path):
    """The import statements of a file, by its text where they are plain to see.

    They are if each word "import" belongs to one on lines of its own, and none is for a type
    checker alone; else the whole file is parsed, which takes eight times as long. What looks like a
    statement in a text between quotes counts.
    """
    text = path.read_text(encoding="utf-8")
    found = STATEMENT.findall(text)
    if len(found) == len(WORD.findall(text)) and "TYPE_CHECKING" not in text:
        with suppress(SyntaxError):
            return ast.parse("\n".join(found)).body
    return [n for n in _executable(parse(path)) if isinstance(n, ast.Import | ast.ImportFrom)]


def _executable(node):
    """The statements below a node at any depth, but for what only a type checker reads."""
    for block in BLOCKS:
        for child in getattr(node, block, ()):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            yield child
            yield from _executable(child)


def _imported_names(node, path, roots):
    """Absolute dotted names that an import statement may mean: modules and members alike."""
    base = _base(node, path, roots) if isinstance(node, ast.ImportFrom) else ()
    return [".".join([*base, alias.name]) for alias in node.names]


def _base(node, path, roots):
    """Parts of the absolute name of the module that a from-import names."""
    package = _package(path, roots, node.level) if node.level else ()
    return [*package, *(node.module.split(".") if node.module else ())]


def _package(path, roots, level):
    """Parts of the package that ``level`` dots name in the file at ``path``."""
    root = next(root for root in roots if path.is_relative_to(root))
    return path.relative_to(root).parts[:-level]


@functools.cache
def _files_of(name, roots):
    """The module file of a dotted name and the ``__init__`` of every package on the way to it."""
    parts = name.split(".")
    stems = [root.joinpath(*parts[:n]) for root in roots for n in range(1, len(parts) + 1)]
    files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    return [file for file in files if file.is_file()]
