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
# # Figure 1: a whole network in $L$ numbers
#
# **In plain words.** Start every layer of a deep network in a permutation-symmetric state: all
# neurons of a layer alike. Gradient descent keeps it so, and the network's thousands of weights
# are described by one scale per layer. The loss sits on a plateau, then drops, and the few
# equations follow the full network through all of it.
#
# **Theorem 4.** With layer scales $X_\ell$, width $N$, and a teacher with the student's own
# activation,
#
# $$\frac{dX_\ell}{dt}=-\frac1N\frac{\partial\mathcal L}{\partial X_\ell},\qquad
#   f=\sqrt N\,X_L\,\sigma(X_{L-1}\,\sigma(\cdots\sigma(X_1 z))),\qquad z\sim\mathcal N(0,1).$$

# %%
import numpy as np

from saddle_escape.artifact import notebook
from saddle_escape.figures import figure1
from saddle_escape.settings import pick
from saddle_escape.studies import reduction
from saddle_escape.theory import activations, manifold

TIER = notebook.tier()  # or "smoke", "default", "full"
CFG = notebook.parameters("reduction", TIER)

# %% [markdown]
# ## The figure, from the cached results

# %%
notebook.Picture(figure1.draw(notebook.load("figures/figure1.csv", TIER)))

# %% [markdown]
# How far the network (gradient descent on data that keep the symmetry) is from the reduction:

# %%
reduced = notebook.load("reduction/reduced.nc", TIER)
population = notebook.load("reduction/network.nc", TIER)
minibatch = notebook.load("reduction/minibatch.nc", TIER)

gap = population["scale"] - reduced["scale"].interp(t=population["t"], method="cubic")
print(f"largest difference of a layer scale: {float(np.abs(gap).max()):.1e}")
print(f"largest distance from the symmetric manifold: {float(population['distance'].max()):.0e}")
print(f"and of the minibatch run: {float(minibatch['distance'].max()):.0e}")

# %% [markdown]
# ## Turn it
#
# `factor` multiplies all initial scales and `activation` replaces the reduction's; the
# circles and pluses stay the cached networks', so that only 1 and the configured activation match.


# %%
def redrawn(factor=0.8, activation=CFG["activation"]):
    """Figure 1 with the reduced equations started elsewhere, or with another activation."""
    init = [factor * x for x in CFG["init"]]
    cfg = CFG | {"init": init, "activation": activation, "points": 400}
    changed = reduction.reduced(pick(reduction.Reduced, cfg))
    return notebook.Picture(figure1.draw(reduction.figure_table(changed, population, minibatch)))


notebook.turn(redrawn, factor=[0.6, 0.8, 1.0, 1.2, 1.5], activation=["tanh", "sin", "arctan"])

# %% [markdown]
# ## Try to break it
#
# The paper's picture of the plateau rests on a balance law: $X_{\ell+1}^2-X_\ell^2$ is conserved.
# For tanh that is true at leading order only, and at the end of the run it is plainly false; for
# ReLU it is exact. Put another activation in and see which of the two it resembles.

# %%
for name in (CFG["activation"], "relu"):
    act = activations.get(name)
    rule = "trapezoid" if act.smooth else "half_line"
    model = manifold.reduction(act, CFG["depth"], CFG["width"], rule=rule)
    times = np.linspace(0, CFG["t_end"], 5)
    scales, losses = manifold.trajectory(model, CFG["init"], times)
    drift = np.abs(np.diff(scales**2, axis=1) - np.diff(scales[0] ** 2)).max(axis=1)
    for t, loss, value in zip(times, losses, drift, strict=True):
        print(f"{name:5} t = {t:6.0f}  loss {loss:.1e}  balance off by {value:.1e}")
