"""The configuration's keys that a rule reads: the fields of its study's settings class.

They are read off the source, because the Snakefile imports no numerical library.
"""

import ast
from pathlib import Path

from .config import ConfigError, nearest
from .imports import imported_file, parse

LIBRARY = Path(__file__).parent


def section_keys(schema: dict, section: str, settings: str) -> list[str]:
    """Dotted keys, within a section of the configuration, of a settings class ``study.Class``.

    Raises ConfigError, one line, if there is no such class, or for a field that the schema does not
    know.
    """
    study, _, name = settings.partition(".")
    path = LIBRARY / "studies" / f"{study}.py"
    if not path.is_file():
        studies = [p.stem for p in path.parent.glob("[!_]*.py")]
        raise ConfigError(f"section '{settings}': no study '{study}'; {nearest(study, studies)}")
    keys = _fields(path, name)
    if keys is None:
        classes = [n.name for n in parse(path).body if isinstance(n, ast.ClassDef)]
        problem = f"no class '{name}' in studies/{study}.py; {nearest(name, classes)}"
        raise ConfigError(f"section '{settings}': {problem}")
    for key in keys:
        if not _known(schema, [section, *key.split(".")]):
            raise ConfigError(f"section '{settings}': the schema has no key '{section}.{key}'")
    return keys


def _fields(path, name):
    """Dotted leaves of the class ``name`` as the file at ``path`` sees it, its bases' first.

    Fields of a class of this library are leaves of their own; None if ``name`` is no such class.
    """
    for node in parse(path).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            bases = [key for base in node.bases for key in _fields(path, base.id) or []]
            return bases + _leaves(path, node)
    source = imported_file(path, name, LIBRARY.parent)
    return source and _fields(source, name)


def _leaves(path, node):
    keys = []
    for field in (n for n in node.body if isinstance(n, ast.AnnAssign)):
        kind = field.annotation
        nested = _fields(path, kind.id) if isinstance(kind, ast.Name) else None
        key = field.target.id
        keys += [key] if nested is None else [f"{key}.{leaf}" for leaf in nested]
    return keys


def _known(schema, path):
    """Whether a schema has the key at ``path``; every key of a free mapping is known."""
    node = schema
    for key in path:
        node = node.get("properties", {}).get(key, node.get("additionalProperties"))
        if not isinstance(node, dict):
            return False
    return True
