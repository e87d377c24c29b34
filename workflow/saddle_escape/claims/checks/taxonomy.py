"""The four classes: the table, what separates them, and what does not (claims 3, 17, 17b)."""

import mpmath
import numpy as np
import pandas as pd

from ...results import load_table
from ...theory import activations, classes, manifold
from . import points, row


def table(case):
    """Claim 3. Control: the rows of the computed table are shifted against the names."""
    found = load_table(case.inputs["classes"])
    if case.control:
        columns = ["class", "q", "c_q"]
        found[columns] = np.roll(found[columns].to_numpy(), 1, axis=0)
    labels = case.settings["classes"]
    stated = {n: (cls, row) for cls, names in labels.items() for n, row in names.items()}
    known = found[found["activation"].isin(stated)].set_index("activation")
    wrong = [n for n, cls in known["class"].items() if cls != stated[n][0]]
    far = [abs(known["c_q"][n] - _number(c)) for n, (_, (q, c)) in stated.items()
           if q is not None and known["q"][n] == q]  # fmt: skip
    orders_wrong = [n for n, (_, (q, _)) in stated.items() if not _same(known["q"][n], q)]
    analytic = known[known["class"] != "A"]
    deviations = [
        _coefficient_deviation(n, q, c) for n, q, c in analytic[["q", "c_q"]].itertuples()
    ]
    first_order = [abs(_coefficients(name)[1]) for name in case.settings["random"]]
    orders = [classes.classify(activations.get(name)).q for name in case.settings["random"]]
    return [
        row("wrong_classes", len(wrong), note=", ".join(wrong) or f"of {len(known)}"),
        row("wrong_orders", len(orders_wrong), note=", ".join(orders_wrong) or f"of {len(known)}"),
        row("stated_coefficients", max(far, default=np.inf), note=f"{len(far)} activations"),
        row("coefficient_deviation", max(deviations), note=f"{len(deviations)} activations"),
        row("q_equal_one", sum(q == 1 for q in [*analytic["q"], *orders])),
        row("first_coefficient", max(first_order), note=f"{len(first_order)} expressions"),
    ], None


def _number(text):
    """A stated coefficient such as "-4/(3*sqrt(pi))" as a float."""
    return float(activations.parse(str(text)))


def _same(found, stated):
    return pd.isna(found) if stated is None else found == stated


def _coefficients(name, order=4):
    """Taylor coefficients of z sigma' - sigma by numerical differentiation, 40 digits.

    What is below 1e-15 counts as 0.
    """
    act = activations.get(name)
    with mpmath.workdps(40):
        series = mpmath.taylor(lambda z: z * act.mp(z, 1) - act.mp(z), 0, order)
        return [float(c) if abs(c) > 1e-15 else 0.0 for c in series]


def _coefficient_deviation(name, q, c_q):
    """|c_q - its independent value|, or 1 where another order leads."""
    series = _coefficients(name)
    leading = _leading_order(series)
    return abs(float(c_q) - series[leading]) if q == leading else 1.0


def _drift_orders(name, depth, settings):
    """Order of the drift at the first layer; None where there is none."""
    act = activations.get(name)
    rule = "trapezoid" if act.smooth else "half_line"
    model = manifold.reduction(act, depth, settings["width"], rule=rule)
    slopes = manifold.drift_exponents(model, np.array(settings["epsilon"]))
    return None if np.isnan(slopes).all() else slopes[0]


def constant(case):
    """Claim 17. Control: two activations whose constant and order both agree."""
    own = case.settings
    names = own["same_order"] if case.control else own["same_constant"]
    rows = [classes.classify(activations.get(name)) for name in names]
    orders = [_drift_orders(name, own["depth"], own)[0] for name in names]
    by_parity = [
        cls == _class_by_order(_leading_order(_coefficients(name)))
        for cls, names in own["classes"].items()
        for name in names
    ]
    note = "; ".join(f"{r.activation}: class {r.cls}, constant {r.c_q:.4g}" for r in rows)
    return [
        row("constant_difference", abs(rows[0].c_q - rows[1].c_q), note=note),
        row("class_difference", rows[0].cls != rows[1].cls, note=note),
        row("order_difference", abs(orders[0] - orders[1])),
        row("order_and_parity", by_parity.count(False), note=f"of {len(by_parity)}"),
    ], None


def _leading_order(series):
    """Order of the first term of phi's series; None where phi vanishes."""
    return next((k for k, c in enumerate(series) if c), None)


def _class_by_order(q):
    return "A" if q is None else "D" if q == 0 else "B" if q % 2 else "C"


def balance_by_class(case):
    """Claim 17b. Control: activations of class B only."""
    own = case.settings
    names = own["class_b"] if case.control else own["activations"]
    orders = {name: _drift_orders(name, own["depth"], own) for name in names}
    first = {name: order[0] for name, order in orders.items() if order is not None}
    drifting = [_relative_drift(name, own) for name, order in orders.items() if order is None]
    note = "; ".join(f"{name}: {order:.2f}" for name, order in first.items())
    return [
        row("order_spread", np.ptp(list(first.values())), note=note),
        row("exact_in_class_a", max(drifting, default=0.0)),
    ], None


def _relative_drift(name, own):
    """Largest |d(X_{l+1}^2 - X_l^2)/dt| from the velocities, over the largest d(X_l^2)/dt."""
    act = activations.get(name)
    rule = "trapezoid" if act.smooth else "half_line"
    model = manifold.reduction(act, own["depth"], own["width"], rule=rule)
    scales = np.linspace(0.1, 0.2, own["depth"])
    growth = 2 * scales * model.velocity(scales)
    return float(np.abs(np.diff(growth)).max() / np.abs(growth).max())


def drift_orders(case):
    """Claim 5. Control: every activation replaced by one of another class."""
    own = case.settings
    swapped = dict(zip(own["activations"], np.roll(own["activations"], 1), strict=True))
    worst, first, shown = {}, {}, []
    for name in own["activations"]:
        q = classes.classify(activations.get(name)).q
        used = swapped[name] if case.control else name
        for depth in own["depths"]:
            layers = np.arange(1, depth)
            orders = _drift_orders(used, depth, own)
            orders = np.zeros(depth - 1) if orders is None else orders
            worst[name, depth] = np.abs(orders - (depth + layers * (q - 1))).max()
            first[name, depth] = abs(orders[0] - (depth + q - 1))
            shown += points(f"{name}, L = {depth}", layers, orders)
            shown += points(f"{name}, L = {depth}, law", layers, depth + layers * (q - 1), "line")
    free = [_relative_drift(name, {**own, "depth": 4}) for name in own["class_a"]]
    b_and_c = [v for (n, _), v in first.items() if classes.classify(activations.get(n)).q > 0]
    note = f"{', '.join(own['activations'])} at L = {', '.join(map(str, own['depths']))}"
    return [
        row("bound_attained", max(b_and_c)),
        row("layer_resolved", max(worst.values()), note=note),
        row("class_a", max(free), note=", ".join(own["class_a"])),
    ], shown
