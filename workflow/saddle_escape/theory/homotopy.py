"""Escape time along the homotopy f_nu = f_0 + nu (f_1 - f_0) and its derivative (figure 5).

T(nu) is the flow time at which the alignment with mode 1 reaches its threshold under the field
f_nu: decoupled single modes at nu = 0, the full block flow at nu = 1. With the adjoint

    dp/dt = -(df_nu/dM)^T p,   p(T) = grad g,   g = alignment,

    A(nu) = dT/dnu = - [integral_0^T p . df_nu/dnu dt] / [grad g . f_nu](T),

and T(1) = T(0) + integral_0^1 A(nu) dnu. The integrand p . df_nu/dnu is a sum over the entries of
the state, so A splits exactly into channels: layer scales (diagonals), off-block amplitudes
(off-diagonals of M_2..M_L) and cross-block rotations (off-diagonals of M_1), layer by layer.

Solver. The paper integrates state and adjoint with LSODA; here the default for both is DOP853. Up
to the escape the flow is not stiff and the two cost about the same (relative error of A(1/2) near
1e-7: DOP853 at rtol 1e-7 takes 278 + 134 evaluations forward and backward, LSODA at 1e-8 takes
199 + 171), but at equal rtol DOP853's error in T is ten times smaller, and its seventh-order dense
output is what carries the forward trajectory into the backward pass: integrating the state
backwards would amplify errors. LSODA, which turns to a stiff method, is for the long tail of the
decoupled flow.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from . import blocks, classes
from .escape import closed_form

CHANNELS = ("layer scales", "off-block amplitudes", "cross-block rotations")
METHODS = ("DOP853", "LSODA")


@dataclass(frozen=True)
class Solver:
    """How a trajectory is followed: SciPy method, relative tolerance, time limit (flow time).

    The absolute tolerance is rtol * 1e-5: far below the smallest initial entry.
    """

    method: str = "DOP853"
    rtol: float = 1e-8
    t_max: float = 1e5

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"solver: unknown '{self.method}', choose from {', '.join(METHODS)}")


@dataclass(frozen=True)
class Escape:
    """What became of a trajectory.

    status: "escaped", "no_plateau" (threshold already met at t = 0), "not_escaped" (time limit) or
    "diverged" (no finite step left); t: flow time of the crossing, NaN unless escaped; state
    (L, K, K) there; path: t -> flattened state on [0, t], or None; evaluations of the field.
    """

    status: str
    t: float
    state: np.ndarray
    path: object
    evaluations: int


@dataclass(frozen=True)
class Sensitivity:
    """A(nu) at one nu: the contributions (L, K, K) of the entries of the state, in flow time.

    total: their sum, integrated on its own as one more component.
    """

    nu: float
    t_escape: float
    contributions: np.ndarray
    total: float
    forward_evaluations: int
    adjoint_evaluations: int


@dataclass(frozen=True)
class Homotopy:
    """The identity T(1) = T(0) + integral of A, all times in flow time.

    sensitivities: at the Gauss-Legendre nodes and at twice as many, in order of nu; contributions
    (L, K, K): the entries' integrals over nu; integral: that of the separately integrated total;
    integral_error: difference from twice as many nodes; channel_sum_error: |sum over channels -
    integral|.
    """

    t0: float
    t1: float
    sensitivities: list
    contributions: np.ndarray
    integral: float
    integral_error: float
    channel_sum_error: float


def difference_quotient(f, h):
    """Fourth-order central difference f'(0) from f(+-h), f(+-2h)."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def channel_masks(shape):
    """Channel name -> boolean mask of the state (L, K, K); the masks partition the entries."""
    depth, modes, _ = shape
    diagonal = np.broadcast_to(np.eye(modes, dtype=bool), shape)
    first = (np.arange(depth) == 0)[:, None, None]
    return dict(zip(CHANNELS, (diagonal, ~diagonal & ~first, ~diagonal & first), strict=True))


def by_channel_and_layer(contributions):
    """Contributions (..., L, K, K) -> dict channel -> array (..., L)."""
    masks = channel_masks(contributions.shape[-3:])
    return {name: (contributions * mask).sum((-2, -1)) for name, mask in masks.items()}


def alignment_threshold(model, scale):
    """Alignment at which mode 1 counts as learned: layer scale ``scale`` in its own block."""
    return scale / math.sqrt(model.modes)


def leading_order_time(model, epsilon, scale=0.5):
    """Theorem 5's escape time of mode 1 by itself, in flow time, from balanced scales epsilon.

    In X_1 = M_1, X_l = sqrt(K) M_l inside, X_L = M_L all layers grow at the common rate
    K_1 = s_1 K(sigma) / K^((L-2)/2), until X_1 = scale.
    """
    rate = classes.rate_constant(model.activation, model.depth, model.width)
    rate *= model.amplitudes[0] / model.modes ** (model.depth / 2 - 1)
    return float(closed_form(rate, epsilon, model.depth, scale))


def escape(model, start, nu, scale=0.5, solver=Solver(), dense=False):
    """Follow f_nu from ``start`` (L, K, K) until the alignment with mode 1 meets its threshold.

    nu: number, or array broadcasting to (L, K, K). Returns an :class:`Escape`, with its path if
    ``dense``.
    """
    threshold = alignment_threshold(model, scale)

    def crossing(t, y):
        return blocks.alignment(y.reshape(model.shape)) - threshold

    crossing.terminal = True
    if blocks.alignment(start) >= threshold:
        return Escape("no_plateau", math.nan, start, None, 0)
    solution = _solve(model, start, nu, solver.t_max, solver, crossing, dense)
    status = {1: "escaped", 0: "not_escaped", -1: "diverged"}[solution.status]
    return Escape(
        status,
        float(solution.t[-1]) if status == "escaped" else math.nan,
        solution.y[:, -1].reshape(model.shape),
        solution.sol,
        solution.nfev,
    )


def trajectory(model, start, nu, t_end, solver=Solver()):
    """f_nu from ``start`` (L, K, K) to the flow time t_end: a function t -> flattened state."""
    return _solve(model, start, nu, t_end, solver).sol


def _solve(model, start, nu, t_end, solver, events=None, dense=True):
    return solve_ivp(
        lambda t, y: blocks.field(model, y.reshape(model.shape), nu).ravel(),
        (0.0, t_end),
        start.ravel(),
        method=solver.method,
        rtol=solver.rtol,
        atol=solver.rtol * 1e-5,
        events=events,
        dense_output=dense,
    )


def sensitivity(model, start, nu, scale=0.5, solver=Solver()):
    """A(nu) = dT/dnu by one forward and one backward pass; see the module's head.

    nu: number or array broadcasting to (L, K, K). Raises ValueError if mode 1 does not escape.
    """
    forward = escape(model, start, nu, scale, solver, dense=True)
    _require_escape(forward, nu, solver)
    normal = np.zeros(model.shape)
    normal[0, :, 0] = forward.state[0, :, 0] / (model.modes * blocks.alignment(forward.state))
    size = normal.size

    def backward(t, y):
        state, p = forward.path(t).reshape(model.shape), y[:size].reshape(model.shape)
        transported, switched = blocks.adjoint_field(model, state, nu, p)
        density = p * switched
        return -np.concatenate([transported.ravel(), density.ravel(), [density.sum()]])

    solution = solve_ivp(
        backward,
        (forward.t, 0.0),
        np.concatenate([normal.ravel(), np.zeros(size + 1)]),
        method=solver.method,
        rtol=solver.rtol,
        atol=solver.rtol * np.abs(normal).max(),
    )
    speed = np.sum(normal * blocks.field(model, forward.state, nu))
    integrals = -solution.y[size:, -1] / speed
    return Sensitivity(
        nu,
        forward.t,
        integrals[:-1].reshape(model.shape),
        float(integrals[-1]),
        forward.evaluations,
        solution.nfev,
    )


def gauss_legendre(nodes):
    """Gauss-Legendre nodes and weights on [0, 1], (n,) and (n,)."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, w / 2


def homotopy(model, start, nodes=8, scale=0.5, solver=Solver()):
    """T(0), T(1) and the integral of A over ``nodes`` Gauss-Legendre nodes.

    The error estimate is the difference from the rule with twice as many nodes. Raises ValueError
    for less than one node, or where mode 1 does not escape.
    """
    if nodes < 1:
        raise ValueError(f"nodes: {nodes} given; give at least 1")
    t0, t1 = (escape(model, start, nu, scale, solver) for nu in (0.0, 1.0))
    for nu, end in enumerate((t0, t1)):
        _require_escape(end, nu, solver)
    found, contributions, total = _integrate(model, start, nodes, scale, solver)
    doubled, _, finer = _integrate(model, start, 2 * nodes, scale, solver)
    channels = by_channel_and_layer(contributions)
    return Homotopy(
        t0.t,
        t1.t,
        sorted(found + doubled, key=lambda s: s.nu),
        contributions,
        total,
        abs(total - finer),
        abs(sum(float(v.sum()) for v in channels.values()) - total),
    )


def _require_escape(found, nu, solver):
    if found.status != "escaped":
        raise ValueError(
            f"homotopy: mode 1 does not escape at nu = {np.mean(nu):g} ({found.status}, time limit "
            f"{solver.t_max:g}); change epsilon, rho, the threshold or the limit"
        )


def _integrate(model, start, nodes, scale, solver):
    nus, weights = gauss_legendre(nodes)
    found = [sensitivity(model, start, nu, scale, solver) for nu in nus]
    contributions = np.tensordot(weights, [s.contributions for s in found], axes=1)
    return found, contributions, float(weights @ [s.total for s in found])
