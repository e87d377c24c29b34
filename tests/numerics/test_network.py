"""The full network: gradients against autograd, batches, and the symmetric manifold."""

import math

import numpy as np
import pytest
import torch

from saddle_escape.theory import activations, manifold
from saddle_escape.theory.quadrature import gaussian_rule
from saddle_escape.training import network
from saddle_escape.training.data import first_axis, gaussian_inputs, symmetrized_inputs
from saddle_escape.training.optimizers import GradientDescent, updating
from saddle_escape.training.problem import single_mode

TANH = activations.get("tanh")


def random_weights(seed, shapes, batch=()):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*batch, *s, generator=generator, dtype=torch.float64) for s in shapes]


def data(seed, n, d, outputs):
    generator = torch.Generator().manual_seed(seed)
    draw = (torch.randn(n, k, generator=generator, dtype=torch.float64) for k in (d, outputs))
    return *draw, torch.rand(n, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus", "relu", "z*exp(-z**2)"])
@pytest.mark.parametrize("parameterization", network.PARAMETERIZATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_agrees_with_autograd(name, parameterization, weighted):
    act = activations.get(name)
    shapes = network.layer_shapes(4, 5, 3, outputs=2)
    c = network.prefactor(parameterization, 5)
    weights = [w.requires_grad_() for w in random_weights(0, shapes)]
    x, y, sample_weights = data(1, 11, 3, 2)
    share = sample_weights if weighted else torch.full((11,), 1 / 11, dtype=torch.float64)
    f = network.forward(weights, x, act, c)
    expected_loss = 0.5 * (share[:, None] * (f - y) ** 2).sum()
    expected = torch.autograd.grad(expected_loss, weights)
    detached = [w.detach() for w in weights]
    loss, output, gradients = network.loss_and_gradient(
        detached, x, y, act, c, sample_weights if weighted else None
    )
    torch.testing.assert_close(loss, expected_loss.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(output, f.detach(), rtol=1e-13, atol=1e-13)
    for gradient, reference in zip(gradients, expected, strict=True):
        assert (gradient - reference).norm() <= 1e-12 * reference.norm()


def test_a_batch_is_a_stack_of_single_networks():
    shapes = network.layer_shapes(5, 4, 3)
    weights = random_weights(2, shapes, batch=(3,))
    x, y, _ = data(3, 7, 3, 1)
    loss, _, gradients = network.loss_and_gradient(weights, x, y, TANH, 0.5)
    for k in range(3):
        alone = network.loss_and_gradient([w[k] for w in weights], x, y, TANH, 0.5)
        torch.testing.assert_close(loss[k], alone[0], rtol=1e-13, atol=0)
        for batched, single in zip(gradients, alone[2], strict=True):
            torch.testing.assert_close(batched[k], single, rtol=1e-12, atol=1e-15)


def test_flatten_and_unflatten_are_inverse():
    shapes = network.layer_shapes(4, 3, 2)
    weights = random_weights(4, shapes, batch=(2,))
    flat = network.flatten(weights)
    assert flat.shape == (2, 3 * 2 + 2 * 9 + 3)
    for a, b in zip(network.unflatten(flat, shapes), weights, strict=True):
        assert torch.equal(a, b)


def test_manifold_weights_have_the_stated_norms_and_output():
    scales, width = torch.tensor([0.2, 0.5, 0.4, 0.7], dtype=torch.float64), 9
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    weights = network.manifold_weights(scales, width, direction)
    torch.testing.assert_close(network.layer_scales(weights, width), scales)
    torch.testing.assert_close(network.mode_alignment(weights, direction, width), scales[0])
    assert float(network.distance_from_manifold(weights, direction).max()) < 1e-15
    z = np.linspace(-2, 2, 5)
    x = torch.outer(torch.tensor(z), direction)
    f = network.forward(weights, x, TANH, network.prefactor("ntk", width))[:, 0]
    h = float(scales[0]) * z
    for s in scales[1:-1].tolist():
        h = s * np.tanh(h)
    expected = math.sqrt(width) * float(scales[-1]) * np.tanh(h)
    np.testing.assert_allclose(f, expected, rtol=1e-13, atol=1e-15)


def test_manifold_weights_of_a_batch_are_a_stack():
    scales = torch.rand(3, 4, dtype=torch.float64)
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    together = network.manifold_weights(scales, 5, direction)
    for k in range(3):
        alone = network.manifold_weights(scales[k], 5, direction)
        torch.testing.assert_close([w[k] for w in together], alone, rtol=0, atol=0)


def test_he_normal_has_variance_two_over_fan_in_and_scaling_takes_the_first_layers():
    shapes = [(300, 50), (300, 300), (1, 300)]
    weights = network.he_normal(torch.Generator().manual_seed(0), shapes)
    for w, (_, fan_in) in zip(weights[:2], shapes, strict=False):
        assert abs(float(w.var()) * fan_in / 2 - 1) < 5 * math.sqrt(2 / w.numel())
    epsilon = torch.tensor([0.1, 0.01])
    scaled = network.scale_layers(weights, 2, epsilon)
    for k, e in enumerate((0.1, 0.01)):
        torch.testing.assert_close(scaled[0][k], weights[0] * e, rtol=1e-6, atol=0)
        torch.testing.assert_close(scaled[2][k], weights[2], rtol=0, atol=0)


def test_symmetrized_inputs_have_the_moments_of_the_population():
    x, w = symmetrized_inputs(*gaussian_rule(), input_dim=4)
    assert abs(float(w.sum()) - 1) < 1e-14
    torch.testing.assert_close(w @ x, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-14)
    covariance = x.T @ (w[:, None] * x)
    torch.testing.assert_close(covariance, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-13)


def follow(inputs, steps, rate=0.25, init=(0.3, 0.35, 0.4, 0.45)):
    """(loss, layer scales (L,), distances from the manifold (L,)) after gradient descent."""
    problem, direction = single_mode(TANH, 4, 16, *inputs), first_axis(inputs[0].shape[1])
    scales = torch.tensor([init], dtype=torch.float64)
    flat = problem.flatten(network.manifold_weights(scales, 16, direction))
    update = updating(problem, GradientDescent(rate))
    for _ in range(steps):
        update(flat, None)
    weights = problem.unflatten(flat[0])
    distance = network.distance_from_manifold(weights, direction)
    return problem.mean_loss(flat)[0], network.layer_scales(weights, 16), distance


def test_descent_stays_on_the_manifold_to_round_off_and_follows_the_scalar_reduction():
    """Theorem 4, full network: 100 units of flow time, through the drop."""
    inputs = symmetrized_inputs(*gaussian_rule(), input_dim=4)
    found_loss, found_scales, distance = follow(inputs, steps=400)
    model = manifold.reduction(TANH, 4, 16)
    scales, loss = manifold.trajectory(model, [0.3, 0.35, 0.4, 0.45], [0.0, 100.0])
    assert loss[-1] < 0.05 * loss[0]
    assert float(distance.max()) < 1e-13
    np.testing.assert_allclose(found_scales, scales[-1], atol=2e-3)
    assert abs(float(found_loss) / loss[-1] - 1) < 0.02


def test_descent_on_gaussian_samples_leaves_the_manifold():
    *_, distance = follow(gaussian_inputs(512, 4, seed=0), steps=100)
    assert float(distance[0]) > 1e-3  # W_1 turns away from the teacher's direction
    assert float(distance[1:].max()) < 1e-13  # neurons stay equal to each other


def test_the_error_of_descent_is_first_order_in_the_rate():
    inputs = symmetrized_inputs(*gaussian_rule(step=0.5), input_dim=2)
    runs = [follow(inputs, round(60 / rate), rate)[1] for rate in (0.5, 0.25, 0.125)]
    ratio = (runs[0] - runs[1]).norm() / (runs[1] - runs[2]).norm()
    assert 1.8 < float(ratio) < 2.2


def test_unknown_choices_are_refused_in_one_line():
    with pytest.raises(ValueError, match="parameterization: unknown 'mup'"):
        network.prefactor("mup", 4)
    with pytest.raises(ValueError, match="device: unknown 'tpu'"):
        network.resolve_device("tpu")
    with pytest.raises(ValueError, match="depth: 1 is too small"):
        network.layer_shapes(1, 4, 4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_named():
    assert network.resolve_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="torch finds no GPU"):
        network.resolve_device("cuda")
