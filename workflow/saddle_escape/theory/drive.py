"""What moves an aligned network off its blocks (Appendices E.4 and E.5).

Every block on its own mode, all layer scales epsilon: is this block-aligned ansatz invariant? With
one output per mode it is, for odd activations. With the paper's one output it is not: at leading
order the network is a deep linear one whose only target is the teacher's linear part, so that every
entry of a column of M_l is pushed as hard as the layer scale in it,

    dM_l[b, m]/dt = rho_l n c h alpha^(L-1) s_m (product of the other layers' scales),

h = E[sigma(z) z], of order epsilon^(L-1): the rotations and the off-block amplitudes start as the
layer scales do. Eqs. 62 and 64 as printed have no such term.
"""

import numpy as np

from . import blocks
from .activations import Activation
from .blocks import BlockModel
from .classes import classify
from .corrections import insertion
from .quadrature import expectation


def aligned_drive(model: BlockModel, epsilon: float) -> np.ndarray:
    """dM/dt at :func:`blocks.aligned_state`, exactly: shape (L, K, K), per unit flow time."""
    return blocks.coupled_field(model, blocks.aligned_state(model, epsilon))


def leading_drive(model: BlockModel, epsilon: float) -> np.ndarray:
    """Leading order of :func:`aligned_drive` as epsilon -> 0, shape (L, K, K).

    With one output per mode only the diagonals are driven.
    """
    row = classify(model.activation)
    scales = np.diagonal(blocks.aligned_state(model, epsilon), axis1=1, axis2=2)[:, :1, None]
    others = scales.prod() / scales  # all blocks have the same scales
    push = model.readout * row.beta1 * row.alpha ** (model.depth - 1) * others * model.amplitudes
    mask = np.ones(model.shape) if model.summed else model.diagonal
    return model.metric * mask * push


def printed_amplitude_terms(act: Activation, modes: int, u: float) -> tuple[float, float]:
    """(alpha_{kk'}, beta_{kk'}) of eq. 62 at U_{k'} = u, for K modes.

    alpha_{kk'} = alpha^2 E[sigma'(u z)^2] / K; beta_{kk'} = a_q alpha E[z^q sigma'(u z)] / K, which
    is 0 for every odd activation: its q is odd and its sigma' even. Raises ValueError outside
    classes B and C.
    """
    q, a_q = insertion(act)
    alpha = classify(act).alpha
    decay = alpha**2 * expectation(lambda z: act.prime(u * z) ** 2) / modes
    source = a_q * alpha * expectation(lambda z: z**q * act.prime(u * z)) / modes
    return decay, source


def printed_rotation_terms(act: Activation, u: float, v: float) -> tuple[float, float]:
    """(E[sigma'(u z)^2], mu_{k,m}) of eq. 64 at U_k = u, U_m = v.

    mu_{k,m} = E[z^2 sigma'(u z) sigma(v z)] + v E[sigma'(u z) sigma'(v z)]; its first term is 0 for
    an odd activation.
    """
    decay = expectation(lambda z: act.prime(u * z) ** 2)
    cubic = expectation(lambda z: z**2 * act.prime(u * z) * act(v * z))
    return decay, cubic + v * expectation(lambda z: act.prime(u * z) * act.prime(v * z))
