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
# # Figure 2: what counts is the number of small layers
#
# **In plain words.** How long does a network wait on its plateau? Not its depth decides but how
# many of its layers start small. With $r$ of them at scale $\varepsilon$, the waiting time grows
# like $\varepsilon^{-(r-2)}$; two small layers cost a logarithm, one costs nothing.
#
# **Theorems 5 and 6.** All $L\ge 3$ layers at $\varepsilon$, up to $X_1=X^*$:
#
# $$t_{\rm esc}\approx\frac{\varepsilon^{-(L-2)}-{X^*}^{-(L-2)}}{(L-2)\,K(\sigma)},
#   \qquad K(\sigma)=\beta_1\,\alpha^{L-1}/\sqrt N,$$
#
# and with only $r$ small layers $t_{\rm esc}=\Theta(\varepsilon^{-(r-2)})$, whatever $L$.

# %%
import numpy as np
import pandas as pd

from saddle_escape.artifact import notebook
from saddle_escape.figures import figure2
from saddle_escape.settings import pick
from saddle_escape.studies import critical_depth
from saddle_escape.theory import activations, escape, manifold

TIER = notebook.tier()  # or "smoke", "default", "full"
CFG = notebook.parameters("critical_depth", TIER)

# %% [markdown]
# ## The figure, from the cached results

# %%
table = notebook.load("figures/figure2.csv", TIER)
notebook.Picture(figure2.draw(table))

# %% [markdown]
# The local exponents that the reduced equations reach at the smallest $\varepsilon$:

# %%
computed = table[(table["route"] == "reduced_ode") & (table["status"] == "escaped")]
leftmost = computed.sort_values("epsilon").groupby(["panel", "L", "r"], as_index=False).first()
leftmost.assign(expected=2 - leftmost["r"])[
    ["panel", "L", "r", "epsilon", "local_exponent", "expected"]
]

# %% [markdown]
# Where the reduced equations and the leading order part depends on where each of them ends. The
# paper runs the equations up to $X_1=0.3$ and the integral up to $X_1=1$: then the equations come
# *early* at large $\varepsilon$ (`ratio` of the criterion "alignment"). Up to the same $X_1$, or to
# the same loss, they come *late* (`matched_ratio`), because the network saturates.

# %%
largest = computed.groupby(["panel", "L", "r", "criterion"])["epsilon"].idxmax()
columns = ["panel", "L", "r", "criterion", "epsilon", "ratio", "matched_ratio"]
computed.loc[largest, columns].reset_index(drop=True).round(3)

# %% [markdown]
# ## Turn it
#
# `outer` is the scale of the layers that are not small, `fraction` the fraction of the plateau's
# loss that counts as escaped. Both move the curves of panel (b); neither tilts them. Where the
# start is above the plateau already, the status says so.

# %%
classes = notebook.load("classes.csv", TIER)


def redrawn(outer=0.7, fraction=CFG["wide"]["loss_fraction"]):
    """Figure 2 with panel (b) recomputed, at five scales, for other outer layers or criterion."""
    cfg = CFG | {"bottleneck": CFG["bottleneck"] | {"outer": outer}, "line_points": 25}
    cfg["wide"] = CFG["wide"] | {"loss_fraction": fraction}
    for part in (cfg, cfg["wide"]):
        part["epsilon"] = part["epsilon"] | {"count": 5}
    panel = critical_depth.bottleneck(pick(critical_depth.Bottleneck, cfg), classes)
    return notebook.Picture(
        figure2.draw(pd.concat([table[table["panel"] == "a"], panel], ignore_index=True))
    )


notebook.turn(redrawn, outer=[0.5, 0.7, 1.0, 1.2], fraction=[0.1, 0.3, 0.5, 0.8])

# %% [markdown]
# ## Try to break it
#
# Fix $r=3$ and make the network deeper. If depth mattered, the exponent would move away from $-1$.


# %%
def exponent(name, depth, r, epsilons=(1e-3, 2e-3)):
    """Local exponent of the escape time between two scales, by the reduced equations."""
    model = manifold.reduction(activations.get(name), depth, CFG["width"])
    starts = [np.array([e] * r + [1.0] * (depth - r)) for e in epsilons]
    times = [escape.escape_time(model, start, "loss", 0.5).t_escape for start in starts]
    return float(np.diff(np.log(times))[0] / np.diff(np.log(epsilons))[0])


for depth in (3, 4, 6, 8):
    print(f"tanh      L = {depth}, r = 3: exponent {exponent('tanh', depth, 3):.4f}")

# %% [markdown]
# Here it does break: in class D, where $\sigma(0)\ne0$, the network first fits the teacher's mean,
# which lifts the upper layers off the saddle. The exponent then depends on $\varepsilon$ and tends
# to 0; the law holds for classes A to C.

# %%
model = manifold.reduction(activations.get("softplus"), 4, 64)
scales = 10.0 ** -np.arange(1, 6)
runs = [escape.escape_time(model, np.full(4, e), "correlation", 0.5) for e in scales]
times = np.array([run.t_escape for run in runs], dtype=float)
for e, local in zip(scales, np.diff(np.log(times)) / np.diff(np.log(scales)), strict=False):
    print(f"softplus  L = r = 4, from {e:.0e} to {e / 10:.0e}: exponent {local:.2f}, not -2")
