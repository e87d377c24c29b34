"""Section 5 and Appendix D along the flow: the signal's identity, its bounds, what moves by when.

He-normal networks with their first r layers small, on inputs that stand for the population. Every
flow is recorded with its weights, from which everything else follows. gamma = E[f g], g = v x, and
G_l = E[g delta_l h_(l-1)^T] is its gradient, as in the paper.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from ...status import ESCAPED
from ...theory import activations, classes
from ...theory.limit_flow import outer_product
from ...theory.quadrature import gaussian_rule
from ...training import integrate, network
from ...training.data import symmetrized_inputs
from ...training.problem import single_mode
from . import points, quantity

RTOL = 1e-6

# --- networks and flows ---------------------------------------------------------------------------


def problem(settings, activation=None):
    """The networks of a claim on the population's inputs; settings: ``network`` of the claim."""
    size, rule = settings["network"], gaussian_rule("trapezoid", step=0.5, half_width=6, nodes=40)
    act = activations.get(activation or size["activation"])
    inputs = symmetrized_inputs(*rule, size["input_dim"])
    return single_mode(act, size["depth"], size["width"], *inputs, parameterization="standard")


def he_normal(shapes, seed):
    """Raw weights of a seed, with gamma(0) > 0: the last layer's sign is turned where it is not."""
    *below, last = network.he_normal(torch.Generator().manual_seed(seed), shapes)
    q = torch.linalg.multi_dot([last, *below[::-1]])[0, 0]
    return [*below, last * torch.sign(q)]


@dataclass(frozen=True)
class Path:
    """One flow up to its escape: t (n,), loss over the plateau (n,), weights (n, ..) by layer."""

    t: np.ndarray
    loss: np.ndarray
    weights: list

    def until(self, m0, r):
        """The same up to tau_m0, the first step at which a small layer's norm has reached m0."""
        n = int((operator_scale(self.weights, r) < m0).sum())
        return Path(self.t[:n], self.loss[:n], [w[:n] for w in self.weights])


def paths(net, raw, r, epsilons, fraction):
    """The flows of one raw start for every epsilon. Raises ValueError unless all escape."""
    starts = network.scale_layers(raw, r, torch.tensor(epsilons, dtype=torch.float64))
    plateau = net.plateau.expand(len(epsilons))
    run = integrate.integrate(
        net.field(lambda weights, f, gradients: {"weights": network.flatten(weights)}),
        network.flatten(starts),
        integrate.loss_event(plateau, fraction),
        sizes=net.sizes,
        clock="relative_rate",
        rtol=RTOL,
        plateau=plateau,
        record=True,
    )
    if set(run.status) != {ESCAPED}:
        raise ValueError(f"claims: bootstrap, r = {r}: {', '.join(run.status)}")
    steps = [run.path(k) for k in range(len(epsilons))]
    return [
        Path(p["t"].numpy(), (p["loss"] / net.plateau).numpy(), net.unflatten(p["weights"].clone()))
        for p in steps
    ]


def operator_scale(weights, r):
    """M = max_(l <= r) |W_l|_op, eq. 15, (n,)."""
    norms = [torch.linalg.matrix_norm(w, 2) for w in weights[:r]]
    return torch.stack(norms, -1).max(-1).values.numpy()


@dataclass(frozen=True)
class Tensors:
    """Lists over the layers: student E[f delta h^T], signal G_l, teacher E[y delta h^T]."""

    student: list
    signal: list
    teacher: list

    @property
    def energy(self):
        """T(W), (n,)."""
        return inner(self.signal, self.signal)

    @property
    def self_interaction(self):
        """S(W), (n,)."""
        return inner(self.signal, self.student)

    @property
    def teacher_term(self):
        """The first sum of eq. 41, (n,)."""
        return inner(self.signal, self.teacher)

    @property
    def growth(self):
        """dgamma/dt by eq. 41, (n,)."""
        return self.teacher_term - self.self_interaction

    @property
    def speed(self):
        """dW_l/dt by layer."""
        return [y - f for y, f in zip(self.teacher, self.student, strict=True)]


def tensors(net, weights):
    """The :class:`Tensors` of networks; the loss gradient is affine in its target."""
    student, *others = (
        network.output_and_gradient(weights, net.x, target, net.act, net.c, net.sample_weights)[1]
        for target in (torch.zeros_like(net.y), net.x[:, :1], net.y)
    )
    parts = [[f - g for f, g in zip(student, other, strict=True)] for other in others]
    return Tensors(student, *parts)


def inner(left, right):
    """Sum over the layers of <A_l, B_l>, (n,)."""
    return sum((a * b).sum((-2, -1)) for a, b in zip(left, right, strict=True)).numpy()


def signal(net, weights):
    """gamma = E[f g], (n,)."""
    f = network.forward(weights, net.x, net.act, net.c)
    return (net.sample_weights[:, None] * f * net.x[:, :1]).sum((-2, -1)).numpy()


def hermite(net):
    """beta_1 h of the teacher that Theorem 11 speaks of, the network's own activation."""
    return classes.classify(net.act).beta1


# --- Proposition 8 --------------------------------------------------------------------------------


def signal_energy(case):
    """Proposition 8: dgamma/dt as two sums, and the teacher's as beta_1 h T(W).

    Controls: frozen_layer, a flow that leaves layer 1 alone; teacher_larger, y = 1.25 sigma(g);
    another_b and class_b_instead, tanh where class C is asked for.
    """
    settings, control = case.settings, case.control
    names = {"B": settings["network"]["activation"], "C": settings["class_c"]}
    names |= {"C": names["B"]} if control in ("another_b", "class_b_instead") else {}
    nets = {cls: problem(settings, name) for cls, name in names.items()}
    if control == "teacher_larger":
        nets = {cls: replace(net, y=1.25 * net.y) for cls, net in nets.items()}
    starts = [he_normal(nets["B"].shapes, seed) for seed in range(settings["seeds"])]
    off = [_identity_error(nets["B"], raw, settings["M"][-1], control) for raw in starts]
    orders = {cls: [_insertion(nets[cls], raw, settings["M"]) for raw in starts] for cls in nets}
    order = {cls: float(np.median([o for o, _ in pairs])) for cls, pairs in orders.items()}
    error = {cls: float(np.median([e for _, e in pairs])) for cls, pairs in orders.items()}
    facts = {"activation": names["C"], "errors": error, "M": settings["M"][0]}
    return [
        quantity("identity", max(off), networks=len(off)),
        quantity("class_b", order["B"], activation=names["B"]),
        quantity("class_c", order["C"], **facts),
        quantity("class_c_first", order["C"], **facts),
    ], None


def _identity_error(net, raw, scale, control):
    """Central difference of gamma along the flow against eq. 41, relative."""
    weights = [scale * w[None] for w in raw]
    parts, h = tensors(net, weights), 1e-4
    speed = [v * (control != "frozen_layer" or n > 0) for n, v in enumerate(parts.speed)]
    ends = [[w + s * v for w, v in zip(weights, speed, strict=True)] for s in (-h, h)]
    low, high = (signal(net, end)[0] for end in ends)
    return abs((high - low) / (2 * h) / parts.growth[0] - 1)


def _insertion(net, raw, scales):
    """(order in M of the teacher term's distance from beta_1 h T, that distance at the first M)."""
    errors = []
    for m in scales:
        parts = tensors(net, [m * w[None] for w in raw])
        errors.append(abs(parts.teacher_term[0] / (hermite(net) * parts.energy[0]) - 1))
    return np.diff(np.log(errors))[0] / np.diff(np.log(scales))[0], errors[0]


# --- Theorem 11's bounds --------------------------------------------------------------------------


def bounds(case):
    """Theorem 11's two bounds with their constants, and what is left after its interval.

    Controls: one_layer_less, r - 1 layers scaled; to_the_end, the bounds up to the escape;
    large_m0, an m_0 of order one; shrinking_m0, an m_0 that is a multiple of epsilon.
    """
    settings, shown = case.settings, []
    net, tables = problem(settings), []
    for r in settings["r"]:
        for seed in range(settings["seeds"]):
            rows, (gamma, growth) = _bounds(net, settings, r, seed, case.control)
            tables.append(pd.DataFrame(rows).assign(r=r, seed=seed))
            shown += points(f"r = {r}", gamma, growth) if seed == 0 else []
    table, starts = pd.concat(tables, ignore_index=True), len(tables)
    constants = table.groupby("r")["power"].min().to_dict()
    return [
        quantity("energy", table["energy"].min(), starts=starts),
        quantity("from_below", _by_epsilon(table, "power"), constants=constants),
        quantity("from_above", table["speed"].max(), starts=starts),
        quantity("still_above", table["loss"].min(), m0=settings["m0"]),
        quantity("last_stretch", _by_epsilon(table, "stretch"), m0=settings["m0"]),
    ], shown


def _bounds(net, settings, r, seed, control):
    """A row for each epsilon, and gamma and dgamma/dt along the last of their flows."""
    raw, scaled, rows = he_normal(net.shapes, seed), r - (control == "one_layer_less"), []
    flows = paths(net, raw, scaled, settings["epsilon"], settings["loss_fraction"])
    for epsilon, flow in zip(settings["epsilon"], flows, strict=True):
        other = {"large_m0": settings["large_m0"], "shrinking_m0": settings["multiple"] * epsilon}
        m0 = other.get(control, settings["m0"])
        kept = flow if control == "to_the_end" else flow.until(m0, scaled)
        loss, t = (_at(flow, m0, scaled, name) for name in ("loss", "t"))
        row = {"epsilon": epsilon, "loss": loss, "stretch": flow.t[-1] - t}
        rows.append(row | _rates(net, kept.weights, r, scaled))
    return rows, (signal(net, kept.weights), tensors(net, kept.weights).growth)


def _rates(net, weights, r, scaled):
    """Extremes along a path, of eqs. 16, 47 and 49.

    "energy", "power": smallest dgamma/dt over beta_1 h T(W), and over gamma^(2-2/r); "speed":
    largest |dW_l/dt|_F of a small layer over beta_1 h |W_L ... W_(r+1)| M^(r-1).
    """
    parts, gamma, h = tensors(net, weights), signal(net, weights), hermite(net)
    fastest = np.max([v.norm(dim=(-2, -1)).numpy() for v in parts.speed[:scaled]], axis=0)
    above = outer_product([w[0] for w in weights[scaled:]], torch.eye(1, dtype=net.x.dtype), 1.0)
    limit = h * float(above.norm()) * operator_scale(weights, scaled) ** (r - 1)
    return {
        "energy": (parts.growth / (h * parts.energy)).min(),
        "power": (parts.growth / gamma ** (2 - 2 / r)).min(),
        "speed": (fastest / limit).max(),
    }


def _at(flow, m0, r, name):
    """t or the loss at tau_m0, between two steps; at the escape if M stays below m0."""
    scale = operator_scale(flow.weights, r)
    return float(np.interp(np.log(m0), np.log(scale), getattr(flow, name)))


def _by_epsilon(table, column):
    """Its value at the smallest epsilon over that at the largest, where furthest from 1."""
    values = table.pivot(index=["r", "seed"], columns="epsilon", values=column)
    return _furthest(values[values.columns.min()] / values[values.columns.max()])


def _furthest(ratios):
    return max(ratios, key=lambda ratio: abs(np.log(ratio)))


# --- Lemma 10 -------------------------------------------------------------------------------------


def self_interaction(case):
    """Lemma 10: |S| <= C gamma T. Control: through_zero, starts on whose way gamma passes 0."""
    settings, control = case.settings, case.control
    net, constants = problem(settings), []
    for r in settings["r"]:
        for seed in range(settings["seeds"]):
            raw = he_normal(net.shapes, seed)
            if control == "through_zero":
                raw = [*raw[:-1], -raw[-1]]
            flows = paths(net, raw, r, settings["epsilon"], settings["loss_fraction"])
            kept = [p.until(settings["m0"], r).weights for p in flows]
            if control == "through_zero":
                kept = [_next_to_zero(net, weights) for weights in kept]
            constants.append([_interaction(net, weights) for weights in kept])
    largest = [max(c) for c in zip(*constants, strict=True)]
    return [
        quantity("largest", max(largest), starts=len(constants)),
        quantity("free_of_epsilon", _furthest([c[0] / c[-1] for c in constants])),
    ], None


def _interaction(net, weights):
    parts = tensors(net, weights)
    ratios = np.abs(parts.self_interaction / (signal(net, weights) * parts.energy))
    return float(ratios.max())


def _next_to_zero(net, weights):
    """Weights of one instant, by interpolation, at which gamma has all but passed 0."""
    gamma = signal(net, weights)
    n = int(np.argmax(gamma > 0))
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        between = [torch.lerp(w[n - 1], w[n], middle)[None] for w in weights]
        low, high = (middle, high) if signal(net, between)[0] < 0 else (low, middle)
    return between


# --- Lemma 22 -------------------------------------------------------------------------------------


def outer_layers(case):
    """Lemma 22: how far the layers that are not small have moved by tau_m0.

    Control: small_layers, the small layers instead.
    """
    settings, control = case.settings, case.control
    net, orders, moved, shown = problem(settings), [], [], []
    for r in settings["r"]:
        for seed in range(settings["seeds"]):
            raw = he_normal(net.shapes, seed)
            (path,) = paths(net, raw, r, settings["epsilon"], settings["loss_fraction"])
            layers = slice(0, r) if control == "small_layers" else slice(r, None)
            change = [(w - w[0]).norm(dim=(-2, -1)).numpy() for w in path.weights[layers]]
            scale, furthest = operator_scale(path.weights, r)[1:], np.max(change, axis=0)[1:]
            at = np.exp(np.interp(np.log(settings["m0"]), np.log(scale), np.log(furthest)))
            orders.append(np.polyfit(np.log(settings["m0"]), np.log(at), 1)[0])
            moved.append(max(at / np.square(settings["m0"])))
            shown += points(f"r = {r}", settings["m0"], at) if seed == 0 else []
    return [quantity("order", _furthest_from(orders, 2), C=max(moved), starts=len(orders))], shown


def _furthest_from(values, target):
    return max(values, key=lambda value: abs(value - target))
