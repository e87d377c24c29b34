"""Adaptive gradient flow for ensembles, and one loop for (stochastic) gradient descent.

:func:`integrate` follows a batch of independent trajectories dy/dt = F(y) with the Dormand-Prince
5(4) pair. Every trajectory has its own step size, error estimate and event; whoever has finished
leaves the batch. Time t is one more component of the state, so that a trajectory may be followed in
another variable than t:

- clock "plain": the independent variable is flow time t itself;
- clock "relative_rate": it is sigma, with dsigma/dt = R(W), R^2 = sum_l |dW_l/dt|^2 / |W_l|^2.

On a plateau the weights grow like a finite-time blow-up in t, and exponentially in sigma: with the
relative-rate clock the number of steps grows with log(1/epsilon) only, however many decades the
escape time (Theorem 11, figure 4) spans. Measured there at event accuracies of 1e-5 to 1e-6, this
pair needs as many field evaluations as Tsitouras' and no more than the 8th-order DOP853, which
pulls ahead below 1e-7 only.

:func:`descend` is the fixed-step counterpart: its time is rate x step.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch

from ..status import ABOVE_PLATEAU, BLOW_UP, DIVERGED, ESCAPED, NO_PLATEAU, NOT_ESCAPED

CLOCKS = ("plain", "relative_rate")

# Dormand and Prince, J. Comput. Appl. Math. 6 (1980): nodes c, stages A, 5th-order weights B (the
# last stage is the first of the next step), error weights E = B - B(4th order), and Shampine's
# fourth-order interpolant, y(theta) = y + h sum_ij k_i P_ij theta^(j+1).
C = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1)
A = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
B = (*A[6], 0)
E = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
P = (
    (1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
    (0, 0, 0, 0),
    (0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
    (0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
    (0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
    (0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
    (0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
)
ORDER = 5
MAX_ROOT_STEPS = 60
MAX_REJECTIONS = 60  # in a row: step cut by 1e-42, no finite step exists
SAFETY, SMALLEST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 10.0

_spent = 0  # gradient evaluations not yet asked for


def spent_evaluations():
    """Gradient evaluations of this process since the last call, summed over all trajectories."""
    global _spent
    count, _spent = _spent, 0
    return count


@dataclass(frozen=True)
class Trajectories:
    """What became of B trajectories; tensors of shape (B,) unless another is given.

    t_escape: flow time of the event, NaN unless the status is "escaped". t_crossing: the same time
    whatever the status, NaN where the event was not met: a network that starts above its plateau
    has no escape time but may well cross. status: list of B strings. accepted_steps,
    rejected_steps, gradient_evaluations: counts. t_end, state (B, P): where it was left.
    steps: None, or what was recorded on the way as a dict of "trajectory" (M,), "t" (M,) and "aux"
    (M, k), in order of trajectory and then time, starting points and events included.
    """

    t_escape: torch.Tensor
    t_crossing: torch.Tensor
    status: list
    accepted_steps: torch.Tensor
    rejected_steps: torch.Tensor
    gradient_evaluations: torch.Tensor
    t_end: torch.Tensor
    state: torch.Tensor
    steps: dict | None


class _Ledger:
    """Where finished trajectories are entered, by their index in the whole ensemble."""

    def __init__(self, y0, record):
        time = torch.full((len(y0),), math.nan, dtype=torch.float64, device=y0.device)
        count = torch.zeros(len(y0), dtype=torch.long, device=y0.device)
        self.crossing, self.t_end, self.state = time, time.clone(), y0.clone()
        self.counts = torch.stack([count] * 3)
        self.status = [None] * len(y0)
        self.steps = [] if record else None

    def mark_no_plateau(self, index):
        """These start without a plateau; the status stays, whatever comes after."""
        for k in index.tolist():
            self.status[k] = NO_PLATEAU

    def enter(self, status, index, state, t, counts):
        """These trajectories end here; counts: (accepted, rejected, evaluations), (3, b)."""
        self.state[index], self.t_end[index] = state, t
        self.counts[:, index] = counts
        if status == ESCAPED:
            self.crossing[index] = t
        for k in index.tolist():
            self.status[k] = self.status[k] or status

    def record(self, index, t, aux):
        if self.steps is not None:
            self.steps.append((index, t, aux))

    def close(self):
        global _spent
        _spent += int(self.counts[2].sum())
        escaped = torch.tensor([s == ESCAPED for s in self.status], device=self.crossing.device)
        t_escape = torch.where(escaped, self.crossing, math.nan)
        steps = None
        if self.steps is not None:
            columns = [torch.cat(column) for column in zip(*self.steps, strict=True)]
            order = torch.argsort(columns[0], stable=True)
            steps = dict(zip(("trajectory", "t", "aux"), (c[order] for c in columns), strict=True))
        return Trajectories(
            t_escape, self.crossing, self.status, *self.counts, self.t_end, self.state, steps
        )


def loss_event(plateau, fraction):
    """The event "loss = fraction x plateau" for :func:`integrate` and :func:`descend`.

    plateau: (B,). The loss is aux[:, 0]; the event's value is its logarithm relative to the target,
    so that interpolating it linearly between two evaluations is log-linear in the loss.
    """
    return lambda aux, index: torch.log(aux[:, 0] / (fraction * plateau[index]))


def _has_diverged(aux, event, plateau, index):
    """Non-finite, or loss above 100 x plateau: mask (b,)."""
    bad = ~torch.isfinite(aux).all(-1) | ~torch.isfinite(event)
    return bad if plateau is None else bad | ~(aux[:, 0] <= BLOW_UP * plateau[index])


def _starts(aux, event, plateau):
    """(event met at t = 0, loss above 1.1 x plateau): masks (B,)."""
    met = event <= 0
    above = torch.zeros_like(met) if plateau is None else aux[:, 0] > ABOVE_PLATEAU * plateau
    return met, above


def group_norms(y, sizes):
    """Norms (B, G) of the consecutive groups of components of y (B, P); |y| if sizes is None."""
    if sizes is None:
        return y.abs()
    return torch.stack([g.norm(dim=-1) for g in y.split(sizes, dim=-1)], dim=-1)


def relative_rate(y, dy, sizes):
    """R (B,), R^2 = sum over groups of |dy_g|^2 / |y_g|^2, in 1 / flow time."""
    return (group_norms(dy, sizes) / group_norms(y, sizes)).norm(dim=-1)


def clocked(field, clock, sizes=None):
    """The field of (y, t) in the clock's variable: (z (b, P + 1), index) -> (dz, aux).

    See :func:`integrate` for field and sizes. Raises ValueError for an unknown clock.
    """
    if clock not in CLOCKS:
        raise ValueError(f"clock: unknown '{clock}', choose from {', '.join(CLOCKS)}")

    def plain(z, index):
        dy, aux = field(z[:, :-1], index)
        return torch.cat([dy, torch.ones_like(dy[:, :1])], -1), aux

    def relative(z, index):
        y = z[:, :-1]
        dy, aux = field(y, index)
        rate = relative_rate(y, dy, sizes).clamp_min(1e-200)[:, None]  # at rest: t leaps to t_max
        return torch.cat([dy / rate, 1 / rate], -1), aux

    return plain if clock == "plain" else relative


def attempt_step(rhs, z, dz, h, index):
    """One Dormand-Prince step of lengths h (b,) from z (b, Q) with slope dz = rhs(z, index)[0].

    Returns (z1, stages (7, b, Q), error (b, Q), aux at z1); stages[6] is the slope at z1.
    """
    stages = z.new_empty((len(C), *z.shape))
    stages[0] = dz
    h = h[:, None]
    for i in range(1, len(C)):
        z1 = torch.addcmul(z, h, _combine(A[i], stages))
        stages[i], aux = rhs(z1, index)
    return z1, stages, h * _combine(E, stages), aux


def _combine(weights, stages):
    weights = torch.tensor(weights, dtype=stages.dtype, device=stages.device)
    return torch.tensordot(weights, stages[: len(weights)], dims=1)


def interpolate(z, h, stages, theta):
    """Dense output at the fractions theta (b,) of the steps h (b,) from z (b, Q): (b, Q)."""
    powers = theta[:, None] ** torch.arange(1, len(P[0]) + 1, dtype=z.dtype, device=z.device)
    weights = torch.tensor(P, dtype=z.dtype, device=z.device) @ powers.T  # (7, b)
    return z + h[:, None] * torch.einsum("sb,sbq->bq", weights, stages)


@dataclass(frozen=True)
class _Problem:
    """One call's settings; see :func:`integrate`. rhs: the field in the clock's variable."""

    rhs: Callable
    event: Callable
    plateau: torch.Tensor | None
    sizes: tuple | None
    clock: str
    rtol: float
    atol: float
    t_max: float
    max_steps: int

    def scale(self, z):
        """Allowed error (b, G) of the groups of the state (not of time) at z (b, P + 1)."""
        members = 1.0 if self.sizes is None else z.new_tensor(self.sizes).sqrt()
        return self.atol * members + self.rtol * group_norms(z[:, :-1], self.sizes)

    def error_ratio(self, error, z0, z1):
        """Largest error of any group, and of time, in units of what is allowed; inf if not finite.

        The maximum, not the mean: no layer's error may hide behind another's. Time is held to the
        same relative accuracy, after any number of decades.
        """
        scale = torch.maximum(self.scale(z0), self.scale(z1))
        ratio = (group_norms(error[:, :-1], self.sizes) / scale).amax(-1)
        if self.clock != "plain":
            ratio = torch.maximum(ratio, error[:, -1].abs() / (self.rtol * z1[:, -1]))
        return ratio.nan_to_num(nan=math.inf)

    def first_step(self, z, dz, index):
        """Starting step length (b,) by the rule of Hairer, Norsett and Wanner II.4 (one rhs)."""
        scale = self.scale(z)

        def size(v):
            return (group_norms(v[:, :-1], self.sizes) / scale).amax(-1)

        d0, d1 = size(z), size(dz)
        h0 = torch.where((d0 > 1e-5) & (d1 > 1e-5), 0.01 * d0 / d1, 1e-6)
        dz1, _ = self.rhs(torch.addcmul(z, h0[:, None], dz), index)
        d2 = size(dz1 - dz) / h0
        h1 = (0.01 / torch.maximum(d1, d2).clamp_min(1e-15)) ** (1 / ORDER)
        return torch.minimum(100 * h0, h1).nan_to_num(nan=1e-6)


@dataclass
class _Batch:
    """The trajectories still under way: first dimension b everywhere but in counts (3, b).

    z: state and time (b, P + 1); dz: dz/ds there; h: next step in s; rejected_in_a_row (b,).
    """

    index: torch.Tensor
    z: torch.Tensor
    dz: torch.Tensor
    aux: torch.Tensor
    event: torch.Tensor
    h: torch.Tensor
    rejected_in_a_row: torch.Tensor
    counts: torch.Tensor

    def __len__(self):
        return len(self.index)

    def select(self, keep):
        """The same batch with only the trajectories of the mask (b,)."""
        if keep.all():
            return self
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        counts = columns.pop("counts")[:, keep]
        return _Batch(**{name: column[keep] for name, column in columns.items()}, counts=counts)

    def enter_into(self, ledger, status, mask):
        """Enter the masked trajectories with this status."""
        if mask.any():
            b = self.select(mask)
            ledger.enter(status, b.index, b.z[:, :-1], b.z[:, -1], b.counts)


def integrate(
    field,
    y0,
    event=None,
    *,
    sizes=None,
    clock="plain",
    rtol=1e-6,
    atol=0.0,
    t_max=math.inf,
    max_steps=10_000,
    plateau=None,
    follow_above_plateau=False,
    record=False,
):
    """Follow B independent trajectories dy/dt = field(y) from t = 0 until each one's event.

    field(y (b, P), index (b,)) -> (dy (b, P), aux (b, k)): slope in flow time, and whatever is
    known beside it (aux[:, 0] is the loss where ``plateau`` is given); index names the members of
    the batch still under way. event(aux, index) -> (b,): positive before the event, which is
    located on the dense output by root finding. y0: (B, P) float64.

    sizes: lengths of the consecutive groups of components (the layers). A group's error is held
    below atol (per component) plus rtol times its norm, and the relative-rate clock's R is made of
    the groups' norms; by default each component is a group. t_max: flow time; max_steps: attempted
    steps; who meets either first has not escaped. plateau: (B,) loss values from which "no_plateau"
    (loss above 1.1 times it at t = 0) and "diverged" (above 100 times it) follow; a network that
    starts above its plateau is followed only if asked. record: keep (t, aux) of accepted steps.

    Returns :class:`Trajectories`. Raises ValueError for an unknown clock or a wrong shape or dtype.
    """
    if y0.ndim != 2 or y0.dtype != torch.float64:
        raise ValueError(f"y0: needs shape (B, P) in float64, not {tuple(y0.shape)} {y0.dtype}")
    if sizes is not None and sum(sizes) != y0.shape[1]:
        raise ValueError(f"sizes: the groups hold {sum(sizes)} components, y0 {y0.shape[1]}")
    rhs = clocked(field, clock, sizes)
    problem = _Problem(rhs, event or _never, plateau, sizes, clock, rtol, atol, t_max, max_steps)
    ledger = _Ledger(y0, record)
    batch = _start(problem, ledger, y0, follow_above_plateau)
    while len(batch):
        batch = _advance(problem, ledger, batch)
    return ledger.close()


def _never(aux, index):
    return torch.ones(len(index), dtype=torch.float64, device=index.device)


def _start(problem, ledger, y0, follow_above_plateau):
    index = torch.arange(len(y0), device=y0.device)
    z = torch.cat([y0, torch.zeros_like(y0[:, :1])], -1)
    dz, aux = problem.rhs(z, index)
    event = problem.event(aux, index)
    h = problem.first_step(z, dz, index)
    counts = torch.zeros(3, len(y0), dtype=torch.long, device=y0.device)
    counts[2] = 2
    batch = _Batch(index, z, dz, aux, event, h, torch.zeros_like(index), counts)
    ledger.record(index, z[:, -1], aux)
    met, above = _starts(aux, event, problem.plateau)
    ledger.mark_no_plateau(index[met | above])
    ledger.crossing[met] = 0.0
    leaving = met if follow_above_plateau else met | above
    batch.enter_into(ledger, NO_PLATEAU, leaving)
    return batch.select(~leaving)


def _advance(problem, ledger, batch):
    """One attempted step of everybody; who has finished is entered in the ledger and left out."""
    h = batch.h
    if problem.clock == "plain":
        h = torch.minimum(h, problem.t_max - batch.z[:, -1])
    z1, stages, error, aux = attempt_step(problem.rhs, batch.z, batch.dz, h, batch.index)
    ratio = problem.error_ratio(error, batch.z, z1)
    ok = ratio <= 1
    after = _after_step(problem, batch, h, ratio, z1, stages[-1], aux)
    crossed = ok & (after.event <= 0)
    if crossed.any():
        _finish_crossed(problem, ledger, batch, after, h, stages, crossed)
    recorded = ok & ~crossed
    ledger.record(after.index[recorded], after.z[recorded, -1], after.aux[recorded])
    return _dismiss(problem, ledger, after.select(~crossed))


def _after_step(problem, batch, h, ratio, z1, dz1, aux1):
    """The batch after an attempted step: moved where the error ratio is at most 1."""
    ok = ratio <= 1
    factor = (SAFETY * ratio ** (-1 / ORDER)).clamp_min(SMALLEST_FACTOR)
    largest = torch.where(batch.rejected_in_a_row > 0, 1.0, LARGEST_FACTOR)
    evaluations = torch.full_like(batch.index, len(C) - 1)
    return replace(
        batch,
        z=torch.where(ok[:, None], z1, batch.z),
        dz=torch.where(ok[:, None], dz1, batch.dz),
        aux=torch.where(ok[:, None], aux1, batch.aux),
        event=torch.where(ok, problem.event(aux1, batch.index), batch.event),
        h=h * torch.minimum(factor, largest),
        rejected_in_a_row=torch.where(ok, 0, batch.rejected_in_a_row + 1),
        counts=batch.counts + torch.stack([ok.long(), (~ok).long(), evaluations]),
    )


def _dismiss(problem, ledger, batch):
    """Enter those that diverged or reached a limit; return the others."""
    diverged = _has_diverged(batch.aux, batch.event, problem.plateau, batch.index)
    diverged |= batch.rejected_in_a_row > MAX_REJECTIONS
    at_limit = (batch.z[:, -1] >= problem.t_max) | (batch.counts[:2].sum(0) >= problem.max_steps)
    batch.enter_into(ledger, DIVERGED, diverged)
    batch.enter_into(ledger, NOT_ESCAPED, at_limit & ~diverged)
    return batch.select(~(diverged | at_limit))


def _finish_crossed(problem, ledger, before, after, h, stages, crossed):
    """Locate the event inside the step just taken and enter the trajectories that met it."""
    before, after = before.select(crossed), after.select(crossed)
    z, aux, evaluations = _root(problem, before, after, h[crossed], stages[:, crossed])
    counts = after.counts.clone()
    counts[2] += evaluations
    met = replace(after, z=z, aux=aux, counts=counts)
    in_time = z[:, -1] <= problem.t_max
    ledger.record(met.index[in_time], z[in_time, -1], aux[in_time])
    met.enter_into(ledger, ESCAPED, in_time)
    met.enter_into(ledger, NOT_ESCAPED, ~in_time)


def _root(problem, before, after, h, stages):
    """The zero of the event on the dense output, by the Anderson-Bjorck method, for all at once.

    Returns (z, aux there, evaluations of the field). Stops when the event's time moves by less than
    a hundredth of rtol.
    """
    low, high = torch.zeros_like(h), torch.ones_like(h)
    g_low, g_high = before.event, after.event
    t = after.z[:, -1]
    evaluations, settled = 0, False
    while not settled and evaluations < MAX_ROOT_STEPS:
        theta = (low * g_high - high * g_low) / (g_high - g_low)
        z = interpolate(before.z, h, stages, theta)
        _, aux = problem.rhs(z, before.index)
        g = problem.event(aux, before.index)
        evaluations += 1
        t, t_before = z[:, -1], t
        settled = ((t - t_before).abs() <= 0.01 * problem.rtol * t).all()
        # the end that stays gets a smaller value, else it would never move
        right = g <= 0
        shrink = 1 - g / torch.where(right, g_high, g_low)
        shrink = torch.where(shrink > 0, shrink, 0.5)
        low, high = torch.where(right, low, theta), torch.where(right, theta, high)
        g_low = torch.where(right, shrink * g_low, g)
        g_high = torch.where(right, g, shrink * g_high)
    return z, aux, evaluations


def geometric_schedule(spacing):
    """Evaluate after every step at first, later whenever the count has grown by ``spacing``."""
    return lambda step: step + max(1, int(spacing * step))


def descend(
    update,
    draw,
    evaluate,
    weights,
    event,
    *,
    rate,
    max_steps,
    next_evaluation,
    plateau=None,
    follow_above_plateau=False,
    record=False,
):
    """(Stochastic) gradient descent of B independent networks until each one's event.

    update(weights (b, P), x): one step of learning rate ``rate``, in place; draw() -> x: its
    inputs, the same for everybody; evaluate(weights, index) -> aux (b, k), aux[:, 0] being the loss
    where ``plateau`` (B,) is given. event(aux, index) -> (b,): positive before the event, whose
    time, rate x step, is interpolated linearly between the two evaluations around it
    (:func:`loss_event` makes that log-linear in the loss). next_evaluation(step) -> step of the
    next evaluation. weights: (B, P), any dtype, not changed. Who has finished leaves the batch;
    statuses and the other arguments are those of :func:`integrate`. On CUDA an update is captured
    once and replayed.

    Returns :class:`Trajectories` (one gradient evaluation per step).
    """
    ledger = _Ledger(weights, record)
    index = torch.arange(len(weights), device=weights.device)
    aux = evaluate(weights, index)
    value = event(aux, index).double()
    ledger.record(index, torch.zeros_like(value), aux)
    met, above = _starts(aux, value, plateau)
    ledger.mark_no_plateau(index[met | above])
    ledger.crossing[met] = 0.0
    leaving = met if follow_above_plateau else met | above
    _enter_steps(ledger, NO_PLATEAU, leaving, index, weights, 0, 0.0)
    weights, index, value = weights[~leaving].clone(), index[~leaving], value[~leaving]
    step, take_step = 0, None
    while len(index):
        until = min(next_evaluation(step), max_steps)
        for _ in range(until - step):
            x = draw()
            take_step = take_step or captured(update, weights, x)
            take_step(x)
        aux, before = evaluate(weights, index), value
        value = event(aux, index).double()
        crossed, diverged = value <= 0, _has_diverged(aux, value, plateau, index)
        crossed &= ~diverged
        t = rate * (step + (until - step) * before / (before - value))
        ledger.record(index, torch.where(crossed, t, rate * until), aux)
        _enter_steps(ledger, ESCAPED, crossed, index, weights, until, t)
        _enter_steps(ledger, DIVERGED, diverged, index, weights, until, rate * until)
        done, step = crossed | diverged, until
        if step >= max_steps:
            _enter_steps(ledger, NOT_ESCAPED, ~done, index, weights, step, rate * step)
            break
        if done.any():
            weights, index, value = weights[~done], index[~done], value[~done]
            take_step = None
    return ledger.close()


def _enter_steps(ledger, status, mask, index, weights, step, t):
    t = t[mask] if torch.is_tensor(t) else t
    counts = torch.tensor([[step], [0], [step]], device=index.device)
    ledger.enter(status, index[mask], weights[mask], t, counts)


def captured(update, weights, x):
    """The function x -> update(weights, x), in place; on CUDA one captured graph, replayed.

    The graph keeps the memory of these weights, and its own copy of x for later ones of its shape.
    """
    if not weights.is_cuda:
        return functools.partial(update, weights)
    held, kept = x.clone(), weights.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # a capture needs a warm-up off the main stream
        update(weights, held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        update(weights, held)
    weights.copy_(kept)

    def replay(x):
        held.copy_(x)
        graph.replay()

    return replay
