"""The four classes: the table, what separates them, and what does not (claims 3, 5, 17, 17b)."""

import mpmath
import numpy as np
import pandas as pd

from ...theory import activations, classes, corrections, manifold
from . import points, quantity

SMALL = 1e-4  # where phi is its leading term
EXACT = 1e-15  # Taylor coefficients below it, of 40 digits, are zero


def _model(name, depth, width):
    act = activations.get(name)
    return manifold.reduction(act, depth, width, rule="trapezoid" if act.smooth else "half_line")


def _with(name, term):
    """The activation with a term added, as an expression."""
    return f"{activations.get(name).expression}+{term}"


# --- the table of classes -------------------------------------------------------------------------


def table(case):
    """Claim 3: computed classes against the stated ones, coefficients by two routes.

    Controls: quadratic, the activations of class B with a small z^2 added; constant, with a small
    constant added; odd, odd activations in place of those that the hypotheses leave out; even, an
    even term only in these.
    """
    stated = {
        name: (cls, q, c_q)
        for cls, names in case.settings["classes"].items()
        for name, (q, c_q) in names.items()
    }
    term = {"quadratic": "z**2/100", "constant": "1/100"}.get(case.control)
    computed = case.tables["classes"].set_index("activation").loc[list(stated)]
    used = {name: name for name in stated}
    if term:
        used |= {name: _with(name, term) for name, (cls, _, _) in stated.items() if cls == "B"}
        computed[["class", "q"]] = [_class_and_order(used[name]) for name in stated]
    strict = [n for n, (cls, *_) in stated.items()
              if classes.paper_class(activations.get(used[n])) != cls]  # fmt: skip
    outside = case.settings[case.control if case.control in ("odd", "even") else "outside"]
    placed = [n for n in outside if classes.paper_class(activations.get(n)) is not None]
    lowest = {n: _leading_order(_coefficients(n, order=6)) for n in outside}
    wrong = [name for name, (cls, _, _) in stated.items() if computed["class"][name] != cls]
    orders = [name for name, (_, q, _) in stated.items() if not _same(computed["q"][name], q)]
    analytic = [name for name, (cls, _, _) in stated.items() if cls != "A"]
    series = {name: _coefficients(used[name]) for name in analytic}
    far = {name: abs(_leading(series[name]) - _number(stated[name][2])) for name in analytic}
    off = {name: abs(_leading(series[name]) - computed["c_q"][name]) for name in analytic}
    return [
        quantity("wrong_classes", len(wrong), of=len(stated), which=wrong or "none"),
        quantity("wrong_orders", len(orders), of=len(stated), which=orders or "none"),
        quantity("by_the_hypotheses", len(strict), of=len(stated), which=strict or "none"),
        quantity("outside", len(placed), of=len(outside), which=placed or "none"),
        quantity("outside_order", min(lowest.values()), orders=lowest),
        quantity("stated_coefficients", max(far.values()), activations=len(far)),
        quantity("coefficient_deviation", max(off.values()), activations=len(off)),
    ], None


def _class_and_order(name):
    row = classes.classify(activations.get(name))
    return row.cls, row.q


def _number(text):
    """A stated coefficient such as "-4/(3*sqrt(pi))" as a float."""
    return float(activations.parse(str(text)))


def _same(computed, stated):
    return pd.isna(computed) if stated is None else computed == stated


def _coefficients(name, order=4, sigma=1.0):
    """Taylor coefficients of z sigma' - sigma by numerical differentiation, 40 digits.

    What is below 1e-15 counts as 0; ``sigma`` multiplies the second term.
    """
    act = activations.get(name)
    with mpmath.workdps(40):
        series = mpmath.taylor(lambda z: z * act.mp(z, 1) - sigma * act.mp(z), 0, order)
        return [float(c) if abs(c) > EXACT else 0.0 for c in series]


def _leading(series):
    """The first coefficient that is not 0."""
    return series[_leading_order(series)]


def _leading_order(series):
    """Order of the first term of phi's series; None where phi vanishes."""
    return next((k for k, c in enumerate(series) if c), None)


# --- the drift of the balance law -----------------------------------------------------------------


def drift_orders(case):
    """Claim 5: order in epsilon of the drift of X_(l+1)^2 - X_l^2, layer by layer.

    Controls: quadratic, a z^2 added to the activations, which takes class B to C; no_constant,
    class D without its constant, which takes it to C; curved, a z^2 added to class A; larger_term,
    a z^2 twice as large as the one whose crossover is predicted.
    """
    settings, quadratic = case.settings, case.control == "quadratic"
    added = {"quadratic": "z**2/10", "no_constant": settings["minus_constant"]}.get(case.control)
    off, shown = {}, []
    for name in settings["activations"]:
        q = classes.classify(activations.get(name)).q
        used = _with(name, added) if added else name
        for depth in settings["depths"]:
            layers = np.arange(1, depth)
            law, orders = depth + layers * (q - 1), _drift_orders(used, depth, settings)
            off[name, depth] = np.abs(orders - law)
            shown += points(f"{name}, L = {depth}", layers, orders)
            shown += points(f"{name}, L = {depth}, law", layers, law, "line")
    kinds = {name: classes.classify(activations.get(name)).cls for name in settings["activations"]}
    sloped = [d for (name, _), d in off.items() if kinds[name] != "D"]
    constant = [d.max() for (name, _), d in off.items() if kinds[name] == "D"]
    term = (lambda name: _with(name, "z**2/100")) if case.control == "curved" else str
    free = [_relative_drift(term(name), 4, settings["width"]) for name in settings["class_a"]]
    facts = {"activations": settings["activations"], "depths": settings["depths"]}
    return [
        quantity("bound_attained", max(d[0] for d in sloped), **facts),
        quantity("layer_resolved", max(d.max() for d in sloped), **facts),
        quantity("class_d", max(constant), **facts),
        quantity("coefficients", _coefficient_error(settings, kinds, quadratic)),
        quantity("class_a", max(free), activations=settings["class_a"]),
        _crossover(settings["crossover"], settings["width"], case.control == "larger_term"),
    ], shown


def _crossover(settings, width, larger):
    """A small z^2 takes class B to C: the first layer's order on both sides of where it does.

    The drift is the sum of the two leading terms, of orders L + 1 and L + 2 for q = 3; they are
    equal in size at the scale that is predicted.
    """
    name, depth, ratios = (settings[key] for key in ("activation", "depth", "ratios"))
    one = np.ones(depth)
    odd = _model(name, depth, width)
    mixed = _model(_with(name, f"{settings['term']}*z**2"), depth, width)
    small, large = (corrections.imbalance_drift(model, one)[0] for model in (mixed, odd))
    scale, sign = abs(small / large), np.sign(small * large)
    used = _model(_with(name, f"2*{settings['term']}*z**2"), depth, width) if larger else mixed
    off = [
        manifold.drift_exponents(used, np.array([0.99, 1.01]) * x * scale)[0, 0]
        - (depth + 1 + x / (x + sign))
        for x in ratios
    ]
    return quantity("crossover", np.abs(off).max(), activation=name, scale=scale, depth=depth)


def _coefficient_error(settings, kinds, quadratic):
    """Largest relative distance of the drift from its leading term, sign included, B and C."""
    scales, errors = np.array(settings["scales"]), []
    for name in (n for n, cls in kinds.items() if cls != "D"):
        plain = _model(name, len(scales), settings["width"])
        used = (
            _model(_with(name, "z**2/10"), len(scales), settings["width"]) if quadratic else plain
        )
        errors.append(np.abs(used.drift(scales) / corrections.imbalance_drift(plain, scales) - 1))
    return np.max(errors)


def _drift_orders(name, depth, settings):
    """Order of the drift at every layer (L-1,); None where there is none."""
    model = _model(name, depth, settings["width"])
    slopes = manifold.drift_exponents(model, np.array(settings["epsilon"]))
    return None if np.isnan(slopes).all() else slopes[0]


def _relative_drift(name, depth, width):
    """Largest |d(X_{l+1}^2 - X_l^2)/dt| from the velocities, over the largest d(X_l^2)/dt."""
    scales = np.linspace(0.1, 0.2, depth)
    growth = 2 * scales * _model(name, depth, width).velocity(scales)
    return float(np.abs(np.diff(growth)).max() / np.abs(growth).max())


# --- what does not separate them ------------------------------------------------------------------


def constant(case):
    """Claim 17: two activations with one constant; what order and parity say instead.

    Controls: same_order, a pair whose order agrees as well; other_constant, a pair whose constants
    differ; smaller_sigma, phi with .99 sigma.
    """
    settings = case.settings
    pair = case.control if case.control in ("same_order", "other_constant") else "same_constant"
    rows = [classes.classify(activations.get(name)) for name in settings[pair]]
    orders = [_drift_orders(name, settings["depth"], settings)[0] for name in settings[pair]]
    share = 0.99 if case.control == "smaller_sigma" else 1.0
    by_parity = [
        cls == _class_by_order(_leading_order(_coefficients(name, sigma=share)))
        for cls, names in settings["classes"].items()
        for name in names
    ]
    facts = {
        "classes": {row.activation: row.cls for row in rows},
        "constants": {row.activation: row.c_q for row in rows},
    }
    return [
        quantity("constant_difference", abs(rows[0].c_q - rows[1].c_q), **facts),
        quantity("class_difference", rows[0].cls != rows[1].cls, **facts),
        quantity("order_difference", abs(orders[0] - orders[1])),
        quantity("order_and_parity", by_parity.count(False), of=len(by_parity)),
        quantity("phi_order", _order_of_phi(settings["classes"], share), epsilon=SMALL),
    ], None


def _order_of_phi(stated, share):
    """Largest distance of the local slope of log |phi| near 0, phi by the library, from q."""
    slopes, z = [], np.array([SMALL, 2 * SMALL])
    for name in (name for cls, names in stated.items() if cls != "A" for name in names):
        act = activations.get(name)
        values = classes.phi(act, z) + (1 - share) * act(z)
        slope = np.diff(np.log(np.abs(values)))[0] / np.log(2)
        slopes.append(abs(slope - classes.classify(act).q))
    return max(slopes)


def _class_by_order(q):
    return "A" if q is None else "D" if q == 0 else "B" if q % 2 else "C"


def balance_by_class(case):
    """Claim 17b: the order of the drift at the first layer, class by class.

    Controls: one_class, activations of class B only; curved, a z^2 added to class A; quadratic, a
    z^2 added to the others, their q left as it was.
    """
    settings = case.settings
    if case.control == "curved":
        drift = _relative_drift(
            _with(settings["class_a"], "z**2/100"), settings["depth"], settings["width"]
        )
        return [quantity("exact_in_class_a", drift)], None
    names = settings["class_b"] if case.control == "one_class" else settings["activations"]
    term = (lambda name: _with(name, "z**2/10")) if case.control == "quadratic" else str
    orders = {name: _drift_orders(term(name), settings["depth"], settings)[0] for name in names}
    laws = {n: settings["depth"] + classes.classify(activations.get(n)).q - 1 for n in names}
    drift = _relative_drift(settings["class_a"], settings["depth"], settings["width"])
    return [
        quantity("order_spread", np.ptp(list(orders.values())), orders=orders),
        quantity("order_by_class", max(abs(orders[n] - laws[n]) for n in names), orders=orders),
        quantity("exact_in_class_a", drift),
    ], None
