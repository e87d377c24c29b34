"""Section 3 and Appendix B by the full network and by expansion: eqs. 4-7, Lemmas 14 and 15."""

import numpy as np
import torch

from ...theory import activations, classes, corrections, manifold, normal_form, printed, teachers
from ...theory.quadrature import gaussian_rule
from ...training import network, parameterization
from ...training.data import first_axis, gaussian_inputs, symmetrized_inputs
from ...training.problem import single_mode
from . import points, quantity
from .runs import extrapolated, furthest, rate, slopes

# --- Definition 3, eq. 4 and K --------------------------------------------------------------------


def rates(case):
    """Claim eq4: what one gradient flow of the weights does to the scales, in either network.

    Controls: absorbed, Definition 3's network with one learning rate, as if it were ours; one_rate,
    the same in place of the rates eta and eta/N; one_neuron, networks of width 1.
    """
    settings, scale, worst = case.settings, case.settings["scale"], {}
    width = 1 if case.control == "one_neuron" else settings["width"]
    small = np.full(settings["depth"], scale)
    for name in settings["activations"]:
        leading = _scale_rates(name, small, width, case.control == "absorbed")
        k = rate(name, settings["depth"], width)
        worst[name] = np.abs(leading / (k * scale ** (settings["depth"] - 1)) - 1).max()
    name, scales = settings["activations"][0], np.array(settings["scales"])
    slope = width * manifold.reduction(activations.get(name), len(scales), width).velocity(scales)
    metrics = [_scale_rates(name, scales, width, absorbed) / slope for absorbed in (False, True)]
    prefixed = metrics[case.control == "absorbed"] * width - 1
    return [
        quantity("leading_rate", max(worst.values()), activations=settings["activations"]),
        quantity("definition3", np.abs(metrics[1] - 1).max(), metric=list(metrics[1]), width=width),
        quantity("metric", np.abs(prefixed).max(), metric=list(metrics[0])),
        quantity(
            "one_flow",
            _distance(settings, width, case.control == "one_rate"),
            steps=settings["steps"],
        ),
    ], None


def _scale_rates(name, scales, width, absorbed):
    """dX_l/dt (L,) of the full network's population flow at a point of the manifold."""
    z, w = gaussian_rule()
    x, act = torch.from_numpy(z)[:, None], activations.get(name)  # inputs along v only
    weights = network.manifold_weights(torch.tensor(scales), width, first_axis(1))
    c = network.prefactor("ntk", width)
    if absorbed:
        weights, c = parameterization.absorb_prefactor(weights, c), 1.0
    w = torch.from_numpy(w)
    _, gradients = network.output_and_gradient(weights, x, act.torch(x), act, c, w)
    # dW_l/dt is a multiple of W_l = X_l dW_l/dX_l
    ratios = [-(g * v).sum() / v.square().sum() for g, v in zip(gradients, weights, strict=True)]
    return np.array([float(r) for r in ratios]) * scales


def _distance(settings, width, one_rate):
    """Largest entry by which the two networks part from any weights, ours carried over."""
    generator = torch.Generator().manual_seed(0)
    shapes = network.layer_shapes(settings["depth"], width, 5)
    ours, c = network.he_normal(generator, shapes), network.prefactor("ntk", width)
    x, act = torch.randn(32, 5, generator=generator).double(), activations.get("tanh")
    theirs = parameterization.absorb_prefactor(ours, c)
    relative = (
        [1.0] * settings["depth"]
        if one_rate
        else parameterization.layer_rates(settings["depth"], c)
    )

    def step(weights, prefactor, factors):
        gradients = network.output_and_gradient(weights, x, act.torch(x[:, :1]), act, prefactor)[1]
        moves = zip(weights, factors, gradients, strict=True)
        return [w - settings["rate"] * factor * g for w, factor, g in moves]

    for _ in range(settings["steps"]):
        ours, theirs = step(ours, c, [1.0] * settings["depth"]), step(theirs, 1.0, relative)
    carried = parameterization.absorb_prefactor(ours, c)
    return max(float((a - b).abs().max()) for a, b in zip(carried, theirs, strict=True))


# --- eq. 5 ----------------------------------------------------------------------------------------


def output_gradients(case):
    """Claim eq5: df/dX_l by the formula against central differences.

    Controls: other_scales, the formula at scales one per cent larger; linear, a linear activation,
    for which the printed factor is right.
    """
    settings, step = case.settings, case.settings["step"]
    names = ["linear"] if case.control == "linear" else settings["activations"]
    deeper, first, as_printed, drive = [], [], [], {}
    for name in names:
        model = manifold.reduction(
            activations.get(name), len(settings["scales"]), settings["width"]
        )
        scales = np.array(settings["scales"])
        shifts = step * np.eye(len(scales))
        numeric = [(model.output(scales + d) - model.output(scales - d)) / (2 * step)
                   for d in shifts]  # fmt: skip
        at = 1.01 * scales if case.control == "other_scales" else scales
        formula, printed_first = model.output_gradients(at), printed.first_layer_gradient(model, at)
        sizes = np.abs(numeric).max(axis=1)
        errors = np.abs(formula - numeric).max(axis=1) / sizes
        first.append(errors[0])
        deeper.append(errors[1:].max())
        as_printed.append(np.abs(printed_first - numeric[0]).max() / sizes[0])
        drive[name] = model.weights @ model.targets**2 / model.beta1
    return [
        quantity("deeper_layers", max(deeper), activations=names),
        quantity("printed_first_layer", max(as_printed), drive=drive),
        quantity("first_layer", max(first)),
    ], None


# --- Lemma 14 -------------------------------------------------------------------------------------


def invariance(case):
    """Claim lemma14: the gradient at a point of the manifold has the manifold's form.

    Controls: uneven, one neuron's first-layer weights a tenth larger; plain_samples, Gaussian
    inputs that are not symmetric about the teacher's direction.
    """
    settings, first, others = case.settings, [], []
    x, sample_weights = symmetrized_inputs(*gaussian_rule(step=0.5), settings["input_dim"])
    if case.control == "plain_samples":
        x, sample_weights = gaussian_inputs(len(x), settings["input_dim"], seed=0)
    direction, width = first_axis(settings["input_dim"]), settings["width"]
    for name in settings["activations"]:
        problem = single_mode(
            activations.get(name), len(settings["scales"]), width, x, sample_weights=sample_weights
        )
        weights = network.manifold_weights(torch.tensor(settings["scales"]), width, direction)
        if case.control == "uneven":
            weights[0] = weights[0].clone()
            weights[0][0] *= 1.1
        flat = problem.loss_and_gradient(problem.flatten(weights)[None])[2][0]
        distance = network.distance_from_manifold(problem.unflatten(flat), direction)
        first.append(float(distance[0]))
        others.append(float(distance[1:].max()))
    facts = {"activations": settings["activations"]}
    return [quantity("rows", max(first), **facts), quantity("entries", max(others), **facts)], None


# --- Lemma 15 and the remainder -------------------------------------------------------------------


def filtered(case):
    """Claim lemma15: degrees of the monomials, orders of what the leading terms leave.

    Controls: next_order, degrees of an insertion one order higher; quadratic, z^2/10 added to each
    activation while its law stays; negative, the activation z cos 2z.
    """
    settings, depths = case.settings, case.settings["degrees"]["depths"]
    shift = 1 if case.control == "next_order" else 0
    wrong = [
        (depth, q, j)
        for depth in depths
        for q in settings["degrees"]["q"]
        for j in range(1, depth)
        if normal_form.insertion_degree(depth, q + shift, j) != depth + (q - 1) * j
    ]
    orders, shown = {"f_order": [], "gradient_order": [], "rate_order": []}, []
    for name, depth in settings["cases"]:
        measured, expected = _remainder_orders(name, depth, settings, case.control == "quadratic")
        for key, order, law in zip(orders, measured, expected, strict=True):
            orders[key].append(order - law)
        shown += points(f"{name}, L = {depth}", range(3), measured)
        shown += points(f"{name}, L = {depth}, law", range(3), expected, "line")
    negative = case.control == "negative"
    third = {n: teachers.moment(activations.get(n), 3)
             for n in (["z*cos(2*z)"] if negative else settings["class_b"])}  # fmt: skip
    coefficients = [
        _coefficient(n, d, case.control == "quadratic") for n, d in settings["coefficients"]
    ]
    return [
        quantity(
            "degrees", len(wrong), of=sum(d - 1 for d in depths) * len(settings["degrees"]["q"])
        ),
        *(quantity(key, max(off, key=abs)) for key, off in orders.items()),
        quantity("third_moment", min(third.values()), moments=third),
        quantity("remainder", abs(furthest(coefficients, 1) - 1), runs=len(coefficients)),
    ], shown


def _reduced(name, depth, width, quadratic):
    act = activations.get(name)
    return manifold.reduction(
        activations.get(f"{act.expression}+z**2/10") if quadratic else act, depth, width
    )


def _remainder_orders(name, depth, settings, quadratic):
    """Orders of f, df/dX_l and dX_l/dt less their leading terms, and those of eqs. 22, 23, 7."""
    model = _reduced(name, depth, settings["width"], quadratic)
    row, scales = classes.classify(activations.get(name)), np.array(settings["scale"], dtype=float)
    gain = np.sqrt(settings["width"]) * row.alpha ** (depth - 1) * model.nodes
    rests = []
    for scale in scales:
        x = np.full(depth, scale)
        f = model.output(x) - gain * scale**depth
        df = model.output_gradients(x) - gain * scale ** (depth - 1)
        rest = model.velocity(x) - rate(name, depth, settings["width"]) * scale ** (depth - 1)
        weigh = lambda a: np.sqrt(a**2 @ model.weights).max()  # noqa: E731
        rests.append([weigh(f), weigh(df), np.abs(rest).max()])
    measured = [slopes(scales, column)[0] for column in zip(*rests, strict=True)]
    q = row.q
    return measured, [depth + q - 1, depth + q - 2, min(depth + q - 2, 2 * depth - 1)]


def _coefficient(name, depth, quadratic):
    """R_l over eq. 24 with 1/sqrt(N), extrapolated to X = 0, the layer furthest from 1."""
    model, plain = (_reduced(name, depth, 64, added) for added in (quadratic, False))
    shape, q = np.linspace(1.0, 2.0, depth), corrections.insertion(activations.get(name))[0]
    sizes = (2e-3, 4e-3) if q == 2 else (5e-3, 1e-2)
    ratios = []
    for size in sizes:
        x = size * shape
        rest = model.velocity(x) - rate(name, depth, 64) * np.prod(x) / x
        ratios.append(rest / corrections.remainder(plain, x))
    return furthest(extrapolated(ratios, 2, min(2, depth + 1 - q) if q == 3 else 1), 1)
