"""Figure 5's plateau: eq. 54 (13c), invariance, channels (e1, e1b), eqs. 62 and 64 (e4)."""

import numpy as np

from ... import settings as configured
from ...theory import activations, blocks, drive, exponents, homotopy, stability
from ...theory.cascade import OneOutput, OutputPerMode
from . import points, quantity


def _cascades(settings):
    """Figure 5's cascade and its companion, as configured."""
    paper = configured.pick(OneOutput, settings["cascade"])
    return paper, configured.pick(OutputPerMode, settings["companion"])


# --- eq. 54 ---------------------------------------------------------------------------------------


def linearization(case):
    """Claim 13c: the blocks of eq. 54 at the aligned start of figure 5's model.

    Control: learned, the companion's pairs at an ideal state, whose first mode is learned.
    """
    paper, companion = _cascades(case.settings)
    if case.control == "learned":
        return _learned(companion, case.settings["companion"]["ideal_times"][0]), None
    model, epsilons = paper.model(), np.array(case.settings["epsilon"])
    splits = [stability.plateau(model, epsilon) for epsilon in epsilons]
    other = companion.model()
    pairs = [stability.linearize(other, blocks.aligned_state(other, e), 1, 0.0) for e in epsilons]
    smallest = splits[-1]
    gains = np.array([split.gain for split in splits])
    agreeing = [(split.gain > 1) == (split.eigenvalue > 0) for split in (*splits, *pairs)]
    order = exponents.local_exponents(epsilons[-2:], gains[-2:])[1][0]
    return [
        quantity("gain", smallest.gain, epsilon=epsilons[-1], companion=pairs[-1].gain),
        quantity(
            "eigenvalue", smallest.eigenvalue, over_square=smallest.eigenvalue / epsilons[-1] ** 2
        ),
        quantity("disagreements", len(agreeing) - sum(agreeing), of=len(agreeing)),
        quantity("gain_order", order),
        quantity("diagonal", smallest.off_diagonal),
        quantity("couplings", smallest.smallest_coupling / smallest.b.max()),
    ], points("gain", epsilons, gains)


def _learned(companion, t):
    """Gain and eigenvalue of the pairs once mode 1 is learned and the others are not."""
    model = companion.model()
    solver = companion.solver(model, method="LSODA")
    path = homotopy.trajectory(model, companion.start(), 0.0, t, solver)
    state = stability.ideal_state(model, path(t).reshape(model.shape), 1)
    linear = stability.linearize(model, state, 1, t)
    return [quantity("gain", linear.gain), quantity("eigenvalue", linear.eigenvalue)]


# --- invariance and channels ----------------------------------------------------------------------


def invariance(case):
    """Claim e1: how fast entries off the blocks start to move, relative to the layer scales.

    Control: output_per_mode, the companion's model.
    """
    paper, companion = _cascades(case.settings)
    cascade = companion if case.control == "output_per_mode" else paper
    model = cascade.model()
    velocity = drive.aligned_drive(model, case.settings["epsilon"])
    rotations = velocity[0] / np.diagonal(velocity[0])[:, None]
    off = np.abs(velocity * (1 - model.diagonal))
    scales = np.abs(velocity * model.diagonal).max()
    leading, driven = drive.leading_drive(model, case.settings["epsilon"]), model.metric > 0
    known = driven & (np.broadcast_to(model.diagonal > 0, model.shape) | model.summed)
    return [
        quantity("off_block", off.max() / scales, turning=rotations[-1, 0]),
        quantity("leading", np.abs(velocity / np.where(known, leading, 1) - 1)[known].max()),
    ], None


def dominant_channel(case):
    """Claim e1b: what each channel contributes to T(1) - T(0), and whether they cancel along nu.

    Control: half_w2, the off-block part of W_2 counted half.
    """
    table = case.tables["sensitivity"]
    table = table[table["nodes"] == table["nodes"].max()]
    share = table.assign(part=table["weight"] * table["value"])
    off = share["channel"] == homotopy.CHANNELS[1]
    if case.control == "half_w2":
        share["part"] *= np.where(off & (share["layer"] == 2), 0.5, 1.0)
    name = share["channel"].mask(off, "off-block W_" + share["layer"].astype(str))
    exact, closure = (
        share[share["path"] == path].groupby(name)["part"].sum().abs()
        for path in ("exact", "24 variables")
    )
    rotations = homotopy.CHANNELS[2]
    largest = exact.drop([rotations, homotopy.CHANNELS[0]]).max()
    times = case.tables["times"].set_index("closure")["t_escape"]
    alone = times["decoupled"] - times
    along = table[table["path"] == "exact"].groupby("nu")["value"].sum()
    return [
        quantity("rotations", exact[rotations] / largest, shift=-exact[rotations]),
        quantity(
            "in_closure",
            closure[rotations] / closure["off-block W_2"],
            rotations=-closure[rotations],
        ),
        quantity("alone", alone["rotations"] / alone["off-block W_2"], rotations=alone["rotations"],
                 w2=alone["off-block W_2"], w3=alone["off-block W_3"]),
        quantity("signs", (np.sign(along) > 0).sum(), nodes=len(along), largest=along.min()),
    ], None  # fmt: skip


# --- eqs. 62 and 64 -------------------------------------------------------------------------------


def printed_drives(case):
    """Claim e4: what drives C and eta from an aligned start, as printed and exactly.

    Control: gelu, whose eq. 62 has a source.
    """
    cascade = _cascades(case.settings)[0]
    name = "gelu" if case.control == "gelu" else cascade.activation
    act, modes = activations.get(name), len(cascade.amplitudes)
    _, source = drive.printed_amplitude_terms(act, modes, cascade.epsilon)
    epsilons = np.array([0.02, 0.01])
    model = cascade.model()
    drives = np.array([drive.aligned_drive(model, e)[0, 0, 1] for e in epsilons])
    printed = 2 * (model.depth - 1) + 1  # Dbar_k Dbar_m mu, Dbar of L - 1 scales, mu of one
    order = exponents.local_exponents(epsilons, drives)[1][0]
    return [
        quantity("source_62", abs(source)),
        quantity("order_64", order, printed=printed),
    ], None
