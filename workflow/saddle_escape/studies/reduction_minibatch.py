"""Figure 1's network as the paper trained it: descent on fresh Gaussian minibatches."""

from dataclasses import dataclass

import torch
import xarray as xr

from .. import trajectories
from ..settings import Quadrature
from ..theory import activations
from ..theory.quadrature import gaussian_rule
from ..training import identical
from ..training.data import Normals
from ..training.integrate import descend, never


@dataclass(frozen=True)
class Batches:
    """steps: of rate ``rate``, each on fresh inputs; snapshots: equally spaced, until the end."""

    input_dim: int
    batch: int
    rate: float
    steps: int
    snapshots: int
    seed: int


@dataclass(frozen=True)
class Minibatch:
    """The paper's own training of the network from the start of the reduction."""

    activation: str
    depth: int
    width: int
    init: tuple[float, ...]
    quadrature: Quadrature
    minibatch: Batches


def trajectory(settings: Minibatch, device) -> xr.Dataset:
    """The paper's training: descent on fresh Gaussian minibatches, at its snapshots.

    The rates eta, eta/N, .. of the paper's network are one rate eta of this one, and its identical
    neurons are one (:mod:`training.identical`). Losses are the population's; off the manifold is
    only the part of W_1 across v.
    """
    batches, act = settings.minibatch, activations.get(settings.activation)
    dim, depth, width = batches.input_dim, settings.depth, settings.width
    rule = gaussian_rule(**vars(settings.quadrature))
    normals = Normals(batches.seed, device)

    def observe(flat, index):
        loss = identical.population_loss(act, width, flat.cpu(), dim, rule)
        flat = flat.cpu()
        distance = torch.zeros(len(flat), depth, dtype=torch.float64)
        distance[:, 0] = flat[:, 1:dim].norm(dim=-1) / flat[:, :dim].norm(dim=-1)
        scale = identical.layer_scales(flat, dim)
        return {"loss": loss, "scale": scale, "distance": distance}

    run = descend(
        identical.minibatch_descent(act, depth, width, dim, batches.rate),
        lambda: identical.draw_minibatch(normals, 1, batches.batch, dim),
        identical.start(torch.tensor([settings.init]), dim).to(device),
        memory=(torch.zeros(1, dtype=torch.long, device=device),),
        event=never,
        evaluate=observe,
        rate=batches.rate,
        max_steps=batches.steps,
        next_look=lambda step: step + batches.steps // batches.snapshots,
        record=True,
    )
    steps = {name: column.cpu().numpy()[1:] for name, column in run.steps.items()}
    columns = (steps[name] for name in ("t", "loss", "scale", "distance"))
    dataset = trajectories.of_scales(*columns)
    return dataset.assign_attrs(gradient_evaluations=int(run.gradient_evaluations.sum()))
