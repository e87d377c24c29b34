"""Networks of identical neurons: the N neurons of a layer are one (Lemma 14, on data of any kind).

Neurons that start equal receive equal gradients, whatever the inputs. A network that starts on the
symmetric manifold therefore stays one of identical neurons under minibatch descent too: noise only
turns the common row w of W_1 away from v. With c = 1/sqrt(N),

    f = sqrt(N) X_L sigma(X_{L-1} sigma(... sigma(w.x))),

and one step of rate eta moves the d + L - 1 numbers w, X_2..X_L just as it moves a network of width
one, c = 1, whose targets are y / sqrt(N): the loss is N times that network's, and every layer's
metric is 1/N. That makes the paper's training of figures 1 and 3, whose rates eta, eta/N on the
network of Definition 3 are one rate eta here (:mod:`parameterization`), a matter of minutes.

Of a Gaussian minibatch, f and y see only the plane of v and w. Across it the inputs xi_s are
independent of the errors, and enter a step only as sum_s delta_s xi_s, which is Gaussian with
covariance sum_s delta_s^2. :func:`minibatch_descent` draws that sum itself: the same descent in
distribution, with 2 n + d - 1 random numbers a step in place of n d.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..theory.activations import Activation
from .data import Normals, first_axis
from .problem import Problem


def one_neuron(
    act: Activation, depth: int, width: int, x: Tensor, sample_weights: Tensor | None = None
) -> Problem:
    """The network of width one that N = ``width`` identical neurons per layer are.

    x: (n, d); the teacher is y = sigma(x_1), divided by sqrt(N). Its loss is 1/N of the network's.
    """
    shapes = [(1, x.shape[-1])] + [(1, 1)] * (depth - 1)
    y = act.torch(x[..., :1]) / math.sqrt(width)
    return Problem(act, shapes, 1.0, x, y, sample_weights)


def start(scales: Tensor, input_dim: int) -> Tensor:
    """Flat weights (b, d + L - 1) with w = X_1 v and layer scales (b, L), v the first axis."""
    scales = torch.as_tensor(scales, dtype=torch.float64)
    direction = first_axis(input_dim, scales.device)
    return torch.cat([scales[:, :1] * direction, scales[:, 1:]], -1)


def expand(flat: Tensor, input_dim: int, width: int) -> list[Tensor]:
    """The network's weights W_1..W_L (b, n_l, n_{l-1}) of flat weights (b, d + L - 1)."""
    ones = torch.ones(width, 1, dtype=flat.dtype, device=flat.device)
    row, scales = flat[:, None, :input_dim], flat[:, input_dim:, None, None]
    inner = [x * (ones @ ones.T) / math.sqrt(width) for x in scales[:, :-1].unbind(1)]
    return [ones * row, *inner, scales[:, -1] * ones.T]


def draw_minibatch(normals: Normals, streams: int, batch: int, input_dim: int) -> Tensor:
    """What one step of :func:`minibatch_descent` draws for each stream, (streams, 2 n + d - 1)."""
    return normals(streams, 2 * batch + input_dim - 1)


def minibatch_descent(
    act: Activation, depth: int, width: int, input_dim: int, rate: float
) -> Callable[[Tensor, Tensor, Tensor], None]:
    """update(weights (b, d + L - 1), x, stream (b,)): one step of descent, in place.

    For :func:`integrate.descend`: x is of :func:`draw_minibatch`, stream its row for each network
    (the optimizer's memory, so that it leaves with its network).
    """

    def update(flat, x, stream):
        plane = turned(flat, input_dim).T[..., None]
        batch = (x.shape[1] - input_dim + 1) // 2
        target = act.torch(x[:, :batch]) / math.sqrt(width)
        along, out, noise = x[stream].split([batch, batch, input_dim - 1], dim=-1)
        slope, error = _plane_gradient(act, plane, along, out, target[stream])
        # 0 while w is along v: no input across it is then seen by the network
        unit = flat[:, 1:input_dim] / plane[1].clamp_min(torch.finfo(flat.dtype).tiny)
        noise = noise - (noise * unit).sum(-1, keepdim=True) * unit
        across = error * noise + slope[:, 1:2] * unit
        flat.sub_(torch.cat([slope[:, :1], across, slope[:, 2:]], -1), alpha=rate / batch)

    return update


def _plane_gradient(act, plane, along, out, target):
    """(gradient (b, 2 + L - 1), |delta_1| (b, 1)) at weights in the plane, summed over the batch.

    plane: the weights, (2 + L - 1, b, 1); along, out (b, n): the inputs along v and along the rest
    of w; target (b, n): of the width-one network. delta_1 (b, n): derivative of that network's loss
    in the first pre-activations.
    """
    first, across, *scales = plane.unbind(0)
    h = torch.addcmul(first * along, across, out)
    activities, slopes = [], []
    for scale in scales:
        value, slope = act.torch_value_and_prime(h)
        activities.append(value)
        slopes.append(slope)
        h = scale * value
    delta, gradients = h.sub_(target), []
    for scale, value, slope in zip(scales[::-1], activities[::-1], slopes[::-1], strict=True):
        gradients.append((delta * value).sum(-1))
        delta = delta.mul_(scale).mul_(slope)
    gradients += [(delta * out).sum(-1), (delta * along).sum(-1)]
    return torch.stack(gradients[::-1], -1), delta.norm(dim=-1, keepdim=True)


def layer_scales(flat: Tensor, input_dim: int) -> Tensor:
    """|W_l|_F / sqrt(N), shape (b, L): the length of w, then |X_2|..|X_L|."""
    return torch.cat(
        [flat[:, :input_dim].norm(dim=-1, keepdim=True), flat[:, input_dim:].abs()], -1
    )


def alignment(flat: Tensor) -> Tensor:
    """Mode alignment |W_1 v|_2 / sqrt(N), shape (b,): the component of w along v."""
    return flat[:, 0].abs()


def turned(flat: Tensor, input_dim: int) -> Tensor:
    """The same network seen in the plane of v and w: flat weights (b, 2 + L - 1).

    A Gaussian expectation sees of w only its component along v and the length of the rest.
    """
    row = flat[:, :input_dim]
    return torch.cat([row[:, :1], row[:, 1:].norm(dim=-1, keepdim=True), flat[:, input_dim:]], -1)


def population_loss(
    act: Activation, width: int, flat: Tensor, input_dim: int, rule: Sequence
) -> Tensor:
    """The network's loss (b,) for x ~ N(0, I_d), on the tensor grid of a rule (nodes, weights)."""
    nodes, weights = (torch.as_tensor(part, dtype=torch.float64) for part in rule)
    x = torch.cartesian_prod(nodes, nodes)
    depth = flat.shape[1] - input_dim + 1
    grid = one_neuron(act, depth, width, x, torch.outer(weights, weights).ravel())
    return width * grid.mean_loss(turned(flat, input_dim))
