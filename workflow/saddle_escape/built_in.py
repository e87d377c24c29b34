"""Classes and constants of the built-in activations, for who cannot wait until SymPy is imported.

``built_in.json`` holds what :func:`theory.classes.describe` says of each, beside its expression,
and sigma and its derivative as :class:`theory.tabulated.Tabulated` reads them;
``python -m saddle_escape.artifact.built_in`` derives it anew, and a test holds it in step.
"""

import json
from pathlib import Path

from .theory.builtin import BUILTIN

TABLE = Path(__file__).with_suffix(".json")


def rows() -> list[dict]:
    """One dict for every built-in activation, in their order: see the top of this module."""
    return json.loads(TABLE.read_text(encoding="utf-8"))


def row(name: str) -> dict | None:
    """The row of one activation; None if it is no built-in, or its expression has changed since."""
    name = name.strip()
    expression, _ = BUILTIN.get(name, (None, None))
    known = {(row["activation"], row["expression"]): row for row in rows()}
    return known.get((name, expression))
