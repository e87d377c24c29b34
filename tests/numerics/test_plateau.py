"""Predicted plateaus of torch models against their training by torch.optim.SGD.

The bounds follow from orders, not from these trainings. ``steps`` is the gradient flow's time with
descent's lag to first order in rate x curvature; what it leaves out is of second order, the square
of the lag's share of the steps, at most 0.15 here, and a step is a whole number. The limit flow
alone is off by the order of docs/limit_flow.md, scale^k with k = min(q - 1, L - 2).
"""

import copy
import dataclasses
import functools
import itertools
import math
import re
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from saddle_escape import plateau, status

torch.set_num_threads(1)

LAG, WHOLE_STEPS = 0.03, 3
LIMIT = 4.0  # steps that a training may take, in units of the prediction


def network(sizes, acts, scale, bias=False, seed=0):
    """torch's own initial weights, all layers scaled, the biases at zero."""
    torch.manual_seed(seed)
    acts = acts if isinstance(acts, tuple) else (acts,) * (len(sizes) - 2)
    modules = []
    for k, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        layer = nn.Linear(rows, columns, bias=bias)
        layer.weight.data.mul_(scale)
        if bias:
            nn.init.zeros_(layer.bias)
        modules += [layer, *(act() for act in acts[k : k + 1])]
    return nn.Sequential(*modules)


@functools.cache
def gaussian():
    return torch.randn(160, 6, generator=torch.Generator().manual_seed(1))


@functools.cache
def digits():
    data = load_digits()
    x = torch.tensor(data.data[:200], dtype=torch.float32) / 16
    return x - x.mean(0), torch.tensor(data.target[:200])


def wave(shift=0.0):
    x = gaussian()
    return x, torch.sin(x[:, :1]) + 0.5 * x[:, 1:2] + shift


def two_outputs():
    x = gaussian()
    return x, torch.stack([x[:, 0], 0.8 * x[:, 1] - 0.3 * x[:, 2]], -1)


def labels():
    x = gaussian()
    return x, torch.sign(x[:, :1] + 0.3 * x[:, 1:2])


def three_classes():
    x = gaussian()
    return x, (x[:, 0] > 0.3).long() + (x[:, 0] + x[:, 1] > 1).long()


def large_digits():
    x, y = digits()
    return x, torch.where(y < 5, 1.0, -1.0)[:, None]


def ten_digits():
    return digits()


def digit_values():
    x, y = digits()
    return x, (y[:, None].float() - 4.5) / 3


GELUS = (nn.Tanh, nn.GELU, nn.Tanh)
CROSS_ENTROPY = nn.CrossEntropyLoss()
THREE, FOUR = (6, 16, 12, 1), (6, 16, 12, 14, 1)
SHIFTED = functools.partial(wave, 1.0)

# name: (model, data, loss, settings of the optimizer)
CASES = {
    "tanh": (network(THREE, nn.Tanh, 0.1), wave, "mse", dict(lr=0.03)),
    "tanh, biases, a mean": (network(THREE, nn.Tanh, 0.1, True), SHIFTED, "mse", dict(lr=0.03)),
    "GELU, four layers": (network(FOUR, nn.GELU, 0.4), wave, "mse", dict(lr=0.2)),
    "ReLU": (network(THREE, nn.ReLU, 0.2), wave, "mse", dict(lr=0.03)),
    "leaky ReLU, two layers, biases": (
        network((6, 8, 1), nn.LeakyReLU, 0.02, True), SHIFTED, "mse", dict(lr=0.01),
    ),
    "SiLU, two outputs, momentum": (
        network((6, 16, 12, 2), nn.SiLU, 0.2), two_outputs, "mse", dict(lr=0.01, momentum=0.9),
    ),
    "tanh, two layers": (network((6, 16, 1), nn.Tanh, 0.01), wave, "mse", dict(lr=0.01)),
    "tanh and GELU": (network(FOUR, GELUS, 0.4), wave, "mse", dict(lr=0.1)),
    "logistic": (
        network(THREE, nn.Tanh, 0.1), labels, "logistic", dict(lr=0.1, momentum=0.5),
    ),
    "cross-entropy": (
        network((6, 16, 12, 3), nn.Tanh, 0.2, True), three_classes, CROSS_ENTROPY, dict(lr=0.1),
    ),
    "digits, logistic": (
        network((64, 20, 16, 1), nn.Tanh, 0.2, True), large_digits, "logistic", dict(lr=0.1),
    ),
    "digits, ten classes": (
        network((64, 20, 16, 10), nn.GELU, 0.4, True), ten_digits, CROSS_ENTROPY,
        dict(lr=0.2, momentum=0.5),
    ),
    "digits, mse": (
        network((64, 20, 16, 1), nn.Tanh, 0.2), digit_values, "mse", dict(lr=0.05),
    ),
}  # fmt: skip


def module_of(loss):
    return {"mse": nn.MSELoss(), "logistic": nn.SoftMarginLoss()}.get(loss, loss)


def trained(model, data, loss, level, limit, *, lr, **options):
    """Steps of torch.optim.SGD after which the loss is at most ``level``, or None by ``limit``."""
    model, (x, y), loss = copy.deepcopy(model), data, module_of(loss)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, **options)
    for step in range(limit):
        optimizer.zero_grad()
        value = loss(model(x), y)
        if value <= level:
            return step
        value.backward()
        optimizer.step()
    return None


def held_against_training(model, data, loss, options):
    said = plateau.predict(model, *data, loss, **options)
    limit = int(LIMIT * said.steps)
    steps = trained(model, data, loss, said.plateau / 2, limit, **options)
    return said, steps


@pytest.mark.parametrize("name", CASES)
def test_training_takes_the_predicted_steps(name):
    model, data, loss, options = CASES[name]
    said, steps = held_against_training(model, data(), loss, options)
    assert said.status == status.OK and said.on_plateau
    assert abs(steps - said.steps) <= LAG * said.steps + WHOLE_STEPS


def test_a_wrong_loss_or_momentum_is_noticed():
    """The bound bites: nn.MSELoss is twice the half-squared loss, and momentum 0.5 halves steps."""
    model, data, loss, options = CASES["tanh"]
    said = plateau.predict(model, *data(), lambda f, y: (f - y).square().mean() / 2, **options)
    steps = trained(model, data(), loss, said.plateau, 2 * said.steps, **options)
    assert abs(steps - said.steps) > 0.3 * said.steps
    said = plateau.predict(model, *data(), loss, momentum=0.5, **options)
    steps = trained(model, data(), loss, said.plateau / 2, 4 * said.steps, **options)
    assert abs(steps - said.steps) > 0.3 * said.steps


@pytest.mark.parametrize(
    ("act", "sizes", "order"),
    [(nn.Tanh, (6, 16, 12, 1), 1), (nn.GELU, (6, 9, 8, 7, 1), 1), (nn.Tanh, (6, 9, 8, 7, 1), 2)],
)
def test_the_two_routes_meet_at_the_laws_order(act, sizes, order):
    off = []
    for scale in (0.1, 0.01):
        said = plateau.predict(network(sizes, act, scale), *wave(), lr=1e-9)
        off.append(abs(said.limit_flow_steps / said.steps - 1))
    # at L = 4 tanh's order has a logarithm beside it
    assert math.log10(off[0] / off[1]) == pytest.approx(order, abs=0.35)


def test_both_sides_of_the_critical_weight_decay():
    """Half and twice the critical value: on time, and never."""
    model, data, loss, options = CASES["tanh"]
    free = plateau.predict(model, *data(), loss, **options)
    half = options | {"weight_decay": free.critical_weight_decay / 2}
    said, steps = held_against_training(model, data(), loss, half)
    assert said.status == status.OK and said.steps > 1.2 * free.steps
    assert abs(steps - said.steps) <= LAG * said.steps + WHOLE_STEPS
    twice = options | {"weight_decay": free.critical_weight_decay * 2}
    said = plateau.predict(model, *data(), loss, **twice)
    assert said.status == status.DECAYS and said.steps is None and not said.reliable
    assert said.critical_weight_decay == free.critical_weight_decay
    assert trained(model, data(), loss, 0.99 * free.plateau, 10 * free.steps, **twice) is None


def test_steps_are_flow_time_over_the_rate():
    model, data, loss, _ = CASES["GELU, four layers"]
    slow, fast = (plateau.predict(model, *data(), loss, lr=lr) for lr in (1e-6, 1e-4))
    assert slow.steps / fast.steps == pytest.approx(100, rel=1e-3)
    assert slow.limit_flow_steps / fast.limit_flow_steps == pytest.approx(100)
    # every layer by 1/2: T* of L = 4 layers by 4, the critical decay by 1/4
    smaller = copy.deepcopy(model)
    for parameter in smaller.parameters():
        parameter.data.mul_(0.5)
    small = plateau.predict(smaller, *data(), loss, lr=1e-6)
    assert small.limit_flow_steps / slow.limit_flow_steps == pytest.approx(4, rel=1e-6)
    ratio = small.critical_weight_decay / slow.critical_weight_decay
    assert ratio == pytest.approx(1 / 4, rel=1e-6)


def test_settling_of_the_last_bias_amplifies_the_last_layer():
    """W_L and b_(L-1) turn into each other: W_L grows by cosh(b_L), whatever the scale."""
    model, (x, y) = network(THREE, nn.Tanh, 1e-3, bias=True), wave(1.0)
    training = plateau._training(plateau._read(model), x, y, "mse", 0.0)
    settled, _ = plateau._settle(training)
    growth = training.weights(settled)[-1].norm() / model[-1].weight.norm()
    assert growth.item() == pytest.approx(math.cosh(training.constant.item()), rel=5e-3)


def test_the_limit_flow_knows_the_targets_mean():
    """With the mean the plateau is shorter by a factor, and both routes agree on it."""
    model = network(THREE, nn.Tanh, 0.01, bias=True)
    x, y = wave()
    centred, moved = (plateau.predict(model, x, t, lr=1e-4) for t in (y - y.mean(), y + 1))
    assert moved.steps < 0.95 * centred.steps
    for said in (centred, moved):
        assert said.limit_flow_steps == pytest.approx(said.steps, rel=0.02)
    assert moved.plateau == pytest.approx(centred.plateau, rel=1e-5)


def test_first_bias_is_the_weight_of_an_input_of_ones():
    x, y = wave(1.0)
    without = network((7, 16, 12, 1), nn.Tanh, 0.1)
    with_bias = network((6, 16, 12, 1), nn.Tanh, 0.1)
    with_bias[0].bias = nn.Parameter(torch.zeros(16))
    with_bias[0].weight.data = without[0].weight.data[:, :6].clone()
    without[0].weight.data[:, 6] = 0
    for one, other in zip(with_bias[2::2], without[2::2], strict=True):
        one.weight.data = other.weight.data.clone()
    ones = torch.cat([x, torch.ones_like(x[:, :1])], -1)
    a = plateau.predict(with_bias, x, y, lr=0.01)
    b = plateau.predict(without, ones, y, lr=0.01)
    assert a == b and a.status == status.OK


def test_the_answer_is_frozen_and_the_model_as_it_was():
    model, data, loss, options = CASES["cross-entropy"]
    before = copy.deepcopy(model.state_dict())
    said = plateau.predict(model, *data(), loss, **options)
    with pytest.raises(dataclasses.FrozenInstanceError):
        said.steps = 1
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) and value.dtype == torch.float32


def with_inner_bias(model):
    model[2].bias = nn.Parameter(torch.zeros(model[2].out_features))
    return model


@pytest.mark.parametrize(
    ("model", "data", "sentence"),
    [
        (network((6, 9, 8, 1), nn.Sigmoid, 0.1), wave, status.CONSTANT_PATH),
        (network((6, 9, 8, 1), nn.Tanhshrink, 0.1), wave, status.NO_LINEAR_PATH),
        (network((6, 9, 8, 1), nn.ELU, 0.1), wave, status.NOT_ANALYTIC),
        (network((6, 1), (), 0.1), wave, status.NO_SADDLE),
        (network((6, 9, 8, 1), nn.ReLU, 0.1, True), wave, plateau.KINKED_BIASES),
        (network((6, 9, 8, 1), (nn.ReLU, nn.Tanh), 0.1), wave, plateau.MIXED_KINKS),
        (with_inner_bias(network((6, 9, 8, 1), nn.Tanh, 0.1)), wave, plateau.MEAN_FIRST),
        (network((6, 9, 8, 1), nn.Tanh, 0.1), lambda: (gaussian(), torch.zeros(160, 1)),
         status.NO_CORRELATION),
    ],
)  # fmt: skip
def test_where_there_is_no_law_a_sentence_says_so(model, data, sentence):
    said = plateau.predict(model, *data(), lr=0.1)
    assert said.status == sentence and sentence in said.trust
    assert said.steps is said.limit_flow_steps is None and not said.reliable


def test_what_is_not_small_or_too_fast_is_not_reliable():
    model = network((6, 16, 12, 14, 1), nn.Tanh, 2.5)
    assert not plateau.predict(model, *wave(), lr=0.001).reliable
    model, data, loss, _ = CASES["tanh"]
    said = plateau.predict(model, *data(), loss, lr=3.0)
    assert not said.reliable and "too large" in said.trust


def normed():
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


SMALL = network((6, 4, 1), nn.Tanh, 0.1)


def frozen():
    model = copy.deepcopy(SMALL)
    model[2].weight.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(model=nn.Linear(6, 1)), r"model: Linear is no torch.nn.Sequential"),
        (dict(model=SMALL[:2]), r"model: has to end in a Linear"),
        (
            dict(model=nn.Sequential(nn.Tanh(), nn.Linear(6, 1))),
            r"model\[0\]: Tanh does not follow",
        ),
        (
            dict(model=nn.Sequential(nn.Linear(6, 1))),
            r"model\[0\].bias: starts at up to 0\..*zeros_",
        ),
        (dict(model=normed()), r"model\[0\].bias"),
        (dict(model=nn.Sequential(nn.Dropout(), nn.Linear(6, 1))), r"model\[0\]: Dropout is not"),
        (dict(model=frozen()), r"model\[2\].weight: is frozen"),
        (dict(x=gaussian()[:, :5]), r"x: has shape \(160, 5\), the first layer takes \(n, 6\)"),
        (dict(x=gaussian() * math.nan), r"x: has values that are not finite"),
        (dict(y=torch.ones(160)), r"y: has shape \(160,\) for outputs \(160, 1\)"),
        (dict(y=torch.ones(3, 1)), r"y: 3 targets for 160 inputs"),
        (dict(x=gaussian().numpy()), r"x: is a ndarray, give a tensor"),
        (dict(y=[0.0] * 160), r"y: is a list, give a tensor"),
        (dict(loss="hinge"), r"loss: unknown 'hinge', choose mse, logistic"),
        (dict(loss="logistic"), r"y: labels have to be \+1 and -1"),
        (dict(lr=0.0), r"lr: 0.0 is out of range"),
        (dict(momentum=1.0), r"momentum: 1.0 is out of range"),
        (dict(weight_decay=-1.0), r"weight_decay: -1.0 is out of range"),
    ],
)
def test_anything_else_is_refused_in_a_line(change, message):
    x, y = wave()
    call = dict(model=SMALL, x=x, y=y, loss="mse", lr=0.1) | change
    with pytest.raises(ValueError, match=message) as refusal:
        plateau.predict(**call)
    assert "\n" not in str(refusal.value)


def test_labels_of_one_kind_have_no_plateau_beside_a_last_bias():
    model = network((6, 4, 1), nn.Tanh, 0.1, bias=True)
    with pytest.raises(ValueError, match="loss: no constant output makes it least"):
        plateau.predict(model, gaussian(), torch.ones(160, 1), "logistic", lr=0.1)


@pytest.mark.parametrize("kind", plateau.ACTIVATIONS)
def test_activations_are_torchs_own(kind):
    module = kind(0.5, -2.0) if kind is nn.Threshold else kind()
    z = torch.linspace(-7, 7, 200, dtype=torch.float64)
    ours = plateau.get(plateau.ACTIVATIONS[kind](module)).torch(z)
    torch.testing.assert_close(ours, module(z), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "module",
    [nn.ELU(0.7), nn.CELU(0.7), nn.Hardshrink(0.3), nn.Softshrink(0.3), nn.Hardtanh(-0.2, 3.0),
     nn.Threshold(0.0, 0.0), nn.Threshold(-1.0, -1.0), nn.Softplus(2.0), nn.LeakyReLU(0.3)],
    ids=str,
)  # fmt: skip
def test_settings_of_activations_are_read(module):
    z = torch.linspace(-7, 7, 200, dtype=torch.float64)
    ours = plateau.get(plateau.ACTIVATIONS[type(module)](module)).torch(z)
    torch.testing.assert_close(ours, module(z), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("module", "why"), [(nn.PReLU(), "learns"), (nn.RReLU(), "draws"), (nn.GLU(), "mixes")]
)
def test_what_is_no_function_of_one_number_is_refused_with_the_reason(module, why):
    model = nn.Sequential(nn.Linear(3, 4, bias=False), module, nn.Linear(4, 1, bias=False))
    with pytest.raises(ValueError, match=rf"^model\[1\]: {type(module).__name__} {why}"):
        plateau.predict(model, torch.ones(2, 3), torch.ones(2, 1), lr=0.1)


def test_the_readmes_lines_run_and_their_training_agrees():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    torch.manual_seed(0)
    names = {}
    exec(block.replace("print(", "said = ("), names)
    said, options = names["said"], dict(lr=0.01, momentum=0.5, weight_decay=0.001)
    data, half = (names["x"], names["y"]), said.plateau / 2
    steps = trained(names["model"], data, "mse", half, 4 * said.steps, **options)
    assert said.reliable and abs(steps - said.steps) <= LAG * said.steps + WHOLE_STEPS
