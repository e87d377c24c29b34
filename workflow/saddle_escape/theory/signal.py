"""The signal gamma = E[f z] and its linear path (Section 5, Appendix D).

For small weights of a network without prefactors, f = alpha^(L-1) W_L ... W_1 x to leading order,
so gamma = alpha^(L-1) q with q = W_L ... W_1 v, and dgamma/dW_l = alpha^(L-1) B_l A_{l-1}^T with
A_l = W_l ... W_1 v and B_l = (W_L ... W_{l+1})^T. Weights are lists of arrays (n_l, n_{l-1}) with
one output; v (d,) is the teacher's direction.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

if TYPE_CHECKING:
    from .activations import Activation
    from .manifold import Reduction


def linear_path(weights: Sequence[np.ndarray], direction: np.ndarray) -> list[np.ndarray]:
    """A_0 = v, A_1 = W_1 v, .., A_L = W_L ... W_1 v (n_l,); the last entry is [q]."""
    path = [np.asarray(direction, dtype=float)]
    for weight in weights:
        path.append(weight @ path[-1])
    return path


def nondegeneracy(weights: Sequence[np.ndarray], direction: np.ndarray) -> float:
    """|q| / prod_l |W_l|_op at the start: Theorem 11's hypothesis bounds it by c_nd from below."""
    norms = [np.linalg.norm(weight, 2) for weight in weights]
    return abs(float(linear_path(weights, direction)[-1][0])) / math.prod(norms)


def transverse_ratio(weights: Sequence[np.ndarray], direction: np.ndarray) -> np.ndarray:
    """|W_{l-1} .. W_1 P|_F / |A_{l-1}| for l = 1..L, shape (L,), with P = I - v v^T.

    The part of delta_l h_{l-1}^T that inputs across v carry, relative to the part along v: it
    belongs to eq. 40's Psi_l and does not shrink with the weights (sqrt(d - 1) at l = 1). It has no
    effect on E[z delta_l h^T], which is what eq. 45 needs.
    """
    v = np.asarray(direction, dtype=float)
    across, ratios = np.eye(len(v)) - np.outer(v, v), []
    for along, weight in zip(linear_path(weights, v), weights, strict=False):
        ratios.append(np.linalg.norm(across) / np.linalg.norm(along))
        across = weight @ across
    return np.array(ratios)


def teacher_term_error(model: "Reduction", scales: np.ndarray) -> float:
    """Relative error of Proposition 8's teacher term on the manifold, at layer scales (L,).

    sum_l G_l E[y df/dX_l] / (E[y z] sum_l G_l^2) - 1 with G_l = E[z df/dX_l]: order X^(q-1), so
    O(M^2) in class B and O(M) in class C. model: a :class:`manifold.Reduction`.
    """
    gradients = model.output_gradients(scales)
    g = gradients @ (model.weights * model.nodes)
    drive = gradients @ (model.weights * model.targets)
    return float(g @ drive / (model.beta1 * (g @ g))) - 1


def least_slope(act: "Activation", half_width: float = 12.0) -> tuple[float, float]:
    """(z, sigma'(z)) at the minimum of sigma' on [-half_width, half_width] (Lemma 20).

    Negative for GELU and Swish; E[z sigma(z)] = E[sigma'] can then have either sign.
    """
    z = np.linspace(-half_width, half_width, 2401)
    lowest = z[np.argmin(act.prime(z))]
    step = z[1] - z[0]
    bounds = (lowest - step, lowest + step)
    refined = minimize_scalar(act.prime, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return float(refined.x), float(refined.fun)
