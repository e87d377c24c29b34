"""Does the symmetric manifold attract? Population flows that start off it."""

from dataclasses import dataclass

import pandas as pd
import torch

from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training import integrate, network
from ..training.data import first_axis, symmetrized_inputs
from ..training.problem import single_mode

KINDS = ("noise", "profile")


@dataclass(frozen=True)
class Flows:
    """epsilon: layer scales of the start; delta: relative size of the perturbation."""

    depth: int
    width: int
    input_dim: int
    quadrature: Quadrature
    epsilon: tuple[float, ...]
    delta: float
    seeds: int
    rtol: float


@dataclass(frozen=True)
class Attraction:
    """loss_fraction: of the plateau, at the escape."""

    activation: str
    loss_fraction: float
    attraction: Flows


def distances(settings: Attraction) -> pd.DataFrame:
    """Relative distance from the symmetric manifold along population flows that start off it.

    Columns kind, seed, epsilon, delta, t, loss, growth (|W| / |W(0)|), distance (|W - PW| / |W|
    over all layers, P the projection on the manifold) and status, a row for each accepted step.
    """
    flows, act = settings.attraction, activations.get(settings.activation)
    direction = first_axis(flows.input_dim)
    cases = [
        {"kind": kind, "seed": seed, "epsilon": epsilon, "delta": flows.delta}
        for kind in KINDS
        for seed in range(flows.seeds)
        for epsilon in flows.epsilon
    ]
    inputs = symmetrized_inputs(*gaussian_rule(**vars(flows.quadrature)), flows.input_dim)
    problem = single_mode(act, flows.depth, flows.width, *inputs)
    starts = [network.flatten(perturbed(problem.shapes, direction, **case)) for case in cases]
    plateau = problem.plateau.expand(len(cases))
    run = integrate.integrate(
        problem.field(_observer(direction)),
        torch.stack(starts),
        integrate.loss_event(plateau, settings.loss_fraction),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=flows.rtol,
        plateau=plateau,
        record=True,
    )
    tables = []
    for k, case in enumerate(cases):
        path = {name: column.numpy() for name, column in run.path(k).items()}
        columns = {"t": path["t"], "loss": path["loss"], "growth": path["norm"] / path["norm"][0]}
        columns |= {"distance": path["distance"], "status": run.status[k]}
        tables.append(pd.DataFrame(case | columns))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["gradient_evaluations"] = int(run.gradient_evaluations.sum())
    return table


def perturbed(shapes, direction, kind, seed, epsilon, delta):
    """Weights near the symmetric manifold, all layer scales X_l = epsilon (NTK parameterization).

    kind "noise": every layer plus independent Gaussian noise of delta times its norm. kind
    "profile": neuron i of layer l weighs p_li = 1 + delta xi_li, in its own layer and for the one
    above, so that the layers still fit together. delta 0 is the manifold itself.
    """
    generator = torch.Generator().manual_seed(seed)
    width = shapes[0][0]
    if kind == "noise":
        scales = torch.full((len(shapes),), epsilon, dtype=torch.float64)
        base = network.manifold_weights(scales, width, direction)
        noise = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
        return [b + delta * b.norm() / n.norm() * n for b, n in zip(base, noise, strict=True)]
    xi = torch.randn(len(shapes) - 1, width, generator=generator, dtype=torch.float64)
    p = torch.nn.functional.normalize(1 + delta * xi, dim=-1) * width**0.5
    inner = [torch.outer(p[k + 1], p[k]) / width**0.5 for k in range(len(shapes) - 2)]
    layers = [torch.outer(p[0], direction), *inner, p[-1][None, :]]
    return [epsilon * w for w in layers]


def _observer(direction):
    """observe of :meth:`Problem.field`: "norm" |W| and relative "distance" off the manifold."""

    def observe(weights, f, gradients):
        sizes = torch.stack([w.norm(dim=(-2, -1)) for w in weights], -1)
        off = (network.distance_from_manifold(weights, direction) * sizes).norm(dim=-1)
        norm = sizes.norm(dim=-1)
        return {"norm": norm, "distance": off / norm}

    return observe


def end_table(steps: pd.DataFrame) -> pd.DataFrame:
    """Distance at the start and at the escape for each case, and their ratio.

    steps: the table of :func:`distances`. Columns kind, seed, epsilon, delta, start, end, ratio,
    growth (of the whole weight norm), status. Were the manifold attracting, the ratio would tend to
    0 with epsilon.
    """
    keys = ["kind", "seed", "epsilon", "delta"]
    ends = steps.groupby(keys, sort=False).agg(
        start=("distance", "first"),
        end=("distance", "last"),
        growth=("growth", "last"),
        status=("status", "last"),
    )
    return ends.assign(ratio=ends["end"] / ends["start"]).reset_index()
