"""Theorem 1 and its refinements hold exactly: for any weights, losses and activations."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle_escape.theory import activations
from saddle_escape.training import identity, network

torch.set_num_threads(1)

TOLERANCE = 1e-11  # of the summed absolute values of the two terms
SMOOTH = ("tanh", "erf", "sin", "arctan", "gelu", "swish", "mish", "softplus", "sigmoid", "cos")
ALL = (*SMOOTH, "linear", "relu", "leaky_relu", "cubic", "relu2", "z*exp(-z**2)")


def _cross_entropy(f, y):
    return torch.nn.functional.cross_entropy(f, y.argmax(-1))


LOSSES = {
    "squared": lambda f, y: 0.5 * (f - y).square().sum(-1).mean(),
    "logistic": lambda f, y: torch.nn.functional.softplus(-f * y.sign()).sum(-1).mean(),
    "cross_entropy": _cross_entropy,
    "huber": lambda f, y: torch.nn.functional.huber_loss(f, y, delta=0.3),
}


def make_case(name, loss, depth, width, outputs, samples, scale, parameterization, seed):
    """(weights, x, loss of f, activation, c): one random network, 3 inputs, float64."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    c = network.prefactor(parameterization, width)
    gain = scale / (c * math.sqrt(width))  # hidden layers of order `scale` in either convention
    shapes = network.layer_shapes(depth, width, 3, outputs)
    weights = [scale * draw(*shapes[0]), *(gain * draw(*shape) for shape in shapes[1:])]
    y = draw(samples, outputs)
    return weights, draw(samples, 3), lambda f: LOSSES[loss](f, y), activations.get(name), c


cases = st.builds(
    make_case,
    name=st.sampled_from(ALL),
    loss=st.sampled_from(sorted(LOSSES)),
    depth=st.integers(2, 6),
    width=st.integers(1, 16),
    outputs=st.integers(1, 3),
    samples=st.integers(1, 12),
    scale=st.sampled_from((1e-3, 0.1, 1.0, 2.0)),
    parameterization=st.sampled_from(("ntk", "standard")),
    seed=st.integers(0, 2**32 - 1),
)


def example(name="tanh", loss="squared", depth=4, width=8, scale=1.0, parameterization="ntk"):
    return make_case(name, loss, depth, width, 2, 20, scale, parameterization, seed=7)


def flow_direction(weights, x, loss, act, c):
    """-dLoss/dW by automatic differentiation of the plain forward pass."""
    leaves = [w.clone().requires_grad_() for w in weights]
    return [-g for g in torch.autograd.grad(loss(network.forward(leaves, x, act, c)), leaves)]


def derivative_along(direction, weights, function):
    """d/dt of a function quadratic in the weights along W + t direction: exact by differences."""
    ahead, behind = ([w + s * d for w, d in zip(weights, direction, strict=True)] for s in (1, -1))
    return [(a - b) / 2 for a, b in zip(function(ahead), function(behind), strict=True)]


def imbalances(weights):
    norms = [w.square().sum() for w in weights]
    return [b - a for a, b in pairwise(norms)]


def matrix_imbalances(weights):
    return [b.mT @ b - a @ a.mT for a, b in pairwise(weights)]


def relative(ours, theirs, scale):
    pairs = zip(ours, theirs, scale, strict=True)
    return max(float((a - b).abs().max()) / size for a, b, size in pairs if size > 0)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=cases)
def test_identity_holds_for_any_network_and_loss(case):
    sides = identity.imbalance(*case)
    assert len(sides.left) == len(sides.right) == len(case[0]) - 1
    assert sides.residual() <= TOLERANCE


@settings(max_examples=100, deadline=None, derandomize=True)
@given(case=cases)
def test_matrix_identity_holds_for_any_network_and_loss(case):
    sides = identity.matrix_imbalance(*case)
    assert [m.shape for m in sides.left] == [(w.shape[0],) * 2 for w in case[0][:-1]]
    assert sides.residual() <= TOLERANCE


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases)
def test_left_side_is_the_rate_along_the_gradient_flow(case):
    weights, flow = case[0], flow_direction(*case)
    for compute, quantity in (
        (identity.imbalance, imbalances),
        (identity.matrix_imbalance, matrix_imbalances),
    ):
        sides = compute(*case)
        rates = derivative_along(flow, weights, quantity)
        sizes = [
            max(s, float(r.abs().max()), 1e-4) for s, r in zip(sides.scale, rates, strict=True)
        ]
        assert relative(sides.left, rates, sizes) <= 1e-9


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=cases)
def test_trace_of_the_matrix_identity_is_theorem_1(case):
    scalar, matrix = identity.imbalance(*case), identity.matrix_imbalance(*case)
    assert scalar.scale == matrix.scale
    for side in ("left", "right"):
        traces = [m.trace() for m in getattr(matrix, side)]
        assert (
            relative(traces, getattr(scalar, side), [max(s, 1e-300) for s in scalar.scale]) <= 1e-10
        )


@pytest.mark.parametrize("parameterization", ["ntk", "standard"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("name", ALL)
def test_every_activation_with_every_loss(name, loss, parameterization):
    case = example(name, loss, parameterization=parameterization)
    assert identity.imbalance(*case).residual() <= TOLERANCE
    assert identity.matrix_imbalance(*case).residual() <= TOLERANCE


@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu"])
def test_class_a_conserves_the_imbalance(name):
    sides = identity.imbalance(*example(name))
    for rate, scale in zip(sides.left, sides.scale, strict=True):
        assert scale > 1e-3
        assert abs(float(rate)) <= TOLERANCE * scale


@pytest.mark.parametrize(("name", "degree"), [("relu2", 2), ("cubic", 3), ("max(z,0)**4", 4)])
def test_homogeneous_activations_conserve_their_combination(name, degree):
    case = example(name)
    rates = [2 * float((w * d).sum()) for w, d in zip(case[0], flow_direction(*case), strict=True)]
    for inner, outer in pairwise(rates):
        assert outer != 0.0
        assert inner == pytest.approx(degree * outer, rel=TOLERANCE)


def test_scale_is_the_sum_of_absolute_terms():
    case = weights, x, loss, act, c = example("gelu", depth=3)
    h1 = x @ weights[0].mT
    h2 = c * (act.torch(h1) @ weights[1].mT)
    a2 = act.torch(h2).requires_grad_()
    (g2,) = torch.autograd.grad(loss(c * (a2 @ weights[2].mT)), a2)
    g1 = c * ((g2 * act.torch_prime(h2)) @ weights[1])
    expected = [
        float((g * h * act.torch_prime(h)).abs().sum() + (g * act.torch(h)).abs().sum())
        for g, h in ((g1, h1), (g2, h2))
    ]
    assert identity.imbalance(*case).scale == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_a_wrong_phi_is_noticed(name, monkeypatch):
    true_phi = identity.phi
    monkeypatch.setattr(identity, "phi", lambda act, h: true_phi(act, h) * (1 + 1e-6))
    assert identity.imbalance(*example(name)).residual() > 1e-9


def test_weights_are_left_alone_and_no_graph_is_kept():
    case = example()
    before = [w.clone() for w in case[0]]
    sides = identity.imbalance(*case)
    assert all(
        torch.equal(a, b) and not a.requires_grad for a, b in zip(case[0], before, strict=True)
    )
    assert not any(t.requires_grad for t in (*sides.left, *sides.right))


def test_a_dead_network_has_no_residual():
    case = example()
    zero = [torch.zeros_like(w) for w in case[0]]
    assert identity.imbalance(zero, *case[1:]).residual() == 0.0


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_the_printed_matrix_identity_holds_on_the_diagonal_only(name):
    """Corollary 12: E[g phi(h)^T] + transpose has the wrong off-diagonal entries."""
    case = example(name)
    exact = identity.matrix_imbalance(*case)
    printed = identity.matrix_imbalance(*case, printed=True)
    for left, right, scale in zip(exact.left, printed.right, exact.scale, strict=True):
        difference = left - right
        assert float(difference.diagonal().abs().max()) <= TOLERANCE * scale
        assert float(difference.norm() / left.norm()) > 0.1
    assert exact.residual() <= TOLERANCE


def test_the_printed_matrix_identity_holds_for_linear_networks():
    assert identity.matrix_imbalance(*example("linear"), printed=True).residual() <= TOLERANCE
