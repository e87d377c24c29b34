"""Forward pass and gradient beside the bare matrix products that they consist of."""

import collections
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from saddle_escape import config
from saddle_escape.training import bottleneck, integrate
from saddle_escape.training.optimizers import GradientDescent, updating

from .rows import COST, RATE, Row
from .timing import in_turns, threads


@dataclass(frozen=True)
class Size:
    """How much is measured. shrink: by what the default tier's widths and samples are divided."""

    repeats: int = 45
    shrink: int = 1
    gpu_steps: int = 200


DEFAULT, TINY = Size(), Size(repeats=1, shrink=16, gpu_steps=3)


def rows(size: Size = DEFAULT) -> Iterator[Row]:
    """Every row of this module."""
    for count in dict.fromkeys((1, os.cpu_count())):
        with threads(count):
            words = "one thread" if count == 1 else f"{count} threads"
            for case in cases(size):
                yield throughput(size, *case, words)
    yield on_gpu(size)


def cases(size):
    """(name, setup, dtype, networks, whether a step of SGD), as the default tier has them.

    The networks of a seed, one for each initial scale, are a batch, unless they are large.
    """
    section = config.load_tiers("config")[1]["default"]["offmanifold"]
    flow, sgd, small = section["flow"], section["sgd"], section["asymptotics"]
    activation, depth = section["activation"], section["depth"]

    def setup(width, dim, samples):
        scaled = (width // size.shrink, dim, samples // size.shrink)
        return bottleneck.Setup(activation, depth, *scaled)

    of_figure = section["width"], section["input_dim"]
    of_small = setup(small["width"], small["input_dim"], small["samples"])
    most = max(collections.Counter(point["r"] for point in section["points"]).values())

    def flows(name, setup, dtype, epsilons):
        together = len(bottleneck.groups(setup, range(epsilons), "cpu")[0])
        return name, setup, dtype, together, False

    dtype = getattr(torch, flow["dtype"])
    yield flows("flow of figure 4", setup(*of_figure, flow["samples"]), dtype, most)
    yield flows("flow of the asymptotics", of_small, torch.float64, small["epsilon"]["count"])
    yield "SGD step of figure 4", setup(*of_figure, sgd["batch"]), torch.float32, most, True


def products(shapes, samples, dtype, networks):
    """The pairs of matrices that forward pass and gradient multiply, (b, m, k) and (b, k, n)."""
    pairs = []
    for layer, (rows, columns) in enumerate(shapes):
        a, w, delta = (
            torch.randn(networks, *shape, dtype=dtype)
            for shape in ((samples, columns), (rows, columns), (samples, rows))
        )
        pairs += [(a, w.mT), (delta.mT, a)] + ([(delta, w)] if layer else [])
    return pairs


def throughput(size, name, setup, dtype, networks, is_step, words):
    """FLOP/s of the matrix products in our gradient, and of torch.bmm alone."""
    raw, x, _ = bottleneck.draw(setup, 0)
    weights = bottleneck.start(setup, raw, setup.depth, [0.3] * networks).to(dtype)
    problem = setup.problem(x.to(dtype))
    step = updating(problem, GradientDescent(0.01))
    field = problem.field()
    pairs = products(setup.shapes, setup.samples, dtype, networks)
    work = sum(2 * a.numel() * b.shape[-1] for a, b in pairs)
    times = in_turns(
        functools.partial(step, weights, None) if is_step else lambda: field(weights, None),
        lambda: [torch.bmm(a, b) for a, b in pairs],
        repeats=size.repeats,
    )
    ours, theirs = ([work / t / 1e9 for t in measured] for measured in times)
    count = "one network" if networks == 1 else f"{networks} networks"
    shape = f"{count}, N = {setup.width}, {setup.samples} inputs"
    how = f"{str(dtype).removeprefix('torch.')}, {words}"
    what = f"forward and gradient, {name}, {shape}, {how}, GFLOP/s"
    return Row(what, "torch.bmm on the same shapes", "ratio >= 0.75", ours, theirs, RATE)


def on_gpu(size):
    """An ensemble's SGD on CUDA: the captured step, replayed, beside the same step run eagerly."""
    setup = bottleneck.Setup("tanh", 8, 128 // size.shrink, 16, 512)
    work, peer = "SGD ensemble of 5 on CUDA, per step, s", "eager loop on the same GPU"
    if not torch.cuda.is_available():
        return Row(work, peer, "ratio >= 5", skipped="no GPU here")
    raw, x, _ = bottleneck.draw(setup, 0)
    weights = bottleneck.start(setup, raw, 8, [0.3] * 5).to("cuda", torch.float32)
    x = x.to("cuda", torch.float32)
    eager = updating(setup.problem, GradientDescent(0.01))
    replayed = integrate.captured(eager, weights, x)

    def loop(step):
        for _ in range(size.gpu_steps):
            step()
        torch.cuda.synchronize()

    times = in_turns(
        lambda: loop(lambda: replayed(x)),
        lambda: loop(lambda: eager(weights, x)),
        repeats=size.repeats,
    )
    ours, theirs = ([t / size.gpu_steps for t in measured] for measured in times)
    return Row(work, peer, "ratio >= 5", ours, theirs, COST)
