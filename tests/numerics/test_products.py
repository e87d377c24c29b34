"""The products of a network's matrices: oneDNN's against torch's, and who gets which."""

import pytest
import torch

from saddle_escape.theory import activations
from saddle_escape.training import network, products

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch without oneDNN"
)


def uniform(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@needs_onednn
@pytest.mark.parametrize("sides", [(16, 16), (128, 19), (48, 128)])
def test_onednn_multiplies_like_torch_whatever_the_strides(sides):
    weight = uniform(*sides)
    times = products.product(weight)
    assert times is products._onednn
    x, delta = uniform(40, sides[1]), uniform(40, sides[0])
    for a, b in [(x, weight), (delta, weight.mT), (delta.mT, x.mT), (x[::2], weight)]:
        exact = a.double() @ b.double().mT  # of positive numbers: no cancellation
        torch.testing.assert_close(times(a, b).double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "weight",
    [
        uniform(32, 32, dtype=torch.float64),
        uniform(2, 32, 32),
        uniform(3, 32),
        uniform(32, 32).requires_grad_(),
    ],
    ids=["float64", "two networks", "narrow", "autograd"],
)
def test_torch_multiplies_what_onednn_does_not_know(weight):
    assert products.product(weight) is products._torch


@pytest.mark.parametrize("lengths", [(), (3,), (2, 3)])
@pytest.mark.parametrize("inputs", [(), (3,)], ids=["the same", "of each network"])
def test_torch_multiplies_batches_of_any_shape(lengths, inputs):
    weight = uniform(*lengths, 5, 4, dtype=torch.float64)
    x = uniform(*inputs, 7, 4, dtype=torch.float64)
    torch.testing.assert_close(products.product(weight)(x, weight), x @ weight.mT, rtol=0, atol=0)
    one, many = weight[:1] if weight.ndim == 3 else weight, x.expand(3, 7, 4)
    torch.testing.assert_close(products.product(one)(many, one), many @ one.mT, rtol=0, atol=0)


def test_single_neurons_multiply_like_matrices():
    weight, a = uniform(3, 1, 1, dtype=torch.float64), uniform(3, 7, 1, dtype=torch.float64)
    times = products.product(weight)
    torch.testing.assert_close(times(a, weight), a @ weight.mT, rtol=0, atol=0)
    torch.testing.assert_close(times(a.mT, a.mT), a.mT @ a, rtol=1e-15, atol=0)


@pytest.mark.parametrize("depth, width", [(2, 32), (5, 32), (5, 3), (4, 1)])
def test_a_network_alone_has_the_gradient_of_one_among_others(depth, width):
    """Alone it goes through other products and other shapes: float32 against float64 in a batch."""
    shapes = network.layer_shapes(depth, width, 17)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(2, *s, generator=generator, dtype=torch.float64) for s in shapes]
    x = torch.randn(50, 17, generator=generator, dtype=torch.float64)
    y, act = torch.sin(x[:, :1]), activations.get("tanh")
    losses, f, gradients = network.loss_and_gradient(weights, x, y, act, 0.2)
    alone = network.loss_and_gradient(
        [w[:1].float() for w in weights], x.float(), y.float(), act, 0.2
    )
    torch.testing.assert_close(alone[0].double(), losses[:1], rtol=1e-5, atol=0)
    torch.testing.assert_close(alone[1].double(), f[:1], rtol=1e-4, atol=1e-5)
    for gradient, reference in zip(alone[2], gradients, strict=True):
        assert gradient.shape == reference[:1].shape
        assert (gradient.double() - reference[:1]).norm() <= 1e-5 * reference[:1].norm()


@needs_onednn
def test_wide_networks_have_the_bits_in_a_batch_that_they_have_alone():
    shapes = network.layer_shapes(4, products.SMALLEST_APART, 17)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(3, *s, generator=generator) for s in shapes]
    x = torch.randn(50, 17, generator=generator)
    y, act = torch.sin(x[:, :1]), activations.get("tanh")
    f, gradients = network.output_and_gradient(weights, x, y, act, 0.2)
    for k in range(3):
        alone = [w[k : k + 1] for w in weights]
        f_alone, gradients_alone = network.output_and_gradient(alone, x, y, act, 0.2)
        assert torch.equal(f[k : k + 1], f_alone)
        for together, apart in zip(gradients, gradients_alone, strict=True):
            assert torch.equal(together[k : k + 1], apart)


WIDE = products.SMALLEST_APART


@pytest.mark.parametrize(
    "count, depth, width, change, apart",
    [
        pytest.param(3, 4, WIDE, {}, True, marks=needs_onednn),
        (3, 4, WIDE - 1, {}, False),
        (3, 4, WIDE, {"dtype": torch.float64}, False),
        (3, 4, WIDE, {"requires_grad": True}, False),
        (3, 2, WIDE, {}, False),
        (1, 4, 3, {}, True),
        (0, 4, WIDE, {}, False),
    ],
    ids=["wide", "narrow", "float64", "autograd", "no inner layer", "one", "none"],
)
def test_which_networks_are_multiplied_one_by_one(count, depth, width, change, apart):
    shapes = network.layer_shapes(depth, width, 17)
    weights = [torch.zeros(count, *shape, **change) for shape in shapes]
    assert products.are_faster_apart(weights) is apart
