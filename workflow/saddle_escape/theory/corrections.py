"""The first nonlinear correction of the reduced flow, and the error of the closed forms.

With sigma(z) = alpha z + a_q z^q + ..., the cheapest nonlinearity is one insertion of a_q h^q at
the first activation (Lemma 15). It leaves the leading-order flow with one constant,

    kappa = a_q E[y z^q] / (alpha E[y z]),

dX_1/dt = K prod_{m != 1} X_m (1 + q kappa X_1^(q-1)) for the first layer, and the factor
(1 + kappa X_1^(q-1)) for every other, because f depends on X_1 through X_1^q and on the others
linearly. The unequal factors break the balance, X_l^2 - X_1^2 drifting to
-2 kappa (q-1)/(q+1) (X_1^(q+1) - eps^(q+1)), and both effects together are the error of Theorem 5's
closed form, constant included, for small kappa X^(q-1).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from . import teachers
from .activations import Activation
from .classes import classify
from .exponents import has_logarithm
from .teachers import moment

if TYPE_CHECKING:
    from .manifold import Reduction


def insertion(act: Activation) -> tuple[int, float]:
    """(q, a_q): order and Taylor coefficient of the first nonlinear term of sigma.

    Raises ValueError where there is no such term after a linear one: class A, class D, no class.
    """
    row = classify(act)
    if row.cls not in ("B", "C"):
        raise ValueError(f"activation: '{act.name}' is not of class B or C, no correction is known")
    return row.q, row.c_q / (row.q - 1)


def kappa(act: Activation, teacher: str = teachers.OWN) -> float:
    """a_q E[y z^q] / (alpha E[y z]): relative rate of the first insertion at X_1 = 1.

    0 for a teacher that does not see it (class C with an odd teacher). Raises ValueError as
    :func:`insertion`.
    """
    q, a_q = insertion(act)
    target = teachers.teacher(teacher, act)
    return a_q * moment(target, q) / (classify(act).alpha * moment(target, 1))


def rate_factors(q: int, kappa: float, depth: int) -> np.ndarray:
    """Relative corrections of dX_l/dt per X_1^(q-1), shape (L,): q kappa, then kappa."""
    return kappa * np.where(np.arange(depth) == 0, q, 1)


def remainder(model: "Reduction", scales: np.ndarray) -> np.ndarray:
    """Leading order of R_l = dX_l/dt - K prod_{m != l} X_m, shape (L,) (eq. 24 over sqrt(N)).

    For L >= 3 (q = 3) and L >= 2 (q = 2): at L = 2, q = 3 the self-interaction -E[f df/dX_l] / N
    has the same degree. model: a :class:`manifold.Reduction`; per unit of flow time.
    """
    q, a_q = insertion(model.act)
    alpha = classify(model.act).alpha ** (model.depth - 2)
    coefficient = a_q * moment(model.teacher, q) * alpha / np.sqrt(model.width)
    relative = rate_factors(q, coefficient, model.depth) * scales[0] ** (q - 1)
    return relative * np.prod(scales) / scales


def imbalance_drift(model: "Reduction", scales: np.ndarray) -> np.ndarray:
    """Leading order of d(X_{l+1}^2 - X_l^2)/dt for l = 1..L-1, shape (L-1,) (Prop. 13, eq. 28).

    -2 (q-1) Phi_l prod_m X_m with Phi_l = a_q E[y z^q] alpha^(L-1-l+q(l-1)) (X_1..X_l)^(q-1)
    / sqrt(N): only an insertion at activation l tells layer l (factor q) from layer l+1 (factor 1).
    Order L + l(q-1) in the scales. model: a :class:`manifold.Reduction`, times are flow times.
    """
    q, a_q = insertion(model.act)
    layers = np.arange(1, model.depth)
    alpha = classify(model.act).alpha ** (model.depth - 1 - layers + q * (layers - 1))
    phi = a_q * moment(model.teacher, q) * alpha * np.cumprod(scales)[:-1] ** (q - 1)
    return -2 * (q - 1) * phi * np.prod(scales) / np.sqrt(model.width)


def accumulated_imbalance(model: "Reduction", epsilon: float, scale: float) -> np.ndarray:
    """Leading order of X_{l+1}^2 - X_l^2 when a balanced start has grown to X_1 = scale, (L-1,).

    The integral of :func:`imbalance_drift` over dX = K X^(L-1) dt: of order scale^(2 + l(q-1)),
    with next to nothing from the time when the scales are near epsilon.
    """
    q, _ = insertion(model.act)
    powers = 2 + np.arange(1, model.depth) * (q - 1)
    growth = model.beta1 * classify(model.act).alpha ** (model.depth - 1) / np.sqrt(model.width)
    drift = imbalance_drift(model, np.full(model.depth, scale))
    time_scale = scale ** (2 - model.depth) / growth
    return drift * time_scale * (1 - (epsilon / scale) ** powers) / powers


def error_coefficient(r: int, q: int, kappa: float) -> float:
    """C in t_escape / t_leading - 1 = C eps^(q-1), with the first r layers at eps and r > q + 1.

    t_leading: :func:`escape.closed_form` for r = L, :func:`escape.quadrature_time` else.
    Raises ValueError for r <= q + 1, where the correction is not a power of this order.
    """
    if r <= q + 1:
        raise ValueError(f"r: {r} is not above q + 1 = {q + 1}, the error is not C eps^(q-1)")
    imbalance = (r - 1) * (q - 1) / (q + 1)
    return (r - 2) * kappa * ((imbalance - q) / (r - 1 - q) - imbalance / r)


def resonance_slope(q: int, kappa: float) -> float:
    """K d(t_escape - t_leading)/d log(1/eps) at L = q + 1: -2q/(q+1) kappa.

    Minus Corollary 17's lambda on the balanced leaf, :func:`leaf_coefficient`.
    """
    return -leaf_coefficient(q, kappa)


def leaf_coefficient(q: int, kappa: float) -> float:
    """lambda of eq. 31, dU/dt = K U^(L-1) (1 + lambda U^(q-1) + ...), with U = X_L on the leaf.

    2q/(q+1) kappa: kappa from X_L's own rate, (q-1)/(q+1) kappa because on the leaf
    X_1 = U (1 + (q-1)/(q+1) kappa U^(q-1)).
    """
    return 2 * q / (q + 1) * kappa


def logarithm_slope(r: int, q: int, kappa: float, outer: Sequence[float] = ()) -> float:
    """K d(t_escape - t_leading)/d log(1/eps), r small layers first; NaN where no logarithm leads.

    Two corrections meet the end of the escape, of relative order r - 2: at r = q + 1 the insertion,
    :func:`resonance_slope`; at r = 4 and q >= 3 the growth of the layers at order one, whose X_m^2
    grow by X^2 and K prod outer by the factor 1 + sum_m X^2 / (2 X_m^2). outer: their scales on the
    manifold; off it, where one layer follows the small ones, its norm.
    """
    slopes = [resonance_slope(q, kappa)] if r == q + 1 else []
    if outer and r == 4 and q >= 3:
        slopes.append(-sum(1 / (2 * scale**2) for scale in outer))
    return sum(slopes) if has_logarithm(r, q, bool(outer)) else math.nan


def aligned_kappa(
    act: Activation,
    neurons: ArrayLike,
    signal: ArrayLike,
    y: ArrayLike,
    sample_weights: ArrayLike | None = None,
) -> float:
    """:func:`kappa` of a network of any width whose first layer is X u v^T, |u| = |v| = 1.

    a_q sum_j u_j^(q+1) E[y z^q] / (alpha E[y z]): relative rate of the first insertion at X = 1,
    X = |W_1|_F. There the limit flow ends from any start; on the symmetric manifold u_j = 1/sqrt(N)
    and X = sqrt(N) X_1. neurons: u (N,); signal: z = v.x (n,); y: targets (n,); sample_weights:
    (n,), equal if None.
    """
    q, a_q = insertion(act)
    signal, y = np.asarray(signal), np.asarray(y)
    inserted, linear = (np.average(y * signal**p, weights=sample_weights) for p in (q, 1))
    return a_q * np.sum(np.asarray(neurons) ** (q + 1)) * inserted / linear / classify(act).alpha
