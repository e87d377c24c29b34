"""YAML with one way to read it: what the language would guess at is refused, in one line.

Numbers are decimal (no octal 010, no 1:30, no dates), keys stand once, a merge key
comes first and names one anchor, nothing refers to itself.
"""

import re
from pathlib import Path

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from .messages import ConfigError, shortened

MAX_BYTES, MAX_NESTING, MAX_NODES = 2_000_000, 30, 100_000
MAX_DIGITS = 30
PREFIX = "tag:yaml.org,2002:"
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(
    r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def read_yaml(path):
    """Content of a YAML mapping; {} for an empty file. Raises ConfigError."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"more than {MAX_BYTES} bytes; is it the right file?")
        content = parse(raw.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        problem = f"byte {raw[error.start]:#04x} at {error.start} is not UTF-8 text"
        raise ConfigError(f"{path}: {problem}; save the file as UTF-8") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(content, dict | None):
        raise ConfigError(f"{path}: must be a mapping of keys to values; write 'key: value' lines")
    return content or {}


def parse(text):
    """Content of a YAML text. Raises ConfigError, which names the line."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"line {mark.line + 1}: {shortened(error.problem, 300)}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problem = f"line {line}: character U+{error.character:04X} is not allowed; remove it"
        raise ConfigError(problem) from None


class _Loader(Composer, yaml.cyaml.CParser, SafeConstructor, Resolver):
    """Safe YAML in which 1e-3 is a number; see the module for what is refused.

    libyaml reads the text, ten times faster than Python, and the composer of nodes is Python's.
    """

    def __init__(self, stream):
        yaml.cyaml.CParser.__init__(self, stream)
        for part in (Composer, SafeConstructor, Resolver):
            part.__init__(self)
        self.above, self.nodes, self.sizes = [], 0, {}

    def compose_node(self, parent, index):
        event, before = self.peek_event(), self.nodes
        alias = isinstance(event, yaml.AliasEvent)
        if alias and event.anchor in self.above:
            _refuse(event, f"'{shortened(event.anchor)}' refers to itself; name another anchor")
        if len(self.above) > MAX_NESTING:
            _refuse(event, f"nested more than {MAX_NESTING} deep; close the brackets")
        self.above.append(event.anchor)
        node = super().compose_node(parent, index)
        self.above.pop()
        self.nodes += self.sizes.get(event.anchor, 1) if alias else 1
        if not alias:
            self.sizes[event.anchor] = self.nodes - before
        if self.nodes > MAX_NODES:
            _refuse(event, f"anchors expand to more than {MAX_NODES} values; use fewer of them")
        return node

    def compose_mapping_node(self, anchor):
        node, seen = super().compose_mapping_node(anchor), set()
        for k, (key, value) in enumerate(node.value):
            _check_key(key, seen)
            named = isinstance(value, yaml.MappingNode) and value in self.anchors.values()
            if key.tag == PREFIX + "merge" and (k or not named):
                _refuse(key, "a merge key '<<' comes first in its mapping and names one anchor")
            seen.add(key.value)
        return node

    def compose_scalar_node(self, anchor):
        node = super().compose_scalar_node(anchor)
        if check := CHECKS.get(node.tag):
            check(node)
        return node


def _check_key(key, seen):
    if not isinstance(key, yaml.ScalarNode):
        _refuse(key, "a key must be text, not a list or a mapping")
    if key.tag not in (PREFIX + "str", PREFIX + "int", PREFIX + "merge"):
        _refuse(key, f"key '{shortened(key.value)}' must be text; put it in quotes")
    if key.value in seen:
        _refuse(key, f"key '{shortened(key.value)}' given twice; remove one")


def _refuse(place, problem):
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


def _decimal(node):
    if not DECIMAL.fullmatch(node.value) or len(node.value) > MAX_DIGITS:
        remedy = f"write decimal digits, at most {MAX_DIGITS}, or put it in quotes"
        _refuse(node, f"'{shortened(node.value)}' is no plain integer; {remedy}")


def _float(node):
    if not FLOAT.fullmatch(node.value) or len(node.value) > 2 * MAX_DIGITS:
        _refuse(node, f"'{shortened(node.value)}' is no plain number; write it like 1.5 or 1e-3")


def _boolean(node):
    if node.value.lower() not in yaml.SafeLoader.bool_values:
        _refuse(node, f"'{shortened(node.value)}' is no truth value; write true or false")


def _date(node):
    _refuse(node, f"'{shortened(node.value)}' would be read as a date; put it in quotes")


CHECKS = {
    PREFIX + "int": _decimal,
    PREFIX + "float": _float,
    PREFIX + "bool": _boolean,
    PREFIX + "timestamp": _date,
}
_Loader.add_implicit_resolver(
    PREFIX + "float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)
