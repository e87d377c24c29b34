"""What a study may read: frozen dataclasses, built from a section of the configuration.

A rule takes the keys of its parameters from the same fields (:mod:`saddle_escape.sections`), so
that what a study reads stands in one place and a missing key is told at the door.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LogSpaced:
    """Scales equally spaced in the logarithm, both ends included."""

    min: float
    max: float
    count: int

    def points(self, count: int | None = None) -> np.ndarray:
        """The scales (count,), from min to max; another count than the configured one if given."""
        return np.geomspace(self.min, self.max, count or self.count)


@dataclass(frozen=True)
class Quadrature:
    """A rule for Gaussian expectations; ``vars()`` of it are the arguments of
    :func:`theory.quadrature.gaussian_rule`, along one axis, and of :func:`theory.blocks.make_grid`.
    """

    rule: str
    step: float
    half_width: float
    nodes: int

    def refined(self) -> "Quadrature":
        """Half the step (trapezoidal rule) or twice the nodes (Gauss-Hermite)."""
        if self.rule == "trapezoid":
            return dataclasses.replace(self, step=self.step / 2)
        return dataclasses.replace(self, nodes=2 * self.nodes)


def seed_block(block: int, size: int, seeds: int) -> range:
    """The seeds of one block of ``size``, below ``seeds``."""
    return range(block * size, min((block + 1) * size, seeds))


def load(cls: type, mapping: Mapping, at: str = ""):
    """An instance of the dataclass ``cls``, nested ones included, from a nested mapping.

    Fields may be numbers, strings, dataclasses, tuple[X, ...] (of a list) and dict[str, X]; an
    integer serves as a float. Raises ValueError, one line with the dotted key, for a key that is
    missing or unknown and for a value of another type.
    """
    kinds = typing.get_type_hints(cls)
    _check_keys(mapping, kinds, at)
    values = {key: _value(kind, mapping[key], _join(at, key)) for key, kind in kinds.items()}
    return cls(**values)


def pick(cls: type, section: Mapping):
    """The same from a whole section of the configuration, of which ``cls`` is a part."""
    return load(cls, _picked(cls, section))


def _picked(cls, section):
    kinds = typing.get_type_hints(cls).items()
    return {
        key: _picked(kind, section[key]) if dataclasses.is_dataclass(kind) else section[key]
        for key, kind in kinds
        if key in section
    }


def _check_keys(mapping, kinds, at):
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{at}: {mapping!r} given, a mapping of {', '.join(kinds)} is needed")
    for keys, problem in (
        (kinds.keys() - mapping.keys(), "missing"),
        (mapping.keys() - kinds.keys(), f"unknown; there are {', '.join(kinds)}"),
    ):
        if keys:
            raise ValueError(f"{_join(at, min(keys))}: {problem}")


def _value(kind, value, at):
    if dataclasses.is_dataclass(kind):
        return load(kind, value, at)
    outer, inner = typing.get_origin(kind), typing.get_args(kind)
    if outer is tuple and isinstance(value, list | tuple):
        return tuple(_value(inner[0], item, f"{at}[{k}]") for k, item in enumerate(value))
    if outer is dict and isinstance(value, Mapping):
        return {key: _value(inner[1], item, _join(at, key)) for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if outer or type(value) is not kind:
        wanted = kind if outer else kind.__name__
        raise ValueError(f"{at}: {value!r} given, it must be of type {wanted}")
    return value


def _join(at, key):
    return f"{at}.{key}" if at else str(key)
