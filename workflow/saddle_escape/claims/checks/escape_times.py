"""Escape times on the manifold: Theorems 5 and 6, Corollary 7, and what depends on the class."""

import functools
import itertools

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from ...results import load_table
from ...status import ESCAPED
from ...studies import classes as classes_study
from ...theory import activations, classes, escape, manifold
from . import points, row

PARTED = 0.1  # relative distance at which theory and reduced equations count as apart
CLASS_D_CRITERION = ("correlation", 0.5)  # the loss falls already when the mean is fitted


def _model(name, depth, width):
    act = activations.get(name)
    rule = "trapezoid" if act.smooth else "half_line"
    return manifold.reduction(act, depth, width, rule=rule)


@functools.cache  # the control shares most runs with the check
def _escape(name, init, width, criterion, threshold):
    """Escape time of the reduced ODE; ValueError unless it escapes."""
    model = _model(name, len(init), width)
    run = escape.escape_time(model, np.array(init), criterion, threshold)
    if run.status != ESCAPED:
        raise ValueError(f"claims: {name} from {init} did not escape ({run.status})")
    return run.t_escape


def _time(name, init, width, criterion="alignment", threshold=0.5):
    return _escape(name, tuple(map(float, init)), width, criterion, threshold)


def _times(name, depth, width, epsilons, *criterion):
    return np.array([_time(name, [e] * depth, width, *criterion) for e in epsilons])


def _slopes(x, y):
    return np.diff(np.log(y)) / np.diff(np.log(x))


def _rate(name, depth, width):
    return classes.rate_constant(activations.get(name), depth, width)


# --- Theorem 5 ------------------------------------------------------------------------------------


def closed_form(case):
    """Claim 6. Control: the rate constant K is ten per cent too large."""
    own, factor = case.settings, 1.1 if case.control else 1.0
    width, rows, shown = own["width"], {}, []

    def excess(name, depth, epsilons):
        closed = escape.closed_form(factor * _rate(name, depth, width), epsilons, depth)
        return _times(name, depth, width, epsilons) - closed, closed

    for key in ("order_two", "order_one", "end_dominated"):
        found = []
        for name, depth in own[key]["cases"]:
            epsilons = np.array(own[key]["epsilon"], dtype=float)
            difference, closed = excess(name, depth, epsilons)
            error = np.abs(difference / closed)
            q = classes.classify(activations.get(name)).q
            found.append(_slopes(epsilons, error)[0] - min(q - 1, depth - 2))
            rows.setdefault("relative_error", []).append(error[0])
            shown += points(f"{name}, L = {depth}", epsilons, error, "joined")
        note = "; ".join(f"{n} L = {d}" for n, d in own[key]["cases"])
        rows[key] = (max(found, key=abs), "-", note)
    epsilons = np.array(own["resonance"]["epsilon"], dtype=float)
    difference, closed = excess(*own["resonance"]["case"], epsilons)
    steps = -np.diff(difference) / np.diff(np.log(epsilons))
    name = "{}, L = {}, resonant".format(*own["resonance"]["case"])
    shown += points(name, epsilons, np.abs(difference / closed), "joined")
    return [
        row("relative_error", max(rows.pop("relative_error")), note="at the smallest epsilon"),
        *(row(name, *value) for name, value in rows.items()),
        row("resonance", steps[0] / steps[1] - 1, note=f"b = {steps[0]:.4g} and {steps[1]:.4g}"),
    ], shown


# --- Theorem 6 ------------------------------------------------------------------------------------


def _bottleneck(name, depth, r, epsilons, width):
    """Times to half the plateau loss with r layers at epsilon, the others at 1."""
    starts = [[e] * r + [1.0] * (depth - r) for e in epsilons]
    return np.array([_time(name, s, width, "loss", 0.5) for s in starts])


def critical_depth(case):
    """Claim 7. Control: one of the r bottleneck layers starts at 1 instead of epsilon."""
    own, less = case.settings, 1 if case.control else 0
    name, depth, width = own["activation"], own["depth"], own["width"]
    epsilons = np.array(own["epsilon"], dtype=float)

    @functools.cache
    def slope(r, layers):
        return _slopes(epsilons, _bottleneck(name, layers, r - less, epsilons, width))[0]

    decades = np.array(own["decades"], dtype=float)
    rates = {r: np.diff(_bottleneck(name, depth, r, decades, width)) for r in (1, 2)}
    per_decade = np.log(10) / _rate(name, depth, width)
    found = {r: slope(r, depth) for r in own["r"]}
    by_depth = [slope(r, d) for r in own["r"][:2] for d in own["depths"] if d >= r]
    spread = max(np.ptp([slope(r, d) for d in own["depths"] if d >= r]) for r in own["r"][:2])
    falsification = np.polyfit(own["r"], [found[r] for r in own["r"]], 1)[0]
    rows = [
        row("r1_bounded", rates[1][1] / rates[1][0], note="second decade over first"),
        row("r2_logarithmic", rates[2][1] / per_decade - 1, note="time per decade x K / log 10"),
        *(row(f"r{r}", s) for r, s in found.items()),
        row("depth_independent", spread, note=f"{len(by_depth)} exponents"),
        row("exponent_per_layer", falsification),
    ]
    if "figure2" in case.quantities:
        rows.append(row("figure2", *_figure2_deviation(case.inputs["figure2"], less)))
    shown = points("measured", found, found.values())
    return rows, shown + points("-(r-2)", found, [2 - r for r in found], "line")


def _figure2_deviation(path, less):
    """Largest distance of figure 2b's exponents at its smallest epsilon from -(r-2), r >= 3."""
    table = load_table(path)
    panel = table[(table["panel"] == "b") & (table["route"] == "reduced_ode") & (table["r"] > 2)]
    first = panel.loc[panel.groupby("r")["epsilon"].idxmin()]
    found = first["local_exponent"] + first["r"] + less - 2
    note = f"epsilon = {first['epsilon'].min():g}, {len(first)} values of r"
    return found.abs().max(), "-", note


# --- Corollary 7 ----------------------------------------------------------------------------------


def universality(case):
    """Claim 8. Control: the rate constants of class B are exchanged among its activations."""
    own, depth, width = case.settings, case.settings["depth"], case.settings["width"]
    names, epsilons = own["class_b"], own["epsilon"]
    rates = {name: _rate(name, depth, width) for name in names + own["class_c"]}
    if case.control:
        rates |= dict(zip(names, [rates[n] for n in np.roll(names, 1)], strict=True))
    scaled = {n: rates[n] * _times(n, depth, width, epsilons) for n in names}
    spread = np.max(list(scaled.values()), axis=0) / np.min(list(scaled.values()), axis=0) - 1
    fine = np.array(own["linear"], dtype=float)
    master = [k_t[-1] / _master(np.array(epsilons[-1:]), depth)[0] for k_t in scaled.values()]
    slopes = []
    for name in own["class_c"]:
        closed = escape.closed_form(rates[name], fine, depth)
        slopes.append(_slopes(fine, np.abs(_times(name, depth, width, fine) / closed - 1))[0])
    rows = [
        row(f"spread_{n}", s, note=f"epsilon = {e:g}")
        for n, e, s in zip(("large", "middle", "small"), epsilons, spread, strict=True)
    ]
    rows.append(row("master_small", np.abs(np.array(master) - 1).max()))
    rows.append(row("class_c_slope", max(slopes, key=lambda s: abs(s - 1)),
                    note=", ".join(own["class_c"])))  # fmt: skip
    if "network" not in case.quantities:
        return rows, None
    table = load_table(case.inputs["figure3"])
    table = table.assign(collapsed=table["K_t_escape"] / _master(table["epsilon"], depth))
    rows += _figure3(table, case.inputs["published"])
    reduced = table[table["route"] == "reduced_ode"].groupby("activation", sort=False)
    shown = [p for n, g in reduced for p in points(n, g["epsilon"], g["collapsed"], "joined")]
    return rows, shown + _published_collapse(case.inputs["published"], rates, depth)


def _master(epsilon, depth):
    """K t of Theorem 5's closed form."""
    return escape.closed_form(1.0, epsilon, depth)


def _published_collapse(path, rates, depth):
    """Figure 3's markers as K t over the master curve; a marker of two curves with its first K."""
    shown = []
    for series, mine in _figure3_markers(path).groupby("series", sort=False):
        name = series.split("_or_")[0]
        ratio = rates[name] * mine["y"] / _master(mine["x"], depth)
        shown += points(f"published, {name}", mine["x"], ratio, "published")
    return shown


def _figure3_markers(path):
    table = pd.read_csv(path, comment="#")
    return table[table["figure"] == 3]


def _figure3(table, path):
    """Network against reduced ODE, and both against the published markers."""
    keys = ["activation", "epsilon"]
    network, reduced = (
        table[table["route"] == route].set_index(keys)["t_escape"]
        for route in ("network", "reduced_ode")
    )
    away = _published_deviation(reduced, path)
    both = away[away["series"] == "tanh_or_sin"].groupby("curve")["deviation"].max()
    note = "tanh_or_sin: " + ", ".join(f"{n} {d:.3f}" for n, d in both.items())
    return [
        row("network", (network / reduced - 1).abs().max(), note=f"{len(network)} points"),
        row("published", away["deviation"].max(), note=note),
    ]


def _published_deviation(times, path):
    """|ours / published - 1| for each published marker; a marker of two curves counts for both."""
    published = _figure3_markers(path)
    found = [
        (point.series, name, abs(times[name, point.x] / point.y - 1))
        for point in published.itertuples()
        for name in point.series.split("_or_")
    ]
    return pd.DataFrame(found, columns=["series", "curve", "deviation"])


# --- the classes side by side ---------------------------------------------------------------------


def exponents_by_class(case):
    """Claim 9. Control: class D's activation without its constant, sigma - sigma(0)."""
    own, rows, shown = case.settings, [], []
    depth, width, epsilons = own["depth"], own["width"], np.array(own["epsilon"], dtype=float)
    for cls, names in own["classes"].items():
        names = [own["without_constant"]] if case.control and cls == "D" else names
        found = {}
        for name in names:
            t = _times(name, depth, width, epsilons, *CLASS_D_CRITERION)
            found[name] = _slopes(epsilons, t)[-1]
            shown += points(f"{name} ({cls})", epsilons, t, "joined")
        furthest = max(found.values(), key=lambda s: abs(s + depth - 2))
        note = ", ".join(f"{n} {s:.3f}" for n, s in found.items())
        rows.append(row(f"class_{cls.lower()}", furthest, note=note))
    if "class_d_tail" in case.quantities:
        tail = np.array(own["tail"], dtype=float)
        t = _times(own["classes"]["D"][0], depth, width, tail, *CLASS_D_CRITERION)
        local = ", ".join(f"{s:.2f}" for s in _slopes(tail, t))
        rows.append(row("class_d_tail", _slopes(tail, t)[-1], note=f"decade by decade: {local}"))
        shown += points(f"{own['classes']['D'][0]} (D)", tail, t, "joined")
    return rows, shown


# --- further statements ---------------------------------------------------------------------------


def extra_depth(case):
    """Claim 16. Control: the added layers start at epsilon too."""
    own = case.settings
    r, width, epsilons = own["r"], own["width"], np.array(own["epsilon"], dtype=float)

    def times(name, depth):
        return _bottleneck(name, depth, depth if case.control else r, epsilons, width)

    found = {(n, d): times(n, d) for n in own["activations"] for d in own["depths"]}
    shallow, deep = min(own["depths"]), max(own["depths"])
    slopes = [_slopes(epsilons, t)[0] for t in found.values()]
    longer = {n: found[n, deep][0] / found[n, shallow][0] for n in own["activations"]}
    unit, other = own["activations"]
    rows = [
        row("exponent_spread", np.ptp(slopes), note=f"L = {shallow} to {deep}, {len(slopes)} runs"),
        row("time_ratio", longer[unit], note=f"{unit}, sigma'(0) = 1, L = {deep} over {shallow}"),
        row("time_ratio_half", longer[other], note=f"{other}, sigma'(0) = 1/2"),
    ]
    if "off_manifold" in case.quantities:
        rows.append(row("off_manifold", *_depth_spread(case.inputs["exponents"], case.control)))
        rows.append(row("off_manifold_time", *_depth_ratio(case.inputs["asymptotics"])))
    shown = []
    for name in own["activations"]:
        ratios = [found[name, d][0] / found[name, shallow][0] for d in own["depths"]]
        shown += points(name, own["depths"], ratios, "joined")
    return rows, shown


def _depth_spread(path, control):
    """Spread over depths of the off-manifold exponents of the r that has most depths."""
    table = load_table(path)
    r = table.groupby("r")["L"].nunique().idxmax()
    mine = table[table["r"] == r]
    values = mine["exponent"] - (control * mine["L"])
    return np.ptp(values), "-", f"r = {r}, L = {', '.join(map(str, mine['L']))}"


def _depth_ratio(path):
    """Median time of the deepest He-normal network over the shallowest's, smallest epsilon."""
    table = load_table(path)
    r = table.groupby("r")["L"].nunique().idxmax()
    mine = table[(table["r"] == r) & (table["epsilon"] == table["epsilon"].min())]
    mine = mine.sort_values("L")
    times = mine["t_median"].to_numpy()
    note = f"r = {r}, L = {mine['L'].iloc[-1]} over {mine['L'].iloc[0]}"
    return times[-1] / times[0], "-", note


def slowest_class(case):
    """Claim 16b. Control: one activation of each class whose K fall in the order A, B, C."""
    own, depth, width = case.settings, case.settings["depth"], case.settings["width"]
    chosen = own["ordered"] if case.control else own["classes"]
    epsilon = own["epsilon"]
    times = {cls: {n: _time(n, [epsilon] * depth, width, "correlation") for n in names}
             for cls, names in chosen.items()}  # fmt: skip
    overlaps = [
        f"{a}-{b}" for a, b in itertools.combinations(chosen, 2)
        if max(min(times[a].values()), min(times[b].values()))
        < min(max(times[a].values()), max(times[b].values()))
        or min(times[a].values()) > max(times[b].values())
    ]  # fmt: skip
    pairs = [(n, t) for found in times.values() for n, t in found.items()]
    scaled = [t * _rate(n, depth, width) * (depth - 2) * epsilon ** (depth - 2) for n, t in pairs]
    d, c = own["same_rate"]
    ratio = _time(d, [epsilon] * depth, width, "correlation") / _time(
        c, [epsilon] * depth, width, "correlation"
    )
    note = "; ".join(f"{n} {t:.3g}" for n, t in pairs)
    return [
        row("overlaps", len(overlaps), note=f"{', '.join(overlaps) or 'none'}: {note}"),
        row(
            "rate_decides", max(scaled, key=lambda s: abs(s - 1)), note=f"{len(scaled)} activations"
        ),
        row("class_d_ratio", ratio, note=f"{d} over {c}, equal K, epsilon = {epsilon:g}"),
    ], None


def shells(case):
    """Claim 17c. Control: every shell counts one layer too many as grown."""
    own, extra = case.settings, 1 if case.control else 0
    name, width = own["activation"], own["width"]
    ratios = []
    for factor in own["factors"]:
        s = own["largest"] * np.array([factor**-3, factor**-2, factor**-1, 1.0])
        rate = _rate(name, len(s), width)
        exact = escape.quadrature_time(rate, s, own["threshold"])
        ratios.append(_shell_sum(s, rate, own["threshold"], extra) / exact - 1)
    s = own["largest"] * np.array([own["factors"][0] ** -k for k in (3, 2, 1, 0)])
    flow = _time(name, s, width, "alignment", own["threshold"])
    quadrature = escape.quadrature_time(_rate(name, len(s), width), s, own["threshold"])
    note = ", ".join(f"{f:g}: {r:.3f}" for f, r in zip(own["factors"], ratios, strict=True))
    return [
        row("leading_term", ratios[-1], note=f"ratio - 1 at s_(j+1)/s_j = {note}"),
        row("falls", abs(ratios[-1] / ratios[0])),
        row("quadrature", flow / quadrature - 1, note="reduced ODE over exact quadrature"),
    ], points("sum of shells / exact - 1", own["factors"], np.abs(ratios))


def _shell_sum(s, rate, threshold, extra):
    """Sum over j of int du / (2 K u^(j/2) prod_{l > j} s_l) over the shells [s_j^2, s_(j+1)^2]."""
    total, edges = 0.0, [*s, threshold]
    for j in range(1, len(s) + 1):
        power = 1 - (j + extra) / 2
        low, high = edges[j - 1] ** 2, edges[j] ** 2
        width = np.log(high / low) if power == 0 else (high**power - low**power) / power
        total += width / (2 * rate * np.prod(s[j + extra :]))
    return total


def large_epsilon(case):
    """Claim 17d. Control: the reduced ODE's rows above the middle epsilon follow the theory."""
    table = load_table(case.inputs["figure2"])
    rates = load_table(case.inputs["classes"])
    worst = {"a": [], "b": []}
    partings, shown = [], []
    for panel, name, epsilon, t, theory in _theory_and_ode(table, rates, case.settings):
        if case.control:
            t = np.where(epsilon > np.median(epsilon), theory, t)
        distance = np.abs(t / theory - 1)
        worst[panel].append((distance[0], distance[-1]))
        if distance[-1] > PARTED:
            partings.append(np.exp(np.interp(np.log(PARTED), np.log(distance), np.log(epsilon))))
        shown += points(f"({panel}) {name}", epsilon, distance, "joined")
    small = max(first for curves in worst.values() for first, _ in curves)
    where = f"they part by {PARTED:.0%} at epsilon = {min(partings, default=np.nan):.2g} to "
    where += f"{max(partings, default=np.nan):.2g}"
    return [
        row("small_epsilon", small, note=f"epsilon = {table['epsilon'].min():g}"),
        row("large_epsilon_a", min(last for _, last in worst["a"]), note=where),
        row("large_epsilon_b", min(last for _, last in worst["b"])),
    ], shown


def _theory_and_ode(table, rates, own):
    """(panel, curve, epsilon, reduced ODE's times, theory's) of figure 2, L and r at least 4.

    The theory is the closed form in panel (a) and the exact quadrature, as drawn, in panel (b).
    """
    ode = table[(table["route"] == "reduced_ode") & (table["status"] == ESCAPED)]
    ode = ode.sort_values("epsilon")
    for (panel, depth, r), mine in ode.groupby(["panel", "L", "r"]):
        epsilon, t = mine["epsilon"].to_numpy(), mine["t_escape"].to_numpy()
        if panel == "a" and depth >= own["smallest"]:
            rate = classes_study.rate(rates, own["activation"], depth, own["width"])
            theory = escape.closed_form(rate, epsilon, depth, own["threshold"])
            yield panel, f"L = {depth}", epsilon, t, theory
        if panel == "b" and r >= own["smallest"]:
            line = table[(table["route"] == "quadrature") & (table["r"] == r)]
            line = line.dropna(subset=["t_escape"])
            theory = np.exp(
                CubicSpline(np.log(line["epsilon"]), np.log(line["t_escape"]))(np.log(epsilon))
            )
            yield panel, f"r = {r}", epsilon, t, theory
