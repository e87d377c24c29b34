"""Theorem 1 and its refinements (Appendix A), on weights of any kind."""

import itertools
import math
from dataclasses import dataclass

import torch

from ...theory import activations
from ...training import bottleneck, identity, integrate, losses, network
from ...training.problem import Problem
from . import quantity

LOSSES = {
    "squared": losses.Squared(),
    "logistic": losses.Logistic(),
    "huber": losses.Huber(delta=0.3),
}


@dataclass(frozen=True)
class Network:
    """Weights and the problem they solve."""

    weights: list
    problem: Problem

    @property
    def arguments(self):
        """What :mod:`identity` asks for."""
        p = self.problem
        return self.weights, p.x, lambda f: p.loss.value(f, p.y).sum(-1).mean(), p.act, p.c

    def gradient(self):
        """dLoss/dW_l by the backpropagation that trains every network of the artifact."""
        flat = self.problem.flatten(self.weights)[None]
        return [g[0] for g in self.problem.unflatten(self.problem.loss_and_gradient(flat)[2])]


def _networks(settings, parameterization):
    """Random networks, hidden layers of order one, over activations, losses and seeds."""
    for name, loss, seed in itertools.product(
        settings["activations"], LOSSES, range(settings["seeds"])
    ):
        yield _network(settings, activations.get(name), loss, parameterization, seed)


def _network(settings, act, loss, parameterization, seed):
    depth, width, dim = settings["depth"], settings["width"], settings["input_dim"]
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    c = network.prefactor(parameterization, width)
    shapes = network.layer_shapes(depth, width, dim, outputs=2)
    first, *others = shapes
    weights = [draw(*first), *(draw(*shape) / (c * math.sqrt(width)) for shape in others)]
    x, y = draw(settings["samples"], dim), draw(settings["samples"], 2)
    y = y.sign() if loss == "logistic" else y
    return Network(weights, Problem(act, shapes, c, x, y, loss=LOSSES[loss]))


# --- Theorem 1 ------------------------------------------------------------------------------------


def exact_identity(case):
    """Claim 1: the rates of |W_l|^2 by three routes.

    Controls: smaller_sigma, phi with .99 sigma; wrong_layer, phi of the next hidden layer, for the
    first activation; doubled_gradient, the first layer's gradient doubled.
    """
    settings = case.settings
    if case.control == "wrong_layer":
        settings = {**settings, "activations": settings["activations"][:1]}
    residuals, routes = {}, []
    for parameterization in network.PARAMETERIZATIONS:
        pairs = [_three_routes(one, case.control) for one in _networks(settings, parameterization)]
        residuals[parameterization] = max(residual for residual, _ in pairs)
        routes += [difference for _, difference in pairs]
    facts = {
        "activations": len(settings["activations"]),
        "losses": len(LOSSES),
        "networks": settings["seeds"],
    }
    return [
        *(quantity(name, value, **facts) for name, value in residuals.items()),
        quantity("routes", max(routes), **facts),
    ], None


def _three_routes(one, control):
    """(identity's residual with the training gradient, that gradient against autograd's)."""
    by_autograd = identity.imbalance(*one.arguments)
    gradient = one.gradient()
    if control == "doubled_gradient":
        gradient[0] = 2 * gradient[0]
    right = _right_side(one, control, by_autograd.right)
    trained = identity.Sides(_left_side(one.weights, gradient), right, by_autograd.scale)
    routes = identity.Sides(trained.left, by_autograd.left, by_autograd.scale)
    return trained.residual(), routes.residual()


def _left_side(weights, gradient):
    """d/dt (|W_{l+1}|^2 - |W_l|^2) along dW/dt = -gradient."""
    rates = [-2.0 * (w * dw).sum() for w, dw in zip(weights, gradient, strict=True)]
    return [outer - inner for inner, outer in itertools.pairwise(rates)]


def _right_side(one, control, right):
    """2 E<g_l, phi(h_l)>, or what a control puts in its place."""
    if control not in ("smaller_sigma", "wrong_layer"):
        return right
    h, a, g = _hidden(one)
    act = one.problem.act
    share = 0.99 if control == "smaller_sigma" else 1.0
    phi = [hl * act.torch_prime(hl) - share * al for hl, al in zip(h, a, strict=True)]
    if control == "wrong_layer":
        phi = phi[1:] + phi[:1]
    return [2.0 * (gl * pl).sum() for gl, pl in zip(g, phi, strict=True)]


def _hidden(one):
    """h_l, a_l and g_l = dLoss/da_l for l = 1..L-1, each (n, n_l)."""
    weights, x, loss, act, c = one.arguments
    h = [x @ weights[0].mT]
    a = [act.torch(h[0]).requires_grad_()]
    for w in weights[1:-1]:
        h.append(c * (a[-1] @ w.mT))
        a.append(act.torch(h[-1]))
    h.append(c * (a[-1] @ weights[-1].mT))
    g = torch.autograd.grad(loss(h[-1]), a)
    return [t.detach() for t in h[:-1]], [t.detach() for t in a], list(g)


# --- refinements ----------------------------------------------------------------------------------


def refinements(case):
    """Claim 2: the matrix form as derived and as printed; homogeneous activations with kinks.

    Controls: smaller_sigma, phi with .99 sigma; linear, an activation whose phi vanishes, for which
    the printed form is exact; not_homogeneous, GELU in place of ReLU and of its square.
    """
    settings = case.settings
    if case.control == "not_homogeneous":
        degrees = {"relu_drift": 1, "relu2_drift": 2}
        return [
            quantity(k, _drift_along_flow(settings, "gelu", p)) for k, p in degrees.items()
        ], None
    if case.control == "linear":
        settings = {**settings, "activations": ["linear"]}
    residuals = [_matrix_forms(one, case.control) for one in _networks(settings, "ntk")]
    derived, trace, printed = (max(values) for values in zip(*residuals, strict=True))
    quantities = [
        quantity("matrix_residual", derived, activations=len(settings["activations"])),
        quantity("trace", trace),
        quantity("printed", printed),
    ]
    if case.control is None:
        quantities.append(quantity("relu_drift", _drift_along_flow(settings, "relu", 1)))
        quantities.append(quantity("relu2_drift", _drift_along_flow(settings, "relu2", 2)))
    return quantities, None


def _matrix_forms(one, control):
    """Residuals of the derived matrix form, of its trace against Theorem 1, of the printed form."""
    full, scalar = identity.matrix_imbalance(*one.arguments), identity.imbalance(*one.arguments)
    h, a, g = _hidden(one)
    act = one.problem.act
    share = 0.99 if control == "smaller_sigma" else 1.0
    derived = [
        _symmetric((act.torch_prime(hl) * gl).mT @ hl - share * gl.mT @ al)
        for hl, al, gl in zip(h, a, g, strict=True)
    ]
    traces = zip(derived, scalar.right, scalar.scale, strict=True)
    return (
        identity.Sides(full.left, derived, full.scale).residual(),
        max(abs(float(m.trace() - r)) / s for m, r, s in traces),
        identity.matrix_imbalance(*one.arguments, printed=True).residual(),
    )


def _symmetric(matrix):
    return matrix + matrix.mT


def _drift_along_flow(settings, name, degree):
    """Largest change of |W_l|^2 - p |W_{l+1}|^2 along the gradient flow, over that of |W_l|^2.

    The flow crosses many kinks of a ReLU network: the identity has to hold almost everywhere.
    """
    act = activations.get(name)
    one = _network(settings, act, "squared", "ntk", seed=0)
    x = one.problem.x
    problem = Problem(act, one.problem.shapes, one.problem.c, x, act.torch(x[:, :1]).expand(-1, 2))
    start = 0.5 * problem.flatten(one.weights)[None]
    end = integrate.integrate(
        problem.field(), start, sizes=problem.sizes, rtol=settings["rtol"], t_max=settings["t_end"]
    ).state
    before, after = (
        [float(w.square().sum()) for w in problem.unflatten(flat[0])] for flat in (start, end)
    )
    moved = [b - a for a, b in zip(before, after, strict=True)]
    drift = [inner - degree * outer for inner, outer in itertools.pairwise(moved)]
    return max(map(abs, drift)) / max(map(abs, moved))


# --- off the manifold -----------------------------------------------------------------------------


def off_manifold(case):
    """Claim 16c: identity and balance for He-normal networks.

    Controls: smaller_sigma, phi with .99 sigma; doubled_gradient, the first layer's gradient
    doubled; constant_phi, an activation of class D.
    """
    settings = case.settings
    name = settings["class_d"] if case.control == "constant_phi" else settings["activation"]
    setup = bottleneck.Setup(
        name, settings["depth"], settings["width"], settings["input_dim"], settings["samples"]
    )
    residuals, drifts = [], []
    for seed in range(settings["seeds"]):
        raw, x, _ = bottleneck.draw(setup, seed)
        problem = setup.problem(x)
        start = bottleneck.start(setup, raw, settings["r"], settings["epsilon"])
        end = bottleneck.escape(
            setup, seed, settings["r"], settings["epsilon"], settings["loss_fraction"]
        ).state
        for flats in zip(start, end, strict=True):
            ends = [problem.unflatten(flat) for flat in flats]
            residuals += [_three_routes(Network(w, problem), case.control)[0] for w in ends]
            drifts.append(_imbalance_change(*ends))
    return [
        quantity("residual", max(residuals), networks=len(residuals)),
        quantity("balance_drift", max(drifts), smallest=min(drifts), largest=max(drifts)),
    ], None


def _imbalance_change(start, end):
    """Largest change of Delta_l between two sets of weights, over the end's largest |W_l|^2."""
    norms = [[float(w.square().sum()) for w in weights] for weights in (start, end)]
    before, after = ([b - a for a, b in itertools.pairwise(n)] for n in norms)
    return max(abs(b - a) for a, b in zip(before, after, strict=True)) / max(norms[1])
