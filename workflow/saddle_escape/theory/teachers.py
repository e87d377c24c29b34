"""Teachers y(z), z = v.x ~ N(0, 1): what the network of Theorem 4 is asked to learn.

The paper's teacher is the student's own activation. Classes A and B do not notice the difference,
because at leading order only E[y z] counts; class C's first correction depends on E[y z^2], and
class D on E[y], which it fits first.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .quadrature import expectation

if TYPE_CHECKING:
    from .activations import Activation

OWN, CENTRED, SHIFTED = "own", "centred", "shifted"


def teacher(name: str, act: "Activation") -> Callable:
    """The function z (n,) -> y (n,) of a teacher's name, for a student with activation ``act``.

    "own": y = sigma(z). "centred": sigma(z) - E[sigma], which has no mean. "shifted": sigma(z) -
    sigma(0), Appendix C.4's reading of class D. Any other name is that of an activation: "linear",
    or a mismatched one. Raises ValueError for an unknown name.
    """
    if name == OWN:
        return act
    if name == CENTRED:
        return _minus(act, expectation(act))
    if name == SHIFTED:
        return _minus(act, float(act(0.0)))
    from . import activations  # here, as in what follows SymPy: it takes half a second

    return activations.get(name)


def _minus(act, constant):
    return lambda z: act(z) - constant


def moment(target: Callable, power: int) -> float:
    """E[y(z) z^power]."""
    return expectation(lambda z: target(z) * z**power)
