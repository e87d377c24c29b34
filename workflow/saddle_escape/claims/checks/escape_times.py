"""Escape times on the manifold: Theorems 5 and 6, Corollary 7, and what depends on the class."""

import functools
import itertools

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from ... import published
from ...status import ESCAPED
from ...theory import activations, classes, escape, manifold
from . import points, quantity

PARTED = 0.1  # relative distance at which theory and reduced equations count as apart
CLASS_D_CRITERION = ("correlation", 0.5)  # the loss falls already when the mean is fitted


@functools.cache  # class D's quadrature is the same for every run
def model(name, depth, width):
    """The reduced model of an activation, with the rule that its kinks allow."""
    act = activations.get(name)
    return manifold.reduction(act, depth, width, rule="trapezoid" if act.smooth else "half_line")


@functools.cache  # controls share most runs with the check
def _escape(name, init, width, criterion, threshold):
    run = escape.escape_time(model(name, len(init), width), np.array(init), criterion, threshold)
    if run.status != ESCAPED:
        raise ValueError(f"claims: {name} from {init} did not escape ({run.status})")
    return run.t_escape


def time(name, init, width, criterion="alignment", threshold=0.5):
    """Escape time of the reduced equations; ValueError unless they escape."""
    return _escape(name, tuple(map(float, init)), width, criterion, threshold)


def times(name, depth, width, epsilons, *criterion):
    """Escape times (E,) from balanced starts."""
    return np.array([time(name, [e] * depth, width, *criterion) for e in epsilons])


def slopes(x, y):
    """Local slopes of log y against log x."""
    return np.diff(np.log(y)) / np.diff(np.log(x))


def rate(name, depth, width):
    """K of an activation by name."""
    return classes.rate_constant(activations.get(name), depth, width)


def scaled(name, factor):
    """The activation factor * sigma, as an expression."""
    return f"({factor})*({activations.get(name).expression})"


# --- Theorem 5 ------------------------------------------------------------------------------------


def closed_form(case):
    """Claim 6: order of the closed form's error. Control: K ten per cent too large."""
    own, factor = case.settings, 1.1 if case.control == "wrong_prefactor" else 1.0
    width, smallest, quantities, shown = own["width"], [], [], []

    def excess(name, depth, epsilons):
        closed = escape.closed_form(factor * rate(name, depth, width), epsilons, depth)
        return times(name, depth, width, epsilons) - closed, closed

    for key in ("order_two", "order_one", "end_dominated"):
        orders = []
        for name, depth in own[key]["cases"]:
            epsilons = np.array(own[key]["epsilon"], dtype=float)
            difference, closed = excess(name, depth, epsilons)
            error = np.abs(difference / closed)
            q = classes.classify(activations.get(name)).q
            orders.append(slopes(epsilons, error)[0] - min(q - 1, depth - 2))
            smallest.append(error[0])
            shown += points(f"{name}, L = {depth}", epsilons, error, "joined")
        runs = [f"{name} L = {depth}" for name, depth in own[key]["cases"]]
        quantities.append(quantity(key, max(orders, key=abs), runs=runs))
    epsilons = np.array(own["resonance"]["epsilon"], dtype=float)
    difference, closed = excess(*own["resonance"]["case"], epsilons)
    steps = -np.diff(difference) / np.diff(np.log(epsilons))
    label = "{}, L = {}, resonant".format(*own["resonance"]["case"])
    shown += points(label, epsilons, np.abs(difference / closed), "joined")
    return [
        *quantities,
        quantity("resonance", steps[0] / steps[1] - 1, b=list(steps)),
        quantity("relative_error", max(smallest)),
    ], shown


# --- Theorem 6 ------------------------------------------------------------------------------------


def _bottleneck(name, depth, r, epsilons, width):
    """Times to half the plateau loss with r layers at epsilon, the others at 1."""
    starts = [[e] * r + [1.0] * (depth - r) for e in epsilons]
    return np.array([time(name, s, width, "loss", 0.5) for s in starts])


def critical_depth(case):
    """Claim 7: exponents and logarithms by the number r of small layers.

    Controls: one_layer_less and one_layer_more start r - 1 and r + 1 layers at epsilon; all_layers
    starts every layer there.
    """
    own, cfg = case.settings, case.settings["critical_depth"]
    name, depth, width = cfg["activation"], cfg["bottleneck"]["depth"], cfg["width"]
    change = {"one_layer_less": -1, "one_layer_more": 1}.get(case.control, 0)
    epsilons = np.array(own["epsilon"], dtype=float)

    def small(r, layers):
        return layers if case.control == "all_layers" else min(r + change, layers)

    @functools.cache
    def slope(r, layers):
        return slopes(epsilons, _bottleneck(name, layers, small(r, layers), epsilons, width))[0]

    quantities = []
    if {"r1_bounded", "r2_logarithmic"} & case.quantities:
        decades = np.array(own["decades"], dtype=float)
        steps = {
            r: np.diff(_bottleneck(name, depth, small(r, depth), decades, width)) for r in (1, 2)
        }
        decade = np.log(10) / rate(name, depth, width)
        quantities.append(quantity("r1_bounded", steps[1][1] / steps[1][0]))
        quantities.append(quantity("r2_logarithmic", steps[2][1] / decade - 1))
    exponents = {r: slope(r, depth) for r in own["r"]}
    by_depth = {r: [slope(r, d) for d in own["depths"] if d >= r] for r in own["r"][:2]}
    per_layer = np.polyfit(own["r"], list(exponents.values()), 1)[0]
    spread = max(map(np.ptp, by_depth.values()))
    quantities += [quantity(f"r{r}", s) for r, s in exponents.items()]
    quantities.append(quantity("depth_independent", spread, depths=own["depths"]))
    quantities.append(quantity("exponent_per_layer", per_layer))
    if "figure2" in case.quantities:
        quantities.append(_figure2_deviation(case.tables["figure2"]))
    shown = points("measured", exponents, exponents.values())
    return quantities, shown + points("-(r-2)", exponents, [2 - r for r in exponents], "line")


def _figure2_deviation(table):
    """Largest distance of figure 2b's exponents at its smallest epsilon from -(r-2), r >= 3."""
    panel = table[(table["panel"] == "b") & (table["route"] == "reduced_ode") & (table["r"] > 2)]
    first = panel.loc[panel.groupby("r")["epsilon"].idxmin()]
    deviation = (first["local_exponent"] + first["r"] - 2).abs().max()
    return quantity("figure2", deviation, epsilon=first["epsilon"].min(), curves=len(first))


# --- Corollary 7 ----------------------------------------------------------------------------------


def universality(case):
    """Claim 8: K t over activations.

    Controls: other_activation, sigma(1.05 z) integrated in place of one of class B; class_b, the
    activations of class B in place of class C; narrower, the equations of a network of .8 N.
    """
    own, depth, width = (
        case.settings,
        *(case.settings["universality"][k] for k in ("depth", "width")),
    )
    if case.control == "narrower":
        return _figure3(case, round(0.8 * width)), None
    names, epsilons = own["class_b"], own["epsilon"]
    integrated = {name: name for name in names}
    if case.control == "other_activation":
        integrated[names[0]] = own["other"]
    collapsed = {
        name: rate(name, depth, width) * times(used, depth, width, epsilons)
        for name, used in integrated.items()
    }
    spread = np.max(list(collapsed.values()), axis=0) / np.min(list(collapsed.values()), axis=0) - 1
    master = _master(np.array(epsilons[-1:]), depth)[0]
    quantities = [
        quantity(f"spread_{size}", s, epsilon=e)
        for size, e, s in zip(("large", "middle", "small"), epsilons, spread, strict=True)
    ]
    furthest = max(abs(k_t[-1] / master - 1) for k_t in collapsed.values())
    quantities.append(quantity("master_small", furthest, epsilon=epsilons[-1]))
    quantities.append(_linear_deviation(own, depth, width, case.control == "class_b"))
    if "network" not in case.quantities:
        return quantities, None
    return quantities + _figure3(case, width), _shown_collapse(case, depth, width)


def _linear_deviation(own, depth, width, class_b):
    """Order in epsilon of the deviation from the closed form, the one furthest from 1."""
    fine, orders = np.array(own["linear"], dtype=float), {}
    for name in own["class_b" if class_b else "class_c"]:
        closed = escape.closed_form(rate(name, depth, width), fine, depth)
        orders[name] = slopes(fine, np.abs(times(name, depth, width, fine) / closed - 1))[0]
    return quantity("class_c_slope", max(orders.values(), key=lambda s: abs(s - 1)), orders=orders)


def _master(epsilon, depth):
    """K t of Theorem 5's closed form."""
    return escape.closed_form(1.0, epsilon, depth)


def _shown_collapse(case, depth, width):
    """K t over the master curve: the reduced equations and the markers of figure 3.

    A marker that stands for two curves is drawn with the first one's K.
    """
    table, markers = case.tables["figure3"], published.select(case.tables["published"], 3)
    table = table[table["route"] == "reduced_ode"]
    table = table.assign(collapsed=table["K_t_escape"] / _master(table["epsilon"], depth))
    shown = []
    for name, curve in table.groupby("activation", sort=False):
        shown += points(name, curve["epsilon"], curve["collapsed"], "joined")
    for series, marks in markers.groupby("series", sort=False):
        name = series.split("_or_")[0]
        collapsed = rate(name, depth, width) * marks["y"] / _master(marks["x"], depth)
        shown += points(f"published, {name}", marks["x"], collapsed, "published")
    return shown


def _figure3(case, width):
    """Figure 3's networks and markers against the reduced equations, at a width."""
    table, markers = case.tables["figure3"], published.select(case.tables["published"], 3)
    cfg, keys = case.settings["universality"], ["activation", "epsilon"]
    network, reduced = (
        table[table["route"] == route].set_index(keys)["t_escape"]
        for route in ("network", "reduced_ode")
    )
    if width != cfg["width"]:
        for name, epsilon in reduced.index:
            start = [epsilon] * cfg["depth"]
            reduced[name, epsilon] = time(name, start, width, "alignment", cfg["threshold"])
    away = _published_deviation(reduced, markers)
    double = away[away["series"] == "tanh_or_sin"].groupby("curve")["deviation"].max()
    return [
        quantity("network", (network / reduced - 1).abs().max(), points=len(network)),
        quantity("published", away["deviation"].max(), tanh_or_sin=double.to_dict()),
    ]


def _published_deviation(reduced, markers):
    """|ours / published - 1| for each published marker; a marker of two curves counts for both."""
    rows = [
        (marker.series, name, abs(reduced[name, marker.x] / marker.y - 1))
        for marker in markers.itertuples()
        for name in marker.series.split("_or_")
    ]
    return pd.DataFrame(rows, columns=["series", "curve", "deviation"])


# --- the classes side by side ---------------------------------------------------------------------


def exponents_by_class(case):
    """Claim 9: local exponent from balanced starts, class by class.

    Controls: one_layer_less, the last layer starts at 1; no_constant, class D's activation without
    its constant, sigma - sigma(0).
    """
    own, quantities, shown = case.settings, [], []
    width, epsilons = own["width"], np.array(own["epsilon"], dtype=float)
    last = [1.0] if case.control == "one_layer_less" else []

    def escapes(name, scales):
        starts = [[e] * (own["depth"] - len(last)) + last for e in scales]
        return np.array([time(name, start, width, *CLASS_D_CRITERION) for start in starts])

    for cls, names in own["classes"].items():
        wanted = {f"class_{cls.lower()}", f"class_{cls.lower()}_tail"} & case.quantities
        if not wanted:
            continue
        names = [own["without_constant"]] if case.control == "no_constant" else names
        t = {name: escapes(name, epsilons) for name in names}
        local = {name: slopes(epsilons, values)[-1] for name, values in t.items()}
        furthest = max(local.values(), key=lambda s: abs(s + own["depth"] - 2))
        quantities.append(quantity(f"class_{cls.lower()}", furthest, exponents=local))
        for name, values in t.items():
            shown += points(f"{name} ({cls})", epsilons, values, "joined")
        if f"class_{cls.lower()}_tail" in wanted:
            tail = np.array(own["tail"], dtype=float)
            values = escapes(names[0], tail)
            decades = list(slopes(tail, values))
            quantities.append(quantity(f"class_{cls.lower()}_tail", decades[-1], decades=decades))
            shown += points(f"{names[0]} ({cls})", tail, values, "joined")
    return quantities, shown


# --- further statements ---------------------------------------------------------------------------


def extra_depth(case):
    """Claim 16: times and exponents at fixed r and growing depth.

    Controls: added_layers_small, the added layers start at epsilon too; unit_slope, the second
    activation scaled to slope 1 at 0.
    """
    own = case.settings
    r, width, epsilons = own["r"], own["width"], np.array(own["epsilon"], dtype=float)
    unit, other = own["activations"]
    used = {unit: unit, other: scaled(other, 2) if case.control == "unit_slope" else other}

    @functools.cache
    def escapes(name, depth):
        small = depth if case.control == "added_layers_small" else r
        return _bottleneck(used[name], depth, small, epsilons, width)

    shallow, deep = min(own["depths"]), max(own["depths"])
    local = [slopes(epsilons, escapes(n, d))[0] for n in own["activations"] for d in own["depths"]]
    longer = {n: escapes(n, deep)[0] / escapes(n, shallow)[0] for n in own["activations"]}
    facts = {"shallow": shallow, "deep": deep}
    quantities = [
        quantity("exponent_spread", np.ptp(local), runs=len(local), **facts),
        quantity("time_ratio", longer[unit], activation=unit, **facts),
        quantity("time_ratio_half", longer[other], activation=other, **facts),
    ]
    if "off_manifold" in case.quantities:
        quantities.append(_depth_spread(case.tables["exponents"]))
    if "off_manifold_time" in case.quantities:
        quantities.append(_depth_ratio(case.tables["asymptotics"]))
    shown = []
    for name in own["activations"]:
        ratios = [escapes(name, d)[0] / escapes(name, shallow)[0] for d in own["depths"]]
        shown += points(name, own["depths"], ratios, "joined")
    return quantities, shown


def _depth_spread(table):
    """Spread over depths of the off-manifold exponents of the r that has most depths."""
    r = table.groupby("r")["L"].nunique().idxmax()
    same = table[table["r"] == r]
    return quantity("off_manifold", np.ptp(same["exponent"]), r=r, depths=same["L"].to_list())


def _depth_ratio(table):
    """Median time of the deepest He-normal network over the shallowest's, smallest epsilon."""
    r = table.groupby("r")["L"].nunique().idxmax()
    same = table[(table["r"] == r) & (table["epsilon"] == table["epsilon"].min())]
    same = same.sort_values("L")
    first, last = same.iloc[0], same.iloc[-1]
    ratio = last["t_median"] / first["t_median"]
    return quantity("off_manifold_time", ratio, r=r, shallow=first["L"], deep=last["L"])


def slowest_class(case):
    """Claim 16b: do the classes order the escape times, or does K?

    Controls: ordered_rates, one activation of each class, so that K falls in the order A, B, C;
    larger, every activation 1.1 sigma, its K unchanged; no_constant, class D's activation without
    its constant.
    """
    own, depth, width = case.settings, case.settings["depth"], case.settings["width"]
    epsilon, factor = own["epsilon"], 1.1 if case.control == "larger" else 1
    chosen = own["ordered"] if case.control == "ordered_rates" else own["classes"]

    def balanced(name):
        used = name if factor == 1 else scaled(name, factor)
        return time(used, [epsilon] * depth, width, "correlation")

    by_class = {cls: {n: balanced(n) for n in names} for cls, names in chosen.items()}
    overlaps = [f"{a}-{b}" for a, b in itertools.combinations(chosen, 2)
                if not max(by_class[a].values()) <= min(by_class[b].values())]  # fmt: skip
    t = {name: value for escapes in by_class.values() for name, value in escapes.items()}
    leading = {
        n: v * rate(n, depth, width) * (depth - 2) * epsilon ** (depth - 2) for n, v in t.items()
    }
    d, c = own["same_rate"]
    d = own["without_constant"] if case.control == "no_constant" else d
    furthest = max(leading.values(), key=lambda s: abs(s - 1))
    return [
        quantity("overlaps", len(overlaps), pairs=overlaps or "none", times=t),
        quantity("rate_decides", furthest, activations=len(leading)),
        quantity("class_d_ratio", balanced(d) / balanced(c), epsilon=epsilon),
    ], None


def shells(case):
    """Claim 17c: the integral for the escape time, shell by shell.

    Controls: unordered, scales of one size; larger_start, the reduced equations start with a first
    scale that is ten per cent larger.
    """
    own = case.settings
    name, width, top = own["activation"], own["width"], own["largest"]
    factors = own["factors"]
    if case.control == "unordered":
        factors = [1 + 0.1 * k for k, _ in enumerate(factors, 1)]
    errors = []
    for factor in factors:
        s = top * np.array([float(factor) ** -k for k in (3, 2, 1, 0)])
        k = rate(name, len(s), width)
        exact = escape.quadrature_time(k, s, own["threshold"])
        errors.append(_shell_sum(s, k, own["threshold"]) / exact - 1)
    s = top * np.array([float(own["factors"][0]) ** -k for k in (3, 2, 1, 0)])
    exact = escape.quadrature_time(rate(name, len(s), width), s, own["threshold"])
    s[0] *= 1.1 if case.control == "larger_start" else 1.0
    flow = time(name, s, width, "alignment", own["threshold"])
    by_factor = {f"{f:g}": error for f, error in zip(factors, errors, strict=True)}
    return [
        quantity("leading_term", errors[-1], errors=by_factor),
        quantity("falls", abs(errors[-1] / errors[0])),
        quantity("quadrature", flow / exact - 1),
    ], points("sum of shells / exact - 1", factors, np.abs(errors))


def _shell_sum(s, k, threshold):
    """Sum over j of int du / (2 K u^(j/2) prod_{l > j} s_l) over the shells [s_j^2, s_(j+1)^2]."""
    total, edges = 0.0, [*s, threshold]
    for j in range(1, len(s) + 1):
        power = 1 - j / 2
        low, high = edges[j - 1] ** 2, edges[j] ** 2
        width = np.log(high / low) if power == 0 else (high**power - low**power) / power
        total += width / (2 * k * np.prod(s[j:]))
    return total


def large_epsilon(case):
    """Claim 17d: theory against the reduced equations of figure 2.

    Controls: linear_activation, the reduced equations integrated for a linear network, whose only
    nonlinearity is its loss; other_activation, for one with another K.
    """
    cfg, smallest = case.settings["critical_depth"], case.settings["smallest"]
    table = case.tables["figure2"]
    used = {"linear_activation": "linear", "other_activation": case.settings["other"]}.get(
        case.control
    )
    near, far, partings, shown = {"a": [], "b": []}, {"a": [], "b": []}, [], []
    for panel, label, start, epsilon, t, theory in _theory_and_ode(
        table, case.tables["classes"], cfg, smallest
    ):
        if used:
            criterion = (
                ("alignment", cfg["threshold"])
                if panel == "a"
                else ("loss", cfg["bottleneck"]["loss_fraction"])
            )
            ends = epsilon[[0, -1]]
            t = np.array([time(used, start(e), cfg["width"], *criterion) for e in ends])
            theory = theory[[0, -1]]
            if case.control == "linear_activation":
                theory = theory * rate(cfg["activation"], len(start(1.0)), cfg["width"])
                theory = theory / rate("linear", len(start(1.0)), cfg["width"])
            epsilon = ends
        distance = np.abs(t / theory - 1)
        near[panel].append(distance[0])
        far[panel].append(distance[-1])
        if distance[-1] > PARTED:
            partings.append(np.exp(np.interp(np.log(PARTED), np.log(distance), np.log(epsilon))))
        shown += points(f"({panel}) {label}", epsilon, distance, "joined")
    where = {
        "from_epsilon": min(partings, default=np.nan),
        "to_epsilon": max(partings, default=np.nan),
    }
    return [
        quantity("small_epsilon", max(near["a"] + near["b"]), epsilon=table["epsilon"].min()),
        quantity("large_epsilon_a", min(far["a"]), apart=PARTED, **where),
        quantity("large_epsilon_b", min(far["b"]), apart=PARTED, **where),
    ], shown


def _theory_and_ode(table, rates, cfg, smallest):
    """(panel, curve, start at an epsilon, epsilons, times, the theory's times) of figure 2.

    L and r at least ``smallest``. The theory is the closed form in panel (a) and the exact
    quadrature, as drawn, in panel (b).
    """
    ode = table[(table["route"] == "reduced_ode") & (table["status"] == ESCAPED)]
    ode = ode.sort_values("epsilon")
    for (panel, depth, r), curve in ode.groupby(["panel", "L", "r"]):
        epsilon, t = curve["epsilon"].to_numpy(), curve["t_escape"].to_numpy()
        if panel == "a" and depth >= smallest:
            k = classes.rate_of(rates, cfg["activation"], depth, cfg["width"])
            theory = escape.closed_form(k, epsilon, depth, cfg["threshold"])
            yield panel, f"L = {depth}", lambda e, n=depth: [e] * n, epsilon, t, theory
        if panel == "b" and r >= smallest:
            line = table[(table["route"] == "quadrature") & (table["r"] == r)]
            line = line.dropna(subset=["t_escape"])
            spline = CubicSpline(np.log(line["epsilon"]), np.log(line["t_escape"]))
            outer = [cfg["bottleneck"]["outer"]] * (depth - r)
            yield (panel, f"r = {r}", lambda e, n=r, rest=outer: [e] * n + rest,
                   epsilon, t, np.exp(spline(np.log(epsilon))))  # fmt: skip
