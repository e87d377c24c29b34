"""Activations: one symbolic definition each, from which everything else follows.

An :class:`Activation` carries a SymPy expression in z. Its numpy and torch functions, derivatives,
Taylor series and LaTeX name are derived from that one expression. Users may name a built-in of
:mod:`~saddle_escape.theory.builtin` or write an expression such as ``"z*exp(-z**2)"``; either text
is parsed node by node against a whitelist and is never evaluated as code.
"""

import ast
import difflib
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from .builtin import BUILTIN, NOT_BUILT_IN
from .functions import ELEMENTARY, INVERSES, MPMATH, NUMPY, torch_table

if TYPE_CHECKING:
    from torch import Tensor  # imported where it is used: it takes seconds

Z = sp.Symbol("z", real=True)
TAYLOR_ORDER = 40
MAX_EXPRESSION_LENGTH = 200
MAX_NUMBER = 10**6  # of any constant in a user's expression: no tower of powers is ever built
MAX_EXPONENT = 64
MAX_KINKS = 4  # abs, max, step and their kin in one expression: each can double its size


class sigmoid(sp.Function):
    """Logistic function 1 / (1 + exp(-z)), kept whole so that it never overflows."""

    @classmethod
    def eval(cls, arg):
        return sp.Rational(1, 2) if arg.is_zero else None

    def fdiff(self, argindex=1):
        return self * (1 - self)


class softplus(sp.Function):
    """log(1 + exp(z)), kept whole so that it never overflows."""

    @classmethod
    def eval(cls, arg):
        return sp.log(2) if arg.is_zero else None

    def fdiff(self, argindex=1):
        return sigmoid(self.args[0])


class ndtr(sp.Function):
    """Standard normal distribution function, accurate in its lower tail."""

    @classmethod
    def eval(cls, arg):
        return sp.Rational(1, 2) if arg.is_zero else None

    def fdiff(self, argindex=1):
        return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)


class spherical(sp.Function):
    """j_n(z), the spherical Bessel function: j_0(z) = sin(z)/z, 1 at 0, and its derivatives.

    Kept whole, as z j_n' in terms of j_n alone divides by z; this recurrence does not.
    """

    @classmethod
    def eval(cls, n, arg):
        return (sp.S.Zero if n else sp.S.One) if arg.is_zero else None

    def fdiff(self, argindex=2):
        n, arg = self.args
        if n == 0:
            return -spherical(1, arg)
        return (n * spherical(n - 1, arg) - (n + 1) * spherical(n + 1, arg)) / (2 * n + 1)

    def _latex(self, printer, exp=None):
        n, arg = map(printer.doprint, self.args)
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"j_{{{n}}}{power}\left({arg}\right)"


class impulse(sp.Function):
    """Dirac's delta, the derivative of step: 0 off the jump, where all values are taken.

    Kept so that a function of slope 0 which jumps is told from one that is constant.
    """

    def fdiff(self, argindex=1):
        return sp.S.Zero


class step(sp.Function):
    """1 for z > 0, else 0: the derivative of relu off its kink."""

    @classmethod
    def eval(cls, arg):
        return (sp.S.One if arg > 0 else sp.S.Zero) if arg.is_number else None

    def fdiff(self, argindex=1):
        return impulse(self.args[0])


class relu(sp.Function):
    """max(z, 0): every kink (abs, max, min) is written with it."""

    @classmethod
    def eval(cls, arg):
        return sp.Max(arg, 0) if arg.is_number else None

    def fdiff(self, argindex=1):
        return step(self.args[0])


# Identities between expressions are decided at these points, to 25 of 40 digits.
PROBES = tuple(mpmath.sqrt(p) / 2 for p in (2, 3, 5, 7, 11, 19, 43, 101, 241))
IDENTICAL = 1e-25


def _numeric_constants(expr):
    """Replace constant subexpressions such as sqrt(2) by floats: torch functions take tensors."""
    nodes = set(sp.preorder_traversal(expr))
    return expr.xreplace({e: e.evalf(17) for e in nodes if e.is_number and not e.is_Rational})


def vanishes(expr: sp.Expr, points: Iterable) -> bool:
    """Whether an expression in z is 0 at all points, and nowhere jumps away from it.

    SymPy's simplify can take minutes.
    """
    if expr.has(impulse):
        return False
    with mpmath.workdps(40):
        f = _compiled(expr, MPMATH)
        return all(abs(f(z)) < IDENTICAL for z in points)


def _compiled(expr, table):
    # Naming mpmath makes 1/3 a number of its own; as a Python float it would end at 17 digits.
    modules = [table, "mpmath"] if table is MPMATH else [table]
    return sp.lambdify(Z, expr, modules=modules, cse=True)


@dataclass(frozen=True)
class Activation:
    """An activation function sigma(z), given by one symbolic expression.

    Calling it, and ``prime`` and ``second`` (first and second derivative; almost everywhere where
    there are kinks), takes and returns float64 numpy arrays of any shape. ``torch`` and
    ``torch_prime`` take and return tensors of one dtype and device.
    """

    name: str
    expression: sp.Expr
    label: str

    def __call__(self, z: ArrayLike) -> np.ndarray:
        return self._numpy(0, z)

    def prime(self, z: ArrayLike) -> np.ndarray:
        """sigma'(z), elementwise."""
        return self._numpy(1, z)

    def second(self, z: ArrayLike) -> np.ndarray:
        """sigma''(z), elementwise."""
        return self._numpy(2, z)

    def jet(self, z: ArrayLike, order: int) -> list[np.ndarray]:
        """[sigma, sigma', ..., sigma^(order)] at z, common subexpressions evaluated once."""
        z = np.asarray(z, dtype=float)
        return [np.broadcast_to(v, z.shape) for v in self._jet_function(order)(z)]

    def torch(self, x: "Tensor") -> "Tensor":
        """sigma(x) for a tensor."""
        return self._torch_function(x)

    def torch_prime(self, x: "Tensor") -> "Tensor":
        """sigma'(x) for a tensor."""
        return self.torch_value_and_prime(x)[1]

    def torch_value_and_prime(self, x: "Tensor") -> tuple["Tensor", "Tensor"]:
        """(sigma(x), sigma'(x)) for a tensor, common subexpressions evaluated once."""
        value, slope = self._torch_pair(x)
        return value, slope if hasattr(slope, "shape") else 0 * x + slope

    def mp(self, z: mpmath.mpf | float, order: int = 0) -> mpmath.mpf:
        """The order-th derivative at one point in mpmath's current precision."""
        return mpmath.mpmathify(self._mp_function(order)(mpmath.mpf(z)))

    @functools.cached_property
    def latex(self) -> str:
        """LaTeX source of the expression, without dollar signs."""
        return sp.latex(self.expression)

    @functools.cached_property
    def parity(self) -> str | None:
        """ "odd", "even" or None, decided at the probes."""
        with mpmath.workdps(40):
            pairs = [(self.mp(z), self.mp(-z)) for z in PROBES]
            if all(abs(right + left) < IDENTICAL for right, left in pairs):
                return "odd"
            if all(abs(right - left) < IDENTICAL for right, left in pairs):
                return "even"
        return None

    def branch(self, sign: int) -> sp.Expr:
        """The expression valid on the side ``sign`` (+1 or -1) of z = 0, free of kinks at 0."""
        probe = sp.Rational(sign, 10**6)

        def resolve(node):
            inside = node.args[0]
            positive = inside.subs(Z, probe).evalf(30) > 0
            if isinstance(node, step):
                return sp.S.One if positive else sp.S.Zero
            return inside if positive else sp.S.Zero

        expr = self.expression
        while kinks := expr.atoms(relu, step):
            innermost = [n for n in kinks if not n.args[0].atoms(relu, step)]
            expr = expr.xreplace({n: resolve(n) for n in innermost})
        return expr

    @functools.cached_property
    def analytic_at_zero(self) -> bool:
        """Whether sigma has a Taylor series at 0."""
        right, left = self.branch(+1), self.branch(-1)
        if right != left and not vanishes(right - left, PROBES):
            return False
        derivatives = [sp.diff(right, Z, k).subs(Z, 0) for k in range(4)]
        return all(d.is_finite is not False and d is not sp.nan for d in derivatives)

    @property
    def smooth(self) -> bool:
        """Whether the expression is free of kinks and jumps."""
        return not self.expression.has(relu, step)

    @functools.cached_property
    def slope_at_zero(self) -> float | None:
        """sigma'(0) as a float; None where the two one-sided derivatives differ or are infinite."""
        right, left = (sp.diff(self.branch(s), Z).subs(Z, 0) for s in (+1, -1))
        if right.is_finite and left.is_finite and abs((right - left).evalf(30)) < IDENTICAL:
            return float(right)
        return None

    def taylor(self, order: int = TAYLOR_ORDER) -> np.ndarray | None:
        """Taylor coefficients a_0..a_order at 0, shape (order + 1,); None if not analytic at 0."""
        if not self.analytic_at_zero:
            return None
        return self._taylor[: order + 1].copy()

    @functools.cached_property
    def _taylor(self):
        local = Activation(self.name, self.branch(+1), self.label)
        with mpmath.workdps(45):
            coefficients = mpmath.taylor(local._mp_function(0), 0, TAYLOR_ORDER)
            clean = [c if abs(c) > mpmath.mpf(10) ** -35 else mpmath.mpf(0) for c in coefficients]
        return np.array([float(c) for c in clean])

    def taylor_exact(self, k: int) -> sp.Expr | None:
        """The exact Taylor coefficient a_k as a SymPy number; None if not analytic at 0."""
        if not self.analytic_at_zero:
            return None
        derivative = sp.diff(self.branch(+1), Z, k)
        return sp.simplify(derivative.subs(Z, 0) / sp.factorial(k))

    def _numpy(self, order, z):
        z = np.asarray(z, dtype=float)
        if order not in self._numpy_functions:
            derivative = sp.diff(self.expression, Z, order)
            self._numpy_functions[order] = _compiled(_numeric_constants(derivative), NUMPY)
        with np.errstate(over="ignore", under="ignore"):
            value = np.asarray(self._numpy_functions[order](z), dtype=float)
        if value.shape == z.shape and value is not z and value.base is None:
            return value
        return np.broadcast_to(value, z.shape).copy()

    @functools.cached_property
    def _numpy_functions(self):
        """{order of the derivative: function}: called some million times, found without hashing."""
        return {}

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def _mp_function(self, order):
        return _compiled(sp.diff(self.expression, Z, order), MPMATH)

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def _jet_function(self, order):
        derivatives = [sp.diff(self.expression, Z, k) for k in range(order + 1)]
        return _compiled(tuple(_numeric_constants(d) for d in derivatives), NUMPY)

    @functools.cached_property
    def _torch_function(self):
        return _compiled(_numeric_constants(self.expression), torch_table())

    @functools.cached_property
    def _torch_pair(self):
        pair = sp.Tuple(self.expression, sp.diff(self.expression, Z))
        return _compiled(tuple(_numeric_constants(e) for e in pair), torch_table())


@functools.lru_cache(maxsize=256)
def get(name: str) -> Activation:
    """The built-in activation of this name, or the one that an expression in z defines.

    Raises ValueError (one line) for an unknown name, an expression outside the whitelist, and one
    that is not real and finite on [-8, 8].
    """
    name = name.strip()
    if name in BUILTIN:
        expression, label = BUILTIN[name]
        return Activation(name, parse(expression), label)
    expression = parse(name)
    activation = Activation(name, expression, f"${sp.latex(expression)}$")
    _check_values(activation)
    return activation


def _check_values(activation):
    z = np.linspace(-8.0, 8.0, 257)
    if Z not in activation.expression.free_symbols:
        raise ValueError(f"activation: '{activation.name}' does not depend on z")
    with np.errstate(all="ignore"):
        values = activation(z)
    if not np.all(np.isfinite(values)):
        bad = z[~np.isfinite(values)][0]
        raise ValueError(f"activation: '{activation.name}' is not real and finite at z = {bad:g}")


def _abs(a):
    return relu(a) + relu(-a)


def _max(a, b):
    return b + relu(a - b)


def _min(a, b):
    return a - relu(a - b)


# {name: (number of arguments, function of SymPy expressions)}; inverses also by numpy's names
_FUNCTIONS = {
    "sinc": (1, lambda a: spherical(0, sp.pi * a)),  # as numpy and torch: sin(pi z)/(pi z)
    "abs": (1, _abs),
    "clip": (3, lambda a, low, high: _min(_max(a, low), high)),
    "max": (2, _max),
    "min": (2, _min),
    "sign": (1, lambda a: step(a) - step(-a)),
    "expm1": (1, lambda a: sp.exp(a) - 1),
    "log1p": (1, lambda a: sp.log(1 + a)),
    **{f: (1, getattr(sp, f)) for f in (*ELEMENTARY, *INVERSES)},
    **{f"arc{f[1:]}": (1, getattr(sp, f)) for f in INVERSES},
    "erf": (1, sp.erf),
    **{f.__name__: (1, f) for f in (sigmoid, softplus, ndtr, relu, step)},
}
_KINKS = ("abs", "clip", "max", "min", "relu", "sign", "step")
_OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def parse(text: str) -> sp.Expr:
    """A SymPy expression in z from text, by walking its syntax tree against a whitelist.

    Raises ValueError (one line) for anything but z, pi, numbers up to a million, + - * / **,
    integer powers up to 64, up to four kinks or jumps, and the functions of the whitelist.
    """
    if len(text) > MAX_EXPRESSION_LENGTH:
        raise ValueError(f"activation: expression longer than {MAX_EXPRESSION_LENGTH} characters")
    shown = repr(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"activation: cannot read {shown} as an expression in z") from None
    kinks = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in _KINKS]
    if len(kinks) > MAX_KINKS:
        raise ValueError(f"activation: more than {MAX_KINKS} of {', '.join(_KINKS)} in {shown}")
    if reason := NOT_BUILT_IN.get(text):
        raise ValueError(f"activation: {shown} is not built in: {reason}")
    if isinstance(tree, ast.Name) and tree.id not in ("z", "pi"):
        close = difflib.get_close_matches(tree.id, BUILTIN, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(
            f"activation: unknown {shown}; {hint}choose from {', '.join(BUILTIN)} "
            "or write an expression in z"
        )

    def walk(node):
        value = convert(node)
        if value.is_number and not abs(value.evalf(15)) <= MAX_NUMBER:
            problem = f"is not finite or exceeds {MAX_NUMBER}"
            raise ValueError(f"activation: a number in {shown} {problem}")
        return value

    def convert(node):
        if isinstance(node, ast.Name) and node.id in ("z", "pi"):
            return Z if node.id == "z" else sp.pi
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return sp.Integer(node.value) if type(node.value) is int else _rational(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return walk(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = walk(node.right)
            if not (exponent.is_Integer and abs(exponent) <= MAX_EXPONENT):
                raise ValueError(
                    f"activation: a power in {shown} is not an integer of at most "
                    f"{MAX_EXPONENT}; write sqrt(...) for square roots"
                )
            return walk(node.left) ** exponent
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            count, function = _FUNCTIONS.get(node.func.id, (None, None))
            if len(node.args) == count:
                return function(*(walk(a) for a in node.args))
        raise ValueError(
            f"activation: {ast.unparse(node)[:40]!r} is not allowed in an expression; "
            f"use z, numbers, + - * / ** and {', '.join(sorted(_FUNCTIONS))}"
        )

    expression = walk(tree)
    # SymPy writes sqrt(z**2) as |z|; every kink is a relu here
    expression = expression.replace(sp.Abs, _abs)
    if expression.has(sp.zoo, sp.nan, sp.oo, sp.I):
        raise ValueError(f"activation: {shown} is not real and finite")
    return expression


def _rational(value):
    """The decimal fraction that was typed: 0.1 is 1/10."""
    return sp.Rational(repr(value)) if np.isfinite(value) else sp.oo
