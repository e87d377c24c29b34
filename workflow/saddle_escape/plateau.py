"""How long will this network sit on its plateau? A prediction for a torch model of one's own.

:func:`predict` takes a ``torch.nn.Sequential`` of Linear layers and pointwise activations as it
stands before training, its data and the settings of ``torch.optim.SGD``. Two routes answer:

- **the limit flow** of all layers as they are (docs/limit_flow.md), which needs of the data their
  correlation with the residual alone. Its blow-up time T* decides whether there is a law, when the
  plateau ends to leading order, and which weight decay keeps the network there for good;
- **the network's own gradient flow** from its start to half the plateau, by the adaptive integrator
  whose number of steps grows with log(1/scale): some hundred gradients, where descent takes
  thousands to millions. T* leaves out the end of the escape and says nothing of plateaus that
  follow the first one, as several outputs have them; this does not. ``steps`` is this route's.

Flow time is learning rate x step / (1 - momentum). Descent lags behind its flow by

    momentum/(1 - momentum) + (1 + momentum)/(2 (1 - momentum)) log(|dW/dt| at the end / at first)

steps: the first term is the velocity's start from rest, the second what the modified equation
dW/dt = F - kappa h F'F of heavy ball with time step h = rate/(1 - momentum) is behind.

*Biases.* A plateau is the loss of the best constant output, which is 0 unless the last layer has a
bias. That bias b_L relaxes in a time of order one, after which the residual's mean is zero; it is
then held at its minimum, since an explicit integrator would have to follow it at its own pace. The
bias of the first layer is the weight of one more input, 1. Those between have the gradient
(product of the weights above) x (mean residual), zero once b_L has settled. While it settles, W_L
and b_(L-1), both of order epsilon, turn into each other, dW_L = alpha b_(L-1) db_L,
db_(L-1) = alpha W_L db_L: W_L grows by cosh(alpha b_L), a factor of order one. The limit flow
therefore starts from the weights after settling, and T* has the time added that this took. Steps of
finite length leave that growth smaller by a part of their length, which the lag above leaves out:
its share of the steps is stated as their error. Weight decay leaves a mean residual of decay x b_L,
which by the same way adds decay x (alpha b_L)^2 to W_L's growth: a mean that is not small is then
said to be in doubt.

Without b_L the inner biases would learn the mean before the weights learn anything, as in class D,
and with a kink at 0 they decide which units are on: no law, and a status that says so.
"""

import copy
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .status import (
    ABOVE_PLATEAU,
    DECAYS,
    NO_CORRELATION,
    NO_SADDLE,
    OK,
)
from .theory import limit_flow as theory
from .theory.activations import Activation, get
from .theory.classes import Classification, classify
from .training import integrate, limit_flow
from .training.problem import Problem

FRACTION = 0.5  # of the plateau, at which it counts as left
BELOW_PLATEAU = 0.9  # a start whose loss is below this many plateau values has begun to learn
RTOL, KINKED_RTOL = 1e-6, 1e-4  # of the flows; at kinks a tight tolerance makes them crawl
MAX_STEPS = 4_000  # of the integrator: an escape takes some 30, later plateaus are stiff
SETTLED = 1e-3  # of the residual: the mean at which the last bias has relaxed
HALVED = 1e-3  # relative accuracy of half the plateau
NEWTON_STEPS = 60
NULL = 1e-10  # relative curvature in a direction that the loss does not depend on
SEPARATION = 30  # the last bias is slaved while it relaxes so much faster than the weights grow
DECAYED = 10.0  # 1 / weight decay: by then what has not escaped is smaller by exp(-10)
ZERO = 1e-12  # relative size of a mean, or of a Newton step, that is round-off
FAR_FROM_LIMIT = 0.5  # relative distance of the two routes at which the law's order is in doubt
LEAST_ERROR = 0.02  # stated of the steps, whose lag is known to first order only
LARGE_LAG = 0.2  # of the steps: descent is no longer close to its flow
COUPLED = 0.1  # of weight decay's effect: what the mean's square may change of it
NEAR_CRITICAL = 0.9  # of the critical decay: there the time diverges

MEAN_FIRST = (
    "inner biases learn the mean of the residual before the weights learn anything: "
    "give the last layer a bias or centre the targets"
)
KINKED_BIASES = (
    "biases between the first and the last layer decide which kinked units are on: "
    "no law, leave these biases out"
)
MIXED_KINKS = "a kinked activation beside another one: no law, use one activation throughout"
NOT_REACHED = (
    "the loss does not come down to half its plateau within the integrator's steps: the network "
    "cannot fit the targets so far, or other plateaus follow the first"
)
STAYS = "the loss does not come down to half its plateau: weight decay is too strong"
NOT_ON_PLATEAU = "the network starts below half its plateau"

LAYERS = "use Linear layers with pointwise activations between them"


@dataclass(frozen=True)
class Prediction:
    """What :func:`predict` says.

    status: "ok", or the sentence that says why there is no number; activation_class: "A".."D" or
    None, of several activations the one of least order; plateau: the loss of the best constant
    output; on_plateau: whether the network's loss is within a tenth of it. steps: optimizer steps
    until the loss is half the plateau; limit_flow_steps: until the first plateau ends, to leading
    order, the blow-up time of the limit flow alone (None for two layers, whose plateau is
    logarithmic). critical_weight_decay: in torch's units, of the order of accuracy of
    limit_flow_steps; above it the network never escapes. reliable, and trust, a sentence: how far
    to trust the numbers. Numbers are None where there is none.
    """

    status: str
    activation_class: str | None
    plateau: float
    on_plateau: bool
    steps: int | None
    limit_flow_steps: float | None
    critical_weight_decay: float | None
    reliable: bool
    trust: str


def predict(
    model: nn.Sequential,
    x: Tensor,
    y: Tensor,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "mse",
    *,
    lr: float,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
) -> Prediction:
    """When ``torch.optim.SGD(model.parameters(), lr, momentum, weight_decay=...)`` halves the loss.

    model: at its initial weights, with biases at zero or without; it is not changed. x (n, d), y:
    the training data; batches are taken to average to them. loss: "mse" (``nn.MSELoss``, the mean
    over samples and outputs), "logistic" (``nn.SoftMarginLoss``, labels +1 and -1), or a function
    of outputs (n, K) and y that returns the mean loss, such as ``nn.CrossEntropyLoss()``.
    ``steps`` comes from the network's gradient flow, the law's numbers from the limit flow of all
    layers: see the top of this module. Raises ValueError, one line, for any other network or input.
    """
    _check_settings(lr, weight_decay, momentum)
    network = _read(model)
    training = _training(network, x, y, loss, weight_decay)
    law = _law(network, training)
    if law.status != OK:
        return _answer(law, training, law.status)
    per_time, t_law = (1 - momentum) / lr, law.time(weight_decay)
    limit_steps = None if t_law is None else per_time * t_law
    escape = _escape(training)
    if escape.status != OK:
        never = weight_decay >= law.critical_decay and escape.status == STAYS
        status = DECAYS if never else escape.status
        return _answer(law, training, status, limit_flow_steps=limit_steps)
    lag = (momentum + (1 + momentum) / 2 * escape.speed_up) / (1 - momentum)
    steps = math.ceil(per_time * escape.t + lag)
    error = max(lag / steps, LEAST_ERROR)
    too_fast = lr * escape.sharpness >= 2 * (1 + momentum) or error > LARGE_LAG
    return _answer(
        law, training, OK, steps=steps, limit_flow_steps=limit_steps, error=error, too_fast=too_fast
    )


def _answer(
    law, training, status, *, steps=None, limit_flow_steps=None, error=None, too_fast=False
):
    """The :class:`Prediction` of what is known."""
    start = training.seen(training.with_best_bias(training.start))["loss"].item()
    on_plateau = BELOW_PLATEAU * training.plateau <= start <= ABOVE_PLATEAU * training.plateau
    off = None if None in (steps, limit_flow_steps) else abs(limit_flow_steps / steps - 1)
    doubts = [status] if status != OK else _doubts(law, training, on_plateau, too_fast, off)
    return Prediction(
        status=status,
        activation_class=law.cls,
        plateau=training.plateau,
        on_plateau=on_plateau,
        steps=steps,
        limit_flow_steps=limit_flow_steps,
        critical_weight_decay=law.critical_decay,
        reliable=not doubts,
        trust=_sentence(status, doubts, error, off),
    )


def _doubts(law, training, on_plateau, too_fast, off):
    """What speaks against the numbers, as clauses of one sentence."""
    decay = training.decay
    reasons = {
        "the network does not start on its plateau": not on_plateau,
        "the rate is too large for descent to follow its flow": too_fast,
        "the limit flow alone is far off, so that the weights are not small or several plateaus "
        "follow each other": off is not None and off > FAR_FROM_LIMIT,
        "weight decay is near its critical value, where the time diverges": (
            decay > NEAR_CRITICAL * law.critical_decay
        ),
        "weight decay and inner biases couple through the targets' mean, so centre the targets": (
            decay > 0 and training.mean_moves_inner_biases
        ),
    }
    return [reason for reason, holds in reasons.items() if holds]


def _sentence(status, doubts, error, off):
    if status != OK:
        return f"No number: {status}."
    if doubts:
        return f"Take the numbers as orders of magnitude: {'; '.join(doubts)}."
    law = "it has two layers, whose critical weight decay is the limit flow's rate"
    if off is not None:
        law = f"the limit flow alone is {off:.1%} off, and the critical decay about as much"
    return f"Steps good to {error:.0%} while batches average to these data; {law}."


def _check_settings(lr, weight_decay, momentum):
    for name, value, valid, range_ in (
        ("lr", lr, 0 < lr < math.inf, "give a positive number"),
        ("weight_decay", weight_decay, 0 <= weight_decay < math.inf, "give 0 or a positive number"),
        ("momentum", momentum, 0 <= momentum < 1, "give a number from 0 to below 1"),
    ):
        if not valid:
            raise ValueError(f"{name}: {value} is out of range, {range_}")


# --- the model ------------------------------------------------------------------------------------


def _elu(alpha, beta):
    return f"relu(z) + {alpha!r}*expm1(-relu(-z)/{beta!r})"


def _threshold(threshold, value):
    if value == threshold:  # no jump
        return f"{value!r} + relu(z - {threshold!r})"
    return f"{value!r} + (z - {value!r})*step(z - {threshold!r})"


ACTIVATIONS: dict[type, Callable[[nn.Module], str]] = {
    nn.Tanh: lambda m: "tanh",
    nn.ReLU: lambda m: "relu",
    nn.LeakyReLU: lambda m: f"relu(z) - {m.negative_slope!r}*relu(-z)",
    nn.GELU: lambda m: "gelu" if m.approximate == "none" else "gelu_tanh",
    nn.SiLU: lambda m: "swish",
    nn.Mish: lambda m: "mish",
    nn.Sigmoid: lambda m: "sigmoid",
    nn.Softplus: lambda m: f"softplus({m.beta!r}*z)/{m.beta!r}",
    nn.LogSigmoid: lambda m: "-softplus(-z)",
    nn.Tanhshrink: lambda m: "z - tanh(z)",
    nn.Softsign: lambda m: "z/(1 + abs(z))",
    nn.Hardshrink: lambda m: f"z*(step(z - {m.lambd!r}) + step(-z - {m.lambd!r}))",
    nn.Hardsigmoid: lambda m: "hardsigmoid",
    nn.Hardswish: lambda m: "hardswish",
    nn.Hardtanh: lambda m: f"clip(z, {m.min_val!r}, {m.max_val!r})",
    nn.ReLU6: lambda m: "relu6",
    nn.Softshrink: lambda m: f"relu(z - {m.lambd!r}) - relu(-z - {m.lambd!r})",
    nn.Threshold: lambda m: _threshold(m.threshold, m.value),
    nn.ELU: lambda m: _elu(float(m.alpha), 1.0),
    nn.CELU: lambda m: _elu(float(m.alpha), float(m.alpha)),
    nn.SELU: lambda m: "selu",
}

# Modules that are no fixed function of one number, and what to use instead.
NO_FUNCTION: dict[type, str] = {
    nn.PReLU: "learns its slope (LeakyReLU has a fixed one)",
    nn.RReLU: "draws its slope at random (LeakyReLU(11/48) has its average)",
    **dict.fromkeys((nn.GLU, nn.Softmax, nn.Softmin, nn.LogSoftmax), "mixes neurons"),
}


@dataclass(frozen=True, eq=False)
class _Network:
    """A copy of the model in float64, its Linear layers in order, and the L - 1 activations."""

    model: nn.Sequential
    linears: Sequence[nn.Linear]
    acts: Sequence[Activation]

    @property
    def kinked(self) -> bool:
        return not all(theory.is_multilinear(act) for act in self.acts)


def _read(model):
    """The model as a :class:`_Network`. Raises ValueError for what it may not contain."""
    if not isinstance(model, nn.Sequential):
        raise ValueError(f"model: {type(model).__name__} is no torch.nn.Sequential, {LAYERS}")
    linears, acts, after_linear = [], [], False
    model = copy.deepcopy(model).double()
    for k, module in enumerate(model):
        if type(module) is nn.Identity:
            continue
        if type(module) is nn.Linear:
            _check_linear(module, f"model[{k}]", linears)
            if after_linear:
                acts.append(get("linear"))
            linears.append(module)
        elif type(module) in ACTIVATIONS and after_linear:
            acts.append(get(ACTIVATIONS[type(module)](module)))
        else:
            problem = NO_FUNCTION.get(type(module), "is not among what has a law")
            if type(module) in ACTIVATIONS:
                problem = "does not follow a Linear layer"
            raise ValueError(f"model[{k}]: {type(module).__name__} {problem}, {LAYERS}")
        after_linear = type(module) is nn.Linear
    if not after_linear:
        raise ValueError("model: has to end in a Linear layer, put what follows it into the loss")
    return _Network(model, linears, acts)


def _check_linear(layer, where, before):
    """Raises ValueError for a layer that is shared, frozen or starts with a bias."""
    if any(layer is other for other in before):
        raise ValueError(f"{where}: the same Linear layer occurs twice, give every layer its own")
    for name, parameter in layer.named_parameters():
        if not parameter.requires_grad:
            raise ValueError(f"{where}.{name}: is frozen, set requires_grad or leave the layer out")
        if not parameter.isfinite().all():
            raise ValueError(f"{where}.{name}: is not finite, initialize the layer again")
    if layer.bias is not None and layer.bias.any():
        raise ValueError(
            f"{where}.bias: starts at up to {layer.bias.abs().max():.2g}, set it to zero "
            "(torch.nn.init.zeros_) or build the layer with bias=False"
        )


# --- the loss -------------------------------------------------------------------------------------


def _loss(loss, outputs, y):
    """(loss of outputs and targets, targets), in float64. Raises ValueError."""
    y = y.double() if y.is_floating_point() else y
    if callable(loss):
        return (copy.deepcopy(loss).double() if isinstance(loss, nn.Module) else loss), y
    if loss not in ("mse", "logistic"):
        raise ValueError(f"loss: unknown '{loss}', choose mse, logistic or a function (f, y)")
    if y.shape != outputs:
        shapes = f"{tuple(y.shape)} for outputs {tuple(outputs)}"
        raise ValueError(f"y: has shape {shapes}, give targets of the outputs' shape")
    y = y.double()
    if loss == "logistic" and not (y.abs() == 1).all():
        raise ValueError(
            "y: labels have to be +1 and -1 for the logistic loss; for 0 and 1 give "
            "loss=torch.nn.BCEWithLogitsLoss()"
        )
    return (nn.MSELoss() if loss == "mse" else nn.SoftMarginLoss()), y


@dataclass(frozen=True, eq=False)
class _Training:
    """The network on its data: loss, gradient and field at flat parameters (P,).

    In order of layers, weight before bias; the last layer's bias, if any, is the end of it.
    """

    network: _Network
    x: Tensor
    loss: Callable[[Tensor], Tensor]
    decay: float

    @property
    def last_bias(self) -> int:
        """Number of components of the last layer's bias, 0 without."""
        bias = self.network.linears[-1].bias
        return 0 if bias is None else len(bias)

    @property
    def outputs(self) -> int:
        return self.network.linears[-1].out_features

    @functools.cached_property
    def parameters(self) -> dict[str, Tensor]:
        """Name -> value at the start."""
        return {name: p.detach() for name, p in self.network.model.named_parameters()}

    @property
    def start(self) -> Tensor:
        return torch.cat([p.flatten() for p in self.parameters.values()])

    @functools.cached_property
    def constant(self) -> Tensor:
        """The best constant output (K,) of the zero network: 0 without a last bias."""
        zero = self.x.new_zeros(self.outputs)
        return self.best_constant(zero.expand(len(self.x), -1), zero) if self.last_bias else zero

    @functools.cached_property
    def plateau(self) -> float:
        return self.loss(self.constant.expand(len(self.x), -1)).item()

    @functools.cached_property
    def residual(self) -> Tensor:
        """rho = -n dloss/df at the plateau, (n, K): minus the slope of each sample's own loss."""
        f = self.constant.repeat(len(self.x), 1).requires_grad_()
        return -len(f) * torch.autograd.grad(self.loss(f), f)[0]

    @property
    def mean_moves_inner_biases(self) -> bool:
        """Whether weight decay, by way of the inner biases, feels the targets' mean."""
        inner = any(layer.bias is not None for layer in self.network.linears[1:-1])
        return inner and self.constant.square().sum().item() > COUPLED

    def best_constant(self, f: Tensor, first: Tensor) -> Tensor:
        """b (K,) at the least loss(f + b) + decay |b|^2 / 2, by Newton's method from ``first``.

        Raises ValueError where there is none.
        """
        b = first
        for _ in range(NEWTON_STEPS):
            slope, curvature = self.slope_and_curvature(f, b)
            step = torch.linalg.pinv(curvature, rtol=NULL, hermitian=True) @ slope
            if not step.isfinite().all():
                break
            b = b - step
            if step.norm() <= math.sqrt(ZERO) * (b.norm() + 1):
                return b
        raise ValueError(
            "loss: no constant output makes it least on these targets, so that there is no "
            "plateau; give targets that differ, or a last layer without a bias"
        )

    def slope_and_curvature(self, f: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient (K,) and Hessian (K, K) of loss(f + b) + decay |b|^2 / 2 in b."""

        def objective(b):
            return self.loss(f + b) + self.decay * b.square().sum() / 2

        slope = torch.autograd.functional.jacobian(objective, b)
        return slope, torch.autograd.functional.hessian(objective, b)

    @functools.cached_property
    def settled(self) -> tuple[Tensor, float]:
        """(parameters, flow time) once the last bias has relaxed; both routes start from there."""
        return _settle(self)

    @property
    def bias_rate(self) -> float:
        """The slowest rate at which the last bias relaxes on the plateau, 1 / flow time."""
        zero = self.x.new_zeros(len(self.x), self.outputs)
        rates = torch.linalg.eigvalsh(self.slope_and_curvature(zero, self.constant)[1])
        return rates[rates > NULL * rates.max()].min().item()

    def output(self, flat: Tensor) -> Tensor:
        """f (n, K)."""
        return functional_call(self.network.model, self.named(flat), (self.x,))

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Parameter's name -> its view of (P,)."""
        pieces = flat.split([p.numel() for p in self.parameters.values()])
        return {
            name: piece.view(p.shape)
            for (name, p), piece in zip(self.parameters.items(), pieces, strict=True)
        }

    def weights(self, flat: Tensor) -> list[Tensor]:
        """W_1..W_L, the first layer's bias as the weight of a further input."""
        named = list(self.named(flat).values())
        first, *others = [p for p in named if p.ndim == 2]
        bias = [] if self.network.linears[0].bias is None else [named[1][:, None]]
        return [torch.cat([first, *bias], -1), *others]

    def with_best_bias(self, flat: Tensor) -> Tensor:
        """The same parameters, the last bias at its minimum."""
        if not self.last_bias:
            return flat
        weights, bias = flat[: -self.last_bias], flat[-self.last_bias :]
        f = self.output(torch.cat([weights, torch.zeros_like(bias)]))
        return torch.cat([weights, self.best_constant(f, bias)])

    def seen(self, flat: Tensor) -> dict[str, Tensor]:
        """The loss, its gradient (P,) with weight decay, and this one's norm and relative size."""
        flat = flat.detach().requires_grad_()
        loss = self.loss(self.output(flat))
        gradient = torch.autograd.grad(loss, flat)[0] + self.decay * flat.detach()
        return {"loss": loss.detach(), "gradient": gradient, "speed": gradient.norm()}

    def field(self, slaved: bool) -> integrate.Field:
        """Gradient flow as :func:`integrate.integrate` takes it; slaved: the last bias held at its
        minimum."""

        def field(flat, index):
            seen = self.seen(self.with_best_bias(flat[0]) if slaved else flat[0])
            gradient = seen.pop("gradient")
            seen["bias_speed"] = gradient[len(gradient) - self.last_bias :].norm()
            seen["rate"] = seen["speed"] / flat[0].norm()
            return -gradient[None], lambda: {name: value[None] for name, value in seen.items()}

        return field

    def sharpness(self, flat: Tensor, rounds: int = 20) -> float:
        """Largest curvature of the loss in all parameters, by power iteration (from below)."""
        direction = torch.ones_like(flat) / math.sqrt(len(flat))
        value, h = 0.0, 1e-6 * (flat.norm() + 1)
        for _ in range(rounds):
            ahead, behind = (self.seen(flat + s * h * direction)["gradient"] for s in (1, -1))
            image = (ahead - behind) / (2 * h)
            value = image.norm().item()
            direction = image / max(value, 1e-300)
        return value


def _training(network, x, y, loss, decay):
    """The data and the loss, checked, in float64. Raises ValueError."""
    for name, data in (("x", x), ("y", y)):
        if not isinstance(data, Tensor):
            raise ValueError(f"{name}: is a {type(data).__name__}, give a tensor")
    features, outputs = network.linears[0].in_features, network.linears[-1].out_features
    if x.ndim != 2 or x.shape[1] != features:
        raise ValueError(f"x: has shape {tuple(x.shape)}, the first layer takes (n, {features})")
    if len(y) != len(x):
        raise ValueError(f"y: {len(y)} targets for {len(x)} inputs, give one for each")
    for name, data in (("x", x), ("y", y)):
        if not data.isfinite().all():
            raise ValueError(f"{name}: has values that are not finite, leave these samples out")
    of_outputs, targets = _loss(loss, (len(x), outputs), y)
    return _Training(network, x.double(), lambda f: of_outputs(f, targets), decay)


# --- the two routes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Law:
    """What the limit flow says: T* from three layers on, the rate of growth for two."""

    status: str
    cls: str | None
    depth: int
    t_star: float | None = None
    rate: float | None = None

    @property
    def critical_decay(self) -> float | None:
        if self.t_star is None:
            return self.rate
        return theory.critical_decay(self.t_star, self.depth, 1.0, "all", self.depth)

    def time(self, decay: float) -> float | None:
        """Flow time to the blow-up; None without one."""
        if self.t_star is None or decay >= self.critical_decay:
            return None
        return theory.escape_time(self.t_star, self.depth, 1.0, decay, "all", self.depth)


def _law(network, training):
    """T* of all layers as they are (epsilon = 1, r = L), or why there is none.

    From the weights after the last bias has settled, plus the time that this took.
    """
    rows = [classify(act) for act in network.acts] or [classify(get("linear"))]
    worst = min(rows, key=_order)
    law = functools.partial(_Law, cls=worst.cls, depth=len(network.linears))
    if (status := _law_status(network, training, rows)) != OK:
        return law(status)
    flow, (settled, settling) = _limit_flow(network, training), training.settled
    weights = training.weights(settled)
    if len(weights) == 2:
        rate = limit_flow.growth_rate(flow, weights).item()
        return law(flow.endless) if math.isnan(rate) else law(OK, rate=rate)
    rtol = KINKED_RTOL if network.kinked else None
    blow_up = limit_flow.blow_up_time(flow, weights, rtol=rtol)
    if blow_up.status[0] != OK:
        return law(blow_up.status[0])
    return law(OK, t_star=settling + blow_up.t_star.item())


def _order(row: Classification):
    """q, infinite in class A, below everything without a class."""
    return -1 if row.cls is None else math.inf if row.q is None else row.q


def _law_status(network, training, rows):
    inner = any(layer.bias is not None for layer in network.linears[1:-1])
    rho, x = training.residual, training.x
    moved = _correlation(network, training) if not network.kinked else rho
    mean_left = rho.mean(0).norm() > ZERO * rho.norm()
    reasons = {
        NO_SADDLE: len(network.linears) == 1,
        **{row.status: True for row in rows if row.status != OK},
        MIXED_KINKS: network.kinked and len({act.expression for act in network.acts}) > 1,
        KINKED_BIASES: network.kinked and inner,
        MEAN_FIRST: inner and not training.last_bias and bool(mean_left),
        NO_CORRELATION: bool(moved.norm() <= ZERO * rho.norm() * x.norm() / len(x)),
    }
    return next((reason for reason, holds in reasons.items() if holds), OK)


def _inputs(network, training):
    """x, with a column of ones where the first layer has a bias."""
    x = training.x
    return x if network.linears[0].bias is None else torch.cat([x, torch.ones_like(x[:, :1])], -1)


def _correlation(network, training):
    return training.residual.mT @ _inputs(network, training) / len(training.x)


def _limit_flow(network, training):
    """The limit flow of all layers: of the multilinear network, or of the kinked one itself."""
    if network.kinked:
        problem = Problem(
            network.acts[0],
            [w.shape for w in training.weights(training.start)],
            1.0,
            _inputs(network, training),
            training.residual,
            loss=limit_flow.Correlation(),
        )
        return limit_flow.HomogeneousFlow(problem, [])
    gain = math.prod(act.slope_at_zero for act in network.acts)
    identity = torch.eye(training.outputs, dtype=torch.float64)
    return limit_flow.LimitFlow(gain * identity, _correlation(network, training))


@dataclass(frozen=True)
class _Escape:
    """The network's own flow to half its plateau.

    t: flow time; speed_up: log of |dW/dt| at the end relative to the start; sharpness: the largest
    curvature at the end.
    """

    status: str
    t: float = math.nan
    speed_up: float = math.nan
    sharpness: float = math.nan


def _escape(training):
    """The network's own flow to half its plateau.

    Without a last bias in one piece. With one in three: until it has relaxed, with it slaved, and
    without from where the weights grow nearly as fast as it relaxes.
    """
    half, halved = FRACTION * training.plateau, _halved(training)
    flat = training.start
    first = training.seen(training.with_best_bias(flat))
    if first["loss"] <= half:
        return _Escape(NOT_ON_PLATEAU)
    t = 0.0
    if training.last_bias:
        flat, settling = training.settled
        slow = training.bias_rate / SEPARATION
        fast = _or(lambda seen, index: torch.log(slow / seen["rate"]), halved)
        flat, waiting = _flow(training, flat, fast, slaved=True)
        flat, t = training.with_best_bias(flat), settling + waiting
    flat, ending = _flow(training, flat, halved)
    last = training.seen(flat)
    if not last["loss"] <= half * (1 + HALVED):
        return _Escape(STAYS if training.decay else NOT_REACHED)
    speed_up = torch.log(last["speed"] / first["speed"]).item()
    return _Escape(OK, t + ending, speed_up, training.sharpness(flat))


def _flow(training, flat, event, *, slaved=False, **options):
    """(parameters, flow time) at the event, or at a limit of time or steps."""
    run = integrate.integrate(
        training.field(slaved),
        flat[None],
        event,
        rtol=KINKED_RTOL if training.network.kinked else RTOL,
        t_max=DECAYED / training.decay if training.decay else math.inf,
        max_steps=MAX_STEPS,
        **{"clock": "relative_rate", "sizes": (len(flat),)} | options,
    )
    return run.state[0], run.t_end.item()


def _or(*events):
    """The event that is met where one of several is."""
    return lambda seen, index: torch.stack([event(seen, index) for event in events]).amin(0)


def _settle(training):
    """(parameters, flow time) once the last bias has relaxed, or the loss is half the plateau."""
    if not training.last_bias:
        return training.start, 0.0
    still = SETTLED * training.residual.norm() / math.sqrt(training.residual.numel())
    settled = _or(lambda seen, index: torch.log(seen["bias_speed"] / still), _halved(training))
    # groups of their own: the bias must not hide the weights' error, and it starts at 0
    groups = (len(training.start) - training.last_bias, training.last_bias)
    return _flow(training, training.start, settled, clock="plain", sizes=groups, atol=ZERO)


def _halved(training):
    """The event that the loss is half the plateau."""
    plateau = torch.tensor([training.plateau], dtype=torch.float64)
    return integrate.loss_event(plateau, FRACTION)
