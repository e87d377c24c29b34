"""Theorem 1 and its refinements (Appendix A), on weights of any kind."""

import itertools
import math

import torch

from ...theory import activations
from ...training import bottleneck, identity, integrate, network
from . import row

LOSSES = {
    "squared": lambda f, y: 0.5 * (f - y).square().sum(-1).mean(),
    "logistic": lambda f, y: torch.nn.functional.softplus(-f * y.sign()).sum(-1).mean(),
    "cross_entropy": lambda f, y: torch.nn.functional.cross_entropy(f, y.argmax(-1)),
    "huber": lambda f, y: torch.nn.functional.huber_loss(f, y, delta=0.3),
}


def _network(settings, name, loss, parameterization, seed):
    """One random network: (weights, x, loss of f, activation, c), hidden layers of order one."""
    depth, width, dim = settings["depth"], settings["width"], settings["input_dim"]
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    c = network.prefactor(parameterization, width)
    first, *others = network.layer_shapes(depth, width, dim, outputs=2)
    weights = [draw(*first), *(draw(*shape) / (c * math.sqrt(width)) for shape in others)]
    x, y = draw(settings["samples"], dim), draw(settings["samples"], 2)
    return weights, x, lambda f: LOSSES[loss](f, y), activations.get(name), c


def _worst(settings, names, parameterization, residual):
    """Largest residual over activations, losses and seeds."""
    cases = itertools.product(names, LOSSES, range(settings["seeds"]))
    return max(residual(_network(settings, n, loss, parameterization, s)) for n, loss, s in cases)


def exact_identity(case):
    """Claim 1. Control: phi with the opposite sign."""
    settings, sign = case.settings, -1 if case.control else 1

    def residual(one):
        sides = identity.imbalance(*one)
        return identity.Sides(sides.left, [sign * r for r in sides.right], sides.scale).residual()

    cases = f"{len(settings['activations'])} activations x {len(LOSSES)} losses"
    note = f"largest of {cases} x {settings['seeds']} random networks"
    return [
        row(p, _worst(settings, settings["activations"], p, residual), note=note)
        for p in network.PARAMETERIZATIONS
    ], None


def refinements(case):
    """Claim 2. Control: phi with the opposite sign; GELU in place of the homogeneous ones."""
    settings, sign = case.settings, -1 if case.control else 1

    def matrix_sides(one):
        sides = identity.matrix_imbalance(*one)
        return identity.Sides(sides.left, [sign * r for r in sides.right], sides.scale)

    def matrix(one):
        return matrix_sides(one).residual()

    def trace(one):
        full, scalar = matrix_sides(one), identity.imbalance(*one)
        pairs = zip(full.right, scalar.right, scalar.scale, strict=True)
        return max(abs(float(m.trace() - r)) / s for m, r, s in pairs)

    names = settings["activations"]
    relu, squared = ("gelu", "gelu") if case.control else ("relu", "relu2")
    return [
        row("matrix_residual", _worst(settings, names, "ntk", matrix)),
        row("trace", _worst(settings, names, "standard", trace)),
        row("relu_drift", _drift_along_flow(settings, relu, 1)),
        row("relu2_drift", _drift_along_flow(settings, squared, 2)),
    ], None


def _drift_along_flow(settings, name, degree):
    """Largest change of |W_l|^2 - p |W_{l+1}|^2 along the gradient flow, over that of |W_l|^2.

    The flow crosses many kinks of a ReLU network: the identity has to hold almost everywhere.
    """
    weights, x, _, act, c = _network(settings, name, "squared", "ntk", seed=0)
    y = act.torch(x[:, :1]).expand(-1, 2)
    shapes = [tuple(w.shape) for w in weights]

    def field(flat, index):
        loss, _, gradient = network.loss_and_gradient(network.unflatten(flat, shapes), x, y, act, c)
        return -network.flatten(gradient), loss[:, None]

    start = 0.5 * network.flatten(weights)[None]
    options = {"rtol": settings["rtol"], "t_max": settings["t_end"]}
    end = integrate.integrate(field, start, sizes=[a * b for a, b in shapes], **options).state
    before, after = (
        [float(w.square().sum()) for w in network.unflatten(flat[0], shapes)]
        for flat in (start, end)
    )
    moved = [b - a for a, b in zip(before, after, strict=True)]
    drift = [inner - degree * outer for inner, outer in itertools.pairwise(moved)]
    return max(map(abs, drift)) / max(map(abs, moved))


def off_manifold(case):
    """Claim 16c. Control: phi with the opposite sign."""
    own, sign = case.settings, -1 if case.control else 1
    setup = bottleneck.Setup(
        own["activation"], own["depth"], own["width"], own["input_dim"], own["samples"]
    )
    residuals, drifts = [], []
    for epsilon in own["epsilon"]:
        for seed in range(own["seeds"]):
            raw, x, y = bottleneck.draw(setup, seed)
            run = bottleneck.escape(setup, seed, own["r"], [epsilon], own["loss_fraction"])
            ends = [
                network.unflatten(flat, setup.shapes)
                for flat in (bottleneck.start(setup, raw, own["r"], [epsilon])[0], run.state[0])
            ]
            for weights in ends:
                sides = identity.imbalance(weights, x, _squared(y), setup.act, 1.0)
                right = [sign * r for r in sides.right]
                residuals.append(identity.Sides(sides.left, right, sides.scale).residual())
            drifts.append(_imbalance_change(*ends))
    return [
        row("residual", max(residuals), note="He-normal start and end of the flow"),
        row("balance_drift", max(drifts), f"{min(drifts):.2g} to {max(drifts):.2g}"),
    ], None


def _squared(y):
    return lambda f: 0.5 * (f - y).square().mean()


def _imbalance_change(start, end):
    """Largest change of Delta_l between two sets of weights, over the end's largest |W_l|^2."""
    norms = [[float(w.square().sum()) for w in weights] for weights in (start, end)]
    before, after = ([b - a for a, b in itertools.pairwise(n)] for n in norms)
    return max(abs(b - a) for a, b in zip(before, after, strict=True)) / max(norms[1])
