"""Figure 2: the number r of layers at scale epsilon sets the exponent (Theorems 5 and 6)."""

import numpy as np
import pandas as pd

from ..status import ESCAPED, NO_PLATEAU
from ..theory import activations, escape, manifold
from .classes import rate, row

COLUMNS = ("panel", "L", "r", "epsilon", "route", "t_escape", "local_exponent", "status")


def epsilon_grid(spec, count=None):
    """Log-spaced scales from spec's min, max and count (or another count)."""
    return np.geomspace(spec["min"], spec["max"], count or spec["count"])


def local_exponents(epsilon, t):
    """d log t / d log epsilon at every point, by differences; NaN next to a missing time."""
    if len(t) < 2:
        return np.full(len(t), np.nan)
    return np.gradient(np.log(np.asarray(t, dtype=float)), np.log(epsilon))


def _rows(panel, depth, r, route, epsilon, t, status):
    t = np.array([np.nan if v is None else v for v in t], dtype=float)
    columns = (panel, depth, r, epsilon, route, t, local_exponents(epsilon, t), status)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _model(cfg, depth):
    act = activations.get(cfg["activation"])
    return manifold.reduction(act, depth, cfg["width"], **cfg["quadrature"])


def _reduced_rows(model, panel, r, epsilon, starts, criterion, threshold):
    runs = [escape.escape_time(model, start, criterion, threshold) for start in starts]
    times, statuses = [run.t_escape for run in runs], [run.status for run in runs]
    return _rows(panel, model.depth, r, "reduced_ode", epsilon, times, statuses)


def _line(panel, depth, r, route, epsilon, times):
    status = [NO_PLATEAU if t is None else ESCAPED for t in times]
    return _rows(panel, depth, r, route, epsilon, times, status)


def balanced(cfg, depth, classes):
    """Panel (a), one depth: all layers at epsilon, closed form (Theorem 5) and reduced ODE.

    cfg: the section critical_depth; classes: the table of activations. Flow times.
    """
    constant = rate(classes, cfg["activation"], depth, cfg["width"])
    threshold = cfg["threshold"]
    fine = epsilon_grid(cfg["epsilon"], cfg["line_points"])
    line = [
        escape.closed_form(constant, e, depth, threshold) if e < threshold else None for e in fine
    ]
    epsilon = epsilon_grid(cfg["epsilon"])
    starts = [np.full(depth, e) for e in epsilon]
    model = _model(cfg, depth)
    return pd.concat(
        [
            _line("a", depth, depth, "closed_form", fine, line),
            _reduced_rows(model, "a", depth, epsilon, starts, "alignment", threshold),
        ],
        ignore_index=True,
    )


def _start(cfg, r, epsilon):
    own = cfg["bottleneck"]
    return np.array([epsilon] * r + [own["outer"]] * (own["depth"] - r))


def bottleneck(cfg, r, classes):
    """Panel (b), one r: the first r layers at epsilon, the others at ``outer`` (Theorem 6).

    Escape by the loss. Routes: reduced ODE; exact quadrature of the leading-order flow up to the
    point where it meets the same criterion; for r >= 3 the power law epsilon^-(r-2) through the
    reduced ODE's leftmost time (r = 2 is logarithmic, r = 1 bounded: no power to draw).
    """
    own = cfg["bottleneck"]
    depth, fraction = own["depth"], own["loss_fraction"]
    constant = rate(classes, cfg["activation"], depth, cfg["width"])
    alpha = row(classes, cfg["activation"])["alpha"]
    model = _model(cfg, depth)

    def quadrature(e):
        start = _start(cfg, r, e)
        top = escape.leading_order_threshold(model, start, fraction, alpha)
        return escape.quadrature_time(constant, start, top) if top and top > e else None

    epsilon, fine = (epsilon_grid(cfg["epsilon"], n) for n in (None, cfg["line_points"]))
    starts = [_start(cfg, r, e) for e in epsilon]
    reduced = _reduced_rows(model, "b", r, epsilon, starts, "loss", fraction)
    tables = [_line("b", depth, r, "quadrature", fine, [quadrature(e) for e in fine]), reduced]
    power, _ = escape.critical_depth_law(r)
    anchor = reduced["t_escape"].iloc[0]
    if power and np.isfinite(anchor):
        law = list(anchor * (fine / epsilon[0]) ** -power)
        tables.append(_line("b", depth, r, "power_law", fine, law))
    return pd.concat(tables, ignore_index=True)
