"""Networks in blocks (figure 5, Appendix E): exact population gradients and Hessians.

Student: the network of :mod:`training.network`, N = K n neurons per layer in K blocks of n, with a
prefactor c in front of every layer but the first. Inputs x ~ N(0, I) enter through their components
z = (v_1 . x, .., v_K . x) along the orthonormal directions of the teacher. There are two teachers:

    summed (the paper's):     one output,    y   = sum_k s_k sigma(z_k)
    separate (companion's):   K outputs,     y_k = s_k sigma(z_k)

Weights that are constant on blocks stay so under population gradient flow, exactly, because the
flow commutes with permutations within a block. The state is one K x K matrix M_l per layer, an
array of shape (L, K, K):

    W_1 rows of block b    = row b of M_1, the components along v_1..v_K
    W_l on blocks (b, b')  = M_l[b, b'] / (n c)          (1 < l < L)
    W_L on block b         = column b of M_L             (K outputs)
                             M_L[b, b]                   (one output: M_L is diagonal)

so that h_1 = M_1 z, h_l = M_l sigma(h_{l-1}), and the outputs are n c M_L sigma(h_{L-1}), or their
sum. Definition 3 inside each block, c W_l = X_l / n and c W_L = X_L / sqrt(n), is c = 1/sqrt(n),
M_l = diag(X_l): diagonals are the layer scales X_{l,k}, off-diagonals of M_1 the cross-block
rotations eta_{k,m}, those of M_2 the amplitudes C_{kk'} / K. Flow time t:
dM_l/dt = -rho_l dLoss/dM_l with rho_1 = rho_L = 1/n, else c^2: the matrix flow, and for
c = 1/sqrt(n) also that of gradient descent with rates eta in layer 1 and eta / n in the others
without a prefactor, t = eta x step.

Population expectations are weighted sums over a grid in R^K. For an odd activation x -> -x leaves
the loss unchanged, so half the grid is enough.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import quadrature
from .activations import Activation

MAX_MODES = 4
MAX_GRID_POINTS = 3_000_000  # of the tensor grid before it is halved; about a gigabyte of arrays


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes and weights of a Gaussian expectation over R^K.

    points (K, G) and weights (G,), which sum to one. axis_nodes (g,), axis_weights (g,): the same
    expectation for functions of one coordinate.
    """

    points: np.ndarray
    weights: np.ndarray
    axis_nodes: np.ndarray
    axis_weights: np.ndarray

    @property
    def size(self) -> int:
        """Number of points G."""
        return len(self.weights)


def make_grid(
    modes: int,
    rule: str = "trapezoid",
    step: float = 0.5,
    half_width: float = 6.5,
    nodes: int = 28,
    halve: bool = True,
) -> Grid:
    """Tensor grid of a one-dimensional rule of :func:`quadrature.gaussian_rule` in R^modes.

    rule "trapezoid": spacing ``step``, and of the cube the ball |x| <= half_width, beyond which the
    weight is negligible; "gauss_hermite": ``nodes`` per axis, all points. ``halve`` keeps one point
    of every pair x, -x with twice the weight: right for integrands that are the same at both.
    Raises ValueError for an unknown rule, and for a grid of more than MAX_GRID_POINTS.
    """
    if rule not in ("trapezoid", "gauss_hermite"):
        raise ValueError(f"grid: unknown rule '{rule}', choose from trapezoid, gauss_hermite")
    z, w = quadrature.gaussian_rule(rule, step=float(step), half_width=half_width, nodes=nodes)
    total = len(z) ** modes
    if total > MAX_GRID_POINTS:
        raise ValueError(
            f"grid: {len(z)} nodes on each of {modes} axes make {total:,} points, more than "
            f"{MAX_GRID_POINTS:,}; use a larger step, fewer nodes or fewer modes"
        )
    index = np.indices((len(z),) * modes).reshape(modes, total)
    points, weights = z[index], w[index].prod(axis=0)
    inside = np.ones(total, bool)
    if rule == "trapezoid":
        inside = np.square(points).sum(axis=0) <= half_width**2 * (1 + 1e-12)
    weights = weights * inside / weights[inside].sum()
    axis_weights = np.bincount(index[0], weights, minlength=len(z))
    if halve:
        weights, axis_weights = _one_of_each_pair(weights), _one_of_each_pair(axis_weights)
    kept, axis_kept = weights > 0, axis_weights > 0
    return Grid(
        np.ascontiguousarray(points[:, kept]),
        weights[kept],
        z[axis_kept],
        axis_weights[axis_kept],
    )


def _one_of_each_pair(weights):
    """Weights (n,) with the mirror image of each entry, at n - 1 - i, folded onto the later one."""
    folded = weights + weights[::-1]
    folded[: len(weights) // 2] = 0.0
    if len(weights) % 2:
        folded[len(weights) // 2] /= 2
    return folded


def require_odd_bounded(act: Activation) -> None:
    """Raise ValueError unless the activation is odd and bounded, as the block model needs."""
    if act.parity != "odd":
        raise ValueError(
            f"activation: '{act.name}' is not odd; the cascade takes tanh, erf, sin, arctan or "
            "another bounded odd function"
        )
    z = np.geomspace(1.0, 1e8, 200)
    with np.errstate(all="ignore"):
        size = np.abs(act(z))
    if not size.max() <= 1.5 * size[z <= 100].max():
        raise ValueError(
            f"activation: '{act.name}' is not bounded; the cascade takes tanh, erf, sin, arctan or "
            "another bounded odd function"
        )


@dataclass(frozen=True, eq=False)
class BlockModel:
    """Teacher, network shape and grid of one cascade.

    amplitudes (K,): the s_k; depth L; block_size n, so that the width is N = K n; summed: one
    output, the sum over the modes, in place of one output each; fan: the prefactor is
    c = 1/sqrt(fan).
    """

    activation: Activation
    amplitudes: np.ndarray
    depth: int
    block_size: int
    grid: Grid
    summed: bool
    fan: int

    @property
    def modes(self) -> int:
        """Number of modes K."""
        return len(self.amplitudes)

    @property
    def width(self) -> int:
        """Neurons per layer, N = K n."""
        return self.modes * self.block_size

    @property
    def outputs(self) -> int:
        """Number of outputs, 1 or K."""
        return 1 if self.summed else self.modes

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (L, K, K) of a state."""
        return self.depth, self.modes, self.modes

    @property
    def readout(self) -> float:
        """n c, the factor in front of M_L sigma(h_{L-1})."""
        return self.block_size / math.sqrt(self.fan)

    @functools.cached_property
    def metric(self) -> np.ndarray:
        """rho, shape (L, K, K): the factor between -dLoss/dM and dM/dt; 0 where M has no entry."""
        rho = np.full(self.shape, 1 / self.fan)
        rho[[0, -1]] = 1 / self.block_size
        if self.summed:
            rho[-1] *= self.diagonal
        return rho

    @functools.cached_property
    def diagonal(self) -> np.ndarray:
        """The K x K identity: the mask that keeps what acts within blocks."""
        return np.eye(self.modes)

    @functools.cached_property
    def coupled(self) -> "_Expectation":
        """The expectation over all K coordinates, for the full block flow."""
        pool = np.ones((1, self.modes)) if self.summed else self.diagonal
        return _Expectation(self, self.grid.points, self.grid.weights, pool)

    @functools.cached_property
    def decoupled(self) -> "_Expectation":
        """The expectation for block-diagonal states, one coordinate per block.

        The error of mode k then depends on z_k alone, so the points z = (u, .., u) give every block
        its own one-dimensional expectation. For a summed teacher too: the errors are independent
        and, sigma being odd, have mean zero, so the loss is the sum of the modes' own.
        """
        points = np.tile(self.grid.axis_nodes, (self.modes, 1))
        return _Expectation(self, points, self.grid.axis_weights, self.diagonal)


def make_model(
    act: Activation,
    amplitudes: Sequence[float],
    depth: int,
    block_size: int,
    grid: Grid,
    summed: bool = False,
    fan: int | None = None,
) -> BlockModel:
    """A checked :class:`BlockModel`; fan: N unless given.

    Raises ValueError for an activation that is not odd and bounded, for more than MAX_MODES modes,
    a depth below 2, a block size below 1, or a grid in another dimension than the modes.
    """
    require_odd_bounded(act)
    amplitudes = np.asarray(amplitudes, dtype=float)
    if not 1 <= len(amplitudes) <= MAX_MODES:
        raise ValueError(f"amplitudes: {len(amplitudes)} modes given, choose 1 to {MAX_MODES}")
    if depth < 2 or block_size < 1:
        raise ValueError(f"cascade: depth {depth}, block size {block_size}; need >= 2 and >= 1")
    if len(grid.points) != len(amplitudes):
        raise ValueError(f"grid: {len(grid.points)} axes for {len(amplitudes)} modes")
    fan = fan or len(amplitudes) * block_size
    return BlockModel(act, amplitudes, depth, block_size, grid, summed, fan)


@dataclass(frozen=True, eq=False)
class _Expectation:
    """Loss, gradient and Hessian products of a model as sums over points (K, G).

    pool (O, K) adds up the modes' errors to the errors of the outputs.
    """

    model: BlockModel
    points: np.ndarray
    weights: np.ndarray
    pool: np.ndarray

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Teacher outputs (O, G)."""
        return self.pool @ (self.model.amplitudes[:, None] * self.model.activation(self.points))

    def _weighted(self, errors):
        """dLoss / d(M_L sigma(h)), (K, G), of the outputs' errors (O, G)."""
        return self.model.readout * (self.pool.T @ (self.weights * errors))

    def _forward(self, state, order):
        """Activities a_0..a_{L-1}, derivatives of sigma at h_1..h_{L-1}, errors f - y (O, G)."""
        activities, derivatives, h = [self.points], [], state[0] @ self.points
        for matrix in state[1:]:
            a, *slopes = self.model.activation.jet(h, order)
            activities.append(a)
            derivatives.append(slopes)
            h = matrix @ a
        return activities, derivatives, self.model.readout * (self.pool @ h) - self.targets

    def loss(self, state: np.ndarray) -> float:
        """Population loss of a state (L, K, K)."""
        error = self._forward(state, 0)[2]
        return 0.5 * float(np.einsum("og,og,g", error, error, self.weights))

    def gradient(self, state: np.ndarray) -> np.ndarray:
        """dLoss/dM, shape (L, K, K), by backpropagation."""
        activities, derivatives, error = self._forward(state, 1)
        delta = self._weighted(error)
        gradient = np.empty(self.model.shape)
        for layer in range(self.model.depth - 1, 0, -1):
            gradient[layer] = delta @ activities[layer].T
            delta = (state[layer].T @ delta) * derivatives[layer - 1][0]
        gradient[0] = delta @ self.points.T
        return gradient

    def gradient_and_hessian_vector(
        self, state: np.ndarray, direction: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """dLoss/dM and its derivative along ``direction``, both (L, K, K), at the cost of two."""
        activities, derivatives, error = self._forward(state, 2)
        dh = [direction[0] @ self.points]
        da = [None]
        for layer in range(1, self.model.depth):
            da.append(derivatives[layer - 1][0] * dh[-1])
            dh.append(direction[layer] @ activities[layer] + state[layer] @ da[-1])
        delta = self._weighted(error)
        ddelta = self._weighted(self.model.readout * (self.pool @ dh[-1]))
        gradient, product = np.empty(self.model.shape), np.empty(self.model.shape)
        for layer in range(self.model.depth - 1, 0, -1):
            gradient[layer] = delta @ activities[layer].T
            product[layer] = ddelta @ activities[layer].T + delta @ da[layer].T
            slope, curvature = derivatives[layer - 1]
            back = state[layer].T @ delta
            ddelta = (direction[layer].T @ delta + state[layer].T @ ddelta) * slope
            ddelta += back * curvature * dh[layer - 1]
            delta = back * slope
        gradient[0], product[0] = delta @ self.points.T, ddelta @ self.points.T
        return gradient, product

    def hessian(self, state: np.ndarray) -> np.ndarray:
        """Second derivatives of the loss in closed form, shape (P, P) with P = L K^2.

        With U_l = dh_l/dM (carried forward) and g_l = dLoss/da_l, delta_l = dLoss/dh_l (carried
        backward), Loss'' = E[f'^T f' + sum_l U_l^T diag(g_l sigma''(h_l)) U_l] + X + X^T, where X
        couples M_l's own factor delta_l with sigma'(h_{l-1}) U_{l-1}.
        """
        activities, derivatives, error = self._forward(state, 2)
        depth, k, _ = self.model.shape
        delta = self._weighted(error)
        deltas, backs = {depth - 1: delta}, {}
        for layer in range(depth - 1, 0, -1):
            backs[layer - 1] = state[layer].T @ deltas[layer]
            deltas[layer - 1] = backs[layer - 1] * derivatives[layer - 1][0]
        hessian, cross = np.zeros((2, depth * k * k, depth * k * k))
        u = np.zeros((k, depth * k * k, len(self.weights)))
        for layer in range(depth):
            if layer:
                slope, curvature = derivatives[layer - 1]
                hessian += np.einsum("kpg,kg,kqg->pq", u, backs[layer - 1] * curvature, u)
                inner = u * slope[:, None]
                rows = np.einsum("ig,jqg->ijq", deltas[layer], inner)
                cross[layer * k * k : (layer + 1) * k * k] = rows.reshape(k * k, -1)
                u = np.einsum("ij,jpg->ipg", state[layer], inner)
            for i in range(k):
                own = slice((layer * k + i) * k, (layer * k + i + 1) * k)
                u[i, own] += activities[layer]
        u = self.model.readout * np.einsum("ok,kpg->opg", self.pool, u)
        hessian += np.einsum("opg,g,oqg->pq", u, self.weights, u)
        return hessian + cross + cross.T


def initial_state(modes: int, depth: int, epsilon: float, rho: float, seed: int) -> np.ndarray:
    """M_l = eps_l (I + rho G_l off the diagonal), shape (L, K, K).

    eps_1 = eps_L = epsilon, eps_l = epsilon / sqrt(K) inside; G standard normal from
    numpy.random.default_rng(seed), drawn in the shape (L, K, K), its diagonals dropped.
    """
    draw = np.random.default_rng(seed).standard_normal((depth, modes, modes))
    scale = np.full((depth, 1, 1), epsilon / math.sqrt(modes))
    scale[[0, -1]] = epsilon
    identity = np.eye(modes)
    return scale * (identity + rho * draw * (1 - identity))


def aligned_state(model: BlockModel, epsilon: float) -> np.ndarray:
    """Every block on its own mode, all layer scales epsilon: figure 5's start, shape (L, K, K).

    M_l^2 / rho_l is the same in all layers, so M_l = epsilon I in the first and last ones, and
    inside too if the prefactor is 1/sqrt(n).
    """
    return epsilon * np.sqrt(model.block_size * model.metric) * model.diagonal


def expand(model: BlockModel, state: np.ndarray) -> list[np.ndarray]:
    """The full network's weights W_1..W_L, shapes as :func:`network.layer_shapes`, of a state.

    The input has K components, those along the teacher's directions.
    """
    n, ones = model.block_size, np.ones((model.block_size, model.block_size))
    inner = [np.kron(m, ones) / model.readout for m in state[1:-1]]
    last = np.diagonal(state[-1])[None] if model.summed else state[-1]
    return [np.repeat(state[0], n, axis=0), *inner, np.repeat(last, n, axis=1)]


def block_means(model: BlockModel, weights: Sequence[np.ndarray]) -> np.ndarray:
    """The state (L, K, K) of the block means of weights W_1..W_L: inverse of :func:`expand`."""
    k, n = model.modes, model.block_size
    first = weights[0].reshape(k, n, k).mean(axis=1)
    last = weights[-1].reshape(model.outputs, k, n).mean(axis=2)
    inner = [w.reshape(k, n, k, n).mean(axis=(1, 3)) for w in weights[1:-1]]
    last = np.diag(last[0]) if model.summed else last
    return np.stack([first, *(m * model.readout for m in inner), last])


def collapse(model: BlockModel, state: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Weights W_1..W_L of a network with one neuron per block, and rates of its layers (L,).

    Neurons of a block that start alike stay alike, on every minibatch too, since they are given
    the same gradient. So descent of all N neurons with the rate eta is, step by step, descent of
    these K per layer, without a prefactor, with the rates eta x ``rates``.
    """
    last = model.readout * (model.coupled.pool @ state[-1])
    rates = np.full(model.depth, 1 / model.fan)
    rates[[0, -1]] = np.array([1, model.readout**2]) / model.block_size
    return [*state[:-1], last], rates


def loss(model: BlockModel, state: np.ndarray) -> float:
    """Population loss 1/2 E|f - y|^2 of a state (L, K, K)."""
    return model.coupled.loss(state)


def gradient(model: BlockModel, state: np.ndarray) -> np.ndarray:
    """dLoss/dM of the block network, shape (L, K, K)."""
    return model.coupled.gradient(state)


def coupled_field(model: BlockModel, state: np.ndarray) -> np.ndarray:
    """f_1: dM/dt of the full block flow, shape (L, K, K), per unit flow time."""
    return -model.metric * model.coupled.gradient(state)


def decoupled_field(model: BlockModel, state: np.ndarray) -> np.ndarray:
    """f_0: dM/dt when off-diagonal entries neither act nor move, shape (L, K, K).

    Each block follows the single-mode flow of Theorem 4.
    """
    gradient = model.decoupled.gradient(state * model.diagonal)
    return -model.metric * model.diagonal * gradient


def field(model: BlockModel, state: np.ndarray, nu: float | np.ndarray) -> np.ndarray:
    """f_nu = f_0 + nu (f_1 - f_0) of the homotopy, shape (L, K, K).

    nu: a number, or an array that broadcasts to (L, K, K) and so switches each channel by itself.
    """
    f0 = decoupled_field(model, state)
    if not np.any(nu):
        return f0
    return f0 + nu * (coupled_field(model, state) - f0)


def adjoint_field(
    model: BlockModel, state: np.ndarray, nu: float | np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """((df_nu/dM)^T p, df_nu/dnu), both (L, K, K), for a covector p (L, K, K).

    f_0 and f_1 are gradients up to the metric rho, so two Hessian-vector products are enough.
    """
    covector = model.metric * p
    g0, h0 = model.decoupled.gradient_and_hessian_vector(
        state * model.diagonal, (1 - nu) * model.diagonal * covector
    )
    g1, h1 = model.coupled.gradient_and_hessian_vector(state, nu * covector)
    return -(model.diagonal * h0 + h1), -model.metric * (g1 - model.diagonal * g0)


def jacobian(model: BlockModel, state: np.ndarray, nu: float | np.ndarray = 1.0) -> np.ndarray:
    """df_nu/dM in closed form, shape (P, P), P = L K^2, states flattened in C order."""
    mask, p = np.broadcast_to(model.diagonal, model.shape).ravel(), math.prod(model.shape)
    rho = np.broadcast_to(model.metric, model.shape).reshape(p, 1)
    nu = np.broadcast_to(nu, model.shape).reshape(p, 1)
    h0 = model.decoupled.hessian(state * model.diagonal) * np.outer(mask, mask)
    return -rho * ((1 - nu) * h0 + nu * model.coupled.hessian(state))


def alignment(state: np.ndarray, mode: int = 0) -> np.ndarray:
    """Alignment of W_1 with teacher direction ``mode`` (from 0), |W_1 v|_2 / sqrt(N).

    state (..., L, K, K) -> (...). In block variables sqrt(sum_b M_1[b, mode]^2 / K).
    """
    return np.sqrt(np.square(state[..., 0, :, mode]).mean(axis=-1))
