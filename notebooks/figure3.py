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
# # Figure 3: one curve for many activations
#
# **In plain words.** tanh, sin and erf networks wait for different times. Measure time in units of
# $1/K(\sigma)$, one number per activation, and their curves fall on top of each other. GELU and
# Swish come close as $\varepsilon\to0$, but with a correction linear in $\varepsilon$.
#
# **Corollary 7.** For activations with a linear signal path ($\alpha=\sigma'(0)\ne0$),
#
# $$K(\sigma)\,t_{\rm esc}\;\to\;\frac{\varepsilon^{-(L-2)}-{X^*}^{-(L-2)}}{L-2},\qquad
#   K(\sigma)=\frac{\beta_1\alpha^{L-1}}{\sqrt N},\quad \beta_1=\mathbb E[\sigma(z)z].$$

# %%
import numpy as np
import pandas as pd

from saddle_escape import published
from saddle_escape.artifact import notebook
from saddle_escape.figures import figure3
from saddle_escape.settings import pick
from saddle_escape.studies import classes as classes_study
from saddle_escape.studies import universality
from saddle_escape.theory import activations, escape, manifold
from saddle_escape.theory.classes import rate_constant

TIER = notebook.tier()  # or "smoke", "default", "full"
CFG = notebook.parameters("universality", TIER)

# %% [markdown]
# ## The figure, from the cached results

# %%
table = notebook.load("figures/figure3.csv", TIER)
notebook.Picture(figure3.draw(table))

# %% [markdown]
# How far each activation is from the common curve, by the reduced equations:

# %%
computed = table[table["route"] == "reduced_ode"]
common = escape.closed_form(1.0, computed["epsilon"].to_numpy(), CFG["depth"], CFG["threshold"])
distance = computed["K_t_escape"] / common - 1
computed.assign(off=distance.map("{:+.1%}".format)).pivot(
    index="epsilon", columns=["class", "activation"], values="off"
).fillna("")

# %% [markdown]
# ## Turn it
#
# Add an activation, built in or of your own (`redrawn("z + z**3/5")`), at four scales up to
# `largest`.

# %%
classes = notebook.load("classes.csv", TIER)
CHOICES = ["arctan", "mish", "z*exp(-z**2)", "sin(z) + z**2/4", "softplus"]


def redrawn(activation="z*exp(-z**2)", largest=0.2):
    """Figure 3 with one more activation, by closed form and reduced equations."""
    listed = classes_study.Classes((activation,), CFG["depth"], CFG["width"])
    known = classes[classes["activation"] != activation]
    constants = pd.concat([known, classes_study.table(listed)], ignore_index=True)
    scales = [largest * factor for factor in (0.25, 0.4, 0.63, 1)]
    cfg = CFG | {"epsilon": {activation: scales}, "common": []}
    runs = [
        universality.closed_form(pick(universality.ClosedForm, cfg), constants),
        universality.reduced(pick(universality.Reduced, cfg), activation),
    ]
    figure = pick(universality.Figure, cfg)
    more = universality.figure_table(
        figure, pd.concat(runs, ignore_index=True), constants, published.points(3, "a")
    )
    others = table[table["activation"] != activation]
    return notebook.Picture(figure3.draw(pd.concat([others, more], ignore_index=True)))


notebook.turn(redrawn, activation=CHOICES, largest=[0.1, 0.2, 0.3])

# %% [markdown]
# ## Try to break it
#
# The closed form is a leading order. How fast must it become right? With q the order of
# $\varphi_\sigma$, the relative error should fall like $\varepsilon^{q-1}$ where $L-2>q-1$: slope 2
# for class B at L = 5, slope 1 for class C. Any activation of class B with another slope would do.

# %%
DEPTH, SCALES = 5, np.array([0.01, 0.02])

for name in ("tanh", "sin", "arctan", "gelu", "swish"):
    act = activations.get(name)
    model = manifold.reduction(act, DEPTH, CFG["width"])
    law = escape.closed_form(rate_constant(act, DEPTH, CFG["width"]), SCALES, DEPTH)
    runs = [escape.escape_time(model, np.full(DEPTH, e)) for e in SCALES]
    errors = np.abs(np.array([run.t_escape for run in runs]) / law - 1)
    slope = np.diff(np.log(errors))[0] / np.diff(np.log(SCALES))[0]
    print(f"{name:7} error {errors[0]:.1e} at {SCALES[0]}, slope {slope:.2f}")
