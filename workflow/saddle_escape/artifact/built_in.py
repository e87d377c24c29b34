"""Writes the table of the built-in activations: ``python -m saddle_escape.artifact.built_in``."""

import json

import sympy as sp

from ..built_in import TABLE
from ..theory import activations
from ..theory.builtin import BUILTIN
from ..theory.classes import describe


def derived() -> list[dict]:
    """The rows of :func:`built_in.rows`, derived by SymPy."""
    return [
        {"expression": text} | describe(name) | _functions(name)
        for name, (text, _) in BUILTIN.items()
    ]


def _functions(name):
    """sigma and its derivative, as :class:`tabulated.Tabulated` reads them."""
    sigma = activations.get(name).expression
    return {"sigma": str(sigma), "slope": str(sp.diff(sigma, activations.Z))}


def main():
    """Write the table, one activation a line."""
    lines = (json.dumps(row, allow_nan=False) for row in derived())
    TABLE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
