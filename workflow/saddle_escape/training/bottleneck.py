"""He-normal networks with a bottleneck (Theorem 11), under gradient flow and under descent.

One seed draws raw weights and a fixed set of inputs; the teacher looks along the first axis, by
default y = sigma(x_1). For every epsilon the same raw weights are used with their first r layers
multiplied by epsilon (common random numbers), so that ratios between epsilons are free of the
seeds' scatter.
"""

import functools
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from ..status import ESCAPED, NO_PLATEAU
from ..theory import activations
from ..theory.teachers import teacher
from . import integrate, network, runs
from .optimizers import GradientDescent, Optimizer, updating
from .problem import Problem, single_mode

ROW = ("seed", "r", "epsilon", "t_escape", "status", "accepted_steps", "gradient_evaluations")
MINIBATCHES, HELD_OUT = 1 << 32, 2 << 32  # offsets of a seed's streams other than weights, inputs
LOOK_EVERY = 64  # steps between looks at the minibatches' losses on a GPU, which must not wait
TOGETHER = 1 << 20  # pre-activations of networks that a CPU follows together: what its caches hold


@dataclass(frozen=True)
class Setup:
    """The network and its data: activation by name, standard parameterization (c = 1).

    teacher: y is this function of x_1, a name of :mod:`~saddle_escape.theory.teachers`: "own" for
    the network's activation, "centred" for the same less its mean, or another's, such as "linear".
    """

    activation: str
    depth: int
    width: int
    input_dim: int
    samples: int
    teacher: str = "own"

    @property
    def act(self) -> activations.Activation:
        return activations.get(self.activation)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return network.layer_shapes(self.depth, self.width, self.input_dim)

    @functools.cached_property
    def target(self) -> Callable[[Tensor], Tensor]:
        """The teacher as a function of x_1."""
        target = teacher(self.teacher, self.act)
        if isinstance(target, activations.Activation):
            return target.torch
        shift = float(self.act(0.0) - target(0.0))
        return lambda z: self.act.torch(z) - shift

    def problem(self, x: Tensor) -> Problem:
        """The network on inputs x (n, d)."""
        return single_mode(
            self.act, self.depth, self.width, x,
            parameterization="standard", teacher=self.target,
        )  # fmt: skip


def draw(setup: Setup, seed: int) -> tuple[list[Tensor], Tensor, Tensor]:
    """One seed's (raw weights, list of (n_l, n_{l-1}); inputs (samples, d); targets (samples, 1)).

    Float64 on the CPU, whatever the device, so that every device sees the same draw.
    """
    generator = torch.Generator().manual_seed(seed)
    raw = network.he_normal(generator, setup.shapes)
    shape = (setup.samples, setup.input_dim)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return raw, x, setup.target(x[:, :1])


def start(setup: Setup, raw: Sequence[Tensor], r: int, epsilons: Sequence[float]) -> Tensor:
    """Flat starting weights (E, P): the first r layers multiplied by each epsilon."""
    scales = torch.tensor(epsilons, dtype=torch.float64)
    return network.flatten(network.scale_layers(raw, r, scales))


def escape(
    setup: Setup,
    seed: int,
    r: int,
    epsilons: Sequence[float],
    fraction: float | None = None,
    *,
    threshold: float | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float64,
    observer: Callable[[Problem], Callable] | None = None,
    weight_decay: Sequence[float] | None = None,
    **options,
) -> integrate.Trajectories:
    """Flow one seed for all epsilons to the loss ``threshold``, or ``fraction`` of the plateau.

    The plateau is the loss of the zero output. dtype: of forward and backward pass. observer: makes
    of the problem the observe of :meth:`Problem.field`. weight_decay: per layer. options go to
    :func:`integrate.integrate`; the clock is "arc_length" unless given. Returns one
    trajectory for each epsilon. Raises ValueError unless fraction or threshold is given, not both.
    """
    raw, x, _ = draw(setup, seed)
    problem = setup.problem(x).to(device)
    return runs.flow(
        problem,
        start(setup, raw, r, epsilons).to(device),
        _fraction(problem, fraction, threshold),
        observe=observer and observer(problem),
        dtype=dtype,
        weight_decay=weight_decay,
        **options,
    )


def _fraction(problem, fraction, threshold):
    if (fraction is None) == (threshold is None):
        raise ValueError("escape: give a fraction of the plateau or a threshold of the loss")
    return fraction if threshold is None else threshold / float(problem.plateau)


def descend(
    setup: Setup,
    seed: int,
    r: int,
    epsilons: Sequence[float],
    sgd: Mapping,
    *,
    thresholds: Sequence[float] | None = None,
    fraction: float | None = None,
    optimizer: Optimizer | None = None,
    weight_decay: Sequence[float] | None = None,
    device: str | torch.device = "cpu",
) -> integrate.Trajectories:
    """The same by descent on fresh minibatches, in float32: time = rate x step.

    thresholds: the escape is the first step whose own minibatch loss is below the smallest of these
    losses, and t_levels has the first crossing of each (figure 4). fraction: the loss on held-out
    inputs is that part of its plateau, looked at on a geometric schedule.
    sgd: rate, batch, max_steps, held_out (inputs that tell the plateau from the start, and the loss
    where fraction is given) and, with fraction, spacing (of the looks, relative).
    optimizer: gradient descent of that rate, or another from :mod:`optimizers`. All epsilons of a
    seed see the same minibatches, whose stream is its own. Raises ValueError unless there is
    exactly one of thresholds and fraction.
    """
    raw, *_ = draw(setup, seed)
    weights = start(setup, raw, r, epsilons).to(device, torch.float32)
    optimizer = optimizer or GradientDescent(sgd["rate"])
    fixed = torch.Generator().manual_seed(HELD_OUT + seed)
    x = torch.randn(sgd["held_out"], setup.input_dim, generator=fixed)
    held_out = setup.problem(x).to(device)
    plateau = held_out.to(torch.float64).plateau.expand(len(epsilons))
    stream = torch.Generator(device).manual_seed(MINIBATCHES + seed)
    shape = (sgd["batch"], setup.input_dim)
    return integrate.descend(
        updating(setup.problem, optimizer, weight_decay),
        lambda: torch.randn(shape, generator=stream, device=device),
        weights,
        rate=optimizer.rate,
        max_steps=sgd["max_steps"],
        evaluate=lambda flat, index: {"loss": held_out.mean_loss(flat)},
        event=None if fraction is None else integrate.loss_event(plateau, fraction),
        levels=thresholds,
        next_look=_next_look(sgd, fraction, device),
        memory=optimizer.memory(weights),
        plateau=plateau,
        follow_above_plateau=True,
    )


def _next_look(sgd, fraction, device):
    if fraction is not None:
        return integrate.geometric_schedule(sgd["spacing"])
    every = 1 if torch.device(device).type == "cpu" else LOOK_EVERY
    return lambda step: step + every


def rows(run: integrate.Trajectories, seed: int, r: int, epsilons: Sequence[float]) -> list[dict]:
    """A dict for each trajectory, with the keys of ROW and t_crossing.

    Times in flow time; NaN where there is none.
    """
    columns = zip(
        epsilons,
        run.t_escape.tolist(),
        run.t_crossing.tolist(),
        run.status,
        run.accepted_steps.tolist(),
        run.gradient_evaluations.tolist(),
        strict=True,
    )
    names = ("epsilon", "t_escape", "t_crossing", "status", *ROW[-2:])
    return [{"seed": seed, "r": r, **dict(zip(names, row, strict=True))} for row in columns]


def threshold_rows(
    run: integrate.Trajectories,
    seed: int,
    r: int,
    epsilons: Sequence[float],
    thresholds: Sequence[float],
) -> list[dict]:
    """The rows of a descent with thresholds: one for each trajectory and threshold.

    With the key threshold; a run's steps and gradient evaluations stand at its smallest one and are
    0 at the others, so that a column's sum is what was spent. A threshold met at t = 0 has no
    plateau.
    """
    smallest, table = min(thresholds), []
    for k, row in enumerate(rows(run, seed, r, epsilons)):
        for threshold, t in zip(thresholds, run.t_levels[k].tolist(), strict=True):
            status = _level_status(row["status"], t)
            times = {"t_escape": t if status == ESCAPED else math.nan, "t_crossing": t}
            counts = {} if threshold == smallest else dict.fromkeys(ROW[-2:], 0)
            table.append(row | {"threshold": threshold, "status": status} | times | counts)
    return table


def _level_status(status, t):
    """The status of one threshold, whose first crossing is t or NaN, in a run of this status."""
    if t == 0:
        return NO_PLATEAU
    return ESCAPED if t > 0 and status != NO_PLATEAU else status


def progress(jobs: Iterable, unit: str) -> tqdm:
    """The jobs with a progress bar on standard error, where that is a terminal."""
    return tqdm(jobs, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


def groups(
    setup: Setup, epsilons: Sequence[float], device: str | torch.device
) -> list[Sequence[float]]:
    """Epsilons whose networks flow together: all on a GPU, on a CPU as many as TOGETHER allows.

    Small networks take up to a quarter less time so, large ones more memory and no less time.
    """
    numbers = setup.depth * setup.width * setup.samples
    on_gpu = torch.device(device).type == "cuda"
    count = len(epsilons) if on_gpu else max(1, TOGETHER // numbers)
    return [epsilons[k : k + count] for k in range(0, len(epsilons), count)]
