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
# # Figure 5: three modes, one after the other
#
# **In plain words.** A teacher with three features is learned feature by feature: three plateaus,
# three drops. Theorem 5 times the first drop as if its mode were alone. It is not; the other modes
# help or hinder. Turning their influence on gradually, from $\nu=0$ to $\nu=1$, and adding up what
# each step does to the escape time gives the true one, and says which couplings did it.
#
# **The homotopy identity.** With $f_\nu=f_0+\nu(f_1-f_0)$, the decoupled field at $\nu=0$ and the
# full one at $\nu=1$, and $p$ the adjoint of the escape event $g$,
#
# $$T(1)=T(0)+\int_0^1\!A(\nu)\,d\nu,\qquad
#   A(\nu)=-\frac{\int_0^T p\cdot\partial_\nu f_\nu\,dt}{\nabla g\cdot f_\nu(T)} .$$

# %%
from saddle_escape.artifact import notebook
from saddle_escape.figures import figure5
from saddle_escape.settings import pick
from saddle_escape.theory.cascade import Cascade

TIER = notebook.tier()  # or "smoke", "default", "full"
CFG = notebook.parameters("cascade", TIER)

# %% [markdown]
# ## The figure, from the cached results

# %%
table = notebook.load("figures/figure5.csv", TIER)
notebook.Picture(figure5.draw(table))

# %% [markdown]
# The same in numbers. The identity's two sides were computed independently, and A(1/2) is checked
# against a finite difference of the escape time.

# %%
notebook.load("cascade/identity.csv", TIER)

# %% [markdown]
# Why the block variables are needed at all: moments of the rows obey no closed equations. The next
# order enters the speed of every moment, except in a linear network.

# %%
notebook.load("cascade/hierarchy.csv", TIER)

# %% [markdown]
# ## Turn it
#
# A is a sum over couplings. Keep only one kind of them, or one layer's, and see where the predicted
# time lands: the line $T(0)+\int A\,d\nu$ moves, and panel (c) shows what is kept.

# %%
sensitivities = notebook.load("cascade/sensitivity.csv", TIER)
LAYERS = sorted(sensitivities["layer"].unique())


def redrawn(channel="layer scales", layer="all"):
    """Figure 5 with the integral over one channel of couplings, or over one layer's, only."""
    kept = sensitivities["channel"].eq(channel) | (channel == "all")
    kept &= sensitivities["layer"].eq(layer) | (layer == "all")
    part = sensitivities.assign(value=sensitivities["value"].where(kept, 0.0))
    integral = float((part["weight"] * part["value"]).sum())
    curves = part.groupby([part["nu"].round(6), "channel"])["value"].sum()
    changed = table.copy()
    of_a = changed["series"] == "sensitivity"
    keys = list(zip(changed.loc[of_a, "nu"].round(6), changed.loc[of_a, "channel"], strict=True))
    changed.loc[of_a, "value"] = curves.loc[keys].to_numpy()
    t0 = changed.loc[changed["channel"] == "T(0)", "t"].item()
    changed.loc[changed["channel"] == "T(0) + integral", "t"] = t0 + integral
    print(f"T(0) + integral over what is kept: {t0 + integral:.1f}")
    return notebook.Picture(figure5.draw(changed))


notebook.turn(redrawn, channel=["all", *figure5.CHANNELS], layer=["all", *LAYERS])

# %% [markdown]
# ## Try to break it
#
# Two claims at once. All channels together must give T(1); and with the other modes switched off
# Theorem 5 must become exact as $\varepsilon\to0$. Change the threshold, the amplitudes, the depth.

# %%
times = table[table["series"] == "escape_time"].set_index("channel")["t"]
total = float((sensitivities["weight"] * sensitivities["value"]).sum())
print(f"T(0) + sum over all channels {times['T(0)'] + total:.4f}, T(1) {times['T(1)']:.4f}")

for epsilon in (0.2, 0.1, 0.05, 0.025):
    cfg = CFG | {"epsilon": epsilon}
    case = pick(Cascade, cfg)
    model = case.model()
    alone, law = case.escape(model, 0.0).t, case.leading_order_time(model)
    print(
        f"epsilon {epsilon:<6} mode 1 alone {alone:10.1f}  Theorem 5 {law:10.1f}  "
        f"ratio {alone / law:.4f}"
    )
