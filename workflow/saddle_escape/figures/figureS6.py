"""Figure S6: the drift of the balance, layer by layer, and what an escape costs."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..theory import activations
from . import style
from .axes import (
    EPSILON_LABEL,
    assign_colors,
    check_columns,
    check_values,
    label_ends,
    log_axes,
    panel_label,
    power,
    settle,
)

COLUMNS = (
    "case",
    "activation",
    "q",
    "L",
    "quantity",
    "layer",
    "seed",
    "epsilon",
    "value",
    "law",
    "status",
)
METHODS = {
    "descent": ("fixed-step descent", {"marker": "o"}),
    "plain": ("adaptive, plain clock", {"marker": "s"}),
    "relative_rate": ("adaptive, relative-rate clock", {"marker": "D"}),
    "arc_length": ("adaptive, arc-length clock", {"marker": "v"}),
}
QUANTITIES = ("drift_order", "imbalance", *METHODS)
MARK = {"linestyle": "none", "markersize": 3.8, "markeredgewidth": 0.8}
HEIGHT = 5.2


@style.figure_style()
def draw(table: pd.DataFrame) -> Figure:
    """Orders of the drift, imbalance at the escape, and what the escape costs by four methods.

    table: columns COLUMNS. (a) markers: orders measured, lines: L + l(q-1); (b) of the depth that
    most activations have; lines: its leading order; (c-e) medians over seeds of the activation with
    most depths: descent, open where extrapolated, the adaptive integrator, and all of them at the
    smallest epsilon. Raises ValueError on other columns or quantities.
    """
    check_columns(table, COLUMNS, "figureS6")
    check_values(table["quantity"], QUANTITIES, "figureS6: quantity")
    figure = style.new_figure(style.DOUBLE_WIDTH, HEIGHT)
    upper, lower = figure.subfigures(2, 1)
    panels = [*upper.subplots(1, 2), *lower.subplots(1, 3)]
    for axes, letter in zip(panels, "abcde", strict=True):
        panel_label(axes, letter)
    orders, imbalance, descent, adaptive, by_depth = panels
    ends = [(orders, _draw_orders(orders, table[table["quantity"] == "drift_order"]))]
    shared = table.groupby("L")["activation"].nunique().idxmax()
    at_escape = table[(table["quantity"] == "imbalance") & (table["L"] == shared)]
    ends.append((imbalance, _draw_imbalance(imbalance, at_escape)))
    costs = _costs(table)
    is_descent = costs["quantity"] == "descent"
    ends.append((descent, _draw_costs(descent, costs[is_descent], costs["L"])))
    _draw_costs(adaptive, costs[~is_descent], costs["L"])
    descent.margins(y=0.2)  # room for the lowest name
    descent.set_ylabel("Gradient evaluations per escape")
    _draw_smallest(by_depth, costs)
    lower.legend(handles=_handles(costs), loc="outside lower center", ncols=3)
    settle(figure)
    for axes, labels in ends:
        label_ends(axes, labels)
    return figure


def _label(name: str) -> str:
    return activations.get(name).label


def _looks(table: pd.DataFrame) -> dict:
    """Colour and marker of each activation, by descending q: full circles, then open shapes."""
    names = dict.fromkeys(table.sort_values("q", ascending=False)["activation"])
    looks = {}
    for name, color, marker in zip(names, style.CATEGORICAL, "osD^v<>p", strict=False):
        face = color if marker == "o" else "none"
        looks[name] = {"color": color, "marker": marker, "markerfacecolor": face}
        looks[name] |= {"markersize": 3 if marker == "o" else 5.2, "zorder": 3}
    return looks


def _draw_orders(axes: Axes, rows: pd.DataFrame) -> list:
    looks, ends = _looks(rows), []
    for (_, name, depth), run in rows.sort_values("layer").groupby(["q", "activation", "L"]):
        color, look = looks[name]["color"], MARK | looks[name]
        axes.plot(
            run["layer"], run["law"], color=color, gid="law", **style.LINE | {"linewidth": 0.9}
        )
        axes.plot(run["layer"], run["value"], gid="drift", **look)
        named = depth == rows.loc[rows["activation"] == name, "L"].max()  # named once
        text = f"$L={depth}$, {_label(name)}" if named else f"$L={depth}$"
        above = 0 if named else 0.7  # a short name clear of the markers of the line below
        ends.append((run["layer"].iloc[-1], run["law"].iloc[-1] + above, text, color))
    axes.set(xlabel="Layer $l$", ylabel=r"Order of d$(X_{l+1}^2-X_l^2)/$d$t$ in $\varepsilon$")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    return ends


def _draw_imbalance(axes: Axes, rows: pd.DataFrame) -> list:
    looks, ends = _looks(rows), []
    rows = rows.dropna(subset="value").sort_values("epsilon")
    for (name, layer), run in rows.groupby(["activation", "layer"], sort=False):
        color, look = looks[name]["color"], MARK | looks[name]
        axes.plot(run["epsilon"], run["law"].abs(), color=color, gid="law", **style.LAW)
        axes.plot(run["epsilon"], run["value"].abs(), gid="imbalance", **look)
        text = f"$l={layer}$, {_label(name)}"
        ends.append((run["epsilon"].iloc[-1], run["value"].abs().iloc[-1], text, color))
    log_axes(axes, EPSILON_LABEL, r"$|X_{l+1}^2-X_l^2|$ at the escape")
    return ends


def _costs(table: pd.DataFrame) -> pd.DataFrame:
    """Median evaluations over seeds of the activation with most depths, by method, L, epsilon."""
    rows = table[table["quantity"].isin(METHODS)].dropna(subset="value")
    rows = rows[rows["activation"] == rows.groupby("activation")["L"].nunique().idxmax()]
    rows = rows.assign(counted=rows["status"] != "extrapolated")
    of_seeds = rows.groupby(["quantity", "L", "epsilon"])
    return of_seeds.agg(value=("value", "median"), counted=("counted", "all")).reset_index()


def _draw_costs(axes: Axes, costs: pd.DataFrame, depths: pd.Series) -> list:
    """Evaluations against epsilon, a colour for each of all depths; names for the right ends."""
    colors, ends = assign_colors(depths), []
    for (method, depth), run in costs.groupby(["quantity", "L"]):
        _draw_run(axes, run, "epsilon", method, colors[depth])
        last = run.iloc[-1]
        ends.append((last["epsilon"], last["value"], f"$r={depth}$", colors[depth]))
    log_axes(axes, EPSILON_LABEL, "")
    return ends


def _draw_smallest(axes: Axes, costs: pd.DataFrame) -> None:
    smallest = costs[costs["epsilon"] == costs["epsilon"].min()]
    for method, run in smallest.groupby("quantity"):
        _draw_run(axes, run, "L", method, style.INK)
    axes.set_yscale("log")
    axes.set_xlabel(rf"$r$, at $\varepsilon={power(smallest['epsilon'].min())}$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_run(axes: Axes, run: pd.DataFrame, along: str, method: str, color) -> None:
    """One method's evaluations: full markers where counted, open ones where extrapolated."""
    look = METHODS[method][1] | MARK | {"color": color, "gid": method}
    axes.plot(run[along], run["value"], linewidth=0.7, color=color, zorder=1)
    for counted, face in ((True, color), (False, "white")):
        part = run[run["counted"] == counted]
        axes.plot(part[along], part["value"], markerfacecolor=face, **look)


def _handles(costs: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.INK, label=text, **look | MARK)
        for method, (text, look) in METHODS.items()
        if (costs["quantity"] == method).any()
    ]
    if not costs["counted"].all():
        open_look = METHODS["descent"][1] | MARK | {"markerfacecolor": "white"}
        handles.append(Line2D([], [], color=style.INK, label="extrapolated", **open_look))
    return handles
