"""Figure 3: one curve for all of class B once time is measured in units of 1/K (Corollary 7).

The full networks are trained in :mod:`studies.universality_network`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..settings import LogSpaced, Quadrature
from ..status import ESCAPED
from ..theory import activations, escape, manifold
from ..theory.classes import rate_of, row_of

COLUMNS = ("activation", "class", "epsilon", "route", "t_escape", "K", "K_t_escape", "status")


@dataclass(frozen=True)
class ClosedForm:
    """epsilon: scales of each activation, here only their names; closed_form: the line's scales."""

    depth: int
    width: int
    threshold: float
    epsilon: dict[str, tuple[float, ...]]
    closed_form: LogSpaced


@dataclass(frozen=True)
class Reduced:
    """epsilon: scales of each activation."""

    depth: int
    width: int
    threshold: float
    quadrature: Quadrature
    epsilon: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Figure:
    """The network whose K measures time."""

    depth: int
    width: int


def closed_form(settings: ClosedForm, classes: pd.DataFrame) -> pd.DataFrame:
    """Theorem 5's line for every activation of the figure. Flow times.

    classes: the table of activations. Columns activation, epsilon, route, t_escape, status.
    """
    epsilon, tables = settings.closed_form.points(), []
    for activation in settings.epsilon:
        constant = rate_of(classes, activation, settings.depth, settings.width)
        t = escape.closed_form(constant, epsilon, settings.depth, settings.threshold)
        columns = {"activation": activation, "epsilon": epsilon, "route": "closed_form"}
        tables.append(pd.DataFrame(columns | {"t_escape": t, "status": ESCAPED}))
    return pd.concat(tables, ignore_index=True)


def reduced(settings: Reduced, activation: str) -> pd.DataFrame:
    """Escape times (flow time) of the reduced ODE, all layers at epsilon, for one activation.

    Columns activation, epsilon, route, t_escape, status.
    """
    act, depth = activations.get(activation), settings.depth
    model = manifold.reduction(act, depth, settings.width, **vars(settings.quadrature))
    rows = []
    for epsilon in settings.epsilon[activation]:
        start = np.full(depth, epsilon)
        run = escape.escape_time(model, start, "alignment", settings.threshold)
        rows.append((activation, epsilon, "reduced_ode", run.t_escape, run.status))
    return pd.DataFrame(rows, columns=["activation", "epsilon", "route", "t_escape", "status"])


def figure_table(settings: Figure, runs: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """What figure 3 draws: every route's times, also in units of 1/K, with COLUMNS.

    runs: the tables of all routes, one below the other; classes: the table of activations.
    """
    names = dict.fromkeys(runs["activation"])
    rates = {name: rate_of(classes, name, settings.depth, settings.width) for name in names}
    letters = {name: row_of(classes, name)["class"] for name in names}
    constant = runs["activation"].map(rates)
    table = runs.assign(**{"class": runs["activation"].map(letters), "K": constant})
    return table.assign(K_t_escape=constant * runs["t_escape"])[list(COLUMNS)]
