"""Formulas as version 1 of the paper prints them, where something else holds.

Each function stands beside the one that holds, so that the two can be measured against the same
flow; ``paper_check/errata.md`` says where each is printed and what depends on it.
"""

from typing import TYPE_CHECKING

import numpy as np

from .activations import Activation
from .classes import classify
from .corrections import insertion
from .teachers import moment

if TYPE_CHECKING:
    from .manifold import Reduction


def gamma_c(act: Activation) -> float:
    """3 sigma''(0)^2 / (2 alpha h) of Corollary 7 and eq. 38, for every layer.

    Holds: :func:`corrections.rate_factors`, c E[sigma z^2] / (alpha h) for layer 1, half for
    others.
    """
    row = classify(act)
    curvature = 2 * act.taylor(2)[2]
    return float(1.5 * curvature**2 / (row.alpha * row.beta1))


def balanced_coefficient(act: Activation) -> float:
    """lambda = a_q mu_{q+1} / h of eqs. 30-31, with mu_{q+1} = E[z^(q+1) sigma] / alpha as defined.

    0 for every odd activation; with the mean E[z^q sigma] that the derivation uses it is
    :func:`corrections.kappa`. Holds: :func:`corrections.leaf_coefficient`.
    """
    q, a_q = insertion(act)
    row = classify(act)
    return a_q * moment(act, q + 1) / (row.alpha * row.beta1)


def insertion_degree(depth: int, order: int, at: int) -> int:
    """j + qj + (L - j - 1) of Lemma 15's proof. Holds: q j + (L - j), as the lemma itself says."""
    return at + order * at + depth - at - 1


def first_layer_gradient(model: "Reduction", scales: np.ndarray) -> np.ndarray:
    """df/dX_1 at the nodes (n,) by eq. 5 with l = 1, whose last factor is printed sigma(c_0).

    Holds: the input z itself, row 0 of :meth:`manifold.Reduction.output_gradients`.
    """
    z = model.nodes
    factor = np.divide(model.act(z), z, out=np.zeros_like(z), where=z != 0)  # sigma(0) = 0: B, C
    return model.output_gradients(scales)[0] * factor


def linear_signal(model: "Reduction", scales: np.ndarray) -> float:
    """h alpha^(L-1) q(W) of Lemma 21 for gamma = E[f z]. Holds: alpha^(L-1) q(W), without h."""
    alpha = classify(model.act).alpha ** (model.depth - 1)
    return classify(model.act).beta1 * alpha * np.sqrt(model.width) * float(np.prod(scales))
