"""Theorem 26 and Corollary 27: growth rates of truncations of J = [[-A, B], [C, -D]].

J_K keeps the first K rows and columns of each block. Its growth rate lambda_K is the largest real
part of its eigenvalues, which for a Metzler matrix (nonnegative off the diagonal) is an eigenvalue.
What holds: lambda_K <= lambda_{K+1}, since J_K is a principal submatrix of J_{K+1}; strictly where
J_{K+1} is irreducible (Perron-Frobenius). Theorem 26 asks for the irreducibility of the whole, and
for a loop gain of the whole above 1; three examples show what that does not give. J may be of any
size; the examples continue as a chain whose couplings decay.
"""

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components

from .stability import block_matrix, loop_gain, spectral_abscissa

Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # A (n,), B (n, n), C (n, n), D (n,)


def truncate(parts: Parts, order: int) -> Parts:
    """The parts of J_K, K = ``order``."""
    a, b, c, d = parts
    return a[:order], b[:order, :order], c[:order, :order], d[:order]


def growth_rates(parts: Parts) -> np.ndarray:
    """lambda_K for K = 1..n."""
    orders = range(1, len(parts[0]) + 1)
    return np.array([spectral_abscissa(block_matrix(*truncate(parts, k))) for k in orders])


def loop_gains(parts: Parts) -> np.ndarray:
    """Loop gain of J_K for K = 1..n; it is the spectral radius of D_K^-1 C_K A_K^-1 B_K."""
    return np.array([loop_gain(*truncate(parts, k)) for k in range(1, len(parts[0]) + 1)])


def compressed_gains(parts: Parts) -> np.ndarray:
    """Spectral radius of P_K M P_K, M = D^-1 C A^-1 B of the whole, for K = 1..n."""
    a, b, c, d = parts
    whole = (c / d[:, None]) @ (b / a[:, None])
    return np.array(
        [np.abs(np.linalg.eigvals(whole[:k, :k])).max() for k in range(1, len(whole) + 1)]
    )


def is_irreducible(matrix: np.ndarray) -> bool:
    """Whether the directed graph of the entries (n, n) that are not 0 is strongly connected."""
    return connected_components(matrix != 0, directed=True, connection="strong")[0] == 1


def irreducible_truncations(parts: Parts) -> np.ndarray:
    """Whether J_K is irreducible, for K = 1..n, (n,) of bool."""
    orders = range(1, len(parts[0]) + 1)
    return np.array([is_irreducible(block_matrix(*truncate(parts, k))) for k in orders])


def linear_escape_time(matrix: np.ndarray, start: np.ndarray, level: float = 1.0) -> float:
    """Time at which |x| = level under dx/dt = J x from ``start`` (n,); infinite if J is stable.

    Raises ValueError if the start is at the level already.
    """
    rate = spectral_abscissa(matrix)
    if np.linalg.norm(start) >= level:
        raise ValueError(f"start: its norm is not below the level {level:g}")
    if rate <= 0:
        return np.inf

    def excess(t):
        return np.log(np.linalg.norm(expm(t * matrix) @ start) / level)

    top = 1 / rate
    while excess(top) < 0:
        top *= 2
    return float(brentq(excess, 0.0, top, xtol=1e-14, rtol=1e-13))


def _unit_damping(loop):
    """Parts with A = B = D = 1 and C = ``loop`` (n, n): lambda_K = sqrt(rho(loop_K)) - 1."""
    n = len(loop)
    return np.ones(n), np.eye(n), loop, np.ones(n)


def chain(size: int, gain: float, decay: float = 0.5) -> Parts:
    """Every truncation irreducible and, for gain > 1, unstable: what Theorem 26 has in mind.

    Loop entry gain at (1, 1), couplings decay^p between degrees p and p + 1.
    """
    loop = np.zeros((size, size))
    loop[0, 0] = gain
    step = np.arange(size - 1)
    loop[step, step + 1] = loop[step + 1, step] = decay ** (step + 1)
    return _unit_damping(loop)


def with_reducible_truncation(size: int) -> Parts:
    """The same chain with C[1, 2] moved to C[1, 3]: irreducible, but J_2 is not.

    Degree 2 hears degree 1 and is not heard before degree 3 is there, so lambda_1 = lambda_2.
    """
    a, b, c, d = chain(size, 4.0)
    c[0, 2], c[0, 1] = c[0, 1], 0.0
    return a, b, c, d


def with_late_gain(size: int) -> Parts:
    """A chain without C[1, 1] and with C[1, 2] = C[2, 1] = 2: the whole has gain 2, J_1 has none.

    lambda_1 = -1 is no positive eigenvalue, though the loop gain of the whole exceeds 1.
    """
    a, b, c, d = chain(size, 0.0)
    c[0, 1] = c[1, 0] = 2.0
    return a, b, c, d


def with_loop_outside(size: int) -> Parts:
    """B and C exchange degrees 1 and 2: P_1 M P_1 = 4 though J_1 has no loop at all.

    The truncation of the product D^-1 C A^-1 B is not the product of the truncations.
    """
    a, b, c, d = chain(size, 0.0)
    b[:2, :2] = [[0.0, 1.0], [1.0, 0.0]]
    c[0, 1] = c[1, 0] = 4.0
    c[0, 2] = c[2, 0] = 0.25
    return a, b, c, d
