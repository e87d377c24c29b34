"""The functions that an expression may hold, by name, as numpy, mpmath and torch compute them.

Nothing here takes long to import: scipy.special and torch are imported where they are called.
"""

import functools

import mpmath
import numpy as np

ELEMENTARY = ("exp", "log", "sqrt", "tanh", "sinh", "cosh", "sin", "cos")
INVERSES = ("asin", "acos", "atan", "asinh", "acosh", "atanh")


def _special(name):
    def function(z):
        import scipy.special

        return getattr(scipy.special, name)(z)

    return function


NUMPY = {
    "sigmoid": _special("expit"),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "ndtr": _special("ndtr"),
    "step": lambda z: np.where(np.asarray(z) > 0, 1.0, 0.0),
    "impulse": lambda z: np.zeros_like(z),
    "relu": lambda z: np.maximum(z, 0.0),
    "erf": _special("erf"),
    "pi": np.pi,
    **{f: getattr(np, f"arc{f[1:]}") for f in INVERSES},
    **{f: getattr(np, f) for f in ELEMENTARY},
}
MPMATH = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "ndtr": mpmath.ncdf,
    "step": lambda z: mpmath.mpf(z > 0),
    "impulse": lambda z: mpmath.mpf(0),
    "relu": lambda z: z if z > 0 else mpmath.mpf(0),
    "erf": mpmath.erf,
    "pi": mpmath.pi,
    "E": mpmath.e,
    **{f: getattr(mpmath, f) for f in (*ELEMENTARY, *INVERSES)},
}


@functools.cache
def torch_table() -> dict:
    """The same for tensors."""
    import torch  # here: it takes seconds, and most jobs do without

    return {
        "sigmoid": torch.sigmoid,
        "softplus": lambda z: torch.nn.functional.softplus(z, threshold=40.0),
        "ndtr": torch.special.ndtr,
        "step": lambda z: (z > 0).to(z.dtype),
        "impulse": torch.zeros_like,
        "relu": torch.relu,
        "erf": torch.erf,
        **{f: getattr(torch, f) for f in (*ELEMENTARY, *INVERSES)},
    }
