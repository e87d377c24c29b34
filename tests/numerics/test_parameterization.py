"""Definition 3's network and ours: one flow, step by step, and what its metric is."""

import numpy as np
import pytest
import torch

from saddle_escape.theory import activations, classes, manifold
from saddle_escape.theory.quadrature import gaussian_rule
from saddle_escape.training import network, parameterization

torch.set_num_threads(1)
DEPTH, WIDTH = 4, 8
C = WIDTH**-0.5


def descend(weights, c, rates, steps, data):
    """Gradient descent with one learning rate per layer; all layers after every step."""
    path = []
    for _ in range(steps):
        gradients = network.loss_and_gradient(weights, *data, c)[2]
        weights = [w - r * g for w, r, g in zip(weights, rates, gradients, strict=True)]
        path.append(weights)
    return path


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_absorbing_the_prefactors_gives_the_same_descent_with_rates_eta_and_eta_over_n(name):
    """Any weights, not only symmetric ones."""
    generator = torch.Generator().manual_seed(0)
    shapes = network.layer_shapes(DEPTH, WIDTH, 5)
    weights = network.he_normal(generator, shapes)
    x = torch.randn(32, 5, generator=generator, dtype=torch.float64)
    act = activations.get(name)
    data, eta = (x, act.torch(x[:, :1]), act), 0.2
    prefixed = descend(weights, C, [eta] * DEPTH, 40, data)
    rates = [eta * r for r in parameterization.layer_rates(DEPTH, C)]
    absorbed = descend(parameterization.absorb_prefactor(weights, C), 1.0, rates, 40, data)
    for ours, theirs in zip(prefixed, absorbed, strict=True):
        pairs = zip(parameterization.absorb_prefactor(ours, C), theirs, strict=True)
        assert max(float((a - b).abs().max()) for a, b in pairs) < 1e-14
    equal = descend(parameterization.absorb_prefactor(weights, C), 1.0, [eta] * DEPTH, 40, data)
    assert float((equal[-1][1] - absorbed[-1][1]).abs().max()) > 0.1, "one rate is another flow"


def scale_rates(embedding, scales, act):
    """dX_l/dt of the full network's population flow at a point of the manifold, (L,)."""
    z, w = gaussian_rule()
    x = torch.from_numpy(z)[:, None]  # d = 1: inputs along v only
    y, sample_weights = act.torch(x), torch.from_numpy(w)
    weights = network.manifold_weights(torch.tensor(scales), WIDTH, torch.ones(1).double())
    c = C
    if embedding == "definition3":
        weights, c = parameterization.absorb_prefactor(weights, c), 1.0
    gradients = network.loss_and_gradient(weights, x, y, act, c, sample_weights)[2]
    # dW_l/dt is a multiple of W_l = X_l dW_l/dX_l
    ratios = [-(g * v).sum() / v.square().sum() for g, v in zip(gradients, weights, strict=True)]
    return np.array([float(r) for r in ratios]) * scales


@pytest.mark.parametrize("embedding", ["ntk", "definition3"])
def test_metric_of_the_scales_is_that_of_the_full_network(embedding):
    """dX_l/dt over -dLoss/dX_l: 1/8 for every layer, or 1/8, 1, 1, 1."""
    act, scales = activations.get("tanh"), np.array([0.4, 0.7, 0.5, 0.9])
    reduced = manifold.reduction(act, DEPTH, WIDTH)
    slope = -WIDTH * reduced.velocity(scales)
    ratio = scale_rates(embedding, scales, act) / -slope
    np.testing.assert_allclose(ratio, manifold.metric(DEPTH, WIDTH, embedding), rtol=1e-12)


def test_the_printed_rate_constant_is_that_of_the_prefixed_network_alone():
    """Leading rates N K m_l: K for every layer in our flow; N K for eq. 4's scalar metric."""
    act, scales = activations.get("tanh"), np.full(DEPTH, 1e-3)
    rate = classes.rate_constant(act, DEPTH, WIDTH)
    for embedding, factors in (("ntk", [1, 1, 1, 1]), ("definition3", [1, 8, 8, 8])):
        leading = scale_rates(embedding, scales, act) / 1e-9
        np.testing.assert_allclose(leading, rate * np.array(factors), rtol=1e-5)
    np.testing.assert_array_equal(WIDTH * manifold.metric(DEPTH, WIDTH, "scalar"), [8, 8, 8, 8])
    with pytest.raises(ValueError, match="embedding: unknown 'mup'"):
        manifold.metric(DEPTH, WIDTH, "mup")


def test_the_last_layers_gradient_has_no_factor_one_over_root_n():
    """Appendix B.1: dLoss/dW_L = E[error sigma(z_{L-1})] 1^T for Definition 3's network."""
    act, scales = activations.get("tanh"), np.array([0.4, 0.7, 0.5, 0.9])
    reduced = manifold.reduction(act, DEPTH, WIDTH)
    error = reduced.weights * (reduced.output(scales) - reduced.targets)
    expected = error @ reduced.layers(scales)[1][-1]
    rate = scale_rates("definition3", scales, act)[-1]  # X_L = sqrt(N) x the entries of W_L
    assert rate / -np.sqrt(WIDTH) == pytest.approx(expected, rel=1e-12)
