"""The workflow's configuration: tiers laid over one another, validated before any job starts.

``config/config.yaml`` is the default tier; another tier's file, then the command line, are laid
over it as JSON merge patches (RFC 7386: mappings merge, everything else replaces, null removes).
``workflow/schemas/config.schema.yaml`` says which keys there are. A :class:`ConfigError` is one
line: the source, the key, what is wrong with it and the nearest valid name.
"""

import difflib
import functools
import math
import re
from pathlib import Path

import yaml

from .theory.builtin import BUILTIN

SCHEMA = Path(__file__).parent.parent / "schemas" / "config.schema.yaml"
COMMAND_LINE = "command line"


class ConfigError(ValueError):
    """Invalid configuration, told in one line."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number and a key given twice is an error."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"key '{key.value}' given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)


def read_yaml(path):
    """Content of a YAML mapping; {} for an empty file. Raises ConfigError."""
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}: line {error.problem_mark.line + 1}: {error.problem}") from None
    if not isinstance(content, dict | None):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    return content or {}


@functools.cache
def schema():
    """The configuration's JSON schema, as a dict; the activations are those of the registry."""
    tree = read_yaml(SCHEMA)
    tree["$defs"]["activation"]["enum"] = list(BUILTIN)
    return tree


def tiers():
    """Names of the tiers, as the schema lists them."""
    return tuple(schema()["properties"]["tier"]["enum"])


def load_tiers(directory, overrides=None):
    """(selected tier, {tier: validated configuration}) from `directory` and the command line.

    ``overrides`` is what ``--config`` and ``--configfile`` gave; its ``tier``, else config.yaml's,
    is the selected one. Raises ConfigError if any tier is invalid.
    """
    directory, overrides = Path(directory), _typed(overrides or {})
    default = {str(directory / "config.yaml"): read_yaml(directory / "config.yaml")}
    selected = resolve({**default, COMMAND_LINE: overrides})["tier"]
    configs = {}
    for tier in tiers():
        path = directory / f"{tier}.yaml"
        patch = {} if tier == "default" else {str(path): read_yaml(path)}
        configs[tier] = resolve({**default, **patch, COMMAND_LINE: {**overrides, "tier": tier}})
    return selected, configs


def _typed(value):
    """Numbers and nulls in place of their text, which is what ``--config 'a={"b": 1}'`` leaves."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return yaml.load(value, Loader=_Loader) if isinstance(value, str) else value


def resolve(layers):
    """Merge ``{source: mapping}`` in order and validate the result. Raises ConfigError."""
    config, origins = {}, {}
    for source, patch in layers.items():
        config = _merge(config, patch, source, origins)
    path, problem = violation(config, schema()) or _cross_check(config)
    if problem:
        source = next(origins[path[:n]] for n in range(len(path), -1, -1) if path[:n] in origins)
        raise ConfigError(f"{source}: {'.'.join(map(str, path)) or 'top level'}: {problem}")
    return config


def _merge(base, patch, source, origins, path=()):
    """JSON merge patch that notes in ``origins`` which source set each key."""
    origins[path] = source
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
            origins[(*path, key)] = source
        else:
            result[key] = _merge(result.get(key), value, source, origins, (*path, key))
    return result


def violation(content, schema):
    """(path, problem) of the first violation of a JSON schema; None if there is none."""
    import jsonschema  # here: it takes a second, and a job has its parameters already

    types = jsonschema.Draft202012Validator.TYPE_CHECKER
    validator = jsonschema.validators.extend(  # .nan would slip through every range
        jsonschema.Draft202012Validator,
        type_checker=types.redefine(
            "number", lambda _, value: types.is_type(value, "number") and not _infinite(value)
        ),
    )
    error = jsonschema.exceptions.best_match(
        validator(schema).iter_errors(content), key=_unknown_keys_first
    )
    return _explain(error) if error else None


def _infinite(value):
    return isinstance(value, float) and not math.isfinite(value)


def _unknown_keys_first(error):
    """Sort key for violations: a misspelt key also makes the right one missing."""
    return error.validator == "additionalProperties", -len(error.absolute_path)


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
            f"'{error.instance}' is not known; {nearest(error.instance, known['enum'])}",
        )
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return path, f"key '{missing}' is missing"
    return path, f"{error.message} ({known.get('description', 'see the schema')})"


def nearest(name, valid):
    """'did you mean ...?' if a valid name is near, else the list of valid names."""
    close = difflib.get_close_matches(str(name), map(str, valid), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(map(str, valid))}"


def _cross_check(config):
    """(path, problem) of the first condition between keys that fails; (None, None) if all hold."""
    reduction, critical, universality = (
        config[key] for key in ("reduction", "critical_depth", "universality")
    )
    depth = reduction["depth"]
    checks = [
        (
            ("reduction", "init"),
            len(reduction["init"]) == depth,
            f"{len(reduction['init'])} scales for depth {depth}; give one per layer",
        ),
    ]
    for part in ("bottleneck", "wide"):
        deepest, most = max(critical[part]["r"]), critical["bottleneck"]["depth"]
        problem = f"r = {deepest} exceeds depth {most}"
        checks.append((("critical_depth", part, "r"), deepest <= most, problem))
    checks += _off_manifold_checks(config["offmanifold"])
    for path, scales in (
        (("critical_depth", "epsilon"), critical["epsilon"]),
        (("critical_depth", "wide", "epsilon"), critical["wide"]["epsilon"]),
        (("universality", "closed_form"), universality["closed_form"]),
        (
            ("offmanifold", "asymptotics", "epsilon"),
            config["offmanifold"]["asymptotics"]["epsilon"],
        ),
    ):
        problem = f"min {scales['min']} must be below max {scales['max']}"
        checks.append((path, scales["min"] < scales["max"], problem))
    used = [("critical_depth", "activation", critical["activation"])]
    used += [("universality", "epsilon", name) for name in universality["epsilon"]]
    for *path, name in used:
        problem = f"'{name}' is not in classes.activations; add it there"
        checks.append((tuple(path), name in config["classes"]["activations"], problem))
    return next(((path, problem) for path, holds, problem in checks if not holds), (None, None))


def _off_manifold_checks(section):
    """The conditions of :func:`_cross_check` within the section offmanifold."""
    depth, fit = section["depth"], section["asymptotics"]
    deepest = max(p["r"] for p in section["points"])
    r, depths = section["depth_independence"]["r"], section["depth_independence"]["depths"]
    return [
        (
            ("offmanifold", "points"),
            deepest <= depth,
            f"r = {deepest} exceeds depth {depth}",
        ),
        (
            ("offmanifold", "threshold"),
            section["threshold"] in section["thresholds"],
            f"{section['threshold']:g} is not among thresholds; add it there",
        ),
        (
            ("offmanifold", "asymptotics", "r"),
            max(fit["r"]) <= depth,
            f"r = {max(fit['r'])} exceeds depth {depth}",
        ),
        (
            ("offmanifold", "depth_independence", "depths"),
            min(depths) >= r,
            f"depth {min(depths)} is less than r = {r}",
        ),
        (
            ("offmanifold", "asymptotics", "fit_points"),
            fit["fit_points"] <= fit["epsilon"]["count"],
            f"{fit['fit_points']} points of a fit exceed epsilon.count {fit['epsilon']['count']}",
        ),
    ]


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
