"""Figure 3: one curve for all of class B once time is measured in units of 1/K (Corollary 7)."""

import numpy as np
import pandas as pd
import torch

from ..status import ESCAPED
from ..theory import activations, escape, manifold
from ..theory.quadrature import gaussian_rule
from ..training.data import first_axis, symmetrized_inputs
from ..training.integrate import descend
from ..training.network import manifold_weights, mode_alignment
from ..training.optimizers import GradientDescent, updating
from ..training.problem import single_mode
from .classes import rate, row

COLUMNS = ("activation", "class", "epsilon", "route", "t_escape", "K", "K_t_escape", "status")


def _rows(cfg, activation, classes, route, epsilon, t, status):
    constant = rate(classes, activation, cfg["depth"], cfg["width"])
    t = np.array([np.nan if v is None else v for v in t], dtype=float)
    cls = row(classes, activation)["class"]
    columns = (activation, cls, epsilon, route, t, constant, constant * t, status)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def closed_form(cfg, classes):
    """Theorem 5's line for every activation of the figure. Flow times."""
    spec = cfg["closed_form"]
    epsilon = np.geomspace(spec["min"], spec["max"], spec["count"])
    tables = []
    for activation in cfg["epsilon"]:
        constant = rate(classes, activation, cfg["depth"], cfg["width"])
        t = escape.closed_form(constant, epsilon, cfg["depth"], cfg["threshold"])
        status = [ESCAPED] * len(epsilon)
        tables.append(_rows(cfg, activation, classes, "closed_form", epsilon, t, status))
    return pd.concat(tables, ignore_index=True)


def reduced(cfg, activation, classes):
    """Escape times (flow time) of the reduced ODE, all layers at epsilon, for one activation."""
    model = manifold.reduction(
        activations.get(activation), cfg["depth"], cfg["width"], **cfg["quadrature"]
    )
    epsilon = np.array(cfg["epsilon"][activation], dtype=float)
    runs = [
        escape.escape_time(model, np.full(cfg["depth"], e), "alignment", cfg["threshold"])
        for e in epsilon
    ]
    times, statuses = [run.t_escape for run in runs], [run.status for run in runs]
    return _rows(cfg, activation, classes, "reduced_ode", epsilon, times, statuses)


def network(cfg, activation, classes, device):
    """Escape times of the full network under gradient descent on symmetrized population data.

    All epsilons of one activation are one batch; who has escaped leaves it. The mode alignment is
    evaluated every ``evaluate_every`` units of flow time and its crossing interpolated linearly.
    """
    own = cfg["network"]
    inputs = symmetrized_inputs(*gaussian_rule(**own["quadrature"]), own["input_dim"])
    x, sample_weights = (a.to(device) for a in inputs)
    act, depth, threshold = activations.get(activation), cfg["depth"], cfg["threshold"]
    problem, width = single_mode(act, depth, cfg["width"], x, sample_weights), cfg["width"]
    direction = first_axis(own["input_dim"], device)
    epsilon = np.array(cfg["epsilon"][activation], dtype=float)
    stride = max(1, round(own["evaluate_every"] / own["rate"]))
    scales = torch.tensor(epsilon, device=device)[:, None].expand(-1, depth)
    run = descend(
        updating(problem, GradientDescent(own["rate"])),
        lambda: None,
        problem.flatten(manifold_weights(scales, width, direction)),
        evaluate=lambda flat, index: {
            "alignment": mode_alignment(problem.unflatten(flat), direction, width)
        },
        event=lambda seen, index: threshold - seen["alignment"],
        rate=own["rate"],
        max_steps=round(own["t_max"] / own["rate"]),
        next_look=lambda step: step + stride,
    )
    t = run.t_escape.cpu().numpy()
    table = _rows(cfg, activation, classes, "network", epsilon, t, run.status)
    table.attrs["gradient_evaluations"] = int(run.gradient_evaluations.sum())
    return table
