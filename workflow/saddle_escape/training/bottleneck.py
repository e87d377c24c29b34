"""Gradient flow of He-normal networks with a bottleneck (Theorem 11), and its command line.

One seed draws raw weights and a fixed set of inputs; the teacher is y = sigma(v.x) with v along the
first axis. For every epsilon the same raw weights are used with their first r layers multiplied by
epsilon (common random numbers), so that ratios between epsilons are free of the seeds' scatter.
"""

import math
import sys
from dataclasses import dataclass

import torch
from tqdm import tqdm

from ..theory import activations
from . import integrate, network

ROW = ("seed", "r", "epsilon", "t_escape", "status", "accepted_steps", "gradient_evaluations")
MINIBATCHES, HELD_OUT = 1 << 32, 2 << 32  # offsets of a seed's streams other than weights, inputs


@dataclass(frozen=True)
class Setup:
    """The network and its data: activation by name, standard parameterization (c = 1)."""

    activation: str
    depth: int
    width: int
    input_dim: int
    samples: int

    @property
    def act(self):
        return activations.get(self.activation)

    @property
    def shapes(self):
        return network.layer_shapes(self.depth, self.width, self.input_dim)

    @property
    def sizes(self):
        """Numbers of weights of the layers."""
        return tuple(rows * columns for rows, columns in self.shapes)


def draw(setup, seed):
    """One seed's (raw weights, list of (n_l, n_{l-1}); inputs (samples, d); targets (samples, 1)).

    Float64 on the CPU, whatever the device, so that every device sees the same draw.
    """
    generator = torch.Generator().manual_seed(seed)
    raw = network.he_normal(generator, setup.shapes)
    shape = (setup.samples, setup.input_dim)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return raw, x, teacher(setup, x)


def teacher(setup, x):
    """Targets y = sigma(x_1), shape (..., 1): the teacher looks along the first axis."""
    return setup.act.torch(x[..., :1])


def start(setup, raw, r, epsilons):
    """Flat starting weights (E, P): the first r layers multiplied by each epsilon."""
    scales = torch.tensor(epsilons, dtype=torch.float64)
    return network.flatten(network.scale_layers(raw, r, scales))


def gradient_field(setup, x, y, dtype=torch.float64, observe=None):
    """The field of :func:`integrate.integrate`: -dLoss/dW and aux = (loss, signal E[f y]).

    x: (n, d), y: (n, 1). dtype: of the forward and backward pass; the flow itself is float64.
    observe(weights, gradients) -> (b, m): appended to aux.
    """
    act, shapes = setup.act, setup.shapes
    x, y = x.to(dtype), y.to(dtype)

    def field(flat, index):
        weights = network.unflatten(flat.to(dtype), shapes)
        loss, f, gradients = network.loss_and_gradient(weights, x, y, act, 1.0)
        slope = network.flatten(gradients).neg_().to(flat.dtype)
        aux = torch.stack([loss, (f * y).mean((-2, -1))], -1)
        if observe is not None:
            aux = torch.cat([aux, observe(weights, gradients)], -1)
        return slope, aux.to(flat.dtype)

    return field


def escape(
    setup,
    seed,
    r,
    epsilons,
    fraction,
    *,
    device="cpu",
    dtype=torch.float64,
    observer=None,
    **options,
):
    """Flow one seed for all epsilons until the loss is ``fraction`` of its plateau 1/2 mean y^2.

    observer(setup, x, y) -> observe of :func:`gradient_field`. options go to
    :func:`integrate.integrate`; the clock is the relative-rate one unless given. Returns
    :class:`integrate.Trajectories`, one for each epsilon.
    """
    raw, x, y = draw(setup, seed)
    y0 = start(setup, raw, r, epsilons).to(device)
    plateau = (y.square().mean() / 2).expand(len(epsilons)).to(device)
    x, y = x.to(device), y.to(device)
    observe = observer(setup, x, y) if observer else None
    return integrate.integrate(
        gradient_field(setup, x, y, dtype, observe),
        y0,
        integrate.loss_event(plateau, fraction),
        sizes=setup.sizes,
        plateau=plateau,
        **{"clock": "relative_rate"} | options,
    )


def sgd_step(setup, rate):
    """update(weights (b, P), x (n, d)) for :func:`integrate.descend`: one step on one minibatch."""
    act, shapes = setup.act, setup.shapes

    def update(flat, x):
        weights = network.unflatten(flat, shapes)
        _, _, gradients = network.loss_and_gradient(weights, x, teacher(setup, x), act, 1.0)
        for w, gradient in zip(weights, gradients, strict=True):
            w.sub_(gradient, alpha=rate)

    return update


def held_out_loss(setup, x, y):
    """evaluate(weights (b, P), index) -> loss (b, 1) on fixed inputs."""
    act, shapes = setup.act, setup.shapes

    def evaluate(flat, index):
        f = network.forward(network.unflatten(flat, shapes), x, act, 1.0)
        return (f - y).square().mean((-2, -1))[:, None] / 2

    return evaluate


def descend(setup, seed, r, epsilons, fraction, sgd, device="cpu"):
    """The same by stochastic gradient descent on fresh minibatches, in float32: time = rate x step.

    sgd: mapping with rate, batch, held_out (inputs on which the loss is evaluated), spacing (of
    the evaluations, relative), max_steps. All epsilons of a seed see the same minibatches.
    Returns :class:`integrate.Trajectories`.
    """
    raw, *_ = draw(setup, seed)
    weights = start(setup, raw, r, epsilons).to(device, torch.float32)
    fixed = torch.Generator().manual_seed(HELD_OUT + seed)
    x = torch.randn(sgd["held_out"], setup.input_dim, generator=fixed).to(device)
    y = teacher(setup, x)
    plateau = (y.double().square().mean() / 2).expand(len(epsilons))
    stream = torch.Generator(device).manual_seed(MINIBATCHES + seed)
    shape = (sgd["batch"], setup.input_dim)
    return integrate.descend(
        sgd_step(setup, sgd["rate"]),
        lambda: torch.randn(shape, generator=stream, device=device),
        held_out_loss(setup, x, y),
        weights,
        integrate.loss_event(plateau, fraction),
        rate=sgd["rate"],
        max_steps=sgd["max_steps"],
        next_evaluation=integrate.geometric_schedule(sgd["spacing"]),
        plateau=plateau,
        follow_above_plateau=True,
    )


def rows(run, seed, r, epsilons):
    """A list of dicts, one for each trajectory, with the keys of ROW and t_crossing.

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


def progress(jobs, unit):
    """The jobs with a progress bar on standard error, where that is a terminal."""
    return tqdm(jobs, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


# --- command line ---------------------------------------------------------------------------------


def add_arguments(parser):
    """Arguments of ``python -m saddle_escape flow``."""
    parser.add_argument("--activation", default="tanh", help="built-in name or expression in z")
    parser.add_argument("--depth", type=int, default=8, help="number of layers L")
    parser.add_argument("--width", type=int, default=64, help="neurons per hidden layer N")
    parser.add_argument("--input-dim", type=int, default=16, help="input dimension d")
    parser.add_argument("--samples", type=int, default=512, help="inputs of each seed")
    parser.add_argument("--bottleneck", type=int, default=5, help="first r layers are at epsilon")
    parser.add_argument("--epsilon", default="0.1,0.01", help="bottleneck scales, comma-separated")
    parser.add_argument("--seeds", type=int, default=4, help="how many seeds, from 0")
    parser.add_argument(
        "--loss-fraction", type=float, default=0.1, help="escaped at this fraction of the plateau"
    )
    parser.add_argument("--rtol", type=float, default=1e-6, help="relative tolerance of the flow")
    parser.add_argument("--max-steps", type=int, default=10_000, help="limit of attempted steps")
    parser.add_argument("--clock", default="relative_rate", choices=integrate.CLOCKS)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))


def run(args):
    """Rows (dicts with the keys of ROW; t_escape None unless escaped), seed by seed.

    args: what :func:`add_arguments` parsed. Raises ValueError (one line, names the argument).
    """
    epsilons = _checked(args)
    setup = Setup(args.activation, args.depth, args.width, args.input_dim, args.samples)
    device = network.resolve_device(args.device)
    found = []
    jobs = [(seed, group) for seed in range(args.seeds) for group in groups(epsilons, device)]
    for seed, group in progress(jobs, "run"):
        done = escape(
            setup, seed, args.bottleneck, group, args.loss_fraction,
            device=device, clock=args.clock, rtol=args.rtol, max_steps=args.max_steps,
        )  # fmt: skip
        found += rows(done, seed, args.bottleneck, group)
    return [{k: _null_if_nan(row[k]) for k in ROW} for row in found]


def groups(epsilons, device):
    """Epsilons integrated together: all on a GPU, one by one on a CPU (nothing to gain)."""
    return [epsilons] if torch.device(device).type == "cuda" else [[e] for e in epsilons]


def _null_if_nan(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def _checked(args):
    """The list of epsilons; ValueError for an argument out of range."""
    activations.get(args.activation)
    try:
        epsilons = [float(part) for part in args.epsilon.split(",")]
    except ValueError:
        raise ValueError(f"--epsilon: '{args.epsilon}' is not a comma-separated list") from None
    limits = [
        ("--depth", args.depth, 2, 64),
        ("--width", args.width, 1, 16384),
        ("--input-dim", args.input_dim, 1, 16384),
        ("--samples", args.samples, 1, 10**7),
        ("--bottleneck", args.bottleneck, 1, args.depth),
        ("--seeds", args.seeds, 1, 10**6),
        ("--max-steps", args.max_steps, 1, 10**9),
    ]
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise ValueError(f"{name}: {value} is out of range, give {low} to {high}")
    for epsilon in epsilons:
        if not 0 < epsilon <= 10:
            raise ValueError(f"--epsilon: {epsilon:g} is out of range, give numbers in (0, 10]")
    if not 0 < args.loss_fraction < 1:
        raise ValueError(f"--loss-fraction: {args.loss_fraction:g} is not between 0 and 1")
    if not 1e-13 <= args.rtol <= 1e-2:
        raise ValueError(f"--rtol: {args.rtol:g} is out of range, give 1e-13 to 1e-2")
    return epsilons
