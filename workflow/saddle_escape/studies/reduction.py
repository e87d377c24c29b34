"""Figure 1: the full network against its reduction to L scalar equations (Theorem 4)."""

import numpy as np
import pandas as pd
import torch
import xarray as xr

from ..theory import activations, manifold
from ..theory.quadrature import gaussian_rule
from ..training import network
from ..training.data import first_axis, gaussian_inputs, symmetrized_inputs
from ..training.integrate import descend, integrate
from ..training.optimizers import GradientDescent, updating
from ..training.problem import single_mode


def trained_network(act, depth, width, inputs, device):
    """The network in the NTK parameterization with its teacher y = sigma(x_1).

    inputs: (x (n, d), sample_weights (n,)).
    """
    x, sample_weights = (a.to(device) for a in inputs)
    return single_mode(act, depth, width, x, sample_weights)


def start(problem, inits):
    """Manifold weights for layer scales (b, L), flattened to (b, P)."""
    direction = first_axis(problem.x.shape[1], problem.x.device)
    inits = torch.as_tensor(inits, dtype=torch.float64, device=direction.device)
    return problem.flatten(network.manifold_weights(inits, problem.shapes[0][0], direction))


def manifold_observer(problem):
    """observe of :meth:`Problem.field`: "scale" X_l and relative "distance" off it, (b, L)."""
    width, direction = problem.shapes[0][0], first_axis(problem.x.shape[1], problem.x.device)

    def observe(weights, f, gradients):
        return {
            "scale": network.layer_scales(weights, width),
            "distance": network.distance_from_manifold(weights, direction),
        }

    return observe


def _dataset(t, loss, scales, distance=None):
    """Trajectory with named dimensions: t (flow time) and layer (1..L)."""
    variables = {
        "loss": ("t", loss, {"units": "1", "long_name": "population loss"}),
        "scale": (("t", "layer"), scales, {"units": "1", "long_name": "layer scale X_l"}),
    }
    if distance is not None:
        long_name = "relative Frobenius distance of W_l from the symmetric manifold"
        variables["distance"] = (("t", "layer"), distance, {"units": "1", "long_name": long_name})
    coordinates = {
        "t": ("t", t, {"units": "flow time"}),
        "layer": ("layer", np.arange(1, scales.shape[1] + 1), {"units": "1"}),
    }
    return xr.Dataset(variables, coordinates)


def reduced(cfg):
    """The reduced ODE from cfg's init: loss and layer scales at ``points`` times up to t_end."""
    act = activations.get(cfg["activation"])
    model = manifold.reduction(act, cfg["depth"], cfg["width"], **cfg["quadrature"])
    t = np.linspace(0.0, cfg["t_end"], cfg["points"])
    scales, loss = manifold.trajectory(model, cfg["init"], t)
    return _dataset(t, loss, scales)


def network_run(cfg, data, device):
    """The full network, all N d + (L-2) N^2 + N weights, from the same start as :func:`reduced`.

    data: "population", gradient descent on symmetrized inputs, recorded every record_every units of
    flow time; or "gaussian", the adaptive gradient flow on plain Gaussian samples, recorded at its
    accepted steps, which shows how far sampling strays. Both carry the distance from the manifold.
    Raises ValueError for another name.
    """
    if data not in ("population", "gaussian"):
        raise ValueError(f"data: unknown '{data}', choose from population, gaussian")
    own = cfg["network"]
    if data == "population":
        inputs = symmetrized_inputs(*gaussian_rule(**own["quadrature"]), own["input_dim"])
    else:
        inputs = gaussian_inputs(own["gaussian_samples"], own["input_dim"], own["seed"])
    act = activations.get(cfg["activation"])
    problem = trained_network(act, cfg["depth"], cfg["width"], inputs, device)
    follow = _descent if data == "population" else _flow
    run = follow(problem, cfg, start(problem, [cfg["init"]]))
    steps = {name: column.cpu().numpy() for name, column in run.steps.items()}
    dataset = _dataset(steps["t"], steps["loss"], steps["scale"], steps["distance"])
    return dataset.assign_attrs(gradient_evaluations=int(run.gradient_evaluations.sum()))


def _never(seen, index):
    return torch.ones(len(index), dtype=torch.float64, device=index.device)


def _descent(problem, cfg, start):
    own = cfg["network"]
    stride = max(1, round(own["record_every"] / own["rate"]))
    field = problem.field(manifold_observer(problem))
    return descend(
        updating(problem, GradientDescent(own["rate"])),
        lambda: None,
        start,
        event=_never,
        evaluate=lambda flat, index: field(flat, index)[1],
        rate=own["rate"],
        max_steps=round(cfg["t_end"] / own["rate"]),
        next_look=lambda step: step + stride,
        record=True,
    )


def _flow(problem, cfg, start):
    return integrate(
        problem.field(manifold_observer(problem)),
        start,
        sizes=problem.sizes,
        rtol=cfg["network"]["gaussian_rtol"],
        t_max=cfg["t_end"],
        record=True,
    )


def figure_table(reduced, population, gaussian):
    """What figure 1 draws: rows of panel (a: loss, b: X_l), series, t (flow time), value."""
    runs = {"reduced_ode": reduced, "network": population, "network_gaussian": gaussian}
    rows = []
    for name, run in runs.items():
        t = run["t"].to_numpy()
        rows.append(pd.DataFrame({"panel": "a", "series": name, "t": t, "value": run["loss"]}))
    for name, run in runs.items():
        for layer in run["layer"].to_numpy():
            value = run["scale"].sel(layer=layer).to_numpy()
            series = f"{name}_X{layer}"
            rows.append(
                pd.DataFrame({"panel": "b", "series": series, "t": run["t"], "value": value})
            )
    return pd.concat(rows, ignore_index=True)
