"""The workflow's configuration: tiers laid over one another, validated before any job starts.

``config/config.yaml`` is the default tier; another tier's file, then the command line, are laid
over it as JSON merge patches (RFC 7386: mappings merge, everything else replaces, null removes).
``workflow/schemas/config.schema.yaml`` says which keys there are. A :class:`ConfigError` is one
line: the source, the key, what is wrong with it and the nearest valid name.
"""

import functools
import itertools
import math
import sys
from pathlib import Path

from .conditions import broken
from .messages import ConfigError, nearest, one_line, shortened
from .strict_yaml import parse, read_yaml
from .theory.builtin import BUILTIN

__all__ = ["ConfigError", "nearest", "one_line", "read_yaml"]  # the rest is defined here

SCHEMA = Path(__file__).parent.parent / "schemas" / "config.schema.yaml"
COMMAND_LINE = "command line"


@functools.cache
def schema():
    """The configuration's JSON schema, as a dict; the activations are those of the registry."""
    tree = read_yaml(SCHEMA)
    tree["$defs"]["activation"]["enum"] = list(BUILTIN)
    return resolved(tree)


def read_schema(path):
    """The JSON schema in a file, as a dict without references."""
    return resolved(read_yaml(path))


def resolved(schema):
    """A JSON schema with what its references name in their place.

    What stands beside a reference has precedence. To follow references anew for every value that
    is validated takes the library two fifths of its time.
    """

    def within(node):
        if isinstance(node, list):
            return [within(item) for item in node]
        if not isinstance(node, dict):
            return node
        own = {key: within(value) for key, value in node.items() if key not in ("$ref", "$defs")}
        if "$ref" not in node:
            return own
        return within(schema["$defs"][node["$ref"].removeprefix("#/$defs/")]) | own

    return within(schema)


def tiers():
    """Names of the tiers, as the schema lists them."""
    return tuple(schema()["properties"]["tier"]["enum"])


def load_tiers(directory, overrides=None, files=()):
    """(selected tier, {tier: validated configuration}) from `directory` and the command line.

    ``overrides`` is what ``--config`` gave, ``files`` are those of ``--configfile``, laid over the
    tier's in this order; the last ``tier`` among them, else config.yaml's, is the selected one.
    Raises ConfigError if any tier is invalid.
    """
    directory, overrides = Path(directory), _command_line(overrides or {})
    default = {str(directory / "config.yaml"): read_yaml(directory / "config.yaml")}
    given = {str(path): read_yaml(path) for path in files}
    configs, selected = {}, _selected({**default, **given, COMMAND_LINE: overrides})
    for tier in tiers():
        path = directory / f"{tier}.yaml"
        patch = {} if tier == "default" else {str(path): _tier_file(path)}
        last = {COMMAND_LINE: {**overrides, "tier": tier}}
        configs[tier] = resolve({**default, **patch, **given, **last})
    return selected, configs


def _selected(layers):
    """The tier that the last of ``{source: mapping}`` to give one names. Raises ConfigError."""
    tier = _merged(layers)[0].get("tier")
    return tier if tier in tiers() else resolve(layers)["tier"]


def _tier_file(path):
    """The patch that a tier's file holds; its name says which tier it is."""
    patch = read_yaml(path)
    if "tier" in patch:
        raise ConfigError(f"{path}: tier: the file's name says it; remove the key")
    return patch


def _command_line(overrides):
    try:
        return {key: _typed(value, shortened(key)) for key, value in overrides.items()}
    except RecursionError:
        raise ConfigError(f"{COMMAND_LINE}: a value is nested too deep or holds itself") from None


def _typed(value, place):
    """Numbers and nulls in place of their text, which is what ``--config 'a={"b": 1}'`` leaves."""
    if isinstance(value, dict):
        return {key: _typed(item, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, place) for item in value]
    try:
        return parse(value) if isinstance(value, str) else value
    except ConfigError as error:
        problem = f"'{shortened(value)}' cannot be read, {error}"
        raise ConfigError(f"{COMMAND_LINE}: {place}: {problem}") from None


def resolve(layers):
    """Merge ``{source: mapping}`` in order and validate the result. Raises ConfigError."""
    config, origins = _merged(layers)
    if error := _first_error(config, schema()):
        path, problem = _explain(error)
        missing = (_missing(error),) if error.validator == "required" else ()
        raise ConfigError(f"{_origin((*path, *missing), origins)}: {dotted(path)}: {problem}")
    path, problem = broken(config)
    if problem:
        raise ConfigError(f"{_breaker(layers, path)}: {dotted(path)}: {problem}")
    return config


def _origin(path, origins):
    """The source that gave a key, or removed it, or else the nearest mapping around it."""
    return next(origins[path[:n]] for n in range(len(path), -1, -1) if path[:n] in origins)


def _breaker(layers, path):
    """The source from which on the condition between keys at ``path`` fails."""
    for n, source in enumerate(layers, 1):
        config, _ = _merged(dict(itertools.islice(layers.items(), n)))
        if not _first_error(config, schema()) and broken(config)[0] == path:
            return source


def _merged(layers):
    """(the merged mapping, {path: the source that gave or removed the key})."""
    config, origins = {}, {}
    for source, patch in layers.items():
        config = _merge(config, patch, source, origins)
    return config, origins


def dotted(path):
    """A path as text, each part shortened."""
    return ".".join(map(shortened, path)) or "top level"


def _merge(base, patch, source, origins, path=()):
    """JSON merge patch that notes in ``origins`` which source set each key.

    Raises ConfigError for a null that removes what no source has given.
    """
    origins[path] = source
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        place = (*path, key)
        if value is None:
            if place not in origins:
                remedy = nearest(key, result) if result else "give it a value"
                problem = f"null removes nothing here; {remedy}"
                raise ConfigError(f"{source}: {dotted(place)}: {problem}")
            result.pop(key, None)
            origins[place] = source
        else:
            result[key] = _merge(result.get(key), value, source, origins, place)
    return result


@functools.cache
def _jsonschema():
    """The library, when it is needed, without a grammar of web addresses that no schema here names.

    Where Jupyter has brought that grammar, compiling it takes longer than all the rest of a start.
    """
    unneeded = "rfc3987_syntax"
    absent = unneeded not in sys.modules
    if absent:
        sys.modules[unneeded] = None  # its import fails, for which jsonschema is prepared
    try:
        import jsonschema
    finally:
        if absent:
            del sys.modules[unneeded]
    return jsonschema


def violation(content, schema):
    """(path, problem) of the first violation of a JSON schema; None if there is none."""
    error = _first_error(content, schema)
    return _explain(error) if error else None


def _first_error(content, schema):
    errors = _validator()(schema).iter_errors(content)
    return _jsonschema().exceptions.best_match(errors, key=_unknown_keys_first)


@functools.cache
def _validator():
    jsonschema = _jsonschema()
    types = jsonschema.Draft202012Validator.TYPE_CHECKER
    return jsonschema.validators.extend(  # .nan would slip through every range
        jsonschema.Draft202012Validator,
        type_checker=types.redefine(
            "number", lambda _, value: types.is_type(value, "number") and not _infinite(value)
        ),
    )


def _infinite(value):
    return isinstance(value, float) and not math.isfinite(value)


def _unknown_keys_first(error):
    """Sort key for violations: a misspelt key also makes the right one missing."""
    return error.validator == "additionalProperties", -len(error.absolute_path)


def _missing(error):
    return next(key for key in error.validator_value if key not in error.instance)


def _explain(error):
    """(path, problem) of a schema violation, with the nearest valid name where one is asked for."""
    path, known = tuple(error.absolute_path), error.schema
    if error.validator == "additionalProperties":
        valid = list(known["properties"])
        key = next(key for key in error.instance if key not in valid)
        return (*path, key), f"unknown key; {nearest(key, valid)}"
    if error.validator == "enum":
        key = (error.instance,) if "propertyNames" in error.absolute_schema_path else ()
        return (
            path + key,
            f"'{shortened(error.instance)}' is not known; {nearest(error.instance, known['enum'])}",
        )
    if error.validator == "required":
        return path, f"key '{_missing(error)}' is missing; add it"
    given = repr(error.instance)
    message = error.message.replace(given, shortened(given))
    return path, f"{shortened(message, 200)} ({known.get('description', 'see the schema')})"


def select(config, keys):
    """The part of a nested dict that dotted ``keys`` name. Raises KeyError for one not there."""
    chosen = {}
    for key in keys:
        source, target = config, chosen
        *parents, leaf = key.split(".")
        for parent in parents:
            source, target = source[parent], target.setdefault(parent, {})
        target[leaf] = source[leaf]
    return chosen
