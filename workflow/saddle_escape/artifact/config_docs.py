"""Documentation of the configuration, generated: ``python -m saddle_escape.artifact.config_docs``.

Writes ``config/README.md`` from the schema (meaning, type and range of every key) and the three
tiers' files (values), so that it cannot drift from either; a test holds it in step.
"""

from pathlib import Path

from .. import config
from ..theory.builtin import BUILTIN

CONFIG = Path("config")
PAGE = CONFIG / "README.md"
LONG = 60  # characters of a value beyond which its number of entries stands for it
ANY = "<name>"
MANY = 6  # names beyond which the first and the last stand for all

HEAD = """\
# Configuration

Generated from `workflow/schemas/config.schema.yaml` and the files beside this one by
`.venv/bin/python -m saddle_escape.artifact.config_docs`; do not edit.

`config.yaml` is the default tier and holds every parameter once. `smoke.yaml` and `full.yaml` are
laid over it (mappings merge, everything else replaces, `null` removes a key), then what the command
line gives:

```bash
.venv/bin/snakemake --cores all --config tier=smoke
.venv/bin/snakemake --cores all --config tier=smoke 'reduction={{"width": 32}}' -- figure1
make CONFIG=my.yaml figures
```

`make` checks the file before Snakemake sees it. `snakemake --configfile my.yaml` lays it over the
tier's as well, but there Snakemake reads it first: what it cannot read ends in its own words.

A key that is unknown, misspelt or out of range stops the run before any job starts, with one line
that names the file, the key and the nearest valid name. Times are flow times: dW/dt = −∂Loss/∂W, so
that gradient descent of rate η has t = η · step. Where a tier's value differs from the default it
stands in its own column.

Built-in activations: {activations}.
"""


def keys(node, path=()):
    """(path, schema) of every key below a schema node, in the schema's order, groups included.

    Names that a mapping leaves to its user are :data:`ANY`.
    """
    for name, child in node.get("properties", {}).items():
        yield (*path, name), child
        yield from keys(child, (*path, name))
        if child.get("type") == "array":
            yield from keys(child["items"], (*path, f"{name}[]"))
    members = node.get("additionalProperties")
    if isinstance(members, dict):
        yield from keys(members, (*path, ANY))


def allowed(node):
    """Type and range of a schema node in words."""
    if "enum" in node:
        names = node["enum"]
        return _names(names) if len(names) <= MANY else f"`{names[0]}` ... `{names[-1]}`"
    if node["type"] == "object":
        members = node["additionalProperties"]
        return f"mapping of names to {allowed(members)}" if members else "mapping"
    if node["type"] == "array":
        return f"list of: {allowed(node['items'])}{_count(node)}"
    return node["type"] + _range(node)


def _range(node):
    bounds = (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    )
    stated = [f"{sign} {_number(node[key])}" for key, sign in bounds if key in node]
    return f" {' and '.join(stated)}" if stated else ""


def _number(value):
    return str(value) if isinstance(value, int) else f"{value:g}"


def _count(node):
    least, most = node.get("minItems", 0), node.get("maxItems")
    if most is not None:
        return f" ({least} to {most})"
    return f" (at least {least})" if least > 1 else ""


def value(settings, path):
    """Text of a tier's value at a path.

    Empty for a mapping, for what is below a list's entries and for a missing key.
    """
    setting = settings
    for name in path:
        if not isinstance(setting, dict) or name not in setting:
            return ""
        setting = setting[name]
    if isinstance(setting, dict):
        return ""
    if not isinstance(setting, list):
        return str(setting)
    text = ", ".join(map(str, setting))
    return f"{len(setting)} entries" if len(text) > LONG else text


def _row(path, node, tiers):
    """One line of a section's table: what it names goes without the section."""
    values = {tier: value(settings, path) for tier, settings in tiers.items()}
    same = {tier: text == values["default"] for tier, text in values.items()}
    smoke, full = ("" if same[tier] else values[tier] or "–" for tier in ("smoke", "full"))
    name = ".".join(path[1:] or path)
    cells = (f"`{name}`", node["description"], allowed(node), values["default"], smoke, full)
    return f"| {' | '.join(cells)} |"


def page(directory=CONFIG):
    """The text of config/README.md. Raises config.ConfigError if a tier's file is invalid."""
    _, tiers = config.load_tiers(directory)
    schema = config.schema()
    parts = [HEAD.format(activations=_names(list(BUILTIN)))]
    single = [name for name, node in schema["properties"].items() if "properties" not in node]
    parts.append("## Top level\n")
    parts += _table([((name,), schema["properties"][name]) for name in single], tiers)
    for name, node in schema["properties"].items():
        if name not in single:
            parts.append(f"\n## `{name}`\n\n{node['description']}.\n")
            parts += _table(keys(node, (name,)), tiers)
    return "\n".join(parts) + "\n"


def _names(names):
    return ", ".join(f"`{name}`" for name in names)


def _table(rows, tiers):
    lines = [
        "| key | meaning | type and range | default | smoke | full |",
        "|---|---|---|---|---|---|",
    ]
    return lines + [_row(path, node, tiers) for path, node in rows]


def main():
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
