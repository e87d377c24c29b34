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
# # Figure 5: three modes, one output
#
# **In plain words.** A network in three blocks learns a teacher that is the sum of three features,
# each block starting on a feature of its own. Theorem 5 times the first escape as if its mode were
# alone. It is not: there is one output, so every block is pushed towards every feature at once, and
# the first escape comes a quarter earlier. Turning the coupling on gradually, from $\nu=0$ to
# $\nu=1$, and adding up what each step does to the time says which weights did it.
#
# **The homotopy identity** (Proposition 24). With $f_\nu=f_0+\nu(f_1-f_0)$, the decoupled field at
# $\nu=0$ and the coupled one at $\nu=1$, and the adjoint $p$, along which $p\cdot f_\nu=1$,
#
# $$T(1)=T(0)+\int_0^1\!A(\nu)\,d\nu,\qquad
#   A(\nu)=-\int_0^{T(\nu)}\! p\cdot\partial_\nu f_\nu\,dt .$$

# %%
from dataclasses import replace

from saddle_escape.artifact import notebook
from saddle_escape.figures import figure5
from saddle_escape.settings import pick
from saddle_escape.theory import homotopy
from saddle_escape.theory.cascade import OneOutput

TIER = notebook.tier()  # or "smoke", "default", "full"
CFG = notebook.parameters("cascade", TIER)

# %% [markdown]
# ## The figure, from the cached results

# %%
table = notebook.load("figures/figure5.csv", TIER)
notebook.Picture(figure5.draw(table))

# %% [markdown]
# The times in numbers: decoupled modes, each set of off-block weights by itself, the paper's 24
# variables, and all 30 that the flow moves. The network, trained on minibatches, agrees with these.

# %%
notebook.load("cascade/times.csv", TIER).round(3)

# %%
notebook.load("cascade/trained.csv", TIER)

# %% [markdown]
# The identity, by the number of nodes in $\nu$ (the paper uses two), on the path to either closure.

# %%
identity = notebook.load("cascade/identity.csv", TIER)
shift = identity["t1"] - identity["t0"]
identity.assign(shift=shift)[["path", "nodes", "t0", "t1", "shift", "integral"]].round(3)

# %% [markdown]
# A(1/2) is checked against a finite difference of the escape time:

# %%
identity[["path", "a_half_adjoint", "a_half_difference"]].drop_duplicates()

# %% [markdown]
# ## Turn it
#
# A is a sum over weights. Keep one kind of them and see where the predicted time lands: the line
# "2 nodes" moves to $T(0)$ + the integral over what is kept, and panel (c) shows it.

# %%
sensitivities = notebook.load("cascade/sensitivity.csv", TIER)
last = sensitivities["nodes"] == sensitivities["nodes"].max()
sensitivities = sensitivities[last & (sensitivities["path"] == "exact")]
LAYERS = sorted(sensitivities["layer"].unique())


def redrawn(channel="off-block amplitudes", layer="all"):
    """Figure 5 with the integral over one channel, or over one layer's part, only."""
    kept = sensitivities["channel"].eq(channel) | (channel == "all")
    kept &= sensitivities["layer"].eq(layer) | (layer == "all")
    part = sensitivities["value"].where(kept, 0.0)
    names = sensitivities["channel"].where(
        sensitivities["channel"] != homotopy.CHANNELS[1],
        "off-block $W_" + sensitivities["layer"].astype(str) + "$",
    )
    curves = part.groupby([sensitivities["nu"].round(6), names]).sum()
    changed = table.copy()
    of_a = changed["series"] == "sensitivity"
    keys = list(zip(changed.loc[of_a, "nu"].round(6), changed.loc[of_a, "channel"], strict=True))
    changed.loc[of_a, "value"] = curves.loc[keys].to_numpy()
    t = changed.loc[changed["channel"] == "T(0)", "t"].item()
    t += float((sensitivities["weight"] * part).sum())
    changed.loc[changed["channel"] == "2 nodes", "t"] = t
    print(f"T(0) + integral over what is kept: {t:.1f}")
    return notebook.Picture(figure5.draw(changed))


notebook.turn(redrawn, channel=["all", *homotopy.CHANNELS], layer=["all", *LAYERS])

# %% [markdown]
# ## Try to break it
#
# Are the other features needed for the shift? Make them weak: their blocks still turn towards the
# first feature and carry it, and most of the shift stays. And with the blocks decoupled Theorem 5
# must become exact as $\varepsilon\to0$. Change the amplitudes, the threshold, the depth.

# %%
case = pick(OneOutput, CFG)
for weak in (1.0, 0.1, 0.01):
    first, *others = case.amplitudes
    weaker = replace(case, amplitudes=(first, *(weak * s for s in others)))
    model = weaker.model()
    alone, coupled = (weaker.escape(model, nu).t for nu in (0.0, 1.0))
    print(f"other modes x {weak:<5} decoupled {alone:8.1f}  exact {coupled:8.1f}")

for epsilon in (0.1, 0.05, 0.025):
    smaller = replace(case, epsilon=epsilon)
    model = smaller.model()
    alone, law = smaller.escape(model, 0.0).t, smaller.leading_order_time(model)
    print(f"epsilon {epsilon:<6} decoupled {alone:9.1f}  Theorem 5 {law:9.1f}  {alone / law:.4f}")
