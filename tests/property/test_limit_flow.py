"""Symmetries of the limit flow, for any start: homogeneity, conservation, rotations, batches."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle_escape.theory import limit_flow as theory
from saddle_escape.training.limit_flow import LimitFlow, blow_up_time

torch.set_num_threads(1)

quick = settings(max_examples=40, deadline=None, derandomize=True)
followed = settings(max_examples=8, deadline=None, derandomize=True)


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def make_flow(r, outputs, width, input_dim, whole, seed):
    """(flow, V_1..V_r, generator): hidden layers of different widths; whole: r = L, A = 1."""
    generator = torch.Generator().manual_seed(seed)
    widths = [input_dim, *(width + k % 2 for k in range(r))]
    if whole:
        widths[-1] = outputs
    small = [normal(generator, rows, columns) for columns, rows in pairwise(widths)]
    eye = torch.eye(outputs, dtype=torch.float64)
    outer = eye if whole else normal(generator, outputs, widths[-1])
    return LimitFlow(outer, normal(generator, outputs, input_dim)), small, generator


flows = st.builds(
    make_flow,
    r=st.integers(3, 6),
    outputs=st.integers(1, 3),
    width=st.integers(3, 6),
    input_dim=st.integers(1, 5),
    whole=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)


RTOL = 1e-6  # a symmetry takes the same steps, whatever their error


def t_star(flow, small):
    run = blow_up_time(flow, small, rtol=RTOL)
    assert run.status == ["ok"]
    return run.t_star.item()


def rotation(generator, n):
    return torch.linalg.qr(normal(generator, n, n))[0]


@quick
@given(case=flows)
def test_gradient_is_that_of_the_signal(case):
    flow, small, _ = case
    leaves = [v.clone().requires_grad_() for v in small]
    signal, gradient = flow.signal_and_gradient(leaves)
    for ours, theirs in zip(gradient, torch.autograd.grad(signal, leaves), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@quick
@given(case=flows)
def test_signal_is_homogeneous_in_every_layer_and_balance_is_conserved(case):
    flow, small, _ = case
    signal, gradient = flow.signal_and_gradient(small)
    size = max(float(g.norm() * v.norm()) for g, v in zip(gradient, small, strict=True))
    for v, dv in zip(small, gradient, strict=True):
        assert (v * dv).sum().item() == pytest.approx(signal.item(), abs=1e-12 * size)
    layers = list(zip(small, gradient, strict=True))
    for (v, dv), (w, dw) in pairwise(layers):
        half = dw.mT @ w - v @ dv.mT  # d(W^T W - V V^T) is this and its transpose
        assert (half + half.mT).norm() <= 1e-12 * size


@followed
@given(case=flows, factor=st.sampled_from((0.01, 0.3, 2.0, 50.0)))
def test_scaling_the_start_scales_the_time(case, factor):
    flow, small, _ = case
    r, one = len(small), t_star(flow, small)
    scaled = t_star(flow, [factor * v for v in small])
    assert scaled == pytest.approx(factor ** -(r - 2) * one, rel=1e-8)
    stronger = LimitFlow(2 * flow.outer, factor * flow.correlation)
    assert t_star(stronger, small) == pytest.approx(one / (2 * factor), rel=1e-8)


@followed
@given(case=flows)
def test_rotated_inputs_and_hidden_bases_have_the_same_time(case):
    flow, small, generator = case
    inputs = rotation(generator, small[0].shape[1])
    bases = [inputs, *(rotation(generator, v.shape[0]) for v in small)]
    rotated = [u @ v @ w.mT for v, (w, u) in zip(small, pairwise(bases), strict=True)]
    turned = LimitFlow(flow.outer @ bases[-1].mT, flow.correlation @ inputs.mT)
    assert t_star(turned, rotated) == pytest.approx(t_star(flow, small), rel=1e-9)


@followed
@given(case=flows)
def test_what_does_not_move_may_be_left_out(case):
    flow, small, _ = case

    class Whole(LimitFlow):
        def reduced(self, small):
            return self, list(small)

    whole = Whole(flow.outer, flow.correlation)
    assert t_star(whole, small) == pytest.approx(t_star(flow, small), rel=10 * RTOL)


@followed
@given(r=st.integers(3, 5), seed=st.integers(0, 2**32 - 1))
def test_a_batch_is_its_members(r, seed):
    cases = [make_flow(r, 2, 4, 3, False, seed + k) for k in range(3)]
    outer = torch.stack([flow.outer for flow, *_ in cases])
    correlation = torch.stack([flow.correlation for flow, *_ in cases])
    small = [torch.stack(layers) for layers in zip(*(c[1] for c in cases), strict=True)]
    together = blow_up_time(LimitFlow(outer, correlation), small, rtol=RTOL)
    alone = [t_star(flow, start) for flow, start, _ in cases]
    assert together.t_star.tolist() == pytest.approx(alone, rel=1e-8)
    shared = blow_up_time(cases[0][0], small, rtol=RTOL)  # one A and C for all
    assert shared.t_star[0].item() == pytest.approx(alone[0], rel=1e-8)


@quick
@given(
    t_star=st.floats(1e-3, 1e3),
    r=st.integers(3, 8),
    more=st.integers(0, 4),
    epsilon=st.floats(1e-4, 1.0),
    share=st.floats(1e-9, 0.999),
    decayed=st.sampled_from(theory.DECAYED),
)
def test_decay_slows_the_clock_until_it_stops(t_star, r, more, epsilon, share, decayed):
    depth, k = r + more, (r if decayed == "small" else r + more) - 2
    without = theory.escape_time(t_star, r, epsilon)
    assert without == pytest.approx(t_star * epsilon ** -(r - 2))
    critical = theory.critical_decay(t_star, r, epsilon, decayed, depth)
    decay = share * critical
    t = theory.escape_time(t_star, r, epsilon, decay, decayed, depth)
    assert t >= without
    spent = -math.expm1(-decay * k * t) / (decay * k)  # of the limit flow's time, by time t
    assert spent == pytest.approx(without, rel=1e-9)
    assert theory.escape_time(t_star, r, epsilon, 1.001 * critical, decayed, depth) == math.inf
