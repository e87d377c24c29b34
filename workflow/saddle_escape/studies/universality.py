"""Figure 3: one curve for all of class B once time is measured in units of 1/K (Corollary 7).

The networks are trained in :mod:`studies.universality_minibatch`, as in the paper, and in
:mod:`studies.universality_network`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..settings import LogSpaced, Quadrature
from ..status import ESCAPED
from ..theory import activations, escape, manifold
from ..theory.classes import rate_of, row_of

COLUMNS = (
    "activation",
    "class",
    "epsilon",
    "route",
    "t_escape",
    "t_min",
    "t_max",
    "K",
    "K_t_escape",
    "status",
)
RUN = ["activation", "epsilon", "route"]


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
    """epsilon: the networks' scales of each activation; common: scales of every activation."""

    depth: int
    width: int
    threshold: float
    quadrature: Quadrature
    epsilon: dict[str, tuple[float, ...]]
    common: tuple[float, ...]


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
    for epsilon in sorted({*settings.epsilon[activation], *settings.common}):
        start = np.full(depth, epsilon)
        run = escape.escape_time(model, start, "alignment", settings.threshold)
        rows.append((activation, epsilon, "reduced_ode", run.t_escape, run.status))
    return pd.DataFrame(rows, columns=["activation", "epsilon", "route", "t_escape", "status"])


def figure_table(
    settings: Figure, runs: pd.DataFrame, classes: pd.DataFrame, published: pd.DataFrame
) -> pd.DataFrame:
    """What figure 3 draws: every route's times, also in units of 1/K, with COLUMNS.

    runs: the tables of all routes, one below the other; a time over seeds is their mean, with its
    range. classes: the table of activations. published: the paper's markers of panel (a), of which
    those at the networks' scales are drawn; one that serves two curves stands with the first.
    """
    means = runs.groupby(RUN, sort=False).apply(_over_seeds, include_groups=False).reset_index()
    networks = set(map(tuple, runs.loc[runs["route"] == "minibatch", RUN[:2]].to_numpy()))
    table = pd.concat([means, _markers(published, networks)], ignore_index=True)
    names = dict.fromkeys(table["activation"])
    rates = {name: rate_of(classes, name, settings.depth, settings.width) for name in names}
    letters = {name: row_of(classes, name)["class"] for name in names}
    constant = table["activation"].map(rates)
    table = table.assign(**{"class": table["activation"].map(letters), "K": constant})
    return table.assign(K_t_escape=constant * table["t_escape"])[list(COLUMNS)]


def _over_seeds(runs):
    """Mean and range of the times of one point; no time unless all escaped."""
    failed = runs.loc[runs["status"] != ESCAPED, "status"]
    if len(failed):
        return pd.Series({"t_escape": np.nan, "status": failed.iloc[0]})
    t, single = runs["t_escape"], len(runs) == 1
    low, high = (np.nan, np.nan) if single else (t.min(), t.max())
    return pd.Series({"t_escape": t.mean(), "t_min": low, "t_max": high, "status": ESCAPED})


def _markers(published, networks):
    names = published["series"].str.split("_or_").str[0]
    markers = pd.DataFrame(
        {
            "activation": names,
            "epsilon": published["x"],
            "route": "published",
            "t_escape": published["y"],
            "status": ESCAPED,
        }
    )
    return markers[[key in networks for key in zip(names, published["x"], strict=True)]]
