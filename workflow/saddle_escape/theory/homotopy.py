"""Proposition 24: the escape time along f_nu = f_0 + nu (f_1 - f_0), and its derivative (figure 5).

T(nu) is the flow time at which h = X_{1,1} - theta, the excess of mode 1's layer-1 scale in its own
block over a threshold, becomes 0 under the field f_nu: decoupled single modes at nu = 0, the full
block flow at nu = 1. nu may also be an array over the entries of the state: an entry moves in the
full flow where it is 1, and as if decoupled where it is 0, which for an off-diagonal means not at
all (:func:`closures`). With the adjoint (eq. 71)

    dp/dt = -(df_nu/dM)^T p,   p(T) = grad h / (grad h . f_nu),

    A(nu) = dT/dnu = - integral_0^T p . df_nu/dnu dt                        (eq. 55)

and T(1) = T(0) + integral_0^1 A(nu) dnu. Along the path p . f_nu = 1, which is checked. The
integrand p . df_nu/dnu is a sum over the entries of the state, so A splits exactly into channels:
layer scales (diagonals), off-block amplitudes (off-diagonals of M_2..M_L) and cross-block rotations
(off-diagonals of M_1), layer by layer.

Solver. The paper integrates state and adjoint with an adaptive fourth-order Runge-Kutta method;
here the default for both is DOP853. Up to the escape the flow is not stiff, and the seventh-order
dense output is what carries the forward trajectory into the backward pass: integrating the state
backwards would amplify errors. LSODA, which turns to a stiff method, is for the long tail of the
decoupled flow.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.integrate import solve_ivp

from ..status import DIVERGED, ESCAPED, NO_PLATEAU, NOT_ESCAPED
from . import blocks, classes
from .blocks import BlockModel
from .escape import closed_form

CHANNELS = ("layer scales", "off-block amplitudes", "cross-block rotations")
PAPER_CLOSURE = "rotations and off-block W_2"
METHODS = ("DOP853", "LSODA")

Shape = tuple[int, int, int]
Switch = float | np.ndarray  # nu: of all entries alike, or of each one (L, K, K)
Path = Callable[[float], np.ndarray]  # flow time -> flattened state


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
    path: Path | None
    evaluations: int


@dataclass(frozen=True)
class Sensitivity:
    """A(nu) at one nu: the contributions (L, K, K) of the entries of the state, in flow time.

    adjoint_error: the largest |p . f_nu - 1| at the steps of the backward pass.
    """

    nu: Switch
    t_escape: float
    contributions: np.ndarray
    adjoint_error: float
    forward_evaluations: int
    adjoint_evaluations: int

    @property
    def total(self) -> float:
        """A(nu)."""
        return float(self.contributions.sum())


@dataclass(frozen=True)
class Homotopy:
    """The identity T(1) = T(0) + integral of A, all times in flow time.

    sensitivities: at the Gauss-Legendre nodes and at twice as many, in order of nu; contributions
    (L, K, K): the entries' integrals over nu; integral_error: difference of the integral from twice
    as many nodes; adjoint_error: the largest of the sensitivities'.
    """

    t0: float
    t1: float
    sensitivities: list[Sensitivity]
    contributions: np.ndarray
    integral_error: float

    @property
    def integral(self) -> float:
        """Integral of A(nu) over nu."""
        return float(self.contributions.sum())

    @property
    def adjoint_error(self) -> float:
        """The largest |p . f_nu - 1| of any of its backward passes."""
        return max(s.adjoint_error for s in self.sensitivities)


def difference_quotient(f: Callable[[float], float], h: float) -> float:
    """Fourth-order central difference f'(0) from f(+-h), f(+-2h)."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def channel_masks(shape: Shape) -> dict[str, np.ndarray]:
    """Channel name -> boolean mask of the state (L, K, K); the masks partition the entries."""
    depth, modes, _ = shape
    diagonal = np.broadcast_to(np.eye(modes, dtype=bool), shape)
    first = (np.arange(depth) == 0)[:, None, None]
    return dict(zip(CHANNELS, (diagonal, ~diagonal & ~first, ~diagonal & first), strict=True))


def by_channel_and_layer(contributions: np.ndarray) -> dict[str, np.ndarray]:
    """Contributions (..., L, K, K) -> dict channel -> array (..., L)."""
    masks = channel_masks(contributions.shape[-3:])
    return {name: (contributions * mask).sum((-2, -1)) for name, mask in masks.items()}


def closures(shape: Shape) -> dict[str, np.ndarray]:
    """Name -> nu (L, K, K), for fields between the decoupled and the exact one.

    Layer scales always move in the full flow, and of the off-diagonals those named: the rotations,
    the off-block amplitudes of one inner layer, or rotations and W_2, which is the paper's closure
    (24 variables at L = 4, K = 3).
    """
    masks = channel_masks(shape).values()
    scales, amplitudes, rotations = (mask.astype(float) for mask in masks)
    layers = np.arange(1, shape[0] + 1)[:, None, None]
    inner = {
        f"off-block W_{layer}": scales + amplitudes * (layers == layer)
        for layer in range(2, shape[0])
    }
    return {
        "decoupled": 0 * scales,
        "rotations": scales + rotations,
        **inner,
        PAPER_CLOSURE: scales + rotations + amplitudes * (layers == 2),
        "exact": scales + rotations + amplitudes,
    }


def leading_order_time(
    model: BlockModel, epsilon: float, scale: float = 0.5, mode: int = 0
) -> float:
    """Theorem 5's escape time of a mode by itself, in flow time, from balanced scales epsilon.

    At leading order all layers grow at one rate, dX/dt = K X^(L-1) with
    K = s E[sigma(z) z] alpha^(L-1) c (n c^2)^((L-2)/2), until X_1 = scale. For c = 1/sqrt(n) it is
    eq. 7's, with sqrt(n) in place of sqrt(N).
    """
    rate = classes.rate_constant(model.activation, model.depth, model.fan)
    rate *= model.amplitudes[mode] * (model.block_size / model.fan) ** (model.depth / 2 - 1)
    return float(closed_form(rate, epsilon, model.depth, scale))


def escape(
    model: BlockModel,
    start: np.ndarray,
    nu: Switch,
    scale: float = 0.5,
    solver: Solver = Solver(),
    dense: bool = False,
) -> Escape:
    """Follow f_nu from ``start`` (L, K, K) until X_{1,1} = M_1[0, 0] = scale.

    nu: number, or array broadcasting to (L, K, K). Returns an :class:`Escape`, with its path if
    ``dense``.
    """

    def crossing(t, y):
        return y[0] - scale

    crossing.terminal = True
    if start[0, 0, 0] >= scale:
        return Escape(NO_PLATEAU, math.nan, start, None, 0)
    solution = _solve(model, start, nu, solver.t_max, solver, crossing, dense)
    status = {1: ESCAPED, 0: NOT_ESCAPED, -1: DIVERGED}[solution.status]
    return Escape(
        status,
        float(solution.t[-1]) if status == ESCAPED else math.nan,
        solution.y[:, -1].reshape(model.shape),
        solution.sol,
        solution.nfev,
    )


def trajectory(
    model: BlockModel, start: np.ndarray, nu: Switch, t_end: float, solver: Solver = Solver()
) -> Path:
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


def sensitivity(
    model: BlockModel,
    start: np.ndarray,
    nu: Switch,
    scale: float = 0.5,
    solver: Solver = Solver(),
    adjoint_field: Callable = blocks.adjoint_field,
) -> Sensitivity:
    """A(nu) = dT/dnu by one forward and one backward pass; see the module's head.

    adjoint_field: what transports p, to be replaced to see what a wrong one does. nu: number or
    array broadcasting to (L, K, K). Raises ValueError if mode 1 does not escape.
    """
    forward = escape(model, start, nu, scale, solver, dense=True)
    _require_escape(forward, nu, solver)
    size, velocity = start.size, blocks.field(model, forward.state, nu)
    p_end = np.zeros(size)
    p_end[0] = 1 / velocity[0, 0, 0]

    def backward(t, y):
        state, p = forward.path(t).reshape(model.shape), y[:size].reshape(model.shape)
        transported, switched = adjoint_field(model, state, nu, p)
        return -np.concatenate([transported.ravel(), (p * switched).ravel()])

    solution = solve_ivp(
        backward,
        (forward.t, 0.0),
        np.concatenate([p_end, np.zeros(size)]),
        method=solver.method,
        rtol=solver.rtol,
        atol=solver.rtol * p_end[0],
    )
    velocities = [
        blocks.field(model, x.reshape(model.shape), nu) for x in forward.path(solution.t).T
    ]
    products = np.einsum("tp,pt->t", np.reshape(velocities, (-1, size)), solution.y[:size])
    return Sensitivity(
        nu,
        forward.t,
        -solution.y[size:, -1].reshape(model.shape),
        float(np.abs(products - 1).max()),
        forward.evaluations,
        solution.nfev,
    )


def gauss_legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1], (n,) and (n,)."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, w / 2


def homotopy(
    model: BlockModel,
    start: np.ndarray,
    nodes: int = 8,
    scale: float = 0.5,
    solver: Solver = Solver(),
    target: Switch = 1.0,
) -> Homotopy:
    """T(0), T(1) and the integral of A over ``nodes`` Gauss-Legendre nodes.

    target: the nu of :func:`sensitivity`, number or array, that the path ends at; it leads there
    in a straight line from the decoupled field. The error estimate is the difference from the rule
    with twice as many nodes. Raises ValueError for less than one node, or where mode 1 does not
    escape.
    """
    if nodes < 1:
        raise ValueError(f"nodes: {nodes} given; give at least 1")
    ends = [escape(model, start, nu * target, scale, solver) for nu in (0.0, 1.0)]
    for nu, end in enumerate(ends):
        _require_escape(end, nu, solver)
    sensitivities, contributions = over_nu(model, start, nodes, scale, solver, target)
    more, refined = over_nu(model, start, 2 * nodes, scale, solver, target)
    return Homotopy(
        *(end.t for end in ends),
        sorted(sensitivities + more, key=lambda s: s.nu),
        contributions,
        float(abs(contributions.sum() - refined.sum())),
    )


def _require_escape(end, nu, solver):
    if end.status != ESCAPED:
        raise ValueError(
            f"homotopy: mode 1 does not escape at nu = {np.mean(nu):g} ({end.status}, time limit "
            f"{solver.t_max:g}); change epsilon, rho, the threshold or the limit"
        )


def over_nu(
    model: BlockModel,
    start: np.ndarray,
    nodes: int,
    scale: float = 0.5,
    solver: Solver = Solver(),
    target: Switch = 1.0,
) -> tuple[list[Sensitivity], np.ndarray]:
    """The sensitivities at ``nodes`` Gauss-Legendre nodes of the path to ``target``, and the
    integral of their contributions over nu, (L, K, K)."""
    nus, weights = gauss_legendre(nodes)
    along = [sensitivity(model, start, nu * target, scale, solver) for nu in nus]
    scaled = [
        replace(s, nu=nu, contributions=s.contributions * target)
        for s, nu in zip(along, nus, strict=True)
    ]
    return scaled, np.tensordot(weights, [s.contributions for s in scaled], axes=1)


def adjoint_and_difference(
    model: BlockModel, start: np.ndarray, nu: float, h: float, scale: float, solver: Solver
) -> dict[str, float]:
    """A(nu) by the adjoint and by a fourth-order difference of T, and their relative distance."""
    adjoint = sensitivity(model, start, nu, scale, solver).total
    difference = difference_quotient(
        lambda shift: escape(model, start, nu + shift, scale, solver).t, h
    )
    return {
        "a_half_adjoint": adjoint,
        "a_half_difference": difference,
        "a_half_error": abs(adjoint / difference - 1),
    }
