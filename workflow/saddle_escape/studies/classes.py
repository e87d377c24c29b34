"""First stage of the workflow: the table of activations, classes and rate constants."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Classes:
    """activations: names or expressions; depth, width: of the network that K is for."""

    activations: tuple[str, ...]
    depth: int
    width: int


def table(settings: Classes) -> pd.DataFrame:
    """One row per activation: class, q, c_q, alpha, beta1 and K.

    Raises ValueError for an activation that cannot be read.
    """
    depth, width = settings.depth, settings.width
    rows = [
        describe(name) | {"K": rate_constant(activations.get(name), depth, width)}
        for name in settings.activations
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"q": "Int64"})
