"""Escape times on the manifold: Theorems 5, 6 and 18, figure 3, and what depends on the class."""

import functools
import itertools

import numpy as np
import pandas as pd

from ... import published
from ...status import ESCAPED
from ...theory import activations, classes, escape
from . import points, quantity
from .runs import furthest, model, rate, scaled, slopes, time, times

FIRST = ("small_first", "small_first_behind")  # controls that put the small layers first

# --- Theorem 5 ------------------------------------------------------------------------------------


def closed_form(case):
    """Claim 6: eqs. 10 and 11 against the reduced equations, and the order of their error.

    Controls: wrong_prefactor, K ten per cent too large; half, the threshold 1/2 in place of 1;
    comparable, layers of one order in place of |X| <= epsilon alone.
    """
    settings, factor = case.settings, 1.1 if case.control == "wrong_prefactor" else 1.0
    width, smallest, quantities, shown = settings["width"], [], [], []

    def excess(name, depth, epsilons):
        closed = escape.closed_form(factor * rate(name, depth, width), epsilons, depth)
        return times(name, depth, width, epsilons) - closed, closed

    for key in ("order_two", "order_one", "end_dominated"):
        orders = []
        for name, depth in settings[key]["cases"]:
            epsilons = np.array(settings[key]["epsilon"], dtype=float)
            difference, closed = excess(name, depth, epsilons)
            error = np.abs(difference / closed)
            q = classes.classify(activations.get(name)).q
            orders.append(slopes(epsilons, error)[0] - min(q - 1, depth - 2))
            smallest.append(error[0])
            shown += points(f"{name}, L = {depth}", epsilons, error, "joined")
        runs = [f"{name} L = {depth}" for name, depth in settings[key]["cases"]]
        quantities.append(quantity(key, max(orders, key=abs), runs=runs))
    epsilons = np.array(settings["resonance"]["epsilon"], dtype=float)
    difference, closed = excess(*settings["resonance"]["case"], epsilons)
    steps = -np.diff(difference) / np.diff(np.log(epsilons))
    label = "{}, L = {}, resonant".format(*settings["resonance"]["case"])
    shown += points(label, epsilons, np.abs(difference / closed), "joined")
    return [
        *quantities,
        quantity("resonance", steps[0] / steps[1] - 1, b=list(steps)),
        quantity("relative_error", max(smallest)),
        _unequal_starts(settings, width, factor),
        _reached(settings, width, 0.5 if case.control == "half" else 1.0),
        _norm_alone(settings, case.control == "comparable"),
    ], shown


def _unequal_starts(settings, width, factor):
    """Largest relative distance of eq. 10's integral from the reduced equations."""
    errors = []
    for name, shape in settings["unequal"]["cases"]:
        init = settings["unequal"]["epsilon"] * np.array(shape)
        law = escape.quadrature_time(factor * rate(name, len(init), width), init)
        errors.append(abs(time(name, init, width) / law - 1))
    return quantity("unequal_starts", max(errors), starts=len(errors))


def _reached(settings, width, threshold):
    """Activations whose X_1 does not get to the threshold in ten times the closed form."""
    named, depth, epsilon = (settings["reach"][k] for k in ("activations", "depth", "epsilon"))
    missed = [n for n in named if not _reaches(n, depth, width, epsilon, threshold)]
    return quantity("reach", len(missed), missed=missed or "none", of=len(named))


@functools.cache
def _reaches(name, depth, width, epsilon, threshold):
    limit = 10 * escape.closed_form(rate(name, depth, width), epsilon, depth, 1.0)
    start = [epsilon] * depth
    run = escape.escape_time(model(name, depth, width), start, "alignment", threshold, limit)
    return run.status == ESCAPED


def _norm_alone(settings, comparable):
    """Exponent of eq. 10 where the norm is epsilon but three of four layers are smaller."""
    epsilons = np.array(settings["norm"], dtype=float)
    powers = (1, 1, 1, 1) if comparable else (2, 2, 2, 1)
    t = [escape.quadrature_time(1.0, np.power(e, powers), 1.0) for e in epsilons]
    return quantity("norm_alone", slopes(epsilons, t)[0])


def balanced(case):
    """Claim theorem18: eq. 11 as printed, up to X_1 = 1, and where its scaling changes.

    Controls: wrong_prefactor, K ten per cent too large; one_layer_less, the last layer starts at 1.
    """
    settings, width = case.settings, case.settings["width"]
    factor = 1.1 if case.control == "wrong_prefactor" else 1.0
    scales, errors, orders = np.array(settings["epsilon"], dtype=float), [], {}
    last = [1.0] if case.control == "one_layer_less" else []

    def escapes(name, depth):
        return np.array([time(name, [e] * (depth - len(last)) + last, width) for e in scales])

    decade = np.diff(np.log(scales))[0] / (factor * rate("tanh", 2, width))
    for name, depth in itertools.product(settings["activations"], settings["depths"]):
        t = escapes(name, depth)
        law = escape.closed_form(factor * rate(name, depth, width), scales, depth, 1.0)
        errors.append(t[0] / law[0] - 1)
        orders[f"{name} L = {depth}"] = slopes(scales, t)[0] + depth - 2
    return [
        quantity("two_layers", -np.diff(escapes("tanh", 2))[0] / decade - 1),
        quantity("exponents", max(orders.values(), key=abs), runs=list(orders)),
        quantity("as_printed", max(errors, key=abs), epsilon=scales[0]),
    ], None


# --- Theorem 6 ------------------------------------------------------------------------------------


def _bottleneck(name, depth, r, epsilons, width):
    """Times to half the plateau loss with r layers at epsilon, the others at 1."""
    starts = [[e] * r + [1.0] * (depth - r) for e in epsilons]
    return np.array([time(name, s, width, "loss", 0.5) for s in starts])


def critical_depth(case):
    """Claim 7: exponents and logarithms by the number r of small layers.

    Controls: one_layer_less and one_layer_more start r - 1 and r + 1 layers at epsilon; all_layers
    starts every layer there; unit_scales, the law without the product of the outer scales;
    small_first and small_first_behind, the small layers before the others.
    """
    settings, cfg = case.settings, case.settings["critical_depth"]
    name, depth, width = cfg["activation"], cfg["bottleneck"]["depth"], cfg["width"]
    change = {"one_layer_less": -1, "one_layer_more": 1}.get(case.control, 0)
    epsilons = np.array(settings["epsilon"], dtype=float)

    def small(r, layers):
        return layers if case.control == "all_layers" else min(r + change, layers)

    @functools.cache
    def slope(r, layers):
        return slopes(epsilons, _bottleneck(name, layers, small(r, layers), epsilons, width))[0]

    quantities = []
    if {"r1_bounded", "r2_logarithmic"} & case.quantities:
        decades = np.array(settings["decades"], dtype=float)
        steps = {
            r: np.diff(_bottleneck(name, depth, small(r, depth), decades, width)) for r in (1, 2)
        }
        decade = np.log(10) / rate(name, depth, width)
        quantities.append(quantity("r1_bounded", steps[1][1] / steps[1][0]))
        quantities.append(quantity("r2_logarithmic", steps[2][1] / decade - 1))
    exponents = {r: slope(r, depth) for r in settings["r"]}
    by_depth = {r: [slope(r, d) for d in settings["depths"] if d >= r] for r in settings["r"][:2]}
    per_layer = np.polyfit(settings["r"], list(exponents.values()), 1)[0]
    spread = max(map(np.ptp, by_depth.values()))
    quantities += [quantity(f"r{r}", s) for r, s in exponents.items()]
    quantities.append(quantity("depth_independent", spread, depths=settings["depths"]))
    quantities.append(quantity("exponent_per_layer", per_layer))
    quantities += _prefactors(settings, case.control)
    if "figure2" in case.quantities:
        quantities.append(_figure2_deviation(case.tables["figure2"]))
    shown = points("measured", exponents, exponents.values())
    return quantities, shown + points("-(r-2)", exponents, [2 - r for r in exponents], "line")


def _prefactors(settings, control):
    """Times over Theorem 6's law at outer scales other than 1, small layers first and last."""
    name, width, epsilon = settings["prefactor"]["activation"], 64, settings["prefactor"]["epsilon"]
    first, last, behind = {}, {}, {}
    for r, outer in settings["prefactor"]["outer"].items():
        r, depth = int(r), int(r) + len(outer)
        k, act = rate(name, depth, width), activations.get(name)
        scales = [1.0] if control == "unit_scales" else outer
        law = escape.critical_depth_time(k, epsilon, r, scales)
        small = [epsilon] * r
        first[f"r = {r}"] = time(name, small + outer, width, "loss", 0.5) / law
        order = small + outer if control in FIRST else outer + small
        last[f"r = {r}"] = t = time(name, order, width, "loss", 0.5) / law
        rate_behind = escape.rate_behind(act, depth, width, outer)
        behind[f"r = {r}"] = t * law * (r - 2) * rate_behind * epsilon ** (r - 2)
    return [
        quantity("prefactor", abs(furthest(first.values(), 1) - 1), ratios=first),
        quantity("small_last", max(last.values()) - 1, ratios=last),
        quantity("behind", abs(furthest(behind.values(), 1) - 1), ratios=behind),
    ]


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
    settings = case.settings
    depth, width = (settings["universality"][key] for key in ("depth", "width"))
    if case.control == "narrower":
        return _figure3(case, round(0.8 * width)), None
    names, epsilons = settings["class_b"], settings["epsilon"]
    integrated = {name: name for name in names}
    if case.control == "other_activation":
        integrated[names[0]] = settings["other"]
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
    quantities.append(_linear_deviation(settings, depth, width, case.control == "class_b"))
    if "network" not in case.quantities:
        return quantities, None
    return quantities + _figure3(case, width), _shown_collapse(case, depth, width)


def _linear_deviation(settings, depth, width, class_b):
    """Order in epsilon of the deviation from the closed form, the one furthest from 1."""
    fine, orders = np.array(settings["linear"], dtype=float), {}
    for name in settings["class_b" if class_b else "class_c"]:
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


# --- further statements ---------------------------------------------------------------------------


def extra_depth(case):
    """Claim 16: times and exponents at fixed r and growing depth.

    Controls: added_layers_small, the added layers start at epsilon too; unit_slope, the second
    activation scaled to slope 1 at 0; half_variance, layers of variance 1/fan-in.
    """
    settings = case.settings
    r, width, epsilons = (
        settings["r"],
        settings["width"],
        np.array(settings["epsilon"], dtype=float),
    )
    unit, other = settings["activations"]
    used = {unit: unit, other: scaled(other, 2) if case.control == "unit_slope" else other}

    @functools.cache
    def escapes(name, depth):
        small = depth if case.control == "added_layers_small" else r
        return _bottleneck(used[name], depth, small, epsilons, width)

    shallow, deep = min(settings["depths"]), max(settings["depths"])
    local = [
        slopes(epsilons, escapes(n, d))[0]
        for n in settings["activations"]
        for d in settings["depths"]
    ]
    longer = {n: escapes(n, deep)[0] / escapes(n, shallow)[0] for n in settings["activations"]}
    facts = {"shallow": shallow, "deep": deep}
    quantities = [
        quantity("exponent_spread", np.ptp(local), runs=len(local), **facts),
        quantity("time_ratio", longer[unit], activation=unit, **facts),
        quantity("time_ratio_half", longer[other], activation=other, **facts),
        _law_per_layer(settings, case.control == "added_layers_small"),
    ]
    if "he_normal_layers" in case.quantities:
        quantities.append(_he_normal_layers(settings, case.control == "half_variance"))
    if "off_manifold" in case.quantities:
        quantities.append(_depth_spread(case.tables["exponents"]))
    if "off_manifold_time" in case.quantities:
        quantities.append(_depth_ratio(case.tables["asymptotics"]))
    shown = []
    for name in settings["activations"]:
        ratios = [escapes(name, d)[0] / escapes(name, shallow)[0] for d in settings["depths"]]
        shown += points(name, settings["depths"], ratios, "joined")
    return quantities, shown


def _law_per_layer(settings, small):
    """K t (r-2) eps^(r-2) prod X of layers added at scales X, the one furthest from 1.

    1/(alpha X) for each of them, whatever the others: alpha is in K.
    """
    r, width, epsilon, laws = settings["r"], settings["width"], settings["epsilon"][0], {}
    for name, added in itertools.product(settings["activations"], settings["added"]):
        outer = [epsilon] * len(added) if small else added
        t = time(name, [epsilon] * r + outer, width, "loss", 0.5)
        k = rate(name, r + len(added), width) * np.prod(added)
        laws[f"{name} {len(added)} layers"] = k * t * (r - 2) * epsilon ** (r - 2)
    return quantity("law_per_layer", furthest(laws.values(), 1), laws=laws)


def _he_normal_layers(settings, half_variance):
    """T* of the limit flow, deep over shallow, per added layer and times alpha sqrt(2).

    Median over seeds of He-normal networks whose first r layers are those of the shallow one.
    """
    import torch  # here and below: one of this module's claims needs it

    from ...training import bottleneck

    he, factors = settings["he_normal"], {}
    r, added = he["r"], he["added"]
    for name in settings["activations"]:
        deep, shallow = (
            bottleneck.Setup(name, depth, he["width"], he["input_dim"], he["samples"])
            for depth in (r + 1 + added, r + 1)
        )
        draws = [bottleneck.draw(deep, seed) for seed in range(he["seeds"])]
        weights = [torch.stack(layer) for layer in zip(*(raw for raw, _, _ in draws), strict=True)]
        weights = [w / np.sqrt(2) for w in weights] if half_variance else weights
        x = draws[0][1]
        t = [_limit_times(deep.problem(x), weights, r),
             _limit_times(shallow.problem(x), [*weights[:r], weights[-1]], r)]  # fmt: skip
        factors[name] = np.median(t[0] / t[1]) ** (1 / added)
    alphas = {name: classes.classify(activations.get(name)).alpha for name in factors}
    laws = [factor * alphas[name] * np.sqrt(2) for name, factor in factors.items()]
    return quantity("he_normal_layers", furthest(laws, 1), factors=factors, seeds=he["seeds"])


def _limit_times(problem, weights, r):
    """T* of every draw, (seeds,)."""
    from ...training import limit_flow

    flow = limit_flow.limit_flow(problem, weights, r)
    return limit_flow.blow_up_time(flow, weights[:r], rtol=1e-5).t_star.numpy()


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
    settings, depth, width = case.settings, case.settings["depth"], case.settings["width"]
    epsilon, factor = settings["epsilon"], 1.1 if case.control == "larger" else 1
    chosen = settings["ordered"] if case.control == "ordered_rates" else settings["classes"]

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
    d, c = settings["same_rate"]
    d = settings["without_constant"] if case.control == "no_constant" else d
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
    settings = case.settings
    name, width, top = settings["activation"], settings["width"], settings["largest"]
    factors = settings["factors"]
    if case.control == "unordered":
        factors = [1 + 0.1 * k for k, _ in enumerate(factors, 1)]
    errors = []
    for factor in factors:
        s = top * np.array([float(factor) ** -k for k in (3, 2, 1, 0)])
        k = rate(name, len(s), width)
        exact = escape.quadrature_time(k, s, settings["threshold"])
        errors.append(_shell_sum(s, k, settings["threshold"]) / exact - 1)
    s = top * np.array([float(settings["factors"][0]) ** -k for k in (3, 2, 1, 0)])
    exact = escape.quadrature_time(rate(name, len(s), width), s, settings["threshold"])
    s[0] *= 1.1 if case.control == "larger_start" else 1.0
    flow = time(name, s, width, "alignment", settings["threshold"])
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


def shell_errors(case):
    """Claim lemma19: E_j over L eta^2 at the shells' edges, and what E_j is.

    Controls: far_from_the_edges, points of the first shell at which every factor is near its limit;
    ordered_less, ratios eta that are not small.
    """
    settings, depth = case.settings, case.settings["depth"]
    etas, edges, middles, bounds = settings["eta"], {}, {}, []
    if case.control == "ordered_less":
        etas = settings["large_eta"]
    for eta in etas:
        s = float(eta) ** np.arange(depth, 0, -1.0)
        shells = range(2, depth)
        ends = [escape.shell_error(s, j, s[k] ** 2) for j in shells for k in (j - 1, j)]
        near = [escape.shell_error(s, 1, 2 * s[0] ** 2)]
        used = near if case.control == "far_from_the_edges" else ends
        bounds.append(max(map(abs, used)) / (depth * eta**2))
        edges[f"{eta:g}"] = furthest(ends, 2**-0.5 - 1)
        middles[f"{eta:g}"] = furthest(
            [escape.shell_error(s, j, s[j - 1] * s[j]) / eta for j in shells], -1
        )
    *_, last = etas
    return [
        quantity("uniform_bound", bounds[-1] / bounds[0], bounds=bounds, eta=etas),
        quantity("edges", edges[f"{last:g}"], by_eta=edges),
        quantity("middle", middles[f"{last:g}"], by_eta=middles),
    ], None


def large_epsilon(case):
    """Claim 17d: the closed form up to X_1 = 1, and the exact integral, against X_1 = threshold.

    Controls: other_activation, reduced equations of one with another K; linear_activation, linear
    networks, both up to a threshold before their loss saturates.
    """
    settings = case.settings
    width, name, depths = (settings[key] for key in ("width", "activation", "depths"))
    linear, scales = case.control == "linear_activation", np.array(settings["epsilon"], dtype=float)
    threshold, limit = (settings["early"],) * 2 if linear else (settings["threshold"], 1.0)
    used = {"linear_activation": "linear", "other_activation": settings["other"]}.get(
        case.control, name
    )
    theory_of, distances, shown = "linear" if linear else name, {"a": {}, "b": {}}, []
    for panel, depth, r in [*(("a", n, n) for n in depths),
                            *(("b", depths[-1], r) for r in depths)]:  # fmt: skip
        outer = [settings["outer"]] * (depth - r)
        k = rate(theory_of, depth, width)
        t = np.array([time(used, [e] * r + outer, width, threshold=threshold) for e in scales])
        if panel == "a":
            theory = escape.closed_form(k, scales, depth, limit)
        else:
            theory = [escape.quadrature_time(k, [e] * r + outer, threshold) for e in scales]
        distances[panel][r] = distance = np.abs(t / theory - 1)
        label = f"(a) L = {depth}" if panel == "a" else f"(b) r = {r}"
        shown += points(label, scales, distance, "joined")
    near, far = ({p: [d[k] for d in distances[p].values()] for p in "ab"} for k in (0, -1))
    return [
        quantity("small_epsilon", max(near["a"] + near["b"]), epsilon=scales[0]),
        *(
            quantity(
                f"large_epsilon_{p}",
                min(far[p]),
                far=dict(zip(distances[p], far[p], strict=True)),
                epsilon=scales[-1],
            )
            for p in "ab"
        ),
    ], shown
