"""A network on its data: losses and gradients against autograd, weight decay in closed form."""

import math

import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.training import integrate, network
from saddle_escape.training.losses import SQUARED, Huber, Logistic
from saddle_escape.training.problem import Problem, single_mode

torch.set_num_threads(1)
TANH, LINEAR = activations.get("tanh"), activations.get("linear")
LOSSES = {"squared": SQUARED, "logistic": Logistic(), "huber": Huber(0.3)}
REFERENCES = {
    "squared": lambda f, y: torch.nn.functional.mse_loss(f, y, reduction="none") / 2,
    "logistic": lambda f, y: -torch.nn.functional.logsigmoid(y * f),
    "huber": lambda f, y: torch.nn.functional.huber_loss(f, y, reduction="none", delta=0.3),
}


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def small_problem(loss="squared", weighted=False):
    shapes = network.layer_shapes(4, 5, 3, outputs=2)
    y = normal(11, 2, seed=2)
    weights = normal(11, seed=3).square() if weighted else None
    return Problem(
        TANH, shapes, 0.5, normal(11, 3), y.sign() if loss == "logistic" else y, weights,
        LOSSES[loss],
    )  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_torch_and_their_derivatives_with_autograd(name):
    y = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    f = torch.tensor([0.9, -1.2, 40.0, 40.0, -800.0, 800.0], dtype=torch.float64)
    f.requires_grad_()
    expected = REFERENCES[name](f, y)
    (slope,) = torch.autograd.grad(expected.sum(), f)
    loss = LOSSES[name]
    torch.testing.assert_close(loss.value(f, y), expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(loss.derivative(f, y), slope, rtol=1e-13, atol=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_of_every_loss_agrees_with_autograd(name, weighted):
    problem = small_problem(name, weighted)
    flat = normal(3, sum(problem.sizes), seed=5).requires_grad_()
    share = problem.sample_weights if weighted else torch.full((11,), 1 / 11, dtype=torch.float64)
    f = network.forward(problem.unflatten(flat), problem.x, TANH, 0.5)
    expected_loss = (share[:, None] * REFERENCES[name](f, problem.y.expand_as(f))).sum((-2, -1))
    (expected,) = torch.autograd.grad(expected_loss.sum(), flat)
    loss, output, gradient = problem.loss_and_gradient(flat.detach())
    torch.testing.assert_close(loss, expected_loss.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(output, f.detach(), rtol=1e-13, atol=1e-14)
    assert (gradient - expected).norm() <= 1e-12 * expected.norm()
    torch.testing.assert_close(problem.mean_loss(flat.detach()), loss, rtol=1e-13, atol=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_plateau_is_the_loss_of_the_zero_network(name, weighted):
    problem = small_problem(name, weighted)
    zero = torch.zeros(1, sum(problem.sizes), dtype=torch.float64)
    torch.testing.assert_close(problem.plateau, problem.loss_and_gradient(zero)[0][0])
    if name == "logistic" and not weighted:
        assert problem.plateau.item() == pytest.approx(2 * math.log(2))
    if name == "squared" and not weighted:
        assert problem.plateau.item() == pytest.approx(float(problem.y.square().sum() / 22))


def test_the_field_is_minus_the_gradient_and_sees_what_is_observed():
    problem = small_problem()
    flat = normal(2, sum(problem.sizes), seed=6)
    loss, f, gradient = problem.loss_and_gradient(flat)

    def observe(weights, outputs, gradients):
        torch.testing.assert_close(outputs, f, rtol=0, atol=0)
        return {"squares": torch.stack([g.square().sum((-2, -1)) for g in gradients], -1)}

    slope, see = problem.field(observe)(flat, None)
    seen = see()
    torch.testing.assert_close(slope, -gradient, rtol=0, atol=0)
    torch.testing.assert_close(seen["loss"], loss, rtol=0, atol=0)
    torch.testing.assert_close(seen["squares"].sum(-1), gradient.square().sum(-1))
    single, see = problem.field(observe_nothing, torch.float32)(flat, None)
    assert single.dtype == see()["loss"].dtype == torch.float64
    difference = (single - slope).norm() / slope.norm()
    assert 1e-9 < difference < 1e-5  # single precision, and the data cast with it


def observe_nothing(weights, f, gradients):
    return {}


# --- weight decay ---------------------------------------------------------------------------------


def two_scalars():
    """f = w_2 w_1 x on x = 1 with target y = 1."""
    one = torch.ones(1, 1, dtype=torch.float64)
    return Problem(LINEAR, [(1, 1), (1, 1)], 1.0, one, one)


def flowed(problem, start, decay, t):
    y0 = torch.tensor([start], dtype=torch.float64)
    field = problem.field(weight_decay=decay)
    return integrate.integrate(field, y0, sizes=problem.sizes, rtol=1e-10, t_max=t).state[0]


@pytest.mark.parametrize("decay", [0.0, 0.2, 0.7])
def test_decayed_flow_of_two_equal_scalars_is_logistic(decay):
    """s = w^2 obeys ds/dt = 2 s (1 - lambda - s)."""
    t, s0, limit = 3.0, 0.01, 1 - decay
    exact = limit / (1 + (limit / s0 - 1) * math.exp(-2 * limit * t))
    end = flowed(two_scalars(), (0.1, 0.1), (decay, decay), t)
    assert end.square().tolist() == pytest.approx([exact, exact], rel=1e-8)


def test_decay_of_one_rate_makes_the_imbalance_decay():
    """d(w_2^2 - w_1^2)/dt = -2 lambda (w_2^2 - w_1^2), with the data's gradient in it."""
    end = flowed(two_scalars(), (0.3, 0.8), (0.1, 0.1), 5.0)
    exact = (0.8**2 - 0.3**2) * math.exp(-2 * 0.1 * 5.0)
    assert (end[1] ** 2 - end[0] ** 2).item() == pytest.approx(exact, rel=1e-8)


def test_every_layer_decays_at_its_own_rate():
    silent = two_scalars()
    silent = Problem(LINEAR, silent.shapes, 1.0, 0 * silent.x, silent.y)
    end = flowed(silent, (0.3, 0.8), (0.1, 0.5), 2.0)
    assert end.tolist() == pytest.approx([0.3 * math.exp(-0.2), 0.8 * math.exp(-1.0)], rel=1e-8)


def test_decay_stays_out_of_the_loss():
    problem = small_problem()
    flat = normal(1, sum(problem.sizes), seed=6)
    decayed = problem.loss_and_gradient(flat, (0.1, 0.2, 0.3, 0.4))
    plain = problem.loss_and_gradient(flat)
    torch.testing.assert_close(decayed[0], plain[0], rtol=0, atol=0)
    parts = problem.unflatten(decayed[2] - plain[2])
    for k, (part, w) in enumerate(zip(parts, problem.unflatten(flat), strict=True)):
        torch.testing.assert_close(part, 0.1 * (k + 1) * w, rtol=1e-12, atol=1e-14)


def test_the_teacher_looks_along_the_first_axis():
    x = normal(7, 3)
    default = single_mode(TANH, 4, 5, x)
    torch.testing.assert_close(default.y, torch.tanh(x[:, :1]), rtol=1e-15, atol=0)
    assert default.c == pytest.approx(5**-0.5) and default.sizes == (15, 25, 25, 5)
    other = single_mode(TANH, 4, 5, x, parameterization="standard", teacher=torch.sin)
    torch.testing.assert_close(other.y, torch.sin(x[:, :1]), rtol=0, atol=0)
    assert other.c == 1.0
