"""Theorems 5 and 6: when the scalar flow leaves the saddle.

Escape on the manifold: X_1 (the mode alignment |W_1 v|_2 / sqrt(N)) crosses a threshold, 1/2 unless
stated. Escape by loss: the loss falls to a fraction of its plateau value. Escape by correlation:
E[f z] reaches a fraction of beta_1. Times are flow times. A run that did not escape has a status,
never a number.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..status import (
    ABOVE_PLATEAU,
    BLOW_UP,
    CONSTANT_PATH,
    DIVERGED,
    ESCAPED,
    NEGATIVE_RATE,
    NO_LINEAR_PATH,
    NO_PLATEAU,
    NOT_ANALYTIC,
    NOT_ESCAPED,
    OK,
    Outcome,
)
from .quadrature import expectation, panels

if TYPE_CHECKING:
    from .activations import Activation
    from .manifold import Reduction

CRITERIA = ("alignment", "loss", "correlation")
TIME_LIMIT = 1e40
CLOCK_LIMIT = 1e6  # in the relative-rate clock an escape takes about log(1/epsilon)
EVALUATION_LIMIT = 100_000
PANEL = 0.5  # of the quadrature, in log u
ROUND_OFF = 1e-12  # in sigma(0), which class D has and the others have not
LOG_TINY = -600.0  # exp of it is a square that adds nothing, and still a float
RTOL, STIFF_RTOL = 1e-12, 1e-9  # on the slow manifold of class D round-off forbids less


def closed_form(
    rate: float, epsilon: ArrayLike, depth: int, threshold: float = 0.5
) -> float | np.ndarray:
    """Theorem 5, balanced start X_l(0) = epsilon: leading-order escape time, flow time.

    (eps^-(L-2) - X*^-(L-2)) / ((L-2) K) for L >= 3, log(X*/eps) / K for L = 2; rate is K.
    """
    if depth == 2:
        return np.log(threshold / np.asarray(epsilon)) / rate
    p = depth - 2
    return (np.asarray(epsilon, dtype=float) ** -p - threshold**-p) / (p * rate)


def quadrature_time(rate: float, init: Sequence[float], threshold: float = 0.5) -> float:
    """Leading-order escape time of X_1 from any start, flow time (Theorems 5 and 6).

    t = int_{s_1^2}^{X*^2} du / (2 K prod_l sqrt(u + s_l^2 - s_1^2)), with X_l^2 - X_m^2 conserved.
    In w = log(u + s_min^2 - s_1^2) the near-singular peak at the smallest scale becomes smooth:
    analytic for |Im w| < pi, and exp of at most L w / 2, to which panels of half a unit are exact.
    Infinite if two scales or more are zero (the saddle itself).
    """
    s = np.sort(np.asarray(init, dtype=float))
    offsets = s**2 - s[0] ** 2
    top = math.log(threshold**2 - init[0] ** 2 + s[0] ** 2)
    bottom = 2 * math.log(s[0]) if s[0] > 0 else LOG_TINY
    if np.sum(s == 0) >= 2:
        return math.inf

    w, weights = panels(bottom, top, PANEL)
    logarithms = np.log(np.exp(w)[:, None] + offsets).sum(axis=1)
    with np.errstate(over="ignore"):
        return float(weights @ np.exp(w - 0.5 * logarithms)) / (2 * rate)


def leading_order_threshold(
    model: "Reduction", init: Sequence[float], loss_fraction: float, alpha: float
) -> float | None:
    """The X_1 at which the leading-order flow meets the loss criterion (figure 2b).

    At leading order f = sqrt(N) alpha^(L-1) (prod_l X_l) z, so the loss is a quadratic in the
    product; its smaller root, carried back to X_1 through the conserved differences. None if the
    leading-order loss never falls that far.
    """
    from scipy.optimize import brentq

    s = np.asarray(init, dtype=float)
    power = 2 * model.plateau
    discriminant = model.beta1**2 - power * (1 - loss_fraction)
    if discriminant < 0:
        return None
    gain = math.sqrt(model.width) * alpha ** (model.depth - 1)
    product = (model.beta1 - math.sqrt(discriminant)) / gain
    offsets = s**2 - s[0] ** 2

    def excess(log_u):
        return 0.5 * np.sum(np.log(math.exp(log_u) + offsets)) - math.log(product)

    lowest = math.log(max(0.0, -offsets.min()) + 1e-300)
    return math.exp(0.5 * brentq(excess, lowest + 1e-12, 10.0, xtol=1e-14))


def critical_depth_time(
    rate: float, epsilon: ArrayLike, r: int, outer: Sequence[float]
) -> float | np.ndarray:
    """Theorem 6 with its prefactor, flow time: the first r layers at epsilon, L - r at ``outer``.

    eps^-(r-2) / ((r-2) K prod outer) for r >= 3, log(1/eps) / (K prod outer) for r = 2. The theorem
    sorts the scales; on the manifold the prefactor is this one where the small layers come first
    (the activations below order-one layers are not linear: :func:`rate_behind`).
    Raises ValueError for r below 2, where the theorem gives no leading term.
    """
    if r < 2:
        raise ValueError(f"r: {r} is too small, for one small layer the time is only bounded")
    slowed = rate * math.prod(outer)
    epsilon = np.asarray(epsilon, dtype=float)
    return -np.log(epsilon) / slowed if r == 2 else epsilon ** (2 - r) / ((r - 2) * slowed)


def rate_behind(act: "Activation", depth: int, width: int, first: Sequence[float]) -> float:
    """K prod(first) of a bottleneck behind order-one layers X_1.. = ``first``, the small ones last.

    E[y a] alpha^(L-1-p) / sqrt(N) with a = sigma(X_p sigma(.. sigma(X_1 z))) the signal that the p
    order-one layers pass on: their activations act in full, and only the others linearly. Same
    exponent r - 2, another prefactor than Theorem 6's K prod(first).
    """

    from .classes import classify

    def signal(z):
        for scale in first:
            z = act(scale * z)
        return z

    alpha = classify(act).alpha ** (depth - 1 - len(first))
    return expectation(lambda z: act(z) * signal(z)) * alpha / math.sqrt(width)


def shell_error(scales: Sequence[float], j: int, u: float) -> float:
    """E_j of Lemma 19 at u = X_1^2 in shell j, [s_j^2, s_{j+1}^2], j from 1; s sorted, (L,).

    1 + E_j = u^(j/2) prod_{i>j} s_i / prod_i sqrt(u + s_i^2 - s_1^2). However small the ratios
    s_j / s_{j+1}, the factor i = j at the lower edge (j >= 2) and i = j + 1 at the upper one is
    sqrt(2): E_j -> 1/sqrt(2) - 1 there, and 0 only in the interior.
    """
    s = np.asarray(scales, dtype=float)
    approximate = 0.5 * j * np.log(u) + np.sum(np.log(s[j:]))
    return math.expm1(approximate - 0.5 * np.sum(np.log(u + s**2 - s[0] ** 2)))


def _progress(model, criterion, threshold):
    """A function of X that is negative before the escape and positive after it."""
    if criterion == "alignment":
        return lambda x: x[0] - threshold
    if criterion == "loss":
        target = threshold * model.plateau
        return lambda x: target - model.loss(x)
    if criterion == "correlation":
        return lambda x: model.correlation(x) - threshold
    raise ValueError(f"criterion: unknown '{criterion}', choose from {', '.join(CRITERIA)}")


def relative_rate(velocity: np.ndarray, scales: np.ndarray) -> float:
    """R(X) with R^2 = sum_l (Xdot_l / X_l)^2, per unit of flow time."""
    return math.sqrt(np.sum((velocity / scales) ** 2))


class _ClockedFlow:
    """The reduced flow in a clock sigma, state (X, t); counts its evaluations.

    Relative-rate clock: dsigma/dt = R(X). The plateau, a finite-time blow-up in t, is then plain
    exponential growth, and the number of steps grows with log(1/epsilon) only. In class D the
    layers first relax to a slow manifold where 1/R is noise; there sigma is t (the plain clock).
    """

    def __init__(self, model):
        self.model, self.evaluations = model, 0
        self.plain = abs(float(model.act(0.0))) > ROUND_OFF

    def __call__(self, sigma, state):
        self.evaluations += 1
        velocity = self.model.velocity(state[:-1])
        rate = 1.0 if self.plain else relative_rate(velocity, state[:-1])
        return np.append(velocity, 1.0) / rate


def escape_time(
    model: "Reduction",
    init: Sequence[float],
    criterion: str = "alignment",
    threshold: float = 0.5,
    time_limit: float = TIME_LIMIT,
) -> Outcome:
    """Escape of the reduced ODE from X(0) = init (L,), located by root-finding on dense output.

    criterion: "alignment" (X_1 = threshold), "loss" (loss = threshold x plateau) or "correlation"
    (E[f z] = threshold x beta_1). LSODA (class D is stiff) at rtol 1e-12, 1e-9 in class D.
    Statuses: no_plateau if the criterion is met or the loss is above 1.1 plateaus at t = 0;
    not_escaped at the time limit, 100,000 evaluations or the solver's own stop; diverged if
    non-finite or above 100 plateaus. Raises ValueError for an unknown criterion, a scale that is
    not positive, or a wrong number of scales.
    """
    from scipy.integrate import LSODA  # half a second

    x0 = np.asarray(init, dtype=float)
    if x0.shape != (model.depth,) or not np.all(x0 > 0):
        raise ValueError(f"init: needs {model.depth} positive scales, one per layer, got {init}")
    progress = _progress(model, criterion, threshold)
    if progress(x0) >= 0 or model.loss(x0) > ABOVE_PLATEAU * model.plateau:
        return Outcome(NO_PLATEAU)
    flow = _ClockedFlow(model)
    timescale = 1.0 / relative_rate(model.velocity(x0), x0)  # of the fastest layer's growth
    rtol = STIFF_RTOL if flow.plain else RTOL
    solver = LSODA(
        flow,
        0.0,
        np.append(x0, 0.0),
        time_limit if flow.plain else CLOCK_LIMIT,
        first_step=1e-3 * (timescale if flow.plain else 1.0),
        rtol=rtol,
        atol=np.append(1e-4 * rtol * x0, rtol * timescale),
    )
    while solver.status == "running" and flow.evaluations < EVALUATION_LIMIT:
        solver.step()
        x, t = solver.y[:-1], solver.y[-1]
        if not np.all(np.isfinite(solver.y)) or model.loss(x) > BLOW_UP * model.plateau:
            return Outcome(DIVERGED, evaluations=flow.evaluations)
        if progress(x) >= 0:
            t = _crossing(solver, progress)
            if t <= time_limit:
                return Outcome(ESCAPED, t, flow.evaluations)
            break
        if t > time_limit:
            break
    return Outcome(NOT_ESCAPED, evaluations=flow.evaluations)


def _crossing(solver, progress):
    """Flow time at which ``progress`` changes sign within the solver's last step."""
    from scipy.optimize import brentq

    dense = solver.dense_output()
    sigma = brentq(lambda s: progress(dense(s)[:-1]), solver.t_old, solver.t, xtol=1e-14)
    return float(dense(sigma)[-1])


def predict(rate: float | None, status: str, init: Sequence[float], threshold: float = 0.5) -> dict:
    """Leading-order prediction for a start X(0) = init: K, t_closed_form, t_quadrature, status.

    rate: K, None without a linear signal path; status: of the activation's class. t_closed_form is
    None unless the start is balanced; both times are None where the law does not apply (class D, no
    class, alpha = 0) or the start is at the threshold already.
    """
    result = {"K": rate, "t_closed_form": None, "t_quadrature": None, "status": OK}
    if rate is None:
        unusable = status if status in (NO_LINEAR_PATH, NOT_ANALYTIC) else NO_LINEAR_PATH
        return {**result, "status": unusable}
    if status == CONSTANT_PATH:
        return {**result, "status": CONSTANT_PATH}
    if init[0] >= threshold:
        return {**result, "status": NO_PLATEAU}
    if rate < 0:
        return {**result, "status": NEGATIVE_RATE}
    result["t_quadrature"] = quadrature_time(rate, init, threshold)
    if len(set(init)) == 1:
        result["t_closed_form"] = float(closed_form(rate, init[0], len(init), threshold))
    return result
