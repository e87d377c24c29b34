"""Appendix D at the start, where nothing flows yet: Lemmas 20 and 21, AM-GM, He-normal draws."""

import functools
import math
from dataclasses import replace

import numpy as np
import torch

from ...theory import activations, classes, escape, manifold, printed, signal
from ...training import limit_flow, network
from ...training.data import first_axis
from . import bootstrap, quantity

# --- Lemma 20 -------------------------------------------------------------------------------------


def hermite_coefficient(case):
    """Lemma 20 and the remark after it: the sign of h = E[g sigma(g)], and its size.

    Controls: cubic, an activation of class B with sigma' < 0 beyond some point; monotone, only
    activations with sigma' >= 0; another_width, the family's formula for another width.
    """
    settings, control = case.settings, case.control
    names = [settings["cubic"]] if control == "cubic" else settings["activations"]
    h = {name: classes.classify(activations.get(name)).beta1 for name in names}
    other = settings["monotone"] if control == "monotone" else settings["counterexample"]
    row = classes.classify(activations.get(other))
    dips = [other] if control == "monotone" else settings["dips"]
    least = {name: signal.least_slope(activations.get(name))[1] for name in dips}
    return [
        quantity("positive", min(h.values()), h=h),
        quantity("every", row.beta1, activation=other, paper_class=row.paper_cls),
        quantity("slopes", min(least.values()), least=least),
        quantity("family", _family_error(settings["delta"], control == "another_width")),
    ], None


def _family_error(deltas, is_other):
    """Largest relative error of h = 1/sqrt(1 + 2/delta^2) for the remark's erf(u/delta)."""
    errors = []
    for delta in deltas:
        act = activations.get(f"{delta}*sqrt(pi)/2*erf(z/{delta})")
        formula = 1 / math.sqrt(1 + 2 / (delta * (1.1 if is_other else 1.0)) ** 2)
        errors.append(abs(classes.classify(act).beta1 / formula - 1))
    return max(errors)


# --- Lemma 21 -------------------------------------------------------------------------------------


def composition(case):
    """Lemma 21: sizes of f and of the layers' tensors, eq. 40's remainder, the linear path.

    Controls: one_layer_less, r - 1 layers scaled; whole_tensor, the tensor in place of its
    remainder; along, inputs along v only; linear, a linear network; large, scales of order one.
    """
    settings, control = case.settings, case.control
    net, r = bootstrap.problem(settings), settings["r"]
    flat = replace(net, x=net.x * first_axis(net.x.shape[1]))
    raw = bootstrap.he_normal(net.shapes, settings["seed"])
    sizes = _order_error(net, raw, r, r - (control == "one_layer_less"), settings["epsilon"])
    remainder = [_remainder_order(flat, raw, settings["M"], control == "whole_tensor")]
    remainder += [_remainder_order(flat if control == "along" else net, raw, settings["M"])]
    act = activations.get("linear") if control == "linear" else net.act
    reduced = manifold.reduction(act, len(raw), settings["network"]["width"])
    scales = settings["large" if control == "large" else "small"] * np.linspace(1, 2, len(raw))
    over_print = reduced.beta1 * reduced.correlation(scales)
    over_print /= printed.linear_signal(reduced, scales)
    return [
        quantity("sizes", sizes),
        quantity("psi_along", remainder[0]),
        quantity("psi", remainder[1]),
        quantity("hermite", over_print),
        quantity("linear_path", over_print * reduced.beta1),
    ], None


def _order_error(net, raw, r, scaled, epsilons):
    """Largest distance of the orders of |f| and |delta_l h_(l-1)^T| in epsilon from Lemma 21's."""
    sizes = []
    for epsilon in epsilons:
        f, tensors = _samples(net, network.scale_layers(raw, scaled, epsilon))
        sizes.append([_norm(net, values) for values in (f, *tensors)])
    expected = np.array([r, *([r - 1] * r), *([r] * (len(raw) - r))])
    return np.abs(_order(epsilons, sizes) - expected).max()


def _remainder_order(net, raw, scales, whole=False):
    """Order in M of |Psi_l| over |B_l| |A_(l-1)|, in the layer where it is the smallest.

    whole: of the tensor that Psi_l is the remainder of.
    """
    sizes = []
    for m in scales:
        weights = [m * w for w in raw]
        _, tensors = _samples(net, weights)
        leading = _leading(net, weights)
        rest = tensors if whole else [t - g for t, g in zip(tensors, leading, strict=True)]
        sizes.append([_norm(net, p) / _norm(net, g) for p, g in zip(rest, leading, strict=True)])
    return float(_order(scales, sizes).min())


def _order(scales, sizes):
    return np.diff(np.log(sizes), axis=0)[0] / np.diff(np.log(scales))[0]


def _samples(net, weights):
    """f (n, 1), and delta_l h_(l-1)^T (n, n_l, n_(l-1)) of every layer, for each input."""
    x, weights = net.x[:, None, :], [w[None] for w in weights]
    f = network.forward(weights, x, net.act, net.c)
    # an input's own loss with the target f - 1 has the gradient of its output
    return f[:, 0], network.output_and_gradient(weights, x, f - 1, net.act, net.c)[1]


def _leading(net, weights):
    """alpha^(L-1) B_l A_(l-1)^T g of eq. 40, shapes as in :func:`_samples`."""
    arrays = [w.numpy() for w in weights]
    below = signal.linear_path(arrays, first_axis(net.x.shape[1]).numpy())
    above = [np.ones(1)]
    for w in reversed(arrays[1:]):
        above.append(w.T @ above[-1])
    gain = net.act.slope_at_zero ** (len(weights) - 1) * net.x[:, :1, None]
    pairs = zip(above[::-1], below, strict=False)
    return [gain * torch.tensor(np.outer(b, a)) for b, a in pairs]


def _norm(net, values):
    """L2 norm over the inputs of values (n, ..)."""
    return float((net.sample_weights * values.flatten(1).square().sum(1)).sum().sqrt())


# --- AM-GM on the manifold ------------------------------------------------------------------------


def am_gm(case):
    """Remark on the manifold: equality of AM-GM, and Theorem 6's prefactor from the limit flow.

    Controls: uneven, small layers of different scales; another_width, Theorem 6's prefactor for
    twice the width.
    """
    settings, control = case.settings, case.control
    net, size = bootstrap.problem(settings), settings["network"]
    ntk = replace(net, c=network.prefactor("ntk", size["width"]))  # Definition 3's scales
    errors, ratios = [], []
    for r in settings["r"]:
        outer = settings["outer"][: size["depth"] - r]
        small = np.linspace(1, 3, r) if control == "uneven" else np.ones(r)
        scales = torch.tensor([*small, *outer], dtype=torch.float64)
        weights = network.manifold_weights(scales, size["width"], first_axis(size["input_dim"]))
        errors.append(_looseness(ntk, weights, r) - 1)
        width = size["width"] * (2 if control == "another_width" else 1)
        rate = classes.rate_constant(net.act, size["depth"], width)
        law = escape.critical_depth_time(rate, 1.0, r, outer)
        ratios.append(_blow_up_time(ntk, weights, r) / law)
    starts = [bootstrap.he_normal(net.shapes, seed) for seed in range(settings["seeds"])]
    loose = {
        r: float(np.median([_looseness(net, raw, r) for raw in starts])) for r in settings["r"]
    }
    return [
        quantity("equality", max(np.abs(errors)), loose=loose),
        quantity("prefactor", max(np.abs(np.array(ratios) - 1))),
    ], None


def _looseness(net, weights, r):
    """sum_l |G_l|^2 over r (prod_l gamma / y_l)^(2/r), y_l = |W_l|_op, over the first r layers."""
    flow = limit_flow.limit_flow(net, weights, r)
    gamma, gradient = flow.signal_and_gradient(weights[:r])
    y = torch.stack([torch.linalg.matrix_norm(w, 2) for w in weights[:r]])
    bound = r * (gamma / y).log().mean().mul(2).exp()
    return float(sum(g.square().sum() for g in gradient) / bound)


def _blow_up_time(net, weights, r):
    return float(
        limit_flow.blow_up_time(limit_flow.limit_flow(net, weights, r), weights[:r]).t_star
    )


# --- He-normal draws ------------------------------------------------------------------------------


def concentration(case):
    """What Appendix D says of He-normal draws: anti-concentration of q, the singular values.

    Controls: half_variance, weights N(0, 1/fan_in); positive and aligned, the absolute values of
    the entries, and v along (1, .., 1); wide and not_square, layers twice as wide as they are high.
    """
    settings, control = case.settings, case.control
    variance = 0.5 if control == "half_variance" else 1.0
    is_positive = control in ("positive", "aligned")
    rng = np.random.default_rng(settings["seed"])
    widths, (shallow, deep) = settings["widths"], settings["depths"]
    values = {
        n: _singular(n, n * (1 + (control in ("wide", "not_square"))), settings["draws"], variance)
        for n in widths
    }
    aligned = {n: _alignments(shallow, n, settings["draws"], rng, is_positive) for n in widths}
    medians = np.median(np.abs(list(aligned.values())), axis=1)
    deeper = np.median(np.abs(_alignments(deep, widths[0], settings["draws"], rng, is_positive)))
    q = _alignments(shallow, settings["small"], settings["many"], rng, is_positive)
    near = [np.mean(np.abs(q) < eta * np.median(np.abs(q))) for eta in settings["eta"]]
    width_order = _slope(widths, medians)
    least_order = _slope(widths, [np.median(values[n][:, -1]) for n in widths])
    largest = np.median(values[widths[-1]][:, 0]) / (2 * math.sqrt(2))
    shares = dict(zip(settings["eta"], near, strict=True))
    return [
        quantity(
            "anti_concentration",
            near[0] / max(near[1], 1 / settings["many"]),
            shares=shares,
            draws=settings["many"],
        ),
        quantity("sign", np.mean(q > 0), draws=settings["many"]),
        quantity("width", width_order, widths=widths, medians=medians),
        quantity("depth", deeper / medians[0], depths=settings["depths"]),
        quantity("largest", largest, width=widths[-1]),
        quantity("smallest", least_order, widths=widths),
        quantity("smallest_order", least_order, widths=widths),
    ], None


@functools.cache  # controls share the draws that they leave as they are with the check
def _singular(rows, columns, draws, variance):
    """Singular values (draws, rows) of He-normal matrices, largest first."""
    generator = torch.Generator().manual_seed(rows)
    shapes = [(rows, columns)] * draws
    stack = torch.stack(network.he_normal(generator, shapes)) * math.sqrt(variance)
    return torch.linalg.svdvals(stack).numpy()


def _alignments(depth, width, draws, rng, is_positive):
    """q / prod_l |W_l|_op of draws of networks with as many inputs as neurons, (draws,)."""
    seeds = rng.integers(2**62, size=draws).tolist()
    return _alignments_of(depth, width, tuple(seeds), is_positive)


@functools.cache
def _alignments_of(depth, width, seeds, is_positive):
    direction, alignments = np.eye(width)[0], []
    if is_positive:
        direction = np.full(width, width**-0.5)
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        raw = network.he_normal(generator, network.layer_shapes(depth, width, width))
        weights = [(w.abs() if is_positive else w).numpy() for w in raw]
        sign = np.sign(signal.linear_path(weights, direction)[-1][0])
        alignments.append(sign * signal.nondegeneracy(weights, direction))
    return np.array(alignments)


def _slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]
