"""Escape times of all kinds of networks against the limit flow's, with nothing fitted.

Each network is He-normal with its first r layers scaled by epsilon; its prediction is a function of
these weights and of the data (:func:`saddle_escape.training.limit_flow.predictions`). What varies:
activation, r, depth, width, loss, data, weight decay and the kind of descent.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch

from ..theory import activations, exponents
from ..theory import limit_flow as limit
from ..theory.classes import classify
from ..training import bottleneck, limit_flow, network, runs
from ..training.digits import leading_coordinate, standardized_digits, two_digits
from ..training.losses import SQUARED, Huber, Logistic
from ..training.optimizers import GradientDescent, HeavyBall
from ..training.problem import Problem

COLUMNS = (
    "case",
    "activation",
    "cls",
    "data",
    "target",
    "loss",
    "training",
    "decayed",
    "decay_ratio",
    "L",
    "width",
    "r",
    "order",
    "error_size",
    "epsilon",
    "seed",
    "t_star",
    "t_predicted",
    "t_escape",
    "status",
    "rtol",
    "accepted_steps",
    "gradient_evaluations",
)


@dataclass(frozen=True)
class Network:
    """Depth L, hidden width, number r of layers that are scaled, and the scales."""

    depth: int
    width: int
    r: int
    epsilon: tuple[float, ...]


@dataclass(frozen=True)
class Case:
    """What networks have in common.

    data: "gaussian" or "digits"; target: "teacher", the activation along one direction, or
    "classes"; loss: squared, logistic or huber; training: flow, momentum or minibatch;
    decay_ratio: weight decay over its critical value, of the layers ``decayed``, small or all.
    """

    activation: str
    data: str
    target: str
    loss: str
    training: str
    decayed: str
    decay_ratio: float
    networks: tuple[Network, ...]


@dataclass(frozen=True)
class Descent:
    """Descent with fixed steps: looks are ``spacing`` apart, relative to the time."""

    rate: float
    momentum: float
    batch: int
    spacing: float
    max_steps: int


@dataclass(frozen=True)
class Study:
    """loss_fraction: of the plateau, at the escape; digits: the two that are told apart."""

    input_dim: int
    samples: int
    seeds: int
    loss_fraction: float
    rtol: float
    huber_delta: float
    digits: tuple[int, ...]
    descent: Descent
    cases: dict[str, Case]


# --- data -----------------------------------------------------------------------------------------


def dataset(settings: Study, case: Case, generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (n, d) and what the target looks at (n, 1): a coordinate, or labels +1 and -1."""
    if case.data == "gaussian":
        shape = (settings.samples, settings.input_dim)
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        return x, x[:, :1].sign() if case.target == "classes" else x[:, :1]
    if case.target == "classes":
        x, seen = two_digits(settings.digits)
    else:
        x, _ = standardized_digits()
        seen = leading_coordinate(x)
    return torch.tensor(x), torch.tensor(seen)[:, None]


def draw(
    settings: Study, case: Case, sizes: Network, seed: int
) -> tuple[Problem, list[torch.Tensor]]:
    """One seed's problem and its raw weights, before the first r layers are scaled."""
    generator = torch.Generator().manual_seed(seed)
    input_dim = settings.input_dim
    if case.data == "digits":
        input_dim = dataset(settings, case, generator)[0].shape[1]
    shapes = network.layer_shapes(sizes.depth, sizes.width, input_dim)
    raw = network.he_normal(generator, shapes)
    x, seen = dataset(settings, case, generator)
    act = activations.get(case.activation)
    y = seen if case.target == "classes" else act.torch(seen)
    losses = {"squared": SQUARED, "logistic": Logistic(), "huber": Huber(settings.huber_delta)}
    return Problem(act, shapes, network.prefactor("standard", sizes.width), x, y, None,
                   losses[case.loss]), raw  # fmt: skip


# --- times ----------------------------------------------------------------------------------------


def case_table(settings: Study, name: str, device="cpu") -> pd.DataFrame:
    """One row, with the columns COLUMNS, for each network, seed and epsilon of one case.

    Times are rate x step, which is flow time; t_star is in units of epsilon^-(r-2).
    """
    case, rows = settings.cases[name], []
    for sizes in case.networks:
        shared = {"case": name, **_described(case, sizes), "rtol": tolerance(settings, case)}
        law = error_law(case, sizes)
        for seed in bottleneck.progress(range(settings.seeds), "seed"):
            times = seed_times(settings, case, sizes, seed, device)
            rows += [shared | law(row["epsilon"]) | {"seed": seed} | row for row in times]
    table = pd.DataFrame(rows)[list(COLUMNS)]
    table.attrs["gradient_evaluations"] = int(table["gradient_evaluations"].sum())
    return table


def _described(case, sizes):
    described = {key: value for key, value in vars(case).items() if key != "networks"}
    cls = classify(activations.get(case.activation)).cls
    return described | {"cls": cls, "L": sizes.depth, "width": sizes.width, "r": sizes.r}


def error_law(case: Case, sizes: Network):
    """The function of epsilon that has order k and epsilon^k, with the logarithm where it is due.

    Where it is due says :func:`exponents.has_logarithm`.
    """
    r, q = sizes.r, classify(activations.get(case.activation)).q
    order = exponents.correction_order(r, q, r < sizes.depth)
    resonant = exponents.has_logarithm(r, q, r < sizes.depth)
    return lambda epsilon: {
        "order": order,
        "error_size": epsilon**order * (math.log(1 / epsilon) if resonant else 1),
    }


def seed_times(settings: Study, case: Case, sizes: Network, seed: int, device="cpu") -> list[dict]:
    """Predicted and measured times of one seed, a dict for each epsilon. T* is computed once."""
    problem, raw = draw(settings, case, sizes, seed)
    free = limit_flow.predictions(problem, raw, sizes.r, sizes.epsilon, decayed=case.decayed)
    return [
        prediction_and_run(settings, case, sizes, problem, raw, without_decay, device)
        for without_decay in free
    ]


def prediction_and_run(settings, case, sizes, problem, raw, free, device):
    """One network at one epsilon. free: its prediction without weight decay."""
    epsilon, t_star = free["epsilon"], free["t_star"]
    if t_star is None:
        return _without_prediction(free)
    decay = case.decay_ratio * free["critical_decay"]
    t = limit.escape_time(t_star, sizes.r, epsilon, decay, case.decayed, sizes.depth)
    if case.training == "momentum":
        rate = settings.descent.rate
        t = rate * limit.descent_steps(t, rate, settings.descent.momentum)
    decays = [decay * (case.decayed == "all" or layer < sizes.r) for layer in range(sizes.depth)]
    start = network.flatten([w[None] for w in network.scale_layers(raw, sizes.r, epsilon)])
    run = RUNS[case.training](settings, case, problem.to(device), start.to(device), decays)
    (row,) = bottleneck.rows(run, 0, sizes.r, [epsilon])
    names = ("epsilon", "t_escape", "status", "accepted_steps", "gradient_evaluations")
    return {"t_star": t_star, "t_predicted": t} | {name: row[name] for name in names}


def _without_prediction(free):
    """The law has no number here, and says why; nothing is run."""
    nothing = {"t_star": math.nan, "t_predicted": math.nan, "t_escape": math.nan}
    counts = {"accepted_steps": 0, "gradient_evaluations": 0}
    return {"epsilon": free["epsilon"], "status": free["status"]} | nothing | counts


def tolerance(settings: Study, case: Case) -> float:
    """The flow's; at kinks the limit flow's, which steps can meet there."""
    smooth = limit.is_multilinear(activations.get(case.activation))
    return settings.rtol if smooth else limit_flow.KINKED_RTOL


def flow(settings: Study, case: Case, problem: Problem, start: torch.Tensor, decays):
    """Adaptive gradient flow."""
    rtol = tolerance(settings, case)
    return runs.flow(problem, start, settings.loss_fraction, weight_decay=decays, rtol=rtol)


def momentum(settings: Study, case: Case, problem: Problem, start: torch.Tensor, decays):
    """Heavy-ball descent on all the data."""
    ball = HeavyBall(settings.descent.rate, settings.descent.momentum)
    return _descent(settings, problem, start, ball, decays)


def minibatch(settings: Study, case: Case, problem: Problem, start: torch.Tensor, decays):
    """Plain descent on minibatches drawn with replacement; the escape is that of all the data."""
    generator = torch.Generator().manual_seed(bottleneck.MINIBATCHES)
    plain = GradientDescent(settings.descent.rate)

    def drawn():
        size = (settings.descent.batch,)
        return torch.randint(len(problem.x), size, generator=generator).to(problem.x.device)

    return _descent(settings, problem, start, plain, decays, drawn)


def _descent(settings, problem, start, optimizer, decays, minibatch=None):
    descent = settings.descent
    return runs.descent(
        problem,
        start,
        optimizer,
        settings.loss_fraction,
        max_steps=descent.max_steps,
        spacing=descent.spacing,
        weight_decay=decays,
        minibatch=minibatch,
    )


RUNS = {"flow": flow, "momentum": momentum, "minibatch": minibatch}
