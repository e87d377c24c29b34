# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The limit flow: when will this network escape?
#
# **In plain words.** The paper says how the waiting time grows as the initial weights shrink. How
# long one given network waits it leaves open. The initial weights know it: on the plateau the small
# layers follow a flow of their own, without the scale $\varepsilon$ in it, which blows up at a time
# $T^*$. Nothing is fitted, and nothing is trained to predict. This notebook needs no results of
# the workflow: it draws networks, predicts, trains them, and compares.
#
# **The limit flow.** Of the weights $W_\ell=\varepsilon V_\ell$, $\ell\le r$, with
# $A=\alpha^{L-1}W_L\cdots W_{r+1}$ of the layers at order one and $C=\mathbb E[\rho\,x^\top]$ of
# the data, $\rho$ being the residual of the zero output,
#
# $$\frac{dV_\ell}{ds}=\frac{\partial}{\partial V_\ell}\langle A\,V_r\cdots V_1,\,C\rangle,
#   \qquad t_{\rm esc}=\varepsilon^{-(r-2)}\,T^*\,(1+o(1)).$$
#
# [The derivation](../docs/limit_flow.md) gives the order of the error as well. It is this
# repository's own; we found it in no paper.

# %%
import numpy as np
import pandas as pd
import torch
from torch import nn

from saddle_escape import plateau
from saddle_escape.artifact import notebook
from saddle_escape.figures import answers, losses
from saddle_escape.training import bottleneck, limit_flow

SETUP = bottleneck.Setup("tanh", depth=6, width=48, input_dim=12, samples=256)
R = 4

# %% [markdown]
# ## Draw networks, and predict
#
# He-normal weights, of which the first $r$ of six layers are then multiplied by $\varepsilon$.
# $T^*$ differs from draw to draw; it takes a fraction of a second.


# %%
def predicted(setup, seed, r, epsilons):
    """What the limit flow of one draw says, as a table."""
    weights, x, _ = bottleneck.draw(setup, seed)
    rows = limit_flow.predictions(setup.problem(x), weights, r, epsilons)
    return pd.DataFrame(rows).assign(seed=seed)


EPSILONS = [0.1, 0.03, 0.01, 0.003]
prediction = pd.concat(predicted(SETUP, seed, R, EPSILONS) for seed in range(3))
prediction.pivot_table(index=["seed", "t_star"], columns="epsilon", values="t_predicted").round(1)

# %% [markdown]
# ## Train them
#
# Full gradient flow on all 256 inputs, until the loss is a tenth of its plateau. Lines are the
# predictions, diamonds the trained networks.


# %%
def trained(setup, seed, r, epsilons):
    """Escape times of one draw by gradient flow."""
    run = bottleneck.escape(setup, seed, r, epsilons, 0.1)
    return pd.DataFrame(bottleneck.rows(run, seed, r, epsilons))


def compared(prediction, training):
    """Times of both kinds, as the picture of them takes it."""
    times = ("prediction", prediction, "t_predicted"), ("flow", training, "t_escape")
    both = [rows.assign(route=route, t=rows[t].astype(float)) for route, rows, t in times]
    return pd.concat(both)[["route", "seed", "epsilon", "t", "status"]]


training = pd.concat(trained(SETUP, seed, R, EPSILONS) for seed in range(3))
notebook.Picture(answers.draw_times(compared(prediction, training)))

# %% [markdown]
# The same as a countdown: the loss of one draw at each scale, over the time predicted for it. The
# smaller the scale, the sharper the end of the plateau, and the closer to 1.


# %%
def countdown(setup, seed, r, epsilons):
    """The loss on the way, in units of the plateau, and the time predicted."""
    run = bottleneck.escape(setup, seed, r, epsilons, 0.01, record=True, rtol=1e-9)
    plateau_loss = float(run.path(0)["loss"][0])
    rows = []
    for k, (_, law) in enumerate(predicted(setup, seed, r, epsilons).iterrows()):
        path = {"t": run.path(k)["t"], "loss": run.path(k)["loss"] / plateau_loss}
        name = rf"$\varepsilon={law['epsilon']:g}$"
        rows.append(pd.DataFrame(path).assign(name=name, predicted=law["t_predicted"]))
    return pd.concat(rows)


notebook.Picture(losses.draw(countdown(SETUP, 0, R, EPSILONS)))

# %% [markdown]
# ## Turn it
#
# Another activation, another number of small layers, another draw. Where there is no law the
# picture says why.


# %%
def redrawn(activation="gelu", r=5, seed=0):
    """Predicted and trained times of another network."""
    setup = bottleneck.Setup(activation, depth=6, width=48, input_dim=12, samples=256)
    scales = [0.1, 0.05, 0.02]
    both = predicted(setup, seed, r, scales), trained(setup, seed, r, scales)
    return notebook.Picture(answers.draw_times(compared(*both)))


notebook.turn(redrawn, activation=["tanh", "sin", "gelu", "swish"], r=[3, 4, 5, 6], seed=[0, 1, 2])

# %% [markdown]
# ## Your own network
#
# `plateau.predict` reads a `torch.nn.Sequential` before its training. Put yours here.


# %%
def own_network(scale, seed=0):
    """A tanh network with biases and small weights, and its data."""
    torch.manual_seed(seed)
    sizes = [(10, 32), (32, 32), (32, 1)]
    layers = [part for size in sizes for part in (nn.Linear(*size), nn.Tanh())]
    model = nn.Sequential(*layers[:-1])
    for p in model.parameters():
        p.data.mul_(scale if p.ndim == 2 else 0)
    x = torch.randn(500, 10)
    return model, x, torch.sin(x[:, :1])


SGD = {"lr": 0.02, "momentum": 0.5}
model, x, y = own_network(0.3)
answer = plateau.predict(model, x, y, loss="mse", **SGD)
print(f"steps to half the plateau: {answer.steps}")
print(f"by the limit flow alone: {answer.limit_flow_steps:.0f}")
print(f"weight decay from which it never escapes: {answer.critical_weight_decay:.2g}")
print(answer.trust)

# %% [markdown]
# And now `torch.optim.SGD` itself, from several scales:


# %%
def losses_of(model, x, y, steps, weight_decay=0.0):
    """The loss at every step of SGD, in units of the best constant's."""
    optimizer = torch.optim.SGD(model.parameters(), **SGD, weight_decay=weight_decay)
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    return np.array(seen) / float(y.var(correction=0))


rows = []
for scale in (0.3, 0.2, 0.1):
    model, x, y = own_network(scale)
    steps = plateau.predict(model, x, y, loss="mse", **SGD).steps
    seen = losses_of(model, x, y, round(1.25 * steps))
    print(f"weights x {scale}: predicted {steps}, trained {np.argmax(seen < 0.5)}")
    run = {"t": np.arange(len(seen)), "loss": seen, "predicted": steps}
    rows.append(pd.DataFrame(run).assign(name=f"weights × {scale}"))
notebook.Picture(losses.draw(pd.concat(rows)))

# %% [markdown]
# ## Try to break it
#
# Weight decay above the critical value should keep the network on its plateau for good, below it
# not. `critical_weight_decay` is the limit flow's: right to leading order in the scale.

# %%
model, x, y = own_network(0.2)
critical = plateau.predict(model, x, y, loss="mse", **SGD).critical_weight_decay
for factor in (0, 0.5, 0.9, 1.1):
    model, x, y = own_network(0.2)
    decay = factor * critical
    answer = plateau.predict(model, x, y, loss="mse", weight_decay=decay, **SGD)
    seen = losses_of(model, x, y, 2 * (answer.steps or 1000), decay)
    left = np.argmax(seen < 0.5) if (seen < 0.5).any() else f"never in {len(seen)} steps"
    print(
        f"weight decay {factor:>3} x critical: predicted {answer.steps or 'never'}, trained {left}"
    )

# %% [markdown]
# And there are networks without the law. They get a sentence, not a number:

# %%
for name, act in (("sigmoid", nn.Sigmoid()), ("cubic-like", nn.Tanhshrink())):
    model = nn.Sequential(
        nn.Linear(10, 32, bias=False), act, nn.Linear(32, 32, bias=False), act, nn.Linear(32, 1)
    )
    for p in model.parameters():
        p.data.mul_(0.1 if p.ndim == 2 else 0)
    print(f"{name}: {plateau.predict(model, x, y, loss='mse', **SGD).status}")
