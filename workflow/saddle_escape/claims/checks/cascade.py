"""The cascades of three modes: Proposition 25, the homotopy identity, no closure (13 to 15)."""

from dataclasses import replace

import numpy as np

from ... import settings as configured
from ...theory import activations, blocks, closure, homotopy, stability
from ...theory.cascade import OneOutput, OutputPerMode
from . import points, quantity

# --- Proposition 25 -------------------------------------------------------------------------------


def proposition25(case):
    """Claim 13: random matrices of loop gain above and below 1.

    Controls: negative_coupling, C with the opposite sign; growing_diagonal, the first entry of -A
    with the opposite sign.
    """
    settings = case.settings
    rng = np.random.default_rng(settings["seed"])
    wrong, drawn, growing = {"above": 0, "below": 0}, {"above": 0, "below": 0}, 0
    for k in range(settings["draws"]):
        a, b, c, d, side = _random_blocks(
            rng, 1 + k % settings["largest"], ("above", "below")[k % 2]
        )
        matrix = stability.block_matrix(a, b, -c if case.control == "negative_coupling" else c, d)
        if case.control == "growing_diagonal":
            matrix[0, 0] = -matrix[0, 0]
        drawn[side] += 1
        wrong[side] += _has_positive_real(matrix) is not (side == "above")
        growing += side == "below" and stability.spectral_abscissa(matrix) > 1e-12
    return [
        *(quantity(f"gain_{side}_one", count, of=drawn[side]) for side, count in wrong.items()),
        quantity("complex_pairs", growing, of=drawn["below"]),
    ], None


def _random_blocks(rng, n, side):
    """a, b, c, d with a loop gain on one side of 1, by up to 1 and at least 1e-6 away from it."""
    a, d = rng.uniform(0.1, 2, n), rng.uniform(0.1, 2, n)
    b, c = (rng.exponential(size=(n, n)) * rng.integers(0, 2, (n, n)) for _ in range(2))
    gain = stability.loop_gain(a, b, c, d)
    distance = rng.uniform(1e-6, 1)
    if gain <= 1e-9:  # no loop at all: below 1 whatever the scale
        return a, b, c, d, "below"
    return a, b * (1 + distance if side == "above" else 1 - distance) / gain, c, d, side


def _has_positive_real(matrix):
    values = np.linalg.eigvals(matrix)
    size = np.abs(matrix).max()
    return bool(np.any((values.real > 1e-12 * size) & (np.abs(values.imag) < 1e-9 * size)))


# --- the loop in the cascade ----------------------------------------------------------------------


def off_block(case):
    """Claim 13b: gain and eigenvalue at reference states of the cascade.

    Control: small_scales, the learned modes of a reference state shrunk back to the start.
    """
    if case.control == "small_scales":
        return _small_scales(case.settings), None
    everything = case.tables["stability"]
    learned = everything["learned"] >= case.settings["companion"]["threshold"]
    table, early = everything[learned], everything.loc[~learned, "subspace_gain"].max()
    best = table.loc[table["subspace_gain"].idxmax()]
    ideal, actual = (table[table["reference"] == kind] for kind in ("ideal", "cascade"))
    late = ideal[ideal["t"] == ideal["t"].max()]
    return [
        quantity(
            "largest_gain",
            best["subspace_gain"],
            pairs=len(table),
            stage=best["stage"],
            reference=best["reference"],
            t=best["t"],
            while_learning=early,
        ),
        quantity(
            "largest_eigenvalue",
            table["subspace_eigenvalue"].max(),
            others_in_cascade=actual["off_block_eigenvalue"].max(),
            others_at_ideal=late["off_block_eigenvalue"].max(),
        ),
        quantity("disagreements", (everything["status"] != "agrees").sum(), of=len(everything)),
    ], None


def _small_scales(settings):
    cascade = _cascade(settings)
    model = cascade.model()
    state = stability.ideal_state(model, cascade.start(), 1)
    shrunk = settings["shrink"] / cascade.epsilon * state
    linear = stability.linearize(model, shrunk, 1, 0.0)
    return [
        quantity("largest_gain", linear.gain),
        quantity("largest_eigenvalue", linear.eigenvalue),
    ]


def _cascade(settings):
    """The configured cascade, without what only its study reads."""
    return configured.pick(OutputPerMode, settings["companion"])


# --- the homotopy ---------------------------------------------------------------------------------


def homotopy_identity(case):
    """Claim 14: figure 5's T(1) by the homotopy, by the exact flow, by the trained network.

    Controls: no_w3, the off-block part of W_3 left out of the sum over channels; wrong_path, the
    adjoint along another start's trajectory; wrong_adjoint, transported with a Jacobian 1 % too
    large; other_teacher, the exact flow towards another third mode.
    """
    if case.control in ("wrong_path", "wrong_adjoint"):
        return _wrong_adjoint(case), None
    rules, sensitivity = case.tables["identity"], case.tables["sensitivity"]
    times = case.tables["times"].set_index("closure")
    if case.control == "no_w3":
        inner = sensitivity["channel"] == homotopy.CHANNELS[1]
        sensitivity = sensitivity[~(inner & (sensitivity["layer"] == 3))]
    last = sensitivity[sensitivity["nodes"] == sensitivity["nodes"].max()]
    t_exact = times.loc["exact", "t_escape"]
    if case.control == "other_teacher":
        t_exact = _with_other_teacher(case)
    first = rules.iloc[0]
    exact, closure = (_identity(rules, last, path) for path in ("exact", "24 variables"))
    printed = rules[(rules["path"] == "exact") & (rules["nodes"] == 2)].iloc[0]
    trained = case.tables["trained"]["t_escape"]
    sums = last[last["path"] == "exact"].groupby("nu")["value"].sum()
    return [
        quantity("identity", exact, t0=printed["t0"], t1=printed["t1"], nodes=last["nodes"].max()),
        quantity("closure", closure, t1=times.loc[homotopy.PAPER_CLOSURE, "t_escape"]),
        quantity("adjoint", first["a_half_error"], a_half=first["a_half_adjoint"]),
        quantity("unit_product", rules["adjoint_error"].max()),
        quantity(
            "printed_rule",
            abs((printed["t0"] + printed["integral"]) / printed["t1"] - 1),
            t=printed["t0"] + printed["integral"],
        ),
        _event(case.tables["flow"]["state"]),
        quantity("grid", (times["refined"] / times["t_escape"] - 1).abs().max()),
        quantity("network", trained.mean() / t_exact - 1, seeds=len(trained), t=trained.mean()),
        quantity(
            "closure_misses", 1 - trained.mean() / times.loc[homotopy.PAPER_CLOSURE, "t_escape"]
        ),
        quantity("theorem5_misses", 1 - trained.mean() / times.loc["Theorem 5", "t_escape"]),
    ], points("A(nu)", sums.index, sums)


def _event(states):
    """How far X_(1,1) gets in each field of the recorded flow."""
    scales = states.isel(layer=0, row=0, column=0).max("t")
    return quantity(
        "event",
        scales.max(),
        t=states["t"].max().item(),
        scales={name: f"{scales.sel(field=name).item():.3f}" for name in states["field"].values},
    )


def _identity(rules, sensitivity, path):
    """(T(0) + integral) / T(1) - 1 on one path, the integral summed anew."""
    ends = rules[rules["path"] == path].iloc[0]
    along = sensitivity[sensitivity["path"] == path]
    return (ends["t0"] + (along["weight"] * along["value"]).sum()) / ends["t1"] - 1


def _with_other_teacher(case):
    """T(1) with the third amplitude as large as the second."""
    cascade = configured.pick(OneOutput, case.settings["cascade"])
    first, second, *_ = cascade.amplitudes
    other = replace(cascade, amplitudes=(first, second, second))
    return other.escape(other.model(), 1.0).t


def _wrong_adjoint(case):
    cascade = configured.pick(OneOutput, case.settings["cascade"])
    model, start, field = cascade.model(), cascade.start(), blocks.adjoint_field
    if case.control == "wrong_path":
        start = 1.05 * start
    else:

        def field(model, state, nu, p):
            transported, switched = blocks.adjoint_field(model, state, nu, p)
            return 1.01 * transported, switched

    wrong = homotopy.sensitivity(model, start, 0.5, cascade.threshold, cascade.solver(model), field)
    difference = case.tables["identity"]["a_half_difference"].iloc[0]
    return [
        quantity("adjoint", abs(wrong.total / difference - 1)),
        quantity("unit_product", wrong.adjoint_error),
    ]


CONTROL_DRAWS = 24  # as many as the default tier has, so that the full tier takes the same one


def companion_identity(case):
    """Claim 14b: the companion's T(1) by the homotopy, by the network, by leading order.

    Controls: no_rotations, the cross-block rotations left out of the sum over channels; wrong_path,
    the adjoint along another draw's trajectory; other_draw, T(1) of another draw.
    """
    if case.control == "wrong_path":
        return [_adjoint_on_another_path(case)], None
    tables = case.tables
    values = dict(tables["identity"][["quantity", "value"]].itertuples(index=False))
    sensitivity = tables["sensitivity"]
    if case.control == "no_rotations":
        sensitivity = sensitivity[sensitivity["channel"] != homotopy.CHANNELS[-1]]
    integral = (sensitivity["weight"] * sensitivity["value"]).sum()
    network = tables["network"].query("noise == 0")
    flow = network[network["route"] == "flow"].iloc[0]
    descent = network[network["route"] == "descent"]
    drawn = tables["draws"].query("route == 'coupled'")["t_escape"]
    draws, near = drawn.dropna(), abs(values["t_leading_order"] / drawn - 1) <= 0.15
    t0, t1, block = values["t0"], values["t1"], flow["t_block"]
    if case.control == "other_draw":
        t1 = block = drawn.iloc[:CONTROL_DRAWS].dropna().iloc[-1]
    sums = sensitivity.groupby("nu")["value"].sum()
    times = {"t0": t0, "t1": t1}
    return [
        quantity("identity", (t0 + integral) / t1 - 1, **times),
        quantity("adjoint", values["a_half_error"], a_half=values["a_half_adjoint"]),
        quantity("grid", max(values["t0_grid_change"], values["t1_grid_change"])),
        quantity("network", flow["t_escape"] / block - 1),
        quantity("network_flow", flow["t_escape"] / t1 - 1),
        quantity(
            "network_descent",
            (descent["t_escape"] / t1 - 1).abs().max(),
            rates=descent["rate"].to_list(),
        ),
        _over_draws("decoupled", abs(t0 / draws - 1), t0 / t1 - 1),
        _over_draws("leading_order", abs(values["t_leading_order"] / draws - 1),
                    values["t_leading_order"] / t1 - 1),
        quantity("within", near.mean(), of=len(near), count=near.sum(), escaped=len(draws)),
    ], points("A(nu)", sums.index, sums)  # fmt: skip


def _over_draws(name, deviations, this_draw):
    """The median over draws of the initial off-diagonal entries, with its range."""
    interval = (deviations.min(), deviations.max())
    return quantity(name, deviations.median(), interval, draws=len(deviations), this_draw=this_draw)


def _adjoint_on_another_path(case):
    """A(1/2) by adjoint from another draw's start, against the difference quotient of ours."""
    cascade = _cascade(case.settings)
    model = cascade.model()
    values = dict(case.tables["identity"][["quantity", "value"]].itertuples(index=False))
    start = cascade.start(cascade.seed + 1)
    other = homotopy.sensitivity(model, start, 0.5, cascade.threshold, cascade.solver(model))
    return quantity("adjoint", abs(other.total / values["a_half_difference"] - 1))


# --- no closure -----------------------------------------------------------------------------------


def no_closure(case):
    """Claim 15: pairs of row laws with equal moments and unequal speeds.

    Controls: linear_network, whose second moments do obey a closed equation; next_order, moments
    compared one order higher than the laws are made for.
    """
    if case.control == "linear_network":
        return [_linear(case.settings["companion"])], None
    table = case.tables["closure"]
    if case.control == "next_order":
        error = max(closure.moment_error(closure.row_laws(n), n + 1) for n in table["order"])
        return [quantity("equal_moments", error)], None
    noise = table["round_off"] + table["moment_error"] + table["quadrature_change"]
    quantities = [
        quantity("smallest_gap", (table["gap"] / noise).min(), orders=len(table)),
        quantity("equal_moments", table["moment_error"].max()),
        quantity("orders", table["order"].max()),
    ]
    return quantities, points("gap", table["order"], table["gap"]) + points(
        "1000 x all errors", table["order"], 1000 * noise, "line"
    )


def _linear(cfg):
    """The smallest gap over its errors of a linear network, from order 2 on."""
    act, grid = activations.get("linear"), blocks.make_grid(2, step=0.25, half_width=7.0)
    amplitudes, ratios = cfg["amplitudes"][:2], []
    for order in range(2, max(2, cfg["closure_orders"]) + 1):
        laws = closure.row_laws(order)
        (even, even_size), (odd, odd_size) = (
            closure.speed(act, amplitudes, law, grid) for law in laws
        )
        round_off = np.finfo(float).eps * (even_size + odd_size)
        ratios.append(abs(even - odd) / (round_off + closure.moment_error(laws, order)))
    return quantity("smallest_gap", np.floor(min(ratios)))  # a gap below its errors is none
