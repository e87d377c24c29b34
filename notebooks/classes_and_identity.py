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
# # Four classes of activations, and the identity behind them
#
# **In plain words.** How unequal two neighbouring layers become while a network trains is decided
# by one function of the activation, $\varphi_\sigma$. Where it vanishes nothing changes (class A:
# linear, ReLU). Otherwise the first term of its Taylor series at 0 tells the classes apart: odd
# (B: tanh), even (C: GELU), constant (D: sigmoid). This bookkeeping is an exact identity, not an
# approximation: any weights, any differentiable loss, any data.
#
# **Theorem 1.** With $\varphi_\sigma(z)=z\,\sigma'(z)-\sigma(z)$ and $g_\ell$ the gradient with
# respect to layer $\ell$'s activity, along gradient flow
#
# $$\frac{d}{dt}\left(\|W_{\ell+1}\|_F^2-\|W_\ell\|_F^2\right)
#   = 2\,\mathbb{E}\,\langle g_\ell,\varphi_\sigma(h_\ell)\rangle .$$

# %%
import numpy as np
import pandas as pd
import torch

from saddle_escape.artifact import notebook
from saddle_escape.figures import phi
from saddle_escape.theory import activations, classes
from saddle_escape.training import identity, network

TIER = notebook.tier()  # or "smoke", "default", "full"

# %% [markdown]
# ## The table the workflow computed
#
# `q` is the order of the leading term and `c_q` its coefficient; `K` the rate constant of the
# escape law at the configured depth and width. No activation can have q = 1.

# %%
table = notebook.load("classes.csv", TIER)
table.drop(columns=["conserved", "homogeneity"])

# %% [markdown]
# Every built-in activation, torch's own under torch's names. Without a class, `status` says why.

# %%
built_in = pd.DataFrame(classes.describe(name) for name in activations.BUILTIN)
built_in[["activation", "class", "q", "c_q_exact", "alpha", "status"]]

# %% [markdown]
# ## $\varphi_\sigma$ near zero
#
# On these axes the slope at small $z$ is q.

# %%
NAMES = ["tanh", "arctan", "gelu", "mish", "softplus", "sigmoid"]

notebook.Picture(phi.draw(notebook.phi_table(NAMES)))

# %% [markdown]
# ## Turn it
#
# Any expression in `z` will do: call `compared("z*exp(-z**2)", "tanh")` with one of your own.

# %%
CHOICES = ["tanh", "erf", "sin", "gelu", "swish", "softplus", "cos", "z*exp(-z**2)", "z + z**4"]


def compared(first="z*exp(-z**2)", second="tanh"):
    """phi of two activations, and what makes their class."""
    for name in (first, second):
        row = classes.classify(activations.get(name))
        print(f"{name}: class {row.cls}, q = {row.q}, c_q = {row.c_q_exact}; {row.status}")
    return notebook.Picture(phi.draw(notebook.phi_table([first, second])))


notebook.turn(compared, first=CHOICES, second=CHOICES)

# %% [markdown]
# ## Try to break it
#
# One random network, far from any symmetry. Change the activation, the loss, the prefactor, the
# depth: the two sides, computed by different routes, differ by round-off only.

# %%
generator = torch.Generator().manual_seed(0)
WEIGHTS = network.he_normal(generator, network.layer_shapes(4, 10, 3))
X = torch.randn(50, 3, generator=generator, dtype=torch.float64)
LABELS = torch.sign(X[:, :1])
LOSSES = {
    "squared": lambda f: 0.5 * ((f - LABELS) ** 2).mean(),
    "logistic": lambda f: torch.nn.functional.softplus(-LABELS * f).mean(),
    "quartic": lambda f: ((f - LABELS) ** 4).mean(),
}

for name in ("tanh", "gelu", "softplus", "relu", "z*exp(-z**2)"):
    for loss in LOSSES:
        act = activations.get(name)
        sides = identity.imbalance(WEIGHTS, X, LOSSES[loss], act, c=0.7)
        print(f"{name:14} {loss:9} relative difference of the sides {sides.residual():.0e}")

# %% [markdown]
# What does break it is time in steps: the identity is about gradient *flow*. One step of gradient
# descent misses it by an amount proportional to its rate.

# %%
act = activations.get("tanh")
loss, _, gradients = network.loss_and_gradient(WEIGHTS, X, LABELS, act, 0.7)
sides = identity.imbalance(WEIGHTS, X, LOSSES["squared"], act, c=0.7)


def imbalance_after(rate):
    """|W_2|^2 - |W_1|^2 after one step of gradient descent."""
    first, second = (w - rate * g for w, g in zip(WEIGHTS[:2], gradients[:2], strict=True))
    return float(second.square().sum() - first.square().sum())


for rate in (0.1, 0.01, 0.001):
    change = (imbalance_after(rate) - imbalance_after(0)) / rate
    print(f"rate {rate:<6} misses by {abs(change - float(sides.right[0])):.1e}")
assert np.isclose(change, float(sides.right[0]), rtol=0.05)
