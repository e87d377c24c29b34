"""Modes by themselves: eqs. 52 and 53, the order of escapes, eq. 65 (claims e6 and e6b)."""

import itertools

import numpy as np
from scipy.integrate import solve_ivp

from ... import settings as configured
from ...theory import activations, classes, manifold, modewise
from ...theory.cascade import OneOutput
from . import points, quantity


def profiles(case):
    """Claim e6: the exact flow of one mode from X_1 = 0, the other layers at rho, against eq. 53.

    Controls: large_rho, rho of 0.1; layer_more, the profile I_(L+1); by_amplitude, modes
    ordered by their amplitude alone.
    """
    settings, control = case.settings, case.control
    act, width, depths = activations.get("tanh"), settings["width"], settings["depths"]
    rhos = [0.15, 0.1] if control == "large_rho" else settings["rho"]
    errors = {}
    for depth, rho in itertools.product(depths, rhos):
        t = exact_time(act, depth, width, rho, settings["theta"])
        told = modewise.escape_time(act, 1.0, depth, width, rho, settings["theta"])
        if control == "layer_more":
            told *= modewise.profile(depth + 1, settings["theta"]) / modewise.profile(
                depth, settings["theta"]
            )
        errors[depth, rho] = abs(t / told - 1)
    last = [errors[depth, rhos[-1]] for depth in depths]
    modes = [tuple(mode) for mode in settings["modes"]]
    times = [
        exact_time(act, 4, width, rho, settings["theta"], amplitude) for amplitude, rho in modes
    ]
    rank = [
        amplitude if control == "by_amplitude" else modewise.growth(act, amplitude, 4, width, rho)
        for amplitude, rho in modes
    ]
    wrong = sum(
        (times[i] < times[j]) != (rank[i] > rank[j])
        for i, j in itertools.combinations(range(len(modes)), 2)
    )
    return [
        quantity("profile", max(last), rho=rhos[-1], depths=list(depths)),
        quantity("order", wrong, of=len(modes) * (len(modes) - 1) // 2),
    ], points("L = 4", rhos, [errors[4, rho] for rho in rhos])


def exact_time(act, depth, width, rho, theta, amplitude=1.0):
    """Flow time from X_1 = 0 to theta rho; a teacher of another amplitude a slower clock.

    Up to the error of the network's own output, which is of order rho^L beside the teacher's.
    """
    model = manifold.reduction(act, depth, width)

    def crossing(t, x):
        return x[0] - theta * rho

    crossing.terminal = True
    start = np.array([0.0] + [rho] * (depth - 1))
    run = solve_ivp(
        lambda t, x: model.velocity(x), (0, 1e9), start, events=crossing, rtol=1e-10, atol=1e-16
    )
    return run.t[-1] / amplitude


def stage_equation(case):
    """Claim e6b: eq. 65's own time over I_L, and its balance law against the learned flow.

    Control: three_layers, at which eq. 65's integrand is the right one.
    """
    depth = 3 if case.control == "three_layers" else 4
    theta = case.settings["theta"]
    ratio = modewise.forced_profile(depth, theta) / modewise.profile(depth, theta)
    measured = [quantity("forced", ratio, theta=theta)]
    if case.control:
        return measured, None
    cascade = configured.pick(OneOutput, case.settings["cascade"])
    act = activations.get(cascade.activation)
    rate = classes.rate_constant(act, cascade.depth, cascade.block_size) * cascade.amplitudes[0]
    law = (cascade.amplitudes[0] / rate) ** (1 / (cascade.depth - 1))
    learned = case.tables["flow"]["state"].sel(field="decoupled").isel(t=-1, row=0, column=0)
    scales = learned.values
    return [
        *measured,
        quantity("balance", scales[0] / law, law=law, scales=[f"{x:.3f}" for x in scales]),
    ], None
