"""Blow-up times of the limit flow, from a problem and its initial weights.

The mathematics is that of :mod:`saddle_escape.theory.limit_flow`. Two flows have one interface:
:class:`LimitFlow` for activations with a derivative at 0, where the small layers act linearly, and
:class:`HomogeneousFlow` for kinked ones (ReLU, leaky ReLU), where the data stay in the flow.
:func:`limit_flow` chooses. Their fields are homogeneous, so one clock and one end serve both: the
relative rate of all weights together, and the analytic tail once their norm has grown.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from ..status import (
    BEYOND_FLOATS,
    DECAYS,
    ESCAPED,
    LOGARITHMIC,
    NO_CORRELATION,
    NO_DECAY_LAW,
    NO_SADDLE,
    OK,
    SLIDES,
    STABLE_SET,
    null_if_nan,
)
from ..theory import limit_flow as theory
from ..theory.limit_flow import is_multilinear, outer_product, time_left
from . import integrate, network
from .problem import Problem

PREDICTION = ("r", "epsilon", "t_star", "t_predicted", "critical_decay", "status")

MAX_STEPS = 3_000  # a blow-up takes some 120
NOISE = 1e-13  # |C| relative to E|rho| |x|: a correlation that is round-off
GROWTH_OF_LINEAR = 1e6  # r = 2: what does not grow at the largest rate is by then 1e-12 of gamma
GROWTH_TO_ALIGN = 1e4  # the first layer's direction is then right to 1e-8
TAIL_DIGITS = 12  # of T*: the growth G at which the tail takes over has G^-(r+2) = 10^-12
SMOOTH_RTOL, KINKED_RTOL = 1e-9, 1e-5  # at kinks a tight tolerance makes the steps crawl


@dataclass(frozen=True)
class Correlation:
    """-f rho, the loss that is linear in the output: its flow maximizes E[f rho]."""

    def value(self, f: Tensor, rho: Tensor) -> Tensor:
        return -f * rho

    def derivative(self, f: Tensor, rho: Tensor) -> Tensor:
        return -rho.expand_as(f)


@dataclass(frozen=True)
class BlowUp:
    """What became of B limit flows.

    t_star: (B,) in units of s = epsilon^(r-2) t, NaN unless the status is "ok"; status: list of B;
    accepted_steps, gradient_evaluations: counts (B,).
    """

    t_star: Tensor
    status: list[str]
    accepted_steps: Tensor
    gradient_evaluations: Tensor


@dataclass(frozen=True, eq=False)
class LimitFlow:
    """dV_l/ds = d/dV_l <A V_r ... V_1, C>, for one start or a batch of B.

    outer: A, (K, n_r) or (B, K, n_r); correlation: C, (K, d) or (B, K, d). endless: the status of a
    start that does not blow up.
    """

    outer: Tensor
    correlation: Tensor
    rtol: float = SMOOTH_RTOL
    endless: ClassVar[str] = STABLE_SET

    def reduced(self, small: Sequence[Tensor]) -> tuple["LimitFlow", list[Tensor]]:
        """The same flow on what moves: V_1 on the rows of C, V_r on the columns that A sees.

        The rest of the two matrices has no gradient and no part in gamma. small: V_1..V_r,
        (..., n_l, n_(l-1)). Of V_1 there remain min(K, d) columns, of V_r min(K, n_r) rows.
        """
        inputs, outputs = (torch.linalg.qr(m.mT)[0] for m in (self.correlation, self.outer))
        first, *rest = small
        *rest, last = [first @ inputs, *rest]
        flow = replace(self, outer=self.outer @ outputs, correlation=self.correlation @ inputs)
        return flow, [*rest, outputs.mT @ last]

    def of(self, index: Tensor) -> "LimitFlow":
        """The flow of these members of the batch."""
        pick = functools.partial(_members, index=index)
        return replace(self, outer=pick(self.outer, 3), correlation=pick(self.correlation, 3))

    def signal_and_gradient(self, small: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """gamma (...), and its gradient in every V_l."""
        return theory.signal_and_gradient(small, self.outer, self.correlation)


@dataclass(frozen=True, eq=False)
class HomogeneousFlow:
    """dV_l/ds = d/dV_l E[<f, rho>], f the network itself, homogeneous of degree r in V_1..V_r.

    problem: the network on its data, with rho as targets and :class:`Correlation` as loss; outer:
    W_(r+1)..W_L, (n_l, n_(l-1)) or (B, n_l, n_(l-1)) each. endless: the status of a start that does
    not blow up. A kink that draws the flow in holds it: neurons stay at 0 on some inputs, which is
    no saddle, and every further step is a small one across the kink.
    """

    problem: Problem
    outer: Sequence[Tensor]
    rtol: float = KINKED_RTOL
    endless: ClassVar[str] = SLIDES

    def reduced(self, small: Sequence[Tensor]) -> tuple["HomogeneousFlow", list[Tensor]]:
        """Nothing to leave out: every direction of the inputs has its part in the kinks."""
        return self, list(small)

    def of(self, index: Tensor) -> "HomogeneousFlow":
        """The flow of these members of the batch."""
        return replace(self, outer=[_members(w, 3, index) for w in self.outer])

    def signal_and_gradient(self, small: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """gamma (...), and its gradient in every V_l."""
        on = self.problem
        minus_signal, _, gradients = network.loss_and_gradient(
            [*small, *self.outer], on.x, on.y, on.act, on.c, on.sample_weights, on.loss
        )
        return -minus_signal, [-g for g in gradients[: len(small)]]


def _members(matrix, ndim, index):
    """matrix[index], unless it is the same for all members."""
    return matrix[index] if matrix.ndim == ndim else matrix


# --- from a problem -------------------------------------------------------------------------------


def residual(problem: Problem) -> Tensor:
    """rho = -dl/df(0, y), (n, K): y for the squared loss, y/2 for the logistic one."""
    return -problem.loss.derivative(torch.zeros_like(problem.y), problem.y)


def correlation(problem: Problem) -> Tensor:
    """C = E[rho x^T], (K, d), the mean over the problem's data with its sample weights."""
    rho, x, weights = residual(problem), problem.x, problem.sample_weights
    return rho.mT @ x / len(x) if weights is None else (rho * weights[:, None]).mT @ x


def law_status(problem: Problem, r: int) -> str:
    """Whether t_escape = epsilon^-(r-2) T* holds: "ok", or the sentence that says why not."""
    status = theory.law_status(problem.act, r)
    rho = residual(problem)
    moved = correlation(problem) if is_multilinear(problem.act) else rho
    silent = moved.norm() <= NOISE * rho.norm() * problem.x.norm() / len(rho)
    return NO_CORRELATION if silent and status in (OK, LOGARITHMIC) else status


def limit_flow(problem: Problem, weights: Sequence[Tensor], r: int) -> LimitFlow | HomogeneousFlow:
    """The limit flow of the first r layers, the others at their values in ``weights``.

    weights: W_1..W_L, (..., n_l, n_(l-1)). Raises ValueError, with the law's status, for class D,
    no class, no linear signal path or no correlation, and for r out of range.
    """
    depth = len(problem.shapes)
    if not 1 <= r <= depth:
        raise ValueError(f"r: {r} is out of range, give 1 to {depth}")
    if (status := law_status(problem, r)) not in (OK, LOGARITHMIC, NO_SADDLE):
        raise ValueError(f"limit flow: {status}")
    outer = weights[r:]
    if not is_multilinear(problem.act):
        return HomogeneousFlow(replace(problem, y=residual(problem), loss=Correlation()), outer)
    gain = (problem.c * problem.act.slope_at_zero) ** (depth - 1)
    identity = torch.eye(problem.y.shape[-1], dtype=problem.x.dtype, device=problem.x.device)
    return LimitFlow(outer_product(outer, identity, gain), correlation(problem))


# --- blow-up --------------------------------------------------------------------------------------


def blow_up_time(
    flow: LimitFlow | HomogeneousFlow,
    small: Sequence[Tensor],
    *,
    growth: float | None = None,
    tail: bool = True,
    rtol: float | None = None,
    max_steps: int = MAX_STEPS,
) -> BlowUp:
    """T* of the starts V_1..V_r, r >= 3, one (n_l, n_(l-1)) or a batch (B, n_l, n_(l-1)).

    T* = s + r gamma / ((r-2) dgamma/ds) once |V| has grown by ``growth`` (without the tail s). By
    default the tail's error is below round-off. A start that does not grow, on the stable set of a
    degenerate critical point or held by a kink, has a status and no T*. Raises ValueError for r
    below 3.
    """
    r = len(small)
    if r < 3:
        raise ValueError(f"r: {r} is too small, the limit flow blows up from r = 3 on")
    growth = growth or 10 ** (TAIL_DIGITS / (r + 2))
    run, signal, signal_rate = _grown(flow, small, growth, rtol, max_steps)
    t_star = run.t_escape + time_left(signal, signal_rate, r) if tail else run.t_escape
    status = [OK if s == ESCAPED else flow.endless for s in run.status]
    return BlowUp(t_star, status, run.accepted_steps, run.gradient_evaluations)


def growth_rate(
    flow: LimitFlow | HomogeneousFlow, small: Sequence[Tensor], max_steps: int = MAX_STEPS
) -> Tensor:
    """r = 2: the rate (B,) at which |V| grows in the end, per flow time; NaN if it does not.

    |A^T C|_2 where the small layers act linearly: dV_1 = V_2^T A^T C, dV_2 = A^T C V_1^T.
    """
    run, signal, signal_rate = _grown(flow, small, GROWTH_OF_LINEAR, None, max_steps)
    return torch.where(run.t_escape.isnan(), math.nan, signal_rate / (2 * signal))


def first_layer_direction(
    flow: LimitFlow, small: Sequence[Tensor], growth: float = GROWTH_TO_ALIGN
) -> Tensor:
    """u (B, n_1), |u| = 1, of V_1 ~ u v^T at the blow-up, v along the one row of the correlation.

    The layers align as the imbalances, conserved, become small beside |V|^2: to growth^-2. Its sign
    is that of V_1 v. Raises ValueError for several outputs, where blow-up may have more than one
    direction.
    """
    if flow.correlation.shape[-2] != 1:
        raise ValueError(f"outputs: {flow.correlation.shape[-2]}, the direction is that of one")
    run, *_ = _grown(flow, small, growth, None, MAX_STEPS)
    along = flow.reduced(small)[0].correlation.sign()[..., 0]  # v may be minus the row's direction
    first = along * run.state[:, : small[0].shape[-2]]  # of V_1 one column is left
    return first / first.norm(dim=-1, keepdim=True)


def _grown(flow, small, growth, rtol, max_steps):
    """Follow the flow until |V| has grown by a factor: (Trajectories, gamma, dgamma/ds), each (B,).

    The clock is the relative rate |dV/ds| / |V| of all weights together, which a layer may cross 0
    in. NaN times where the weights do not grow.
    """
    flow, small = flow.reduced([v if v.ndim == 3 else v[None] for v in small])
    shapes = [v.shape[1:] for v in small]
    start = network.flatten(small)
    end = math.log(growth) + start.norm(dim=-1).log()

    def field(flat, index):
        signal, gradient = flow.of(index).signal_and_gradient(network.unflatten(flat, shapes))
        return network.flatten(gradient), lambda: {
            "signal": signal,
            "size": flat.norm(dim=-1).log(),
        }

    run = integrate.integrate(
        field,
        start,
        lambda seen, index: end[index] - seen["size"],
        sizes=(start.shape[-1],),
        clock="relative_rate",
        rtol=rtol or flow.rtol,
        max_steps=max_steps,
    )
    velocity, see = field(run.state, torch.arange(len(start), device=start.device))
    return run, see()["signal"], velocity.square().sum(-1)


# --- predictions ----------------------------------------------------------------------------------


def predictions(
    problem: Problem,
    weights: Sequence[Tensor],
    r: int,
    epsilons: Sequence[float],
    decay: float = 0.0,
    decayed: str = "small",
    max_steps: int = MAX_STEPS,
) -> list[dict]:
    """One network's escape times for every epsilon, as dicts with the keys of PREDICTION.

    weights: W_1..W_L before the first r are multiplied by epsilon. Without epsilons one row, of T*
    alone. None where there is no such number; the status says why. Times are flow times. max_steps:
    whose limit flow has not blown up by then is held at a saddle or a kink.
    """
    status, t_star, rate = law_status(problem, r), None, None
    if status == OK:
        flow = limit_flow(problem, weights, r)
        blow_up = blow_up_time(flow, weights[:r], max_steps=max_steps)
        status, t_star = blow_up.status[0], null_if_nan(blow_up.t_star.item())
    if status == LOGARITHMIC:
        flow = limit_flow(problem, weights, r)
        rate = null_if_nan(growth_rate(flow, weights[:r], max_steps).item())
        status = flow.endless if rate is None else status
    depth = len(problem.shapes)
    rows = []
    for epsilon in epsilons or [None]:
        row = dict.fromkeys(PREDICTION) | {"r": r, "epsilon": epsilon, "t_star": t_star}
        if epsilon is not None and t_star is not None:
            row |= _power_law(t_star, r, epsilon, decay, decayed, depth)
        elif epsilon is not None and rate is not None:
            row |= _logarithmic_law(rate, epsilon, decay, decayed, depth)
        rows.append({**row, "status": row["status"] or status})
    return rows


def _power_law(t_star, r, epsilon, decay, decayed, depth):
    """The numbers of one row for r >= 3, and its status unless that is the law's own."""
    t = theory.escape_time(t_star, r, epsilon, decay, decayed, depth)
    critical = theory.critical_decay(t_star, r, epsilon, decayed, depth)
    if math.isfinite(t):
        return {"t_predicted": t, "critical_decay": critical}
    status = DECAYS if decay >= critical > 0 else BEYOND_FLOATS
    return {"critical_decay": critical, "status": status}


def _logarithmic_law(rate, epsilon, decay, decayed, depth):
    """The same for r = 2: the critical decay of the small layers is the rate itself."""
    if decayed == "all" and depth > 2:
        return {"status": NO_DECAY_LAW} if decay else {"t_predicted": -math.log(epsilon) / rate}
    t = theory.logarithmic_escape_time(rate, epsilon, decay)
    return {"critical_decay": rate} | ({"t_predicted": t} if t < math.inf else {"status": DECAYS})
