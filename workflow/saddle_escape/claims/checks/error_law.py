"""The first correction to the escape laws: Corollaries 7 and 17, and its constant."""

import numpy as np
from scipy.integrate import quad

from ...theory import activations, corrections, escape, manifold, printed, teachers
from ...theory.classes import classify
from . import points, quantity
from .runs import extrapolated, furthest, model, rate, slopes, time, times

CLOSED = 0.5  # the threshold of X_1


def excess(name, depth, width, epsilons, teacher=teachers.OWN):
    """(E,) K (t - t_closed) of balanced starts, and the closed form's own K t."""
    k = rate(name, depth, width, teacher)
    closed = k * escape.closed_form(k, epsilons, depth, CLOSED)
    return k * times(name, depth, width, epsilons, teacher=teacher) - closed, closed


def relative_error(name, depth, width, epsilons, teacher=teachers.OWN):
    """(E,) t / t_closed - 1 of balanced starts."""
    difference, closed = excess(name, depth, width, epsilons, teacher)
    return difference / closed


def log_coefficients(name, depth, width, epsilons):
    """b of K (t - t_closed) = a + b log(1/epsilon) between neighbouring epsilons."""
    difference, _ = excess(name, depth, width, epsilons)
    return -np.diff(difference) / np.diff(np.log(epsilons))


# --- the constant of the error law ----------------------------------------------------------------


def constant(case):
    """Claim error_law: (t / t_closed - 1) / eps^(q-1) as eps -> 0, and b of the resonance.

    Controls: equal_rates, the formula with every layer's rate corrected alike, so that the balance
    does not drift; printed_gamma, class C's with gamma_C as printed.
    """
    settings, width, limits, shown = case.settings, case.settings["width"], {}, []
    for name, depth in _cases(settings["cases"], case.control):
        q, kappa = _insertion(name, case.control)
        scales = np.array(settings["epsilon"][f"q{q}"], dtype=float)
        measured = relative_error(name, depth, width, scales) / scales ** (q - 1)
        limit = extrapolated(measured, scales[1] / scales[0], q - 1)
        law = corrections.error_coefficient(depth, q, kappa)
        law = _equal_rates(depth, q, kappa) if case.control == "equal_rates" else law
        limits[f"{name} L = {depth}"] = limit, law
        shown += points(f"{name}, L = {depth}", scales, measured)
        shown += points(f"{name}, L = {depth}, C", scales, [law, law], "line")
    ratios = [limit / law for limit, law in limits.values()]
    return [
        quantity(
            "constant",
            abs(furthest(ratios, 1) - 1),
            measured={label: pair[0] for label, pair in limits.items()},
            law={label: pair[1] for label, pair in limits.items()},
        ),
        _resonance_constant(settings, width, case.control),
        _of_a_bottleneck(settings, width, case.control),
    ], shown


def _cases(listed, control):
    """The (activation, depth) listed; of class C alone where gamma_C is to be tried."""
    only_c = control == "printed_gamma"
    return [(n, d) for n, d in listed if not only_c or classify(activations.get(n)).cls == "C"]


def _insertion(name, control):
    """(q, kappa), kappa from the print where a control asks for it."""
    act = activations.get(name)
    q, _ = corrections.insertion(act)
    return q, printed.gamma_c(act) if control == "printed_gamma" else corrections.kappa(act)


def _equal_rates(r, q, kappa):
    """C if every layer had the factor 1 + kappa X_1^(q-1), which keeps the balance."""
    return -(r - 2) * kappa / (r - 1 - q)


def _resonance_constant(settings, width, control):
    """b at L = q + 1 over -2q/(q+1) kappa."""
    ratios, slopes_of = [], {}
    for name, depth in _cases(settings["resonant"], control):
        q, kappa = _insertion(name, control)
        law = -kappa if control == "equal_rates" else corrections.resonance_slope(q, kappa)
        scales = np.array(settings["epsilon"][f"q{q}"], dtype=float)
        b = log_coefficients(name, depth, width, scales)[0]
        ratios.append(b / law)
        slopes_of[f"{name} L = {depth}"] = b
    return quantity("resonance_constant", abs(furthest(ratios, 1) - 1), b=slopes_of)


def _of_a_bottleneck(settings, width, control):
    """The same with r of L layers at epsilon, against the exact integral."""
    name, depth, outer, epsilon = settings["bottleneck"]
    q, kappa = _insertion(name, control)
    r = depth - len(outer)
    init = [epsilon] * r + outer
    closed = escape.quadrature_time(rate(name, depth, width), init, 0.3)
    error = time(name, init, width, threshold=0.3) / closed - 1
    law = _equal_rates(r, q, kappa) if control == "equal_rates" else corrections.error_coefficient(
        r, q, kappa
    )  # fmt: skip
    return quantity("of_a_bottleneck", abs(error / epsilon ** (q - 1) / law - 1), r=r, depth=depth)


# --- Corollary 7 ----------------------------------------------------------------------------------


def universality_orders(case):
    """Claim cor7: ratios of escape times across classes, and the order at which they differ.

    Controls: other_activation, sigma(1.05 z) integrated in place of tanh; one_layer_less, the last
    layer starts at 1; class_b, activations of class B in place of class C; deeper, five layers in
    place of three; printed_gamma, class C's corrections as printed in place of ours; printed_flow,
    eq. 38 as printed integrated in place of the reduced equations.
    """
    settings, width = case.settings, case.settings["width"]
    used = {"tanh": settings["other"]} if case.control == "other_activation" else {}

    def k_t(name, depth, scales):
        return rate(name, depth, width) * times(used.get(name, name), depth, width, scales)

    def difference(first, second, depth, scales):
        return k_t(first, depth, scales) / k_t(second, depth, scales) - 1

    fine, coarse = (np.array(settings[key], dtype=float) for key in ("fine", "coarse"))
    collapsed = [
        k_t(name, 5, fine[:1])[0] for names in settings["classes"].values() for name in names
    ]
    class_c = settings["classes"]["B" if case.control == "class_b" else "C"]
    three = settings["three_layers"]
    depth = 5 if case.control == "deeper" else 3
    end = np.array(three, dtype=float) if depth == 3 else coarse
    gaps = difference("tanh", "erf" if depth == 3 else "sin", depth, end)
    resonant = difference("tanh", "sin", 4, np.array(settings["resonant"], dtype=float))
    steps = np.diff(resonant / np.square(settings["resonant"])) / np.diff(
        np.log(settings["resonant"])
    )
    orders_c = [slopes(fine, np.abs(difference(n, "linear", 4, fine)))[0] for n in class_c]
    return [
        quantity("ratio", max(collapsed) / min(collapsed) - 1, epsilon=fine[0]),
        *_exponents(case, width),
        quantity("order_b", slopes(coarse, np.abs(difference("tanh", "sin", 5, coarse)))[0]),
        quantity("logarithm", steps[0] / steps[1] - 1, b=list(steps)),
        quantity("order_c", furthest(orders_c, 1), activations=class_c),
        quantity("three_layers", slopes(end, np.abs(gaps))[0], gaps=list(gaps), epsilon=list(end)),
        *_rate_factors(settings, width, case.control),
    ], None


def _exponents(case, width):
    """Local exponents L - 2 of classes A, B and C at four layers."""
    settings, scales = case.settings, np.array(case.settings["exponent"], dtype=float)
    last = [1.0] if case.control == "one_layer_less" else []
    for cls, names in settings["classes"].items():
        local = {}
        for name in names:
            starts = [[e] * (4 - len(last)) + last for e in scales]
            t = [time(name, start, width, "correlation", 0.5) for start in starts]
            local[name] = slopes(scales, t)[0]
        yield quantity(f"class_{cls.lower()}", furthest(local.values(), -2), exponents=local)


def _rate_factors(settings, width, control):
    """Class C's relative corrections, as printed and as derived, and what they do to the time."""
    depth, scale = settings["class_c_depth"], settings["fine"][0]
    deviations, shares, factors = [], [], {}
    for name in settings["classes"]["C"]:
        act = activations.get(name)
        reduced = model(name, depth, width)
        rates = reduced.velocity(np.full(depth, scale)) / scale ** (depth - 1)
        relative = (rates / rate(name, depth, width) - 1) / scale
        law = corrections.rate_factors(2, corrections.kappa(act), depth)
        law = np.full(depth, printed.gamma_c(act)) if control == "printed_gamma" else law
        deviations.append(np.abs(relative / law - 1).max())
        factors[name] = [printed.gamma_c(act), relative[0], relative[-1]]
        error = _time_by_the_print(act, depth, scale) if control == "printed_flow" else (
            relative_error(name, depth, width, [scale])[0]
        )  # fmt: skip
        shares.append(error / scale / (-printed.gamma_c(act) * (depth - 2) / (depth - 3)))
    return [
        quantity("gamma_c", furthest(shares, 1), shares=shares, factors=factors, depth=depth),
        quantity("rate_factors", max(deviations), factors=factors),
    ]


def _time_by_the_print(act, depth, scale):
    """t / t_closed - 1 of dX/dt = K X^(L-1) (1 + gamma_C X), eq. 38 on the balanced ray."""
    gamma = printed.gamma_c(act)

    def integrand(w):
        return np.exp(-(depth - 2) * w) / (1 + gamma * np.exp(w))

    k_t = quad(integrand, np.log(scale), np.log(CLOSED), epsrel=1e-11, limit=200)[0]
    return k_t / escape.closed_form(1.0, scale, depth, CLOSED) - 1


# --- Corollary 17 ---------------------------------------------------------------------------------


def renormalized(case):
    """Claim cor17: the logarithm at L = q + 1, its coefficient, and the next order.

    Controls: wrong_prefactor, K ten per cent too large; no_correction, lambda = 0; ray_coefficient,
    lambda of the rate on the balanced ray, without the drift of the scales.
    """
    settings, width = case.settings, case.settings["width"]
    changes, off, coefficients, signs = [], [], {}, []
    for name, depth in settings["resonant"]:
        act = activations.get(name)
        q, _ = corrections.insertion(act)
        scales = np.array(settings["epsilon"][f"q{q}"], dtype=float)
        b = _log_coefficients(name, depth, width, scales, case.control)
        leaf = _lambda(act, case.control)
        defined, used = printed.balanced_coefficient(act), corrections.kappa(act)
        changes.append(b[0] / b[1] - 1)
        off.append([abs(b[0] + value) for value in (defined, leaf)])
        signs.append(np.sign(b[0] * used))
        coefficients[name] = {"b": b[0], "defined": defined, "used": used, "leaf": leaf}
    facts = {name: list(values.values()) for name, values in coefficients.items()}
    return [
        quantity("logarithm", max(changes, key=abs), coefficients=facts),
        quantity("printed_coefficient", max(a for a, _ in off), coefficients=facts),
        quantity("sign", max(signs)),
        quantity("leaf_coefficient", max(a for _, a in off), coefficients=facts),
        _next_order(settings, case.control),
    ], None


def _log_coefficients(name, depth, width, scales, control):
    if control != "wrong_prefactor":
        return log_coefficients(name, depth, width, scales)
    k = 1.1 * rate(name, depth, width)
    difference = k * times(name, depth, width, scales) - escape.closed_form(1.0, scales, depth)
    return -np.diff(difference) / np.diff(np.log(scales))


def _lambda(act, control):
    """lambda of eq. 31 on the leaf, or a control's."""
    q, _ = corrections.insertion(act)
    kappa = corrections.kappa(act)
    return {"no_correction": 0.0, "ray_coefficient": kappa}.get(
        control, corrections.leaf_coefficient(q, kappa)
    )


def _next_order(settings, control):
    """Order of t / t^[1] - 1 from starts on the leaf I = 0, where all scales are X_L's but X_1.

    From X_L = epsilon to X_L = U*: the flow's time against eq. 33.
    """
    name, depth, top = (
        settings["next"]["activation"],
        settings["next"]["depth"],
        settings["next"]["top"],
    )
    act = activations.get(name)
    q, _ = corrections.insertion(act)
    leaf = corrections.kappa(act) * (q - 1) / (q + 1)
    slope, reduced = _lambda(act, control), manifold.reduction(act, depth, 1)
    k, errors = rate(name, depth, 1), []
    scales = np.array(settings["next"]["epsilon"], dtype=float)
    for epsilon in scales:
        start = np.full(depth, epsilon)
        start[0] *= 1 + leaf * epsilon ** (q - 1)
        t = escape.escape_time(reduced, start, threshold=top * (1 + leaf * top ** (q - 1))).t_escape
        first = quad(
            lambda w: np.exp(-(depth - 2) * w) / (1 + slope * np.exp((q - 1) * w)),
            np.log(epsilon), np.log(top), epsabs=0, epsrel=1e-12, limit=200,
        )[0]  # fmt: skip
        errors.append(abs(k * t / first - 1))
    return quantity("next_order", slopes(scales, errors)[0], errors=errors, epsilon=list(scales))


# --- the teacher ----------------------------------------------------------------------------------


def other_teachers(case):
    """Claim teacher: rate and order of the error with another teacher than the student's own.

    Controls: own_rate, K of the student's own teacher; curved, teachers z + z^2/4 in place of the
    linear one and odd students in place of class C.
    """
    settings, width, ratios = case.settings, case.settings["width"], {}
    scale = settings["epsilon"][0]
    for name, names in settings["teachers"].items():
        for teacher in names:
            k = rate(name, 5, width, teachers.OWN if case.control == "own_rate" else teacher)
            t = time(name, [scale] * 5, width, teacher=teacher)
            ratios[f"{name} of {teacher}"] = t / escape.closed_form(k, scale, 5)
    worst = abs(furthest(ratios.values(), 1) - 1)
    return [quantity("rate", worst, ratios=ratios), *_orders(case, width)], None


def _orders(case, width):
    """Order of class C's error by teacher, minus what is expected."""
    settings, scales = case.settings, np.array(case.settings["epsilon"], dtype=float)
    curved = case.control == "curved"
    student = "tanh" if curved else settings["student"]
    scales = scales if not curved else np.array(settings["coarse"], dtype=float)
    for teacher in (teachers.OWN, teachers.CENTRED):
        error = np.abs(relative_error(student, 5, width, scales, teacher))
        yield quantity(f"order_{teacher}", slopes(scales, error)[0])
    linear = "z+z**2/4" if curved else "linear"
    for depth in settings["linear_depths"]:
        coarse = np.array(settings["coarse"], dtype=float)
        error = np.abs(relative_error(settings["student"], depth, width, coarse, linear))
        yield quantity(f"order_linear_{depth}", slopes(coarse, error)[0])
