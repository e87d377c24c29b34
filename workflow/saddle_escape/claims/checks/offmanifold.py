"""Theorem 11: exponents off the manifold, growth of the signal, the manifold does not attract."""

import numpy as np
import pandas as pd
import torch

from ...status import ESCAPED
from ...theory import activations, classes, exponents
from ...theory.quadrature import gaussian_rule
from ...training import bottleneck, integrate, network
from ...training.data import first_axis, symmetrized_inputs
from ...training.problem import single_mode
from . import points, quantity

# --- exponents ------------------------------------------------------------------------------------


def critical_depth(case):
    """Claim 10: exponents of He-normal networks as epsilon -> 0, by flow.

    Control: one_layer_less, gradient flows of small networks with r - 1 layers scaled.
    """
    settings = case.settings
    if case.control == "one_layer_less":
        return [
            quantity(f"flow_r{r}", _small_network_exponent(settings, r - 1)) for r in settings["r"]
        ], None
    limits = case.tables["exponents"]
    deepest = limits[limits["L"] == settings["offmanifold"]["depth"]].set_index("r")
    rows = [(r, deepest.loc[r]) for r in settings["r"]]
    return [
        quantity(f"flow_r{r}", row["exponent"], (row["low"], row["high"]), seeds=row["n_seeds"])
        for r, row in rows
    ], None


def _small_network_exponent(settings, r):
    """Exponent as epsilon -> 0 of small He-normal networks, mean over seeds."""
    small = settings["small_network"]
    size = (small[key] for key in ("depth", "width", "input_dim", "samples"))
    setup = bottleneck.Setup(small["activation"], *size)
    epsilons, q = small["epsilon"], classes.classify(setup.act).q
    t = []
    for seed in range(small["seeds"]):
        run = bottleneck.escape(setup, seed, r, epsilons, small["loss_fraction"], rtol=1e-5)
        t.append(_escaped(run, f"{setup.activation}, r = {r}, seed {seed}"))
    if r < 3:
        return exponents.local_exponents(epsilons, np.array(t))[1][:, 0].mean()
    order = exponents.correction_order(r, q)
    return exponents.extrapolated_exponent(epsilons, np.array(t), order, len(epsilons)).mean()


def _escaped(run, name):
    """Escape times (b,); ValueError unless all escaped."""
    if set(run.status) != {ESCAPED}:
        raise ValueError(f"claims: {name}: {', '.join(run.status)}")
    return run.t_escape.numpy()


# --- the signal -----------------------------------------------------------------------------------


def signal(case):
    """Claim 11: growth and start of gamma = E[f g], and its gradient's rank.

    Controls: frozen_layer, small networks whose first layer does not move; one_layer_less, small
    networks with r - 1 layers scaled; beyond_the_plateau, the same ratio of norms after the window.
    """
    settings, steps = case.settings, case.tables["steps"]
    if case.control == "beyond_the_plateau":
        late = steps[steps["gamma"] > steps["plateau"]]
        away = np.abs(late[["along_min", "along_max"]] - 1).to_numpy().max()
        return [quantity("rank_one", away)], None
    if case.control is not None:
        return _small_network_signal(settings["small_network"], case.control), None
    table = case.tables["exponents"]
    growth, start = table["slope"] - table["expected"], table["start_exponent"] - table["r"]
    by_r = table.groupby("r")[["slope", "start_exponent"]]
    means = {name: by_r.mean()[name].to_dict() for name in ("slope", "start_exponent")}
    seeds = table["seed"].nunique()
    shown = []
    for r, rows in table.groupby("r"):
        one = steps[(steps["r"] == r) & (steps["seed"] == 0) & (steps["gamma"] > 0)]
        one = one[one["epsilon"] == rows["epsilon"].iloc[0]]
        shown += points(f"r = {r}", one["gamma"], one["growth"])
    return [
        quantity("growth", growth.abs().max(), seeds=seeds, slopes=means["slope"]),
        quantity("start", start.abs().max(), seeds=seeds, exponents=means["start_exponent"]),
        quantity("rank_one", table["along_error"].max()),
    ], shown


def _small_network_signal(small, control):
    """Distances of a perturbed small network's growth and start from the law at its r."""
    size = (small[key] for key in ("depth", "width", "input_dim", "samples"))
    setup = bottleneck.Setup(small["activation"], *size)
    r, epsilons = small["r"], small["epsilon"][:2]
    raw, x, _ = bottleneck.draw(setup, small["seed"])
    problem = setup.problem(x)
    start = bottleneck.start(setup, raw, r - (control == "one_layer_less"), epsilons)
    plateau = problem.plateau.expand(len(epsilons))

    field = problem.field(lambda weights, f, gradients: {"gamma": (f * x[:, :1]).mean((-2, -1))})

    def perturbed(flat, index):
        slope, see = field(flat, index)
        if control == "frozen_layer":
            slope[:, : problem.sizes[0]] = 0.0
        return slope, see

    run = integrate.integrate(
        perturbed,
        start,
        integrate.loss_event(plateau, small["loss_fraction"]),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=1e-5,
        plateau=plateau,
        record=True,
    )
    paths = [run.path(k) for k in range(len(epsilons))]
    first = [float(path["gamma"][0].abs()) for path in paths]
    path = {name: column.numpy() for name, column in paths[0].items()}
    window = (path["gamma"] > 1000 * first[0]) & (path["gamma"] < 0.02 * float(problem.plateau))
    growth = np.gradient(path["gamma"], path["t"])[window]
    slope = np.polyfit(np.log(path["gamma"][window]), np.log(growth), 1)[0]
    exponent = np.log(first[1] / first[0]) / np.log(epsilons[1] / epsilons[0])
    return [quantity("growth", abs(slope - 2 + 2 / r)), quantity("start", abs(exponent - r))]


def printed(case):
    """Claim 11b: the write-up's exponents. Control: squared, gamma^2 in place of gamma."""
    steps, r = case.tables["steps"], case.settings["r"]
    power = 2 if case.control == "squared" else 1
    rows = case.tables["exponents"].query("r == @r")
    start, growth = power * rows["start_exponent"], rows["slope"]
    interval = (start.min(), start.max()), (growth.min(), growth.max())
    epsilons = np.sort(steps["epsilon"].unique())[:2]
    return [
        quantity("start", start.mean(), interval[0], r=r, seeds=len(rows)),
        quantity("growth", growth.mean(), interval[1], r=r, seeds=len(rows)),
        quantity("implied_escape", _implied_exponent(epsilons, 2 * r, 1 - 1 / r), r=r),
    ], None


def _implied_exponent(epsilons, start, growth):
    """Exponent of the time that dgamma/dt = gamma^growth takes from epsilon^start to 1/100."""
    power = 1 - growth
    times = (0.01**power - epsilons ** (start * power)) / power
    return np.diff(np.log(times))[0] / np.diff(np.log(epsilons))[0]


# --- the manifold ---------------------------------------------------------------------------------


def attraction(case):
    """Claim 12: what becomes of a distance from the manifold up to the escape.

    Controls: damped, small networks in whose flow the part off the manifold is damped; uneven, only
    neurons of uneven size; all_layers, noise in all layers, not in the hidden ones alone.
    """
    ends = case.tables["attraction"]
    if case.control == "damped":
        ends = _damped(case.settings)
    if case.control == "uneven":
        ends = ends[ends["kind"] == "profile"]
    kept = ends["ratio"] * ends["growth"]
    by_kind = ends.groupby(["kind", "epsilon"])["ratio"].mean().unstack()
    small, large = by_kind[by_kind.columns.min()], by_kind[by_kind.columns.max()]
    ranges = {
        kind: [ratios.min(), ratios.max()]
        for kind, ratios in ends.groupby("kind", sort=False)["ratio"]
    }
    quantities = [
        quantity("kept_growth", kept.min(), runs=len(ends)),
        quantity("smallest_ratio", ends["ratio"].min(), ranges=ranges),
    ]
    if "does_not_decay" in case.quantities:
        facts = {"largest": by_kind.columns.max(), "smallest": by_kind.columns.min()}
        quantities.append(quantity("does_not_decay", (small / large).min(), **facts))
    if "hidden_noise" in case.quantities:
        quantities.append(_hidden_noise(case.settings, case.control != "all_layers"))
    shown = [p for kind, t in by_kind.iterrows() for p in points(kind, by_kind.columns, t)]
    return quantities, shown


def _damped(settings):
    """Ends of noisy starts, as the table has them, with a damping of the part off the manifold."""
    noisy = settings["noisy"]
    return _ends(
        settings, noisy["width"], range(noisy["depth"]), noisy["epsilon"], noisy["damping"]
    )


def _hidden_noise(settings, is_hidden):
    """How the kept part of noise in the hidden layers falls with the width."""
    noisy = settings["noisy"]
    layers = range(1, noisy["depth"] - 1) if is_hidden else range(noisy["depth"])
    epsilon, ratios = noisy["epsilon"][-1:], {}
    for width in noisy["widths"]:
        runs = (_ends(settings, width, layers, epsilon, 0, s) for s in range(noisy["seeds"]))
        ratios[str(width)] = float(np.median([ends["ratio"].iloc[0] for ends in runs]))
    order = np.polyfit(np.log(noisy["widths"]), np.log(list(ratios.values())), 1)[0]
    constants = {width: ratio * float(width) ** 0.5 for width, ratio in ratios.items()}
    return quantity("hidden_noise", order, ratios=ratios, constants=constants)


def _ends(settings, width, layers, epsilons, damping, seed=0):
    """Starts with noise in some layers, and their ends at the escape; columns as the table's.

    The part off the manifold is damped at ``damping`` times the relative rate of the weights.
    """
    noisy, act = settings["noisy"], activations.get(settings["offmanifold"]["activation"])
    direction = first_axis(noisy["input_dim"])
    inputs = symmetrized_inputs(*gaussian_rule(**noisy["quadrature"]), noisy["input_dim"])
    problem = single_mode(act, noisy["depth"], width, *inputs)
    starts = torch.stack(
        [_noisy(problem, direction, e, noisy["delta"], layers, seed) for e in epsilons]
    )
    plain = problem.field()

    def field(flat, index):
        slope, see = plain(flat, index)
        off = problem.flatten(_off(problem.unflatten(flat), direction))
        rate = damping * slope.norm(dim=-1) / flat.norm(dim=-1)
        return slope - rate[:, None] * off, see

    plateau = problem.plateau.expand(len(starts))
    run = integrate.integrate(
        field,
        starts,
        integrate.loss_event(plateau, settings["offmanifold"]["loss_fraction"]),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=1e-6,
        plateau=plateau,
    )
    _escaped(run, f"noise, N = {width}")
    ends = [_relative_distance(problem, flat, direction) for flat in (starts, run.state)]
    return pd.DataFrame(
        {
            "kind": "noise",
            "epsilon": epsilons,
            "ratio": (ends[1] / ends[0]).numpy(),
            "growth": (run.state.norm(dim=-1) / starts.norm(dim=-1)).numpy(),
        }
    )


def _noisy(problem, direction, epsilon, delta, layers, seed):
    """Balanced weights on the manifold with noise of ``delta`` times their norm in some layers."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.full((len(problem.shapes),), epsilon, dtype=torch.float64)
    weights = network.manifold_weights(scales, problem.shapes[0][0], direction)
    for n in layers:
        w = weights[n]
        noise = torch.randn(w.shape, generator=generator, dtype=torch.float64)
        weights[n] = w + delta * w.norm() / noise.norm() * noise
    return problem.flatten(weights)


def _off(weights, direction):
    """The part of every layer that is not on the symmetric manifold."""
    ones = [torch.ones(w.shape[-2], dtype=w.dtype) for w in weights]
    parts = []
    for w, u, v in zip(weights, ones, [direction, *ones[:-1]], strict=True):
        u, v = u / u.norm(), v / v.norm()
        parts.append(w - (u @ w @ v)[..., None, None] * torch.outer(u, v))
    return parts


def _relative_distance(problem, flat, direction):
    return problem.flatten(_off(problem.unflatten(flat), direction)).norm(dim=-1) / flat.norm(
        dim=-1
    )
