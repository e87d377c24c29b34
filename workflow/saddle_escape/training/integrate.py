"""Adaptive gradient flow for ensembles, and one loop for (stochastic) gradient descent.

:func:`integrate` follows a batch of independent trajectories dy/dt = F(y) with the Dormand-Prince
5(4) pair. Every trajectory has its own step size, error estimate and event; whoever has finished
leaves the batch. Time t is one more component of the state, so that a trajectory may be followed in
another variable than t:

- clock "plain": the independent variable is flow time t itself;
- clock "relative_rate": it is sigma, with dsigma/dt = R(W), R^2 = sum_l |dW_l/dt|^2 / |W_l|^2;
- clock "arc_length": the same while much of the time is still to come, t R <= LATE; later R of a
  step has the norms |W_l| at the step's start, which makes sigma the length of the weights' way.

On a plateau the weights grow like a finite-time blow-up in t, and exponentially in sigma: with the
relative-rate clock the number of steps grows with log(1/epsilon) only, however many decades the
escape time (Theorem 11, figure 4) spans. Most of that growth is along one direction, W = U + u V, a
straight line, which a step in arc length follows however long it is: there a decade of epsilon
costs about one step, as a step may be LARGEST_FACTOR times as long as the last. At first it is time
that limits the steps, and as a function of arc length time is less smooth. Recorded steps that lie
near each other, and errors that are alike at all epsilons, are what the relative rate is for.

Measured at event accuracies of 1e-5 to 1e-6, this pair needs as many field evaluations as
Tsitouras' and no more than the 8th-order DOP853, which pulls ahead below 1e-7 only.

:func:`descend` is the fixed-step counterpart: its time is rate x step.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ..status import (
    ABOVE_PLATEAU,
    BLOW_UP,
    DIVERGED,
    ESCAPED,
    NO_PLATEAU,
    NOT_ESCAPED,
    UNRESOLVED,
)

Seen = dict[str, Tensor]  # named columns (b,) or (b, k), one row for each trajectory
Field = Callable[[Tensor, Tensor], tuple[Tensor, Callable[[], Seen]]]
Event = Callable[[Seen, Tensor], Tensor]

CLOCKS = ("plain", "relative_rate", "arc_length")

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
MAX_ROOT_STEPS = 120
MOST_KEPT = 1 << 24  # of float64: 128 MB
MAX_REJECTIONS = 60  # in a row: step cut by 1e-42, no finite step exists
SAFETY, SMALLEST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 10.0
LATE = 4.0  # times 1/R, about the time that lies ahead


@dataclass(frozen=True)
class Trajectories:
    """What became of B trajectories; tensors of shape (B,) unless another is given.

    t_escape: flow time of the event, NaN unless the status is "escaped". t_crossing: the same time
    whatever the status, NaN where the event was not met: a network that starts above its plateau
    has no escape time but may well cross. status: list of B strings. accepted_steps,
    rejected_steps, gradient_evaluations: counts. t_end, state (B, P): where it was left.
    steps: None, or what was recorded on the way as a dict of "trajectory" (M,), "t" (M,) and the
    names of what was seen, (M,) or (M, k), in order of trajectory and then time, starting points
    and events included. t_levels: None, or the first crossing (B, m) of each of :func:`descend`'s
    levels, NaN where it was not met.
    """

    t_escape: Tensor
    t_crossing: Tensor
    status: list[str]
    accepted_steps: Tensor
    rejected_steps: Tensor
    gradient_evaluations: Tensor
    t_end: Tensor
    state: Tensor
    steps: Seen | None = None
    t_levels: Tensor | None = None

    def path(self, k: int) -> Seen:
        """The recorded steps of trajectory k alone."""
        mask = self.steps["trajectory"] == k
        return {name: column[mask] for name, column in self.steps.items()}


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

    def record(self, index, t, seen, mask=slice(None)):
        """Keep what is seen, as numbers: views of the weights would change with them.

        And small tensors on the heap, between large ones that are freed, let it grow. mask (b,):
        whose, of these trajectories.
        """
        if self.steps is not None:
            columns = _rows(dict(trajectory=index, t=t, **seen), mask)
            self.dtypes = {name: column.dtype for name, column in columns.items()}
            self.steps.append({name: column.tolist() for name, column in columns.items()})

    def close(self, t_levels=None):
        escaped = torch.tensor([s == ESCAPED for s in self.status], device=self.crossing.device)
        t_escape = torch.where(escaped, self.crossing, math.nan)
        steps = None if self.steps is None else self._sorted_steps()
        ends = (*self.counts, self.t_end, self.state)
        return Trajectories(t_escape, self.crossing, self.status, *ends, steps, t_levels)

    def _sorted_steps(self):
        rows = {name: [row for s in self.steps for row in s[name]] for name in self.dtypes}
        columns = {
            name: torch.tensor(rows[name], dtype=dtype, device=self.crossing.device)
            for name, dtype in self.dtypes.items()
        }
        order = torch.argsort(columns["trajectory"], stable=True)
        return {name: column[order] for name, column in columns.items()}


def loss_event(plateau: Tensor, fraction: float) -> Event:
    """The event "loss = fraction x plateau" for :func:`integrate` and :func:`descend`.

    plateau: (B,). The event's value is the logarithm of seen["loss"] relative to the target, so
    that interpolating it linearly between two evaluations is log-linear in the loss.
    """
    return lambda seen, index: torch.log(seen["loss"] / (fraction * plateau[index]))


def _has_diverged(seen, event, plateau, index):
    """Non-finite, or loss above 100 x plateau: mask (b,)."""
    bad = ~torch.isfinite(event)
    for column in seen.values():
        finite = torch.isfinite(column)
        bad = bad | ~(finite if finite.ndim == 1 else finite.all(-1))
    return bad if plateau is None else bad | ~(seen["loss"] <= BLOW_UP * plateau[index])


def _starts(seen, event, plateau):
    """(event met at t = 0, loss above 1.1 x plateau): masks (B,)."""
    met = event <= 0
    return met, _is_above(seen, plateau, met)


def _is_above(seen, plateau, like):
    if plateau is None:
        return torch.zeros_like(like, dtype=torch.bool)
    return seen["loss"] > ABOVE_PLATEAU * plateau


def _rows(seen, mask):
    """The masked rows of every column."""
    return {name: column[mask] for name, column in seen.items()}


def _choose(mask, new, old):
    """Every column's rows from ``new`` where the mask (b,) is true, else from ``old``."""
    return {
        name: torch.where(mask if new[name].ndim == 1 else mask[:, None], new[name], old[name])
        for name in new
    }


def group_norms(y: Tensor, sizes: Sequence[int] | None) -> Tensor:
    """Norms (B, G) of the consecutive groups of components of y (B, P); |y| if each is one."""
    if sizes is None or len(sizes) == y.shape[-1]:
        return y.abs()
    if len(set(sizes)) == 1:  # one operation for as many as there are
        return vector_norm(y.unflatten(-1, (len(sizes), sizes[0])), dim=-1)
    return torch.stack([vector_norm(g, dim=-1) for g in y.split(sizes, dim=-1)], dim=-1)


def relative_rate(norms: Tensor, dy: Tensor, sizes: Sequence[int] | None) -> Tensor:
    """R (B,), R^2 = sum over groups of |dy_g|^2 / norms_g^2, in 1 / the unit of dy's variable."""
    return vector_norm(group_norms(dy, sizes) / norms, dim=-1)


def clocked(field: Field, clock: str, sizes: Sequence[int] | None = None) -> Callable:
    """The field of (y, t) in the clock's variable: (z (b, P + 1), index, anchor) -> (dz, see).

    See :func:`integrate` for field and sizes. anchor: (b, G), norms of the groups by which the
    relative rate is measured; at 0 and without an anchor it is by those at z. Raises ValueError for
    an unknown clock.
    """
    if clock not in CLOCKS:
        raise ValueError(f"clock: unknown '{clock}', choose from {', '.join(CLOCKS)}")

    def plain(z, index, anchor=None):
        dy, see = field(z[:, :-1], index)
        return torch.cat([dy, torch.ones_like(dy[:, :1])], -1), see

    def relative(z, index, anchor=None):
        y = z[:, :-1]
        dy, see = field(y, index)
        norms = group_norms(y, sizes)
        if anchor is not None:
            norms = torch.where(anchor > 0, anchor, norms)
        rate = relative_rate(norms, dy, sizes)[:, None]
        rate = rate.clamp_min(1e-200)  # at rest: t leaps to t_max
        return torch.cat([dy / rate, rate.reciprocal()], -1), see

    return plain if clock == "plain" else relative


def attempt_step(
    rhs: Field, z: Tensor, dz: Tensor, h: Tensor, index: Tensor
) -> tuple[Tensor, Tensor, Tensor, Seen]:
    """One Dormand-Prince step of lengths h (b,) from z (b, Q) with slope dz = rhs(z, index)[0].

    Returns (z1, stages (7, b, Q), error (b, Q), seen at z1); stages[6] is the slope at z1.
    """
    stages = z.new_empty((len(C), *z.shape))
    stages[0] = dz
    h = h[:, None]
    for i in range(1, len(C)):
        z1 = torch.addcmul(z, h, _combine(A[i], stages))
        see = None  # lets go of what the last stage could have shown
        stages[i], see = rhs(z1, index)
    return z1, stages, h * _combine(E, stages), see()


def _combine(weights, stages):
    row = _constant((weights,), stages.dtype, stages.device)
    return (row @ stages[: len(weights)].flatten(1)).view(stages.shape[1:])


@functools.cache
def _constant(values, dtype, device):
    return torch.tensor(values, dtype=dtype, device=device)


def interpolate(z: Tensor, h: Tensor, stages: Tensor, theta: Tensor) -> Tensor:
    """Dense output at the fractions theta (b,) of the steps h (b,) from z (b, Q): (b, Q)."""
    powers = theta[:, None] ** torch.arange(1, len(P[0]) + 1, dtype=z.dtype, device=z.device)
    weights = _constant(P, z.dtype, z.device) @ powers.T  # (7, b)
    return z + h[:, None] * torch.einsum("sb,sbq->bq", weights, stages)


@dataclass(frozen=True)
class _Call:
    """One call's arguments; see :func:`integrate`. rhs: the field in the clock's variable."""

    field: Field
    rhs: Callable
    event: Callable
    plateau: Tensor | None
    sizes: Sequence[int] | None
    clock: str
    rtol: float
    atol: float
    t_max: float
    max_steps: int

    def scale(self, z):
        """Allowed error (b, G) of the groups of the state (not of time) at z (b, P + 1)."""
        allowed = self.rtol * group_norms(z[:, :-1], self.sizes)
        if not self.atol:
            return allowed
        members = 1.0 if self.sizes is None else z.new_tensor(self.sizes).sqrt()
        return allowed + self.atol * members

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

    z: state and time (b, P + 1); dz: dz/ds there; h: next step in s; anchor: of s, see
    :func:`clocked`; rejected_in_a_row (b,).
    """

    index: Tensor
    z: Tensor
    dz: Tensor
    seen: Seen
    event: Tensor
    h: Tensor
    anchor: Tensor
    rejected_in_a_row: Tensor
    counts: Tensor

    def __len__(self):
        return len(self.index)

    def select(self, keep):
        """The same batch with only the trajectories of the mask (b,)."""
        if keep.all():
            return self
        keep = keep.nonzero()[:, 0]  # here, once; a mask is searched anew for every column
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        counts, seen = columns.pop("counts")[:, keep], _rows(columns.pop("seen"), keep)
        return _Batch(**_rows(columns, keep), seen=seen, counts=counts)

    @staticmethod
    def joined(batches):
        """One batch of several."""
        names = [f.name for f in fields(_Batch) if f.name not in ("seen", "counts")]
        columns = {name: torch.cat([getattr(b, name) for b in batches]) for name in names}
        seen = {name: torch.cat([b.seen[name] for b in batches]) for name in batches[0].seen}
        return _Batch(**columns, seen=seen, counts=torch.cat([b.counts for b in batches], 1))

    def enter_into(self, ledger, status, mask):
        """Enter the masked trajectories with this status."""
        if mask.any():
            b = self.select(mask)
            ledger.enter(status, b.index, b.z[:, :-1], b.z[:, -1], b.counts)


def integrate(
    field: Field,
    y0: Tensor,
    event: Event | None = None,
    *,
    sizes: Sequence[int] | None = None,
    clock: str = "plain",
    rtol: float = 1e-6,
    atol: float = 0.0,
    t_max: float = math.inf,
    max_steps: int = 10_000,
    plateau: Tensor | None = None,
    follow_above_plateau: bool = False,
    record: bool = False,
) -> Trajectories:
    """Follow B independent trajectories dy/dt = field(y) from t = 0 until each one's event.

    field: (y (b, P), index (b,)) -> (dy (b, P), per flow time; see), of those still under way:
        index names them, see() is what is known beside the slope, a dict of columns (b,) or (b, k);
        it is called at the end of a step, not at the five stages before.
    y0: (B, P), float64.
    event: (seen, index) -> (b,), positive before the event and zero at it, which is located on the
        dense output by root finding; None follows everybody to a limit.
    sizes: lengths of the consecutive groups of components (the layers), by default one each.
    clock: one of CLOCKS, the norms being the groups'; see the top of this module.
    rtol, atol: a group's error is held below atol, per component, plus rtol times its norm.
    t_max: flow time; max_steps: attempted steps; who meets either first has not escaped.
    plateau: (B,) values of seen["loss"], from which follow "no_plateau", above 1.1 times it at
        t = 0, and "diverged", above 100 times it.
    follow_above_plateau: whether to follow a network that starts above its plateau.
    record: keep what is seen at accepted steps.

    A step in which the event is NaN, or falls to -inf without passing zero, ends "unresolved".
    Returns :class:`Trajectories`. Raises ValueError for an unknown clock or a wrong shape or dtype.
    """
    if y0.ndim != 2 or y0.dtype != torch.float64:
        raise ValueError(f"y0: needs shape (B, P) in float64, not {tuple(y0.shape)} {y0.dtype}")
    if sizes is not None and sum(sizes) != y0.shape[1]:
        raise ValueError(f"sizes: the groups hold {sum(sizes)} components, y0 {y0.shape[1]}")
    rhs = clocked(field, clock, sizes)
    call = _Call(field, rhs, event or never, plateau, sizes, clock, rtol, atol, t_max, max_steps)
    ledger = _Ledger(y0, record)
    batch = _start(call, ledger, y0, follow_above_plateau)
    crossings = _Crossings(call, ledger)
    while len(batch):
        batch = _advance(call, ledger, crossings, batch)
    crossings.locate()
    return ledger.close()


def never(seen: Seen, index: Tensor) -> Tensor:
    """The event that is not met, (b,): what has it runs to its end."""
    return torch.ones(len(index), dtype=torch.float64, device=index.device)


def _start(call, ledger, y0, follow_above_plateau):
    index = torch.arange(len(y0), device=y0.device)
    z = torch.cat([y0, torch.zeros_like(y0[:, :1])], -1)
    dz, see = call.rhs(z, index)
    seen = see()
    event = call.event(seen, index)
    h = call.first_step(z, dz, index)
    anchor = torch.zeros_like(group_norms(y0, call.sizes))
    counts = torch.zeros(3, len(y0), dtype=torch.long, device=y0.device)
    counts[2] = 2
    batch = _Batch(index, z, dz, seen, event, h, anchor, torch.zeros_like(index), counts)
    ledger.record(index, z[:, -1], seen)
    met, above = _starts(seen, event, call.plateau)
    ledger.mark_no_plateau(index[met | above])
    ledger.crossing[met] = 0.0
    leaving = met if follow_above_plateau else met | above
    batch.enter_into(ledger, NO_PLATEAU, leaving)
    return batch.select(~leaving)


def _advance(call, ledger, crossings, batch):
    """One attempted step of everybody; who has finished is entered in the ledger and left out."""
    h = batch.h
    if call.clock == "plain":
        h = torch.minimum(h, call.t_max - batch.z[:, -1])
    rhs = call.rhs
    if call.clock == "arc_length":
        rhs = functools.partial(rhs, anchor=batch.anchor)
    z1, stages, error, seen = attempt_step(rhs, batch.z, batch.dz, h, batch.index)
    ratio = call.error_ratio(error, batch.z, z1)
    ok = ratio <= 1
    after = _after_step(call, batch, h, ratio, z1, stages[-1], seen)
    crossed = ok & (after.event <= 0)
    if crossed.any():
        crossings.add(batch.select(crossed), after.select(crossed), h[crossed], stages[:, crossed])
        ok, after = ok[~crossed], after.select(~crossed)
    ledger.record(after.index, after.z[:, -1], after.seen, ok)
    return _dismiss(call, ledger, after)


def _after_step(call, batch, h, ratio, z1, dz1, seen1):
    """The batch after an attempted step: moved where the error ratio is at most 1."""
    ok = ratio <= 1
    factor = (SAFETY * ratio ** (-1 / ORDER)).clamp_min(SMALLEST_FACTOR)
    largest = torch.where(batch.rejected_in_a_row > 0, 1.0, LARGEST_FACTOR)
    evaluations = torch.full_like(batch.index, len(C) - 1)
    after = replace(
        batch,
        z=torch.where(ok[:, None], z1, batch.z),
        dz=torch.where(ok[:, None], dz1, batch.dz),
        seen=_choose(ok, seen1, batch.seen),
        event=torch.where(ok, call.event(seen1, batch.index), batch.event),
        h=h * torch.minimum(factor, largest),
        rejected_in_a_row=torch.where(ok, 0, batch.rejected_in_a_row + 1),
        counts=batch.counts + torch.stack([ok.long(), (~ok).long(), evaluations]),
    )
    return _anchored(call, after, ok) if call.clock == "arc_length" else after


def _anchored(call, batch, moved):
    """The batch with the next step's variable, for those who moved (b,): see :func:`clocked`.

    In it the slope dz, which has some other length in the last step's, has relative length 1.
    """
    norms = group_norms(batch.z[:, :-1], call.sizes)
    unit = relative_rate(norms, batch.dz[:, :-1], call.sizes)
    unit = torch.where(moved & (unit > 0), unit, 1.0)
    dz = batch.dz / unit[:, None]
    late = batch.z[:, -1] > LATE * dz[:, -1]
    anchor = torch.where(late[:, None], norms, 0.0)
    anchor = torch.where(moved[:, None], anchor, batch.anchor)
    return replace(batch, dz=dz, h=batch.h * unit, anchor=anchor)


def _dismiss(call, ledger, batch):
    """Enter those that diverged or reached a limit; return the others."""
    diverged = _has_diverged(batch.seen, batch.event, call.plateau, batch.index)
    diverged |= batch.rejected_in_a_row > MAX_REJECTIONS
    at_limit = (batch.z[:, -1] >= call.t_max) | (batch.counts[:2].sum(0) >= call.max_steps)
    if not (diverged | at_limit).any():
        return batch
    batch.enter_into(ledger, DIVERGED, diverged)
    batch.enter_into(ledger, NOT_ESCAPED, at_limit & ~diverged)
    return batch.select(~(diverged | at_limit))


class _Crossings:
    """Steps in which the event was met; it is located in all of them at once, at the end.

    A root takes half a dozen evaluations of the field, one after the other, and trajectories cross
    in different steps. Steps are kept up to MOST_KEPT numbers.
    """

    def __init__(self, call, ledger):
        self.call, self.ledger, self.kept = call, ledger, []

    def add(self, before, after, h, stages):
        """Steps of lengths h (b,) from before to after."""
        self.kept.append((before, after, h, stages))
        if sum(step[-1].numel() for step in self.kept) > MOST_KEPT:
            self.locate()

    def locate(self):
        """Locate the event in the kept steps and enter their trajectories."""
        if not self.kept:
            return
        before, after, h, stages = zip(*self.kept, strict=True)
        self.kept = []
        before, after = _Batch.joined(before), _Batch.joined(after)
        z, seen, resolved, evaluations = _root(
            self.call, before, after, torch.cat(h), torch.cat(stages, 1)
        )
        counts = after.counts.clone()
        counts[2] += evaluations
        met = replace(after, z=z, seen=seen, counts=counts)
        in_time = z[:, -1] <= self.call.t_max
        escaped = in_time & resolved
        self.ledger.record(met.index, z[:, -1], seen, escaped)
        met.enter_into(self.ledger, ESCAPED, escaped)
        met.enter_into(self.ledger, UNRESOLVED, in_time & ~resolved)
        met.enter_into(self.ledger, NOT_ESCAPED, ~in_time)


def _root(call, before, after, h, stages):
    """The zero of the event on the dense output, by the Anderson-Bjorck method, for all at once.

    Returns (z, seen there, whether it is a zero, evaluations of the field (b,)). Stops when the
    event's time moves by less than a hundredth of rtol. The next point is the bracket's middle
    after one that halved neither the bracket nor the event, and where an end of it is infinite. No
    zero is what does not settle, has a NaN within the step, or an infinite event on one side to the
    last.
    """
    low, high = torch.zeros_like(h), torch.ones_like(h)
    g_low, g_high = before.event, after.event
    g = torch.minimum(g_low.abs(), g_high.abs())
    z, seen, theta, duration = after.z, after.seen, high, after.z[:, -1] - before.z[:, -1]
    evaluations = torch.zeros_like(before.index)
    stuck = has_nan = torch.zeros_like(h, dtype=torch.bool)
    sought = ~stuck
    while sought.any() and evaluations.max() < MAX_ROOT_STEPS:
        secant = (low * g_high - high * g_low) / (g_high - g_low)
        point = torch.where(stuck | ~torch.isfinite(secant), (low + high) / 2, secant)
        theta = torch.where(sought, point, theta)
        t_last, g_last, width = z[:, -1], g.abs(), high - low
        z, seen, g = _sought(call, before, h, stages, theta, sought, (z, seen, g))
        evaluations = evaluations + sought
        # the end that stays gets a smaller value, else it would never move
        right, left = sought & (g <= 0), sought & ~(g <= 0)
        shrink = 1 - g / torch.where(g <= 0, g_high, g_low)
        shrink = torch.where(shrink > 0, shrink, 0.5)
        low, high = torch.where(left, theta, low), torch.where(right, theta, high)
        g_low = torch.where(left, g, torch.where(right, shrink * g_low, g_low))
        g_high = torch.where(right, g, torch.where(left, shrink * g_high, g_high))
        stuck = (high - low > width / 2) & ~(g.abs() <= g_last / 2)
        allowed = 0.01 * call.rtol * z[:, -1]
        stays = ((z[:, -1] - t_last).abs() <= allowed) & ~stuck
        settled = stays | ((high - low) * duration <= allowed)
        has_nan = has_nan | g.isnan()
        sought = sought & ~(settled | has_nan)
    finite = torch.isfinite(g_low) & torch.isfinite(g_high)
    return z, seen, ~sought & finite & ~has_nan, evaluations


def _sought(call, before, h, stages, theta, sought, known):
    """(z, seen, event) on the dense output at theta (b,), for the others as ``known``."""
    if sought.all():
        z = interpolate(before.z, h, stages, theta)
        seen = call.field(z[:, :-1], before.index)[1]()
        return z, seen, call.event(seen, before.index)
    some = before.select(sought)
    new = _sought(call, some, h[sought], stages[:, sought], theta[sought], sought[sought], None)

    def placed(old, values):
        mask = sought if old.ndim == 1 else sought[:, None]
        return old.masked_scatter(mask, values)

    z, seen, g = known
    seen = {name: placed(column, new[1][name]) for name, column in seen.items()}
    return placed(z, new[0]), seen, placed(g, new[2])


def geometric_schedule(spacing: float) -> Callable[[int], int]:
    """Look after every step at first, later whenever the count has grown by ``spacing``."""
    return lambda step: step + max(1, int(spacing * step))


def descend(
    update: Callable[..., Seen | None],
    draw: Callable[[], Tensor | None],
    weights: Tensor,
    *,
    rate: float,
    max_steps: int,
    event: Event | None = None,
    evaluate: Callable[[Tensor, Tensor], Seen] | None = None,
    next_look: Callable[[int], int] = lambda step: step + 1,
    levels: Sequence[float] | None = None,
    memory: Sequence[Tensor] = (),
    plateau: Tensor | None = None,
    follow_above_plateau: bool = False,
    record: bool = False,
) -> Trajectories:
    """(Stochastic) gradient descent of B independent networks until each one's event.

    update: (weights (b, P), x, *memory) -> seen or None: one step, in place; what is seen, columns
        (b,) or (b, k), is the minibatch's own, before the step (:func:`optimizers.updating`).
    draw: () -> x, a step's inputs, the same for everybody.
    weights: (B, P), any dtype, not changed; memory: tensors (B, ...) of the optimizer, not changed.
    rate: flow time of a step; max_steps: who has not met the event by then has not escaped.
    next_look: step -> the step at which to look next (on a GPU, a look makes it wait).

    There are two kinds of event. Of ``event`` and ``evaluate``, (weights, index) -> seen, the event
    is evaluated at every look, and its time interpolated linearly between the two looks around it
    (:func:`loss_event` makes that log-linear in the loss). ``levels`` (m,) are losses: the event is
    the first minibatch whose own seen["loss"] is below the smallest of them, and its time rate x
    (steps made before that minibatch was seen); the first such time of every level is in t_levels.
    No further forward pass is made for it, and looks only say when to stop: a network may have
    moved on by the steps up to the next one. ``evaluate`` is then asked at the start alone, for the
    plateau.

    Who has finished leaves the batch, with its memory; statuses, plateau, follow_above_plateau and
    record are those of :func:`integrate`. On CUDA an update is captured once and replayed.

    Returns :class:`Trajectories` (one gradient evaluation per step). Raises ValueError unless there
    is exactly one kind of event.
    """
    if (event is None) == (levels is None) or (event is not None and evaluate is None):
        raise ValueError("event: give levels, or an event together with evaluate")
    ledger, t_levels = _Ledger(weights, record), None
    batch = _start_descent(ledger, weights, memory, event, evaluate, plateau, follow_above_plateau)
    if levels is not None:
        levels = torch.tensor(levels, dtype=torch.float64, device=weights.device)
        t_levels = levels.new_full((len(weights), len(levels)), math.nan)
    step, take_step = 0, None
    while len(batch):
        until, per_step = min(next_look(step), max_steps), []
        for _ in range(until - step):
            x = draw()
            take_step = take_step or captured(update, batch.weights, x, *batch.memory)
            seen = take_step(x)
            if levels is not None:
                per_step.append(seen)
        if levels is None:
            met, t, seen = _look_at_event(ledger, batch, event, evaluate, step, until, rate)
        else:
            met, t, seen = _look_at_levels(ledger, batch, per_step, levels, t_levels, step, rate)
        step = until
        done = _dismiss_descent(ledger, batch, met, t, seen, plateau, step, rate)
        if step >= max_steps:
            batch.enter_into(ledger, NOT_ESCAPED, ~done, step, torch.full_like(t, rate * step))
            break
        if done.any():
            batch, take_step = batch.select(~done), None
    return ledger.close(t_levels)


@dataclass
class _Descending:
    """The networks still under way; value (b,): of the event at the last look."""

    index: Tensor
    weights: Tensor
    memory: tuple[Tensor, ...]
    value: Tensor

    def __len__(self):
        return len(self.index)

    def select(self, keep):
        """Copies of the networks of the mask (b,)."""
        memory = tuple(m[keep] for m in self.memory)
        return _Descending(self.index[keep], self.weights[keep], memory, self.value[keep])

    def enter_into(self, ledger, status, mask, step, t):
        """Enter the masked networks after ``step`` steps; t (b,): flow time."""
        if mask.any():
            counts = torch.tensor([[step], [0], [step]], device=self.index.device)
            ledger.enter(status, self.index[mask], self.weights[mask], t[mask], counts)


def _start_descent(ledger, weights, memory, event, evaluate, plateau, follow_above_plateau):
    """The batch of those to be followed, copied."""
    index = torch.arange(len(weights), device=weights.device)
    batch = _Descending(
        index, weights, tuple(memory), torch.full_like(index, 1, dtype=torch.float64)
    )
    if evaluate is None:
        return batch.select(index >= 0)
    seen = evaluate(weights, index)
    met, above = index < 0, _is_above(seen, plateau, index)
    if event is not None:
        batch.value = event(seen, index).double()
        met = batch.value <= 0
        ledger.record(index, torch.zeros_like(batch.value), seen)
    ledger.mark_no_plateau(index[met | above])
    ledger.crossing[met] = 0.0
    leaving = met if follow_above_plateau else met | above
    batch.enter_into(ledger, NO_PLATEAU, leaving, 0, torch.zeros_like(batch.value))
    return batch.select(~leaving)


def _look_at_event(ledger, batch, event, evaluate, step, until, rate):
    """(event met, when (b,), seen) after step ``until``, the last look having been at ``step``."""
    seen = evaluate(batch.weights, batch.index)
    before, batch.value = batch.value, event(seen, batch.index).double()
    t = rate * (step + (until - step) * before / (before - batch.value))
    met = (batch.value <= 0) & torch.isfinite(batch.value)
    ledger.record(batch.index, torch.where(met, t, rate * until), seen)
    return met, t, seen


def _look_at_levels(ledger, batch, per_step, levels, t_levels, step, rate):
    """The same for the smallest level, of what each step since ``step`` saw of its minibatch.

    Enters every level's first crossing in t_levels (B, m).
    """
    losses = torch.stack([seen["loss"] for seen in per_step]).double()
    below = losses[..., None] < levels
    t = torch.where(below.any(0), rate * (step + below.int().argmax(0)).double(), math.nan)
    first = t_levels[batch.index]
    first = torch.where(first.isnan(), t, first)
    t_levels[batch.index], batch.value = first, losses[-1]
    for k, seen in enumerate(per_step):
        ledger.record(batch.index, torch.full_like(losses[0], rate * (step + k)), seen)
    t_last = first[:, levels.argmin()]
    ledger.mark_no_plateau(batch.index[t_last == 0])
    return ~t_last.isnan(), t_last, per_step[-1]


def _dismiss_descent(ledger, batch, met, t, seen, plateau, step, rate):
    """Enter those that met their event, diverged, or have an event of -inf; mask (b,)."""
    now = torch.full_like(t, rate * step)
    unresolved = batch.value == -math.inf
    diverged = _has_diverged(seen, batch.value, plateau, batch.index) & ~met & ~unresolved
    batch.enter_into(ledger, ESCAPED, met, step, t)
    batch.enter_into(ledger, UNRESOLVED, unresolved, step, now)
    batch.enter_into(ledger, DIVERGED, diverged, step, now)
    return met | unresolved | diverged


def captured(
    update: Callable[..., Seen | None], weights: Tensor, x: Tensor | None, *memory: Tensor
) -> Callable[[Tensor | None], Seen | None]:
    """The function x -> update(weights, x, *memory), in place; on CUDA one graph, replayed.

    The graph keeps the memory of these tensors, and its own copy of x for later ones of its shape.
    """
    if not weights.is_cuda:
        return lambda x: update(weights, x, *memory)
    held, kept = None if x is None else x.clone(), [t.clone() for t in (weights, *memory)]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # a capture needs a warm-up off the main stream
        update(weights, held, *memory)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        seen = update(weights, held, *memory)
    for tensor, before in zip((weights, *memory), kept, strict=True):
        tensor.copy_(before)

    def replay(x):
        if held is not None:
            held.copy_(x)
        graph.replay()
        return seen and {name: column.clone() for name, column in seen.items()}

    return replay
