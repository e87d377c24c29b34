"""Escape under weight decay: times up to its critical value, and what becomes of those beyond it.

With W = exp(-lambda t) V the limit flow runs in the time (1 - exp(-lambda m t)) / (lambda m), which
ends at 1 / (lambda m); m = r - 2 if the small layers decay, L - 2 if all do. A network whose
blow-up comes later never escapes (:func:`saddle_escape.theory.limit_flow.critical_decay`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ..theory import limit_flow as limit
from ..training import bottleneck, integrate, limit_flow, network

COLUMNS = (
    "case",
    "kind",
    "decayed",
    "L",
    "r",
    "epsilon",
    "seed",
    "decay_ratio",
    "decay",
    "t_free",
    "t_predicted",
    "t_escape",
    "status",
    "t",
    "size",
    "size_predicted",
    "loss",
    "gradient_evaluations",
)
TIME, STEP = "time", "step"  # kinds of rows


@dataclass(frozen=True)
class Case:
    """decayed: the layers that decay, small or all.

    followed: decay ratios whose steps, at the first epsilon, are kept.
    """

    decayed: str
    depth: int
    r: int
    epsilon: tuple[float, ...]
    followed: tuple[float, ...]


@dataclass(frozen=True)
class Study:
    """decay_ratio: weight decay over its critical value; loss_fraction: of the plateau.

    wait: the weights' decay time 1/lambda, so many times, is the end of a network without escape.
    """

    activation: str
    width: int
    input_dim: int
    samples: int
    seeds: int
    loss_fraction: float
    rtol: float
    wait: float
    steps: int
    decay_ratio: tuple[float, ...]
    cases: dict[str, Case]


def case_table(settings: Study, name: str, device="cpu") -> pd.DataFrame:
    """The rows of one case, with the columns COLUMNS.

    One row of kind "time" for each epsilon, seed and decay ratio: t_free, predicted without decay,
    t_predicted, missing where there is no escape, and t_escape, all in flow time. Of seed 0, the
    first epsilon and the ratios ``followed`` one row of kind "step" for each of some steps: size,
    the norm of the small layers over its start, and as the limit flow has it (NaN next to its
    blow-up); loss over the plateau.
    """
    case, rows = settings.cases[name], []
    setup = bottleneck.Setup(
        settings.activation, case.depth, settings.width, settings.input_dim, settings.samples
    )
    for seed in bottleneck.progress(range(settings.seeds), "seed"):
        problem, raw = _problem(setup, seed)
        scales = list(case.epsilon)
        for free in limit_flow.predictions(problem, raw, case.r, scales, decayed=case.decayed):
            for ratio in settings.decay_ratio:
                run = decay_run(settings, case, setup, seed, free, ratio, device)
                rows += _rows(settings, case, problem, raw, seed, free, ratio, run)
    table = pd.DataFrame([{"case": name, **row} for row in rows], columns=COLUMNS)
    table.attrs["gradient_evaluations"] = int(table["gradient_evaluations"].sum())
    return table


def _problem(setup, seed):
    raw, x, _ = bottleneck.draw(setup, seed)
    return setup.problem(x), raw


def decay_run(
    settings: Study, case: Case, setup, seed: int, free: dict, ratio: float, device="cpu"
) -> integrate.Trajectories:
    """One full network by gradient flow, at a decay of this many critical ones."""
    decay = ratio * free["critical_decay"]
    layers = case.r if case.decayed == "small" else case.depth
    return bottleneck.escape(
        setup,
        seed,
        case.r,
        [free["epsilon"]],
        settings.loss_fraction,
        device=device,
        weight_decay=[decay * (layer < layers) for layer in range(case.depth)],
        observer=lambda problem: (
            lambda weights, f, gradients: {"size": network.flatten(weights[: case.r]).norm(dim=-1)}
        ),
        rtol=settings.rtol,
        t_max=settings.wait / decay if decay else float("inf"),
        clock="relative_rate",
        record=True,
    )


def _rows(settings, case, problem, raw, seed, free, ratio, run):
    """The time's row, and the steps' if this network is followed."""
    epsilon, decay = free["epsilon"], ratio * free["critical_decay"]
    t = limit.escape_time(free["t_star"], case.r, epsilon, decay, case.decayed, case.depth)
    shared = {
        "decayed": case.decayed,
        "L": case.depth,
        "r": case.r,
        "epsilon": epsilon,
        "seed": seed,
        "decay_ratio": ratio,
        "decay": decay,
        "t_free": free["t_predicted"],
        "t_predicted": t if math.isfinite(t) else math.nan,
        "status": run.status[0],
    }
    shared["t_escape"] = run.t_escape.item()
    outcome = {"kind": TIME, "gradient_evaluations": int(run.gradient_evaluations)}
    followed = seed == 0 and epsilon == case.epsilon[0] and ratio in case.followed
    steps = _steps(settings, case, problem, raw, shared, run) if followed else []
    return [
        shared | outcome,
        *(shared | {"kind": STEP, "gradient_evaluations": 0} | step for step in steps),
    ]


def _steps(settings, case, problem, raw, shared, run):
    """Dicts of t, size, size_predicted and loss at some ``steps`` of those that were taken."""
    path = run.path(0)
    kept = np.unique(np.linspace(0, len(path["t"]) - 1, settings.steps).round().astype(int))
    t, size = path["t"][kept].cpu().numpy(), path["size"][kept].cpu().numpy()
    loss = path["loss"][kept].cpu().numpy() / float(problem.plateau)
    m = (case.r if case.decayed == "small" else case.depth) - 2
    predicted = limit_sizes(problem, raw, case.r, shared["epsilon"], shared["decay"], m, t)
    columns = (t, size / size[0], predicted, loss)
    names = ("t", "size", "size_predicted", "loss")
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]


def limit_sizes(problem, raw, r: int, epsilon: float, decay: float, m: int, t) -> np.ndarray:
    """|W| / |W(0)| of the small layers at times t (n,), by the limit flow, decay and all.

    exp(-lambda t) |V(s)| / |V(0)| at s = epsilon^(r-2) (1 - exp(-lambda m t)) / (lambda m); NaN
    where V has grown further than :func:`limit_path` follows it. Interpolated in log(T* - s), in
    which the blow-up is a straight line.
    """
    clock = epsilon ** (r - 2) * (-np.expm1(-decay * m * t) / (decay * m) if decay else t)
    t_star, s, growth = limit_path(problem, raw, r)
    left = np.maximum(1 - clock / t_star, 1e-300)
    at = np.interp(-np.log(left), -np.log1p(-s / t_star), np.log(growth), right=np.nan)
    return np.exp(at - decay * t)


def limit_path(problem, raw, r: int, growth: float = 100, rtol: float = 1e-8):
    """The limit flow's (T*, s (n,), |V(s)| / |V(0)| (n,)), until its norm has grown so much."""
    flow = limit_flow.limit_flow(problem, raw, r)
    start = network.flatten(raw[:r])[None]
    shapes = problem.shapes[:r]

    def field(flat, index):
        _, gradient = flow.signal_and_gradient(network.unflatten(flat, shapes))
        return network.flatten(gradient), lambda: {"size": flat.norm(dim=-1) / start.norm()}

    run = integrate.integrate(
        field,
        start,
        lambda seen, index: torch.log(growth / seen["size"]),
        sizes=(start.shape[-1],),
        clock="relative_rate",
        rtol=rtol,
        record=True,
    )
    path, t_star = run.path(0), limit_flow.blow_up_time(flow, raw[:r]).t_star.item()
    return t_star, path["t"].numpy(), path["size"].numpy()
