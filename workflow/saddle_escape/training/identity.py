"""Theorem 1: the exact imbalance identity, and its matrix-valued refinement.

With Delta_l = |W_{l+1}|_F^2 - |W_l|_F^2 and g_l = dLoss/da_l, along gradient flow

    d Delta_l / dt = 2 E < g_l , phi_sigma(h_l) >,     phi_sigma(z) = z sigma'(z) - sigma(z),

for any smooth sigma, any differentiable loss, any weights and either parameterization. The two
sides are computed by different routes here: the left from the weight gradients (automatic
differentiation), the right from the hidden layers.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..theory.activations import Activation
from ..theory.classes import phi

ScalarLoss = Callable[[Tensor], Tensor]  # outputs f (n, K_out) -> mean loss, a scalar


@dataclass(frozen=True)
class Sides:
    """Both sides of an identity at hidden layers l = 1..L-1, and the size of what cancels.

    left, right: lists of L-1 tensors (scalars for Theorem 1, (n_l, n_l) for the matrix form), per
    unit of flow time. scale: list of L-1 scalars, the summed absolute values of the two terms
    g h sigma'(h) and g sigma(h); residuals are measured against it, because the difference itself
    vanishes in class A.
    """

    left: list[Tensor]
    right: list[Tensor]
    scale: list[float]

    def residual(self) -> float:
        """Largest |left - right| / scale over the layers; 0 where nothing flows at all."""
        pairs = zip(self.left, self.right, self.scale, strict=True)
        return max(float((a - b).abs().max() / s) if s > 0 else 0.0 for a, b, s in pairs)


def _hidden_layers(weights, x, loss, act, c):
    """h_l, a_l, g_l for l = 1..L-1, each (n, n_l), and dLoss/dW_l; loss maps f to a scalar."""
    weights = [w.detach().clone().requires_grad_() for w in weights]
    h = [x @ weights[0].mT]
    a = []
    for w in weights[1:]:
        a.append(act.torch(h[-1]))
        h.append(c * (a[-1] @ w.mT))
    gradients = torch.autograd.grad(loss(h[-1]), weights + a)
    split = len(weights)
    detach = [t.detach() for t in h[:-1]], [t.detach() for t in a]
    return *detach, list(gradients[split:]), list(gradients[:split])


def _phi(act, h):
    return torch.as_tensor(phi(act, h.cpu().numpy()), dtype=h.dtype, device=h.device)


def _scales(act, h, a, g):
    return [
        float((gl * hl * act.torch_prime(hl)).abs().sum() + (gl * al).abs().sum())
        for hl, al, gl in zip(h, a, g, strict=True)
    ]


def imbalance(
    weights: Sequence[Tensor], x: Tensor, loss: ScalarLoss, act: Activation, c: float
) -> Sides:
    """Both sides of Theorem 1 for one network.

    weights: list of L tensors (n_l, n_{l-1}), float64; x: (n, d); loss: a differentiable function
    of the outputs f (n, K_out) that returns the mean loss as a scalar; c: the prefactor.
    Returns :class:`Sides` with scalars, for l = 1..L-1.
    """
    h, a, g, gradients = _hidden_layers(weights, x, loss, act, c)
    rates = [-2.0 * (w * dw).sum() for w, dw in zip(weights, gradients, strict=True)]
    left = [outer - inner for inner, outer in itertools.pairwise(rates)]
    right = [2.0 * (gl * _phi(act, hl)).sum() for hl, gl in zip(h, g, strict=True)]
    return Sides(left, right, _scales(act, h, a, g))


def matrix_imbalance(
    weights: Sequence[Tensor],
    x: Tensor,
    loss: ScalarLoss,
    act: Activation,
    c: float,
    printed: bool = False,
) -> Sides:
    """Both sides of the matrix-valued refinement of Theorem 1 (Appendix A).

    d/dt (W_{l+1}^T W_{l+1} - W_l W_l^T) = M_l + M_l^T,  M_l = E[(sigma'(h) g) h^T - g sigma(h)^T].
    Its diagonal is a per-neuron identity, its trace is Theorem 1. ``printed``: the right side as
    Corollary 12 prints it, M_l = E[g phi(h)^T], which agrees on the diagonal only. Arguments as in
    :func:`imbalance`; returns :class:`Sides` with (n_l, n_l) matrices.
    """
    h, a, g, gradients = _hidden_layers(weights, x, loss, act, c)
    left, right = [], []
    for layer, (hl, al, gl) in enumerate(zip(h, a, g, strict=True)):
        inner = gradients[layer] @ weights[layer].mT
        outer = weights[layer + 1].mT @ gradients[layer + 1]
        left.append((inner + inner.mT) - (outer + outer.mT))
        exact = (act.torch_prime(hl) * gl).mT @ hl - gl.mT @ al
        m = gl.mT @ _phi(act, hl) if printed else exact
        right.append(m + m.mT)
    return Sides(left, right, _scales(act, h, a, g))
