"""Theorem 4: on the permutation-symmetric manifold the network is L scalar ODEs.

With W_1 = X_1 1 v^T, W_l = X_l 1 1^T / sqrt(N), W_L = X_L 1^T, c = 1/sqrt(N), and a teacher y(v.x),
the student's own activation unless stated, population gradient flow keeps the form and moves the
layer scales by

    dX_l/dt = -(1/N) dLoss/dX_l,   f = sqrt(N) X_L sigma(X_{L-1} sigma(... sigma(X_1 z))),

with z = v.x ~ N(0, 1).

Times are flow times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from . import teachers
from .quadrature import gaussian_rule, require_finite_moments

if TYPE_CHECKING:
    from .activations import Activation

RTOL, ATOL = 1e-10, 1e-14


@dataclass(frozen=True)
class Reduction:
    """The reduced model of Theorem 4: activation, depth L, width N, a quadrature rule, a teacher.

    ``nodes`` and ``weights`` (n,) come from :func:`quadrature.gaussian_rule`; ``teacher`` maps
    z (n,) to y (n,), see :mod:`teachers`. Scales X have shape (L,). Build it with
    :func:`reduction`, which refuses divergent expectations.
    """

    act: "Activation"
    depth: int
    width: int
    nodes: np.ndarray
    weights: np.ndarray
    teacher: Callable

    @cached_property
    def targets(self) -> np.ndarray:
        """y at the nodes, (n,)."""
        return self.teacher(self.nodes)

    @cached_property
    def plateau(self) -> float:
        """Loss at W = 0, where f = sqrt(N) X_L sigma(0) X ... = 0: E[y^2] / 2."""
        return 0.5 * float(self.weights @ self.targets**2)

    @cached_property
    def beta1(self) -> float:
        """E[y z] with this rule."""
        return float(self.weights @ (self.targets * self.nodes))

    def layers(self, scales: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """h_l for l = 1..L-1 and a_0..a_{L-1} at the nodes, shapes (L-1, n) and (L, n)."""
        h, a = [], [self.nodes]
        for x in scales[:-1]:
            h.append(x * a[-1])
            a.append(self.act(h[-1]))
        return h, a

    def output(self, scales: np.ndarray) -> np.ndarray:
        """f at the nodes, (n,)."""
        return np.sqrt(self.width) * scales[-1] * self.layers(scales)[1][-1]

    def loss(self, scales: np.ndarray) -> float:
        """E[(f - y)^2] / 2."""
        return 0.5 * float(self.weights @ (self.output(scales) - self.targets) ** 2)

    def correlation(self, scales: np.ndarray) -> float:
        """E[f z] / beta1: 1 when the linear part of the teacher is learned."""
        return float(self.weights @ (self.output(scales) * self.nodes)) / self.beta1

    def output_gradients(self, scales: np.ndarray) -> np.ndarray:
        """df/dX_l at the nodes for l = 1..L, shape (L, n) (eq. 5; its last factor is a_{l-1}).

        a_0 = z: for l = 1 the factor is the input itself, to which no activation was applied.
        """
        h, a = self.layers(scales)
        upstream, rows = np.full_like(self.nodes, np.sqrt(self.width)), []
        for layer in range(self.depth - 1, -1, -1):
            rows.append(upstream * a[layer])
            if layer:
                upstream = upstream * scales[layer] * self.act.prime(h[layer - 1])
        return np.array(rows[::-1])

    def _backward(self, scales):
        """Weighted g_l = dLoss/da_l, sigma'(h_l) and h_l at the nodes, l < L; a; weighted error."""
        h, a = self.layers(scales)
        root = np.sqrt(self.width)
        error = self.weights * (root * scales[-1] * a[-1] - self.targets)
        slopes = [self.act.prime(hl) for hl in h]
        g = [root * scales[-1] * error]
        for x, slope in zip(scales[-2:0:-1], slopes[:0:-1], strict=True):
            g.append(g[-1] * slope * x)
        return g[::-1], slopes, h, a, error

    def velocity(self, scales: np.ndarray) -> np.ndarray:
        """dX/dt = -(1/N) dLoss/dX, shape (L,), per unit of flow time (Theorem 4)."""
        g, slopes, _, a, error = self._backward(scales)
        inner = [gl * slope @ al for gl, slope, al in zip(g, slopes, a, strict=False)]
        return -np.array([*inner, np.sqrt(self.width) * error @ a[-1]]) / self.width

    def drift(self, scales: np.ndarray) -> np.ndarray:
        """d(X_{l+1}^2 - X_l^2)/dt for l = 1..L-1, shape (L-1,): Theorem 1's right-hand side.

        No subtraction of near-equal numbers, so that it stays accurate where the drift is far
        below round-off of the scales (Proposition 13).
        """
        from .classes import phi

        g, _, h, _, _ = self._backward(scales)
        return (
            2.0
            / self.width
            * np.array([gl @ phi(self.act, hl) for gl, hl in zip(g, h, strict=True)])
        )


def reduction(
    act: "Activation",
    depth: int,
    width: int,
    rule: str = "trapezoid",
    teacher: str = teachers.OWN,
    **options,
) -> Reduction:
    """The reduced model with the quadrature rule ``rule`` (options: step, half_width, nodes).

    teacher: a name of :func:`teachers.teacher`. Raises ValueError where E[f^2] is infinite, for an
    unknown rule or teacher, and for a depth below 2.
    """
    if depth < 2:
        raise ValueError(f"depth: {depth} is too small, a network has at least 2 layers")
    require_finite_moments(act, depth)
    rule_nodes = gaussian_rule(rule, **options)
    return Reduction(act, depth, width, *rule_nodes, teachers.teacher(teacher, act))


METRICS = ("ntk", "definition3", "scalar")


def metric(depth: int, width: int, embedding: str = "ntk") -> np.ndarray:
    """m_l with dX_l/dt = -m_l dLoss/dX_l, shape (L,), in three readings of the same reduced loss.

    A weight flow dW/dt = -dLoss/dW moves X_l with m_l = 1 / |dW_l/dX_l|_F^2. "ntk": 1/N for every
    layer, the flow of this module. "definition3": the same network with the prefactors absorbed in
    the weights (hidden entries X_l/N, output X_L/sqrt(N)), 1/N for layer 1 and 1 for the others;
    with learning rates (eta, eta/N, .., eta/N) it is the ntk flow again. "scalar": 1, eq. 4 as
    printed, which is no flow of weights with one rate. K of eq. 7 is that of m_l = 1/N: the leading
    rates are N K m_l. Raises ValueError for an unknown embedding.
    """
    if embedding not in METRICS:
        raise ValueError(f"embedding: unknown '{embedding}', choose from {', '.join(METRICS)}")
    metric = np.full(depth, 1 / width if embedding == "ntk" else 1.0)
    if embedding == "definition3":
        metric[0] = 1 / width
    return metric


def trajectory(
    model: Reduction, init: Sequence[float], times: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Layer scales (len(times), L) and losses (len(times),) of the reduced ODE from X(0) = init.

    times: increasing flow times. DOP853 at rtol 1e-10. Raises RuntimeError if the solver fails.
    """
    from scipy.integrate import solve_ivp

    init = np.asarray(init, dtype=float)
    solution = solve_ivp(
        lambda t, x: model.velocity(x),
        (0.0, times[-1]),
        init,
        method="DOP853",
        t_eval=times,
        rtol=RTOL,
        atol=ATOL,
    )
    if not solution.success:
        raise RuntimeError(f"reduced ODE: {solution.message}")
    scales = solution.y.T
    return scales, np.array([model.loss(x) for x in scales])


def drift_exponents(model: Reduction, epsilons: ArrayLike) -> np.ndarray:
    """Local slopes of log|drift_l| against log epsilon at balanced X_l = epsilon (Proposition 13).

    epsilons: (m,) increasing. Returns (m-1, L-1); NaN where the drift is identically zero
    (class A). Expected L + l(q-1) for layer l.
    """
    drifts = np.array([model.drift(np.full(model.depth, e)) for e in epsilons])
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.diff(np.log(np.abs(drifts)), axis=0) / np.diff(np.log(epsilons))[:, None]
    return np.where(np.isfinite(slopes), slopes, np.nan)
