"""Where t_escape = epsilon^-(r-2) T* ends, and what takes its place.

Class D, which fits a constant first; Adam, which sees no plateau while gradients are far above its
constant; starts that are not small; activations with sigma'(0) = 0. One function for each kind of
case, all of them with the columns COLUMNS.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..settings import LogSpaced, load
from ..status import ESCAPED, OK
from ..theory import activations, escape, exponents, flat_origin, limit_flow, manifold, mean_fit
from ..theory.classes import rate_constant
from ..training import bottleneck, runs
from ..training.limit_flow import blow_up_time
from ..training.limit_flow import limit_flow as flow_of
from ..training.optimizers import Adam

# quantity: "time", "exponent" (local), "scale" (of a layer), "loss" (of the start, in plateaus);
# predicted: by a law without a parameter, NaN where there is none. Flow times; with Adam rate x
# step.
COLUMNS = ("case", "quantity", "series", "seed", "epsilon", "measured", "predicted", "status")
CORRELATION = ("correlation", 0.5)  # with a constant to fit, the loss falls before the signal grows


@dataclass(frozen=True)
class Staircase:
    """Class D, its own teacher: epsilon by depth, all layers small."""

    activation: str
    width: int
    epsilon: dict[str, LogSpaced]


@dataclass(frozen=True)
class Kicks:
    """Layer scales of class D at a time when the mean is fitted and no signal has grown."""

    activation: str
    width: int
    depth: int
    time: float
    epsilon: LogSpaced


@dataclass(frozen=True)
class Remedies:
    """Class D, and without the constant: of its teacher ("centred") or of its settings."""

    activation: str
    without_constant: str
    width: int
    depth: int
    epsilon: LogSpaced


@dataclass(frozen=True)
class Network:
    """Of He-normal networks with their first r layers small; seeds: from 0."""

    activation: str
    depth: int
    r: int
    width: int
    input_dim: int
    samples: int
    loss_fraction: float
    seeds: int
    epsilon: LogSpaced

    def start(self, seed: int):
        """(problem, weights (E, P), predicted flow times (E,)) of one seed."""
        setup = bottleneck.Setup(
            self.activation, self.depth, self.width, self.input_dim, self.samples
        )
        raw, x, _ = bottleneck.draw(setup, seed)
        problem, epsilons = setup.problem(x), self.epsilon.points().tolist()
        blow_up = blow_up_time(flow_of(problem, raw, self.r), raw[: self.r])
        if blow_up.status != [OK]:
            raise ValueError(f"seed {seed}: {blow_up.status[0]}")
        weights = bottleneck.start(setup, raw, self.r, epsilons)
        law = [limit_flow.escape_time(blow_up.t_star.item(), self.r, e) for e in epsilons]
        return problem, weights, law


@dataclass(frozen=True)
class Normalized:
    """Adam on fixed data; constants: its epsilon_A, one series each."""

    network: Network
    rate: float
    constants: tuple[float, ...]
    max_steps: int
    spacing: float


@dataclass(frozen=True)
class LargeStarts:
    """Gradient flow from scales up to those of an ordinary start, epsilon = 1."""

    network: Network
    rtol: float


@dataclass(frozen=True)
class FlatOrigin:
    """sigma'(0) = 0, its own teacher: epsilon by depth, by activation; escape by loss."""

    width: int
    loss_fraction: float
    epsilon: dict[str, dict[str, LogSpaced]]


@dataclass(frozen=True)
class Study:
    """cases: settings of the case's own class, see CASES."""

    cases: dict[str, dict]


def measure(settings: Study, name: str) -> pd.DataFrame:
    """The rows of one case, columns COLUMNS."""
    cls, rows = CASES[name]
    records = rows(load(cls, settings.cases[name], f"cases.{name}"))
    return pd.DataFrame([{"case": name, **row} for row in records])[list(COLUMNS)]


def _row(quantity, series, epsilon, measured, predicted, status, seed=0):
    return {
        "quantity": quantity,
        "series": series,
        "seed": seed,
        "epsilon": float(epsilon),
        "measured": float(measured),
        "predicted": float(predicted),
        "status": status,
    }


def _times(series, model, epsilons, law, criterion) -> list[dict]:
    """Escape times of the reduced equations from X_l = epsilon; law: epsilon -> time."""
    rows = []
    for epsilon in epsilons:
        outcome = escape.escape_time(model, [epsilon] * model.depth, *criterion)
        rows.append(_row("time", series, epsilon, outcome.t_escape, law(epsilon), outcome.status))
    return rows


def _with_exponents(rows) -> list[dict]:
    """These rows of one series, and their local exponents."""
    table = pd.DataFrame(rows)
    epsilon, measured = exponents.local_exponents(table["epsilon"], table["measured"])
    _, predicted = exponents.local_exponents(table["epsilon"], table["predicted"])
    failed = [status for status in table["status"] if status != ESCAPED]
    status = failed[0] if failed else ESCAPED
    slopes = zip(epsilon, measured, predicted, strict=True)
    return [*rows, *(_row("exponent", table["series"][0], *slope, status) for slope in slopes)]


def staircase(settings: Staircase) -> list[dict]:
    """Local exponents of class D, which step down as kicks exceed epsilon, against the law's."""
    act, rows = activations.get(settings.activation), []
    for depth, epsilon in settings.epsilon.items():
        model = manifold.reduction(act, int(depth), settings.width)

        def law(e, depth=int(depth)):
            return mean_fit.escape_time(act, depth, settings.width, e)

        rows += _with_exponents(_times(f"L={depth}", model, epsilon.points(), law, CORRELATION))
    return rows


def kicks(settings: Kicks) -> list[dict]:
    """Scales of the layers once the mean is fitted, a series for each layer but the first."""
    act, rows = activations.get(settings.activation), []
    model = manifold.reduction(act, settings.depth, settings.width)
    for epsilon in settings.epsilon.points():
        scales, _ = manifold.trajectory(model, [epsilon] * settings.depth, [0.0, settings.time])
        kicked = mean_fit.kicks(act, settings.depth, settings.width, epsilon)
        rows += [
            _row("scale", f"l={layer + 1}", epsilon, scales[-1, layer], kicked[layer], OK)
            for layer in range(1, settings.depth)
        ]
    return rows


def remedies(settings: Remedies) -> list[dict]:
    """Class D with its own and with a centred teacher, and with its constant taken away."""
    act, without = (activations.get(n) for n in (settings.activation, settings.without_constant))
    depth, width, points = settings.depth, settings.width, settings.epsilon.points()
    rate = rate_constant(without, depth, width)
    cases = {
        "own teacher": (act, "own", lambda e: mean_fit.escape_time(act, depth, width, e)),
        "centred teacher": (
            act,
            "centred",
            lambda e: mean_fit.escape_time_without_mean(act, depth, width, e),
        ),
        "no constant": (without, "own", lambda e: escape.closed_form(rate, e, depth)),
    }
    return [
        row
        for series, (student, teacher, law) in cases.items()
        for row in _times(
            series,
            manifold.reduction(student, depth, width, teacher=teacher),
            points,
            law,
            CORRELATION,
        )
    ]


def adam(settings: Normalized) -> list[dict]:
    """rate x steps of Adam, and the law of descent at rate / epsilon_A, by epsilon_A."""
    net, rows = settings.network, []
    for seed in range(net.seeds):
        problem, weights, law = net.start(seed)
        for constant in settings.constants:
            optimizer = Adam(settings.rate, epsilon=constant)
            run = runs.descent(
                problem,
                weights,
                optimizer,
                net.loss_fraction,
                max_steps=settings.max_steps,
                spacing=settings.spacing,
            )
            steps = [limit_flow.descent_steps(t, settings.rate, adam_epsilon=constant) for t in law]
            predicted = [settings.rate * count for count in steps]
            rows += _runs(f"{constant:g}", net, run, predicted, seed)
    return rows


def large_starts(settings: LargeStarts) -> list[dict]:
    """Flow times from starts that are not small, and the loss of the start in plateaus."""
    net, rows = settings.network, []
    for seed in range(net.seeds):
        problem, weights, law = net.start(seed)
        run = runs.flow(problem, weights, net.loss_fraction, rtol=settings.rtol)
        times = _runs("time", net, run, law, seed)
        losses = problem.mean_loss(weights) / problem.plateau
        rows += times
        rows += [
            row | {"quantity": "loss", "series": "loss", "measured": loss, "predicted": np.nan}
            for row, loss in zip(times, losses.tolist(), strict=True)
        ]
    return rows


def _runs(series: str, net: Network, run, predicted: Iterable[float], seed: int) -> list[dict]:
    """A row for each epsilon of one seed's trajectories."""
    columns = (net.epsilon.points(), run.t_escape.tolist(), predicted, run.status)
    return [_row("time", series, *row, seed) for row in zip(*columns, strict=True)]


def flat(settings: FlatOrigin) -> list[dict]:
    """sigma'(0) = 0: times against the law of degree D, a series for each activation and depth."""
    rows, criterion = [], ("loss", settings.loss_fraction)
    for name, by_depth in settings.epsilon.items():
        act = activations.get(name)
        for depth, epsilon in by_depth.items():
            model = manifold.reduction(act, int(depth), settings.width)

            def law(e, act=act, depth=int(depth)):
                return flat_origin.escape_time(act, depth, settings.width, e)

            series = f"p={flat_origin.leading_power(act)[0]} L={depth}"
            rows += _times(series, model, epsilon.points(), law, criterion)
    return rows


CASES = {
    "staircase": (Staircase, staircase),
    "kicks": (Kicks, kicks),
    "remedies": (Remedies, remedies),
    "adam": (Normalized, adam),
    "large_starts": (LargeStarts, large_starts),
    "flat_origin": (FlatOrigin, flat),
}
