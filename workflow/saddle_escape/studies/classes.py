"""First stage of the workflow: the table of activations, classes and rate constants."""

import math

import pandas as pd

from ..theory import activations
from ..theory.classes import describe, rate_constant

COLUMNS = (
    "activation",
    "class",
    "q",
    "c_q",
    "c_q_exact",
    "alpha",
    "beta1",
    "K",
    "homogeneity",
    "conserved",
    "status",
)


def table(cfg):
    """One row per activation: class, q, c_q, alpha, beta1 and K at cfg's depth and width.

    cfg: activations (names or expressions), depth, width. Raises ValueError for an activation that
    cannot be read.
    """
    rows = [
        describe(name) | {"K": rate_constant(activations.get(name), cfg["depth"], cfg["width"])}
        for name in cfg["activations"]
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"q": "Int64"})


def row(classes, activation):
    """The row of one activation in the table of :func:`table`. Raises ValueError if absent."""
    found = classes[classes["activation"] == activation]
    if found.empty:
        raise ValueError(f"classes.activations: '{activation}' is used but not listed; add it")
    return found.iloc[0]


def rate(classes, activation, depth, width):
    """K = beta1 alpha^(L-1) / sqrt(N) at any depth and width, from the table's constants.

    Raises ValueError for an activation without a linear signal path (alpha missing or 0).
    """
    constants = row(classes, activation)
    if not abs(constants["alpha"]) > 0:
        raise ValueError(f"activation: '{activation}' has no linear signal path, K is undefined")
    return float(constants["beta1"] * constants["alpha"] ** (depth - 1) / math.sqrt(width))
