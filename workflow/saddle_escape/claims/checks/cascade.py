"""The three-mode cascade: Proposition 25, the homotopy identity, no closure (claims 13 to 15)."""

import numpy as np

from ...results import load_table
from ...studies import cascade
from ...theory import activations, blocks, closure, homotopy, stability
from . import points, row


def proposition25(case):
    """Claim 13. Control: couplings of either sign, where the proposition claims nothing."""
    own, sign = case.settings, -1 if case.control else 1
    rng = np.random.default_rng(own["seed"])
    wrong, drawn = {"above": 0, "below": 0}, {"above": 0, "below": 0}
    for k in range(own["draws"]):
        n = 1 + k % own["largest"]
        a, d = rng.uniform(0.1, 2, n), rng.uniform(0.1, 2, n)
        b, c = (rng.exponential(size=(n, n)) * rng.integers(0, 2, (n, n)) for _ in range(2))
        gain, side = stability.loop_gain(a, b, c, d), ("above", "below")[k % 2]
        target = {"above": 1 + rng.uniform(1e-6, 1), "below": 1 - rng.uniform(1e-6, 1)}[side]
        if gain > 1e-9:
            b = b * target / gain
        else:  # no loop at all: below 1 whatever the scale
            side = "below"
        c = sign * c
        drawn[side] += 1
        positive = _has_positive_real(stability.block_matrix(a, b, c, d))
        wrong[side] += positive is not (side == "above")
    return [
        row(f"gain_{side}_one", count, note=f"of {drawn[side]}") for side, count in wrong.items()
    ], None


def _has_positive_real(matrix):
    values = np.linalg.eigvals(matrix)
    size = np.abs(matrix).max()
    return bool(np.any((values.real > 1e-12 * size) & (np.abs(values.imag) < 1e-9 * size)))


def off_block(case):
    """Claim 13b. Control: the learned modes of the reference state shrunk back to small scales."""
    if case.control:
        return _small_scales(case.settings), None
    everything = load_table(case.inputs["stability"])
    table = everything[everything["learned"] >= case.settings["cascade"]["threshold"]]
    early = everything.drop(table.index)["subspace_gain"].max()
    best = table.loc[table["subspace_gain"].idxmax()]
    ideal, actual = (table[table["reference"] == kind] for kind in ("ideal", "cascade"))
    late = ideal[ideal["t"] == ideal["t"].max()]
    note = (
        f"{len(table)} pairs; stage {best['stage']}, {best['reference']} state at t = "
        f"{best['t']:g}; before a stage's modes are learned up to {early:.3g}"
    )
    others = (
        f"other off-block directions: up to {actual['off_block_eigenvalue'].max():.1e} in the "
        f"cascade, {late['off_block_eigenvalue'].max():.1e} at the latest ideal state"
    )
    return [
        row("largest_gain", best["subspace_gain"], note=note),
        row("largest_eigenvalue", table["subspace_eigenvalue"].max(), note=others),
        row(
            "disagreements",
            (everything["status"] != "agrees").sum(),
            note=f"of {len(everything)} pairs, learned or not",
        ),
    ], None


def _small_scales(settings):
    cfg = settings["cascade"]
    model = cascade.block_model(cfg)
    state = stability.ideal_state(model, cascade.start(cfg), 1)
    found = stability.linearize(model, settings["shrink"] / cfg["epsilon"] * state, 1, 0.0)
    agrees = all((p["gain"] > 1) == (p["eigenvalue"] > 0) for p in stability.pair_rows(found))
    return [
        row("largest_gain", found.gain),
        row("largest_eigenvalue", found.eigenvalue),
        row("disagreements", not agrees),
    ]


def homotopy_identity(case):
    """Claim 14. Control: the cross-block rotations are left out of the sum over channels."""
    table = load_table(case.inputs["identity"])
    values = dict(zip(table["quantity"], table["value"], strict=True))
    sensitivity = load_table(case.inputs["sensitivity"])
    weighted = sensitivity["weight"] * sensitivity["value"]
    left_out = sensitivity["channel"] == homotopy.CHANNELS[-1]
    integral = weighted[~left_out].sum() if case.control else weighted.sum()
    network = load_table(case.inputs["network"]).query("noise == 0")
    flow = network[network["route"] == "flow"].iloc[0]
    descent = network[network["route"] == "descent"]
    draws = load_table(case.inputs["draws"])
    coupled = draws[draws["route"] == "coupled"]["t_escape"]
    t0, t1 = values["t0"], values["t1"]
    sums = sensitivity.groupby(["nu"])["value"].sum()
    spread = f"T(1) from {coupled.min():.0f} to {coupled.max():.0f} over {len(coupled)} draws"
    return [
        row("identity", (t0 + integral) / t1 - 1, note=f"T(0) = {t0:.4f}, T(1) = {t1:.4f}"),
        row("adjoint", values["a_half_error"], note=f"A(1/2) = {values['a_half_adjoint']:.4f}"),
        row("grid", max(values["t0_grid_change"], values["t1_grid_change"])),
        row("network", flow["t_escape"] / flow["t_block"] - 1, note="all neurons, flow"),
        row("network_flow", flow["t_escape"] / t1 - 1, note="all neurons, flow, coarser grid"),
        row(
            "network_descent",
            (descent["t_escape"] / t1 - 1).abs().max(),
            note=f"rates {', '.join(f'{r:g}' for r in descent['rate'])}",
        ),
        row("decoupled", t0 / t1 - 1, spread, "T(0) over T(1)"),
        row("leading_order", values["t_leading_order"] / t1 - 1, spread, "Theorem 5 over T(1)"),
    ], points("A(nu)", sums.index, sums)


def no_closure(case):
    """Claim 15. Control: a linear network, whose second moments do obey a closed equation."""
    if case.control:
        return _linear(case.settings), None
    table = load_table(case.inputs["closure"])
    noise = table["round_off"] + table["moment_error"] + table["quadrature_change"]
    rows = [
        row("smallest_gap", (table["gap"] / noise).min(), note=f"orders 1 to {len(table)}"),
        row("equal_moments", table["moment_error"].max()),
    ]
    if "orders" in case.quantities:
        rows.append(row("orders", table["order"].max()))
    return rows, points("gap", table["order"], table["gap"]) + points(
        "1000 x all errors", table["order"], 1000 * noise, "line"
    )


def _linear(settings):
    cfg = settings["cascade"]
    act, grid = activations.get("linear"), blocks.make_grid(2, step=0.25, half_width=7.0)
    amplitudes, ratios, errors = cfg["amplitudes"][:2], [], []
    for order in range(2, max(2, cfg["closure_orders"]) + 1):
        laws = closure.row_laws(order)
        found = [closure.speed(act, amplitudes, law, grid) for law in laws]
        error = closure.moment_error(laws, order)
        round_off = np.finfo(float).eps * (found[0][1] + found[1][1])
        ratios.append(abs(found[0][0] - found[1][0]) / (round_off + error))
        errors.append(error)
    return [
        row("smallest_gap", min(ratios)),
        row("equal_moments", max(errors)),
        row("orders", max(2, cfg["closure_orders"])),
    ]
