"""The multi-mode cascade (figure 5) in block variables: exact population gradients and Hessians.

Teacher: y_k = s_k sigma(v_k . x), k = 1..K, with orthonormal v_k and x ~ N(0, I). Student: the
network of :mod:`network` in the NTK parameterization, with N = K n neurons per layer in K blocks of
n. Weights that are constant on blocks stay so under population gradient flow, exactly, because the
flow commutes with permutations within a block. The state is one K x K matrix M_l per layer, an
array of shape (L, K, K):

    W_1 rows of block b    = row b of M_1, the components along v_1..v_K
    W_l on blocks (b, b')  = (sqrt(N)/n) M_l[b, b']          (1 < l < L)
    W_L on block b         = column b of M_L                 (one row per output)

so that h_1 = M_1 x, h_l = M_l sigma(h_{l-1}) and f = (n/sqrt(N)) M_L sigma(h_{L-1}), with K-vectors
x, h_l and f. Flow time t: dM_l/dt = -rho_l dLoss/dM_l with rho_1 = rho_L = 1/n, else 1/N.

Population expectations are weighted sums over a grid in R^K. For an odd activation x -> -x leaves
the loss unchanged, so half the grid is enough.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from . import activations, quadrature

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
    def size(self):
        """Number of points G."""
        return len(self.weights)


def make_grid(modes, rule="trapezoid", step=0.5, half_width=6.5, nodes=28, halve=True):
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


def require_odd_bounded(act):
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

    amplitudes (K,): the s_k; depth L; block_size n, so that the width is N = K n.
    """

    activation: activations.Activation
    amplitudes: np.ndarray
    depth: int
    block_size: int
    grid: Grid

    @property
    def modes(self):
        """Number of modes K."""
        return len(self.amplitudes)

    @property
    def width(self):
        """Neurons per layer, N = K n."""
        return self.modes * self.block_size

    @property
    def shape(self):
        """Shape (L, K, K) of a state."""
        return self.depth, self.modes, self.modes

    @functools.cached_property
    def metric(self):
        """rho_l, shape (L, 1, 1): the factor between -dLoss/dM_l and dM_l/dt."""
        rho = np.full((self.depth, 1, 1), 1 / self.width)
        rho[[0, -1]] = 1 / self.block_size
        return rho

    @functools.cached_property
    def diagonal(self):
        """The K x K identity: the mask that keeps what acts within blocks."""
        return np.eye(self.modes)

    @functools.cached_property
    def coupled(self):
        """The expectation over all K coordinates, for the full block flow."""
        return _Expectation(self, self.grid.points, self.grid.weights)

    @functools.cached_property
    def decoupled(self):
        """The expectation for block-diagonal states, one coordinate per block.

        Output k then depends on x_k alone, so the points x = (z, .., z) give every block its own
        one-dimensional expectation.
        """
        points = np.tile(self.grid.axis_nodes, (self.modes, 1))
        return _Expectation(self, points, self.grid.axis_weights)


def make_model(act, amplitudes, depth, block_size, grid):
    """A checked :class:`BlockModel`.

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
    return BlockModel(act, amplitudes, depth, block_size, grid)


@dataclass(frozen=True, eq=False)
class _Expectation:
    """Loss, gradient and Hessian products of a model as sums over points (K, G)."""

    model: BlockModel
    points: np.ndarray
    weights: np.ndarray

    @functools.cached_property
    def targets(self):
        """Teacher outputs (K, G)."""
        return self.model.amplitudes[:, None] * self.model.activation(self.points)

    @property
    def _readout(self):
        return self.model.block_size / math.sqrt(self.model.width)

    def _forward(self, state, order):
        """Activities a_0..a_{L-1}, the derivatives of sigma at h_1..h_{L-1}, output error f - y."""
        activities, derivatives, h = [self.points], [], state[0] @ self.points
        for matrix in state[1:]:
            a, *slopes = self.model.activation.jet(h, order)
            activities.append(a)
            derivatives.append(slopes)
            h = matrix @ a
        return activities, derivatives, self._readout * h - self.targets

    def loss(self, state):
        """Population loss of a state (L, K, K)."""
        error = self._forward(state, 0)[2]
        return 0.5 * float(np.einsum("kg,kg,g", error, error, self.weights))

    def gradient(self, state):
        """dLoss/dM, shape (L, K, K), by backpropagation."""
        activities, derivatives, error = self._forward(state, 1)
        delta = self._readout * self.weights * error
        gradient = np.empty(self.model.shape)
        for layer in range(self.model.depth - 1, 0, -1):
            gradient[layer] = delta @ activities[layer].T
            delta = (state[layer].T @ delta) * derivatives[layer - 1][0]
        gradient[0] = delta @ self.points.T
        return gradient

    def gradient_and_hessian_vector(self, state, direction):
        """dLoss/dM and its derivative along ``direction``, both (L, K, K), at the cost of two."""
        activities, derivatives, error = self._forward(state, 2)
        dh = [direction[0] @ self.points]
        da = [None]
        for layer in range(1, self.model.depth):
            da.append(derivatives[layer - 1][0] * dh[-1])
            dh.append(direction[layer] @ activities[layer] + state[layer] @ da[-1])
        delta = self._readout * self.weights * error
        ddelta = self._readout**2 * self.weights * dh[-1]
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

    def hessian(self, state):
        """Second derivatives of the loss in closed form, shape (P, P) with P = L K^2.

        With U_l = dh_l/dM (carried forward) and g_l = dLoss/da_l, delta_l = dLoss/dh_l (carried
        backward), Loss'' = E[f'^T f' + sum_l U_l^T diag(g_l sigma''(h_l)) U_l] + X + X^T, where X
        couples M_l's own factor delta_l with sigma'(h_{l-1}) U_{l-1}.
        """
        activities, derivatives, error = self._forward(state, 2)
        depth, k, _ = self.model.shape
        delta = self._readout * self.weights * error
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
        scale = self._readout**2 * self.weights
        hessian += np.einsum("kpg,g,kqg->pq", u, scale, u)
        return hessian + cross + cross.T


def initial_state(modes, depth, epsilon, rho, seed):
    """M_l = eps_l (I + rho G_l off the diagonal), shape (L, K, K).

    eps_1 = eps_L = epsilon, eps_l = epsilon / sqrt(K) inside; G standard normal from
    numpy.random.default_rng(seed), drawn in the shape (L, K, K), its diagonals dropped.
    """
    draw = np.random.default_rng(seed).standard_normal((depth, modes, modes))
    scale = np.full((depth, 1, 1), epsilon / math.sqrt(modes))
    scale[[0, -1]] = epsilon
    identity = np.eye(modes)
    return scale * (identity + rho * draw * (1 - identity))


def expand(model, state):
    """The full network's weights W_1..W_L, shapes as :func:`network.layer_shapes`, of a state."""
    n, ones = model.block_size, np.ones((model.block_size, model.block_size))
    inner = [np.kron(m, ones) * math.sqrt(model.width) / n for m in state[1:-1]]
    return [np.repeat(state[0], n, axis=0), *inner, np.repeat(state[-1], n, axis=1)]


def block_means(model, weights):
    """The state (L, K, K) of the block means of weights W_1..W_L: inverse of :func:`expand`."""
    k, n = model.modes, model.block_size
    first = weights[0].reshape(k, n, k).mean(axis=1)
    last = weights[-1].reshape(k, k, n).mean(axis=2)
    inner = [w.reshape(k, n, k, n).mean(axis=(1, 3)) for w in weights[1:-1]]
    return np.stack([first, *(m * n / math.sqrt(model.width) for m in inner), last])


def loss(model, state):
    """Population loss 1/2 E|f - y|^2 of a state (L, K, K)."""
    return model.coupled.loss(state)


def gradient(model, state):
    """dLoss/dM of the block network, shape (L, K, K)."""
    return model.coupled.gradient(state)


def hessian_vector(model, state, direction):
    """Second derivative of the block network's loss along ``direction``; all (L, K, K)."""
    return model.coupled.gradient_and_hessian_vector(state, direction)[1]


def coupled_field(model, state):
    """f_1: dM/dt of the full block flow, shape (L, K, K), per unit flow time."""
    return -model.metric * model.coupled.gradient(state)


def decoupled_field(model, state):
    """f_0: dM/dt when off-diagonal entries neither act nor move, shape (L, K, K).

    Each block follows the single-mode flow of Theorem 4.
    """
    gradient = model.decoupled.gradient(state * model.diagonal)
    return -model.metric * model.diagonal * gradient


def field(model, state, nu):
    """f_nu = f_0 + nu (f_1 - f_0) of the homotopy, shape (L, K, K).

    nu: a number, or an array that broadcasts to (L, K, K) and so switches each channel by itself.
    """
    f0 = decoupled_field(model, state)
    if not np.any(nu):
        return f0
    return f0 + nu * (coupled_field(model, state) - f0)


def adjoint_field(model, state, nu, p):
    """((df_nu/dM)^T p, df_nu/dnu), both (L, K, K), for a covector p (L, K, K).

    f_0 and f_1 are gradients up to the metric rho, so two Hessian-vector products are enough.
    """
    covector = model.metric * p
    g0, h0 = model.decoupled.gradient_and_hessian_vector(
        state * model.diagonal, (1 - nu) * model.diagonal * covector
    )
    g1, h1 = model.coupled.gradient_and_hessian_vector(state, nu * covector)
    return -(model.diagonal * h0 + h1), -model.metric * (g1 - model.diagonal * g0)


def jacobian(model, state, nu=1.0):
    """df_nu/dM in closed form, shape (P, P), P = L K^2, states flattened in C order."""
    mask, p = np.broadcast_to(model.diagonal, model.shape).ravel(), math.prod(model.shape)
    rho = np.broadcast_to(model.metric, model.shape).reshape(p, 1)
    nu = np.broadcast_to(nu, model.shape).reshape(p, 1)
    h0 = model.decoupled.hessian(state * model.diagonal) * np.outer(mask, mask)
    return -rho * ((1 - nu) * h0 + nu * model.coupled.hessian(state))


def alignment(state, mode=0):
    """Alignment of W_1 with teacher direction ``mode`` (from 0), |W_1 v|_2 / sqrt(N).

    state (..., L, K, K) -> (...). In block variables sqrt(sum_b M_1[b, mode]^2 / K).
    """
    return np.sqrt(np.square(state[..., 0, :, mode]).mean(axis=-1))
