"""Built-in activations from their committed rows, for who cannot wait until SymPy is imported."""

import ast
import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass

import mpmath
import numpy as np
from numpy.typing import ArrayLike

from .functions import MPMATH, NUMPY

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Tabulated:
    """An activation whose sigma and sigma' were derived before and are read here as texts.

    What a :class:`~saddle_escape.theory.manifold.Reduction` asks of an
    :class:`~saddle_escape.theory.activations.Activation`: calling it and ``prime`` take and return
    float64 arrays of any shape.
    """

    name: str
    sigma: str
    slope: str

    def __call__(self, z: ArrayLike) -> np.ndarray:
        return _numpy(self.sigma, z)

    def prime(self, z: ArrayLike) -> np.ndarray:
        """sigma'(z), elementwise."""
        return _numpy(self.slope, z)

    def mp(self, z: mpmath.mpf | float) -> mpmath.mpf:
        """sigma at one point in mpmath's current precision."""
        return mpmath.mpmathify(_evaluate(_tree(self.sigma), mpmath.mpf(z), MPMATH))

    @property
    def smooth(self) -> bool:
        """Whether sigma is free of kinks and jumps."""
        names = {node.id for node in ast.walk(_tree(self.sigma)) if isinstance(node, ast.Name)}
        return names.isdisjoint({"relu", "step"})


@functools.cache
def _tree(text):
    return ast.parse(text, mode="eval").body


def _numpy(text, z):
    z = np.asarray(z, dtype=float)
    with np.errstate(over="ignore", under="ignore"):
        value = _evaluate(_tree(text), z, NUMPY)
    return np.broadcast_to(np.asarray(value, dtype=float), z.shape).copy()


def _evaluate(node, z, functions: Mapping):
    """The value of a syntax tree of numbers, z, arithmetic and these functions."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return z if name == "z" else functions[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, z, functions)
        case ast.BinOp(left=left, op=op, right=right):
            sides = (_evaluate(side, z, functions) for side in (left, right))
            return _OPERATORS[type(op)](*sides)
        case ast.Call(func=ast.Name(id=name), args=args):
            return functions[name](*(_evaluate(arg, z, functions) for arg in args))
    raise ValueError(f"activation: {ast.unparse(node)!r} is no term of the committed table")
