"""Figure 2: the number r of layers at scale epsilon sets the exponent (Theorems 5 and 6)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..settings import LogSpaced, Quadrature
from ..status import ESCAPED, NO_PLATEAU
from ..theory import activations, escape, manifold
from ..theory.classes import rate_of, row_of
from ..theory.exponents import pointwise_exponents

COLUMNS = ("panel", "L", "r", "epsilon", "route", "t_escape", "local_exponent", "status")


@dataclass(frozen=True)
class Depths:
    """depths: one curve each."""

    depths: tuple[int, ...]


@dataclass(frozen=True)
class Balanced:
    """Panel (a). line_points: scales at which the formulas are drawn as lines."""

    activation: str
    width: int
    threshold: float
    epsilon: LogSpaced
    line_points: int
    quadrature: Quadrature
    balanced: Depths


@dataclass(frozen=True)
class Layers:
    """r: numbers of layers at epsilon, one curve each; outer: scale of the others.

    loss_fraction: of the plateau value, at the escape.
    """

    depth: int
    r: tuple[int, ...]
    outer: float
    loss_fraction: float

    def start(self, r: int, epsilon: float) -> np.ndarray:
        """Layer scales (L,): the first r at epsilon."""
        return np.array([epsilon] * r + [self.outer] * (self.depth - r))


@dataclass(frozen=True)
class Bottleneck:
    """Panel (b). line_points: scales at which the formulas are drawn as lines."""

    activation: str
    width: int
    epsilon: LogSpaced
    line_points: int
    quadrature: Quadrature
    bottleneck: Layers


def balanced(settings: Balanced, classes: pd.DataFrame) -> pd.DataFrame:
    """Panel (a): all layers at epsilon, closed form (Theorem 5) and reduced ODE. Flow times.

    classes: the table of activations.
    """
    tables = [_one_depth(settings, depth, classes) for depth in settings.balanced.depths]
    return pd.concat(tables, ignore_index=True)


def _one_depth(settings, depth, classes):
    constant = rate_of(classes, settings.activation, depth, settings.width)
    threshold = settings.threshold
    fine, epsilon = settings.epsilon.points(settings.line_points), settings.epsilon.points()
    line = [
        escape.closed_form(constant, e, depth, threshold) if e < threshold else np.nan for e in fine
    ]
    starts = [np.full(depth, e) for e in epsilon]
    model = _model(settings, depth)
    return pd.concat(
        [
            _line("a", depth, depth, "closed_form", fine, line),
            _reduced_rows(model, "a", depth, epsilon, starts, "alignment", threshold),
        ],
        ignore_index=True,
    )


def bottleneck(settings: Bottleneck, classes: pd.DataFrame) -> pd.DataFrame:
    """Panel (b): the first r layers at epsilon, the others at ``outer`` (Theorem 6). Flow times.

    Escape by the loss. Routes: reduced ODE; exact quadrature of the leading-order flow up to the
    point where it meets the same criterion; for r >= 3 the power law epsilon^-(r-2) through the
    reduced ODE's leftmost time (r = 2 is logarithmic, r = 1 bounded: no power to draw).
    """
    tables = [_one_r(settings, r, classes) for r in settings.bottleneck.r]
    return pd.concat(tables, ignore_index=True)


def _one_r(settings, r, classes):
    layers = settings.bottleneck
    depth, fraction = layers.depth, layers.loss_fraction
    constant = rate_of(classes, settings.activation, depth, settings.width)
    alpha = row_of(classes, settings.activation)["alpha"]
    model = _model(settings, depth)

    def quadrature(e):
        start = layers.start(r, e)
        top = escape.leading_order_threshold(model, start, fraction, alpha)
        return escape.quadrature_time(constant, start, top) if top and top > e else np.nan

    fine, epsilon = settings.epsilon.points(settings.line_points), settings.epsilon.points()
    starts = [layers.start(r, e) for e in epsilon]
    reduced = _reduced_rows(model, "b", r, epsilon, starts, "loss", fraction)
    tables = [_line("b", depth, r, "quadrature", fine, [quadrature(e) for e in fine]), reduced]
    power, _ = escape.critical_depth_law(r)
    anchor = reduced["t_escape"].iloc[0]
    if power and np.isfinite(anchor):
        law = list(anchor * (fine / epsilon[0]) ** -power)
        tables.append(_line("b", depth, r, "power_law", fine, law))
    return pd.concat(tables, ignore_index=True)


def _model(settings, depth):
    act = activations.get(settings.activation)
    return manifold.reduction(act, depth, settings.width, **vars(settings.quadrature))


def _reduced_rows(model, panel, r, epsilon, starts, criterion, threshold):
    runs = [escape.escape_time(model, start, criterion, threshold) for start in starts]
    times, statuses = [run.t_escape for run in runs], [run.status for run in runs]
    return _rows(panel, model.depth, r, "reduced_ode", epsilon, times, statuses)


def _line(panel, depth, r, route, epsilon, times):
    status = np.where(np.isfinite(times), ESCAPED, NO_PLATEAU)
    return _rows(panel, depth, r, route, epsilon, times, status)


def _rows(panel, depth, r, route, epsilon, t, status):
    t = np.array(t, dtype=float)
    columns = (panel, depth, r, epsilon, route, t, pointwise_exponents(epsilon, t), status)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
