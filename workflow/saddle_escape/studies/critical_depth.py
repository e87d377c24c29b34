"""Figure 2: the number r of layers at scale epsilon sets the exponent (Theorems 5 and 6).

Two events. "alignment", as in the paper: the reduced equations run until X_1 meets a threshold, the
leading-order integral (eq. 10) up to the paper's upper limit, which is another one. "loss", on a
wider range: both run until the loss falls to a fraction of its plateau value.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..settings import LogSpaced, Quadrature
from ..status import ESCAPED, NO_PLATEAU
from ..theory import activations, escape, manifold
from ..theory.classes import rate_of, row_of
from ..theory.exponents import pointwise_exponents

COLUMNS = (
    "panel",
    "L",
    "r",
    "epsilon",
    "criterion",
    "threshold",
    "route",
    "t_escape",
    "upper_limit",
    "theory",
    "ratio",
    "matched_ratio",
    "local_exponent",
    "status",
)


@dataclass(frozen=True)
class Settings:
    """What both panels share. Alignment: X_1 at the event and at the end of the integral.

    line_points: scales at which the integrals are drawn as lines.
    """

    activation: str
    width: int
    epsilon: LogSpaced
    threshold: float
    upper_limit: float
    line_points: int
    quadrature: Quadrature


@dataclass(frozen=True)
class Depths:
    """depths: one curve each."""

    depths: tuple[int, ...]


@dataclass(frozen=True)
class WideDepths:
    """The companion of panel (a). loss_fraction: of the plateau value, at the event."""

    epsilon: LogSpaced
    depths: tuple[int, ...]
    loss_fraction: float


@dataclass(frozen=True)
class Balanced(Settings):
    """Panel (a)."""

    balanced: Depths
    wide: WideDepths


@dataclass(frozen=True)
class Layers:
    """r: numbers of layers at epsilon, one curve each; outer: scale of the others."""

    depth: int
    r: tuple[int, ...]
    outer: float


@dataclass(frozen=True)
class WideLayers:
    """The companion of panel (b). loss_fraction: of the plateau value, at the event."""

    epsilon: LogSpaced
    r: tuple[int, ...]
    loss_fraction: float


@dataclass(frozen=True)
class Bottleneck(Settings):
    """Panel (b)."""

    bottleneck: Layers
    wide: WideLayers


@dataclass(frozen=True)
class Network:
    """One curve's: L layers, of which the first r start at epsilon and the others at ``outer``.

    rate: K of eq. 7; alpha: sigma'(0).
    """

    model: manifold.Reduction
    rate: float
    alpha: float
    r: int
    outer: float

    def start(self, epsilon: float) -> np.ndarray:
        """Layer scales (L,)."""
        return np.array([epsilon] * self.r + [self.outer] * (self.model.depth - self.r))

    def end(self, epsilon: float, fraction: float) -> float:
        """X_1 at which the leading-order flow meets the loss criterion; NaN if it never does."""
        end = escape.leading_order_threshold(self.model, self.start(epsilon), fraction, self.alpha)
        return np.nan if end is None else end

    def theory(self, epsilon: float, end: float) -> float:
        """Leading-order time, eq. 10 up to X_1 = end (flow time); NaN where the start is beyond."""
        return (
            escape.quadrature_time(self.rate, self.start(epsilon), end) if end > epsilon else np.nan
        )


def balanced(settings: Balanced, classes: pd.DataFrame) -> pd.DataFrame:
    """Panel (a), Theorem 5: all L layers at epsilon. Columns COLUMNS, flow times.

    classes: the table of activations. Route "reduced_ode" has, beside its time, the leading-order
    time ``theory`` with its ``upper_limit`` in X_1 and the quotients ``ratio``, over that theory,
    and ``matched_ratio``, over the integral up to the event itself. Route "quadrature" is the
    theory alone, on a finer grid.
    """

    def networks(depths):
        return [_network(settings, classes, depth, depth, np.nan) for depth in depths]

    paper, wide = networks(settings.balanced.depths), networks(settings.wide.depths)
    return _panel(settings, "a", paper, wide)


def bottleneck(settings: Bottleneck, classes: pd.DataFrame) -> pd.DataFrame:
    """Panel (b), Theorem 6: the first r of L layers at epsilon. As :func:`balanced`."""
    layers = settings.bottleneck

    def networks(numbers):
        return [_network(settings, classes, layers.depth, r, layers.outer) for r in numbers]

    return _panel(settings, "b", networks(layers.r), networks(settings.wide.r))


def _network(settings, classes, depth, r, outer):
    act, width = activations.get(settings.activation), settings.width
    model = manifold.reduction(act, depth, width, **vars(settings.quadrature))
    rate = rate_of(classes, settings.activation, depth, width)
    return Network(model, rate, row_of(classes, settings.activation)["alpha"], r, outer)


def _panel(settings, panel, paper, wide):
    tables = [_by_alignment(settings, network) for network in paper]
    tables += [_by_loss(settings, network) for network in wide]
    table = pd.concat(tables, ignore_index=True).assign(panel=panel)
    return table.reindex(columns=COLUMNS)


def _by_alignment(settings, network):
    event, limit = settings.threshold, settings.upper_limit
    criterion = ("alignment", event)
    scales = settings.epsilon
    return _curve(settings, network, criterion, scales, lambda _: limit, lambda _: event)


def _by_loss(settings, network):
    fraction = settings.wide.loss_fraction

    def end(epsilon):
        return network.end(epsilon, fraction)

    return _curve(settings, network, ("loss", fraction), settings.wide.epsilon, end, end)


def _curve(settings, network, criterion, scales, limit, event):
    """Both routes of one curve. limit, event: X_1 at the end of the theory, of the matched one."""
    fine, epsilon = scales.points(settings.line_points), scales.points()
    runs = [escape.escape_time(network.model, network.start(e), *criterion) for e in epsilon]
    t = np.array([run.t_escape for run in runs])
    theory = np.array([network.theory(e, limit(e)) for e in epsilon])
    computed = {
        "upper_limit": [limit(e) for e in epsilon],
        "theory": theory,
        "ratio": t / theory,
        "matched_ratio": t / [network.theory(e, event(e)) for e in epsilon],
        "status": [run.status for run in runs],
    }
    line = np.array([network.theory(e, limit(e)) for e in fine])
    drawn = {
        "upper_limit": [limit(e) for e in fine],
        "status": np.where(np.isfinite(line), ESCAPED, NO_PLATEAU),
    }
    routes = [_route("quadrature", fine, line, drawn), _route("reduced_ode", epsilon, t, computed)]
    named = dict(zip(("criterion", "threshold"), criterion, strict=True))
    return pd.concat(routes).assign(L=network.model.depth, r=network.r, **named)


def _route(route, epsilon, t, columns):
    exponents = pointwise_exponents(epsilon, t)
    return pd.DataFrame(
        {"route": route, "epsilon": epsilon, "t_escape": t, "local_exponent": exponents} | columns
    )
