"""Pictures of the command line's answers: an activation, a trajectory, escape times of networks.

Each takes a table and the answer that is printed, and draws its numbers. Lines are predictions and
integrated trajectories, markers events and computed times. All times are flow times.
"""

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from ..status import ESCAPED, NO_PLATEAU, NOT_ESCAPED, OK
from . import style
from .axes import (
    EPSILON_LABEL,
    TIME_LABEL,
    assign_colors,
    check_columns,
    label_ends,
    log_axes,
    mark_unescaped,
    settle,
    status_handles,
    text_handle,
    two_panels,
)

ACTIVATION = ("z", "sigma", "phi")
TRAJECTORY = ("t", "quantity", "value")
TIMES = ("route", "seed", "epsilon", "t", "status")
ROUTES = ("prediction", "asked", "flow")  # the law's curve, points on it, trained networks
ABOVE = {"loss": "Loss / plateau", "correlation": r"$E[fz]/\beta_1$"}
MOST_NAMES = 8  # of layers or seeds at the ends of their lines
WORDS = {
    NO_PLATEAU: "no plateau: the start is past the threshold already",
    NOT_ESCAPED: "not escaped within the limit of time or steps",
}
LINE_LENGTH = 40  # of a status in a picture, in characters


# --- an activation --------------------------------------------------------------------------------


@style.figure_style()
def draw_activation(table: pd.DataFrame, answer: dict) -> Figure:
    """(a) sigma and phi_sigma; (b) |phi_sigma| for z > 0 with its leading term |c_q| z^q (Thm. 1).

    table: columns ACTIVATION, in increasing z; answer: of ``classify``. Raises ValueError on other
    columns.
    """
    check_columns(table, ACTIVATION, "classify")
    figure, left, right = two_panels()
    left.set_title(_shortened(answer["activation"]), fontsize="medium", parse_math=False)
    right.set_title(f"class {answer['class']}" if answer["class"] else "no class", size="medium")
    _draw_functions(left, table)
    _draw_order(right, table[table["z"] > 0], answer)
    return figure


def _draw_functions(axes: Axes, table: pd.DataFrame) -> None:
    for place, (name, label) in enumerate(
        {"sigma": r"\sigma(z)", "phi": r"\varphi_\sigma(z)"}.items()
    ):
        look = style.LINE | {"color": style.CATEGORICAL[place], "label": f"${label}$", "gid": name}
        axes.plot(table["z"], table[name], **look)
    for line in (axes.axhline, axes.axvline):
        line(0, color=style.GREY, linewidth=0.5, zorder=0)
    axes.set_xlabel("$z$")
    axes.legend(loc="best")


def _draw_order(axes: Axes, rows: pd.DataFrame, answer: dict) -> None:
    size = rows["phi"].abs()
    if not size.any():
        _say(axes, r"$\varphi_\sigma(z)=0$ for $z>0$")
        axes.set(xticks=[], yticks=[])
        return
    color = style.CATEGORICAL[1]
    axes.plot(rows["z"], size.where(size > 0), color=color, gid="phi", **style.LINE)
    if answer["c_q"] is not None:
        law = abs(answer["c_q"]) * rows["z"] ** answer["q"]
        label = rf"leading term, order $q={answer['q']}$, $|c_q|={abs(answer['c_q']):.3g}$"
        axes.plot(rows["z"], law, color=style.INK, label=label, gid="law", **style.LAW)
        axes.legend(loc="best")
    elif answer["status"] != OK:
        axes.legend(handles=[text_handle(_words(answer["status"]))], loc="lower right")
    log_axes(axes, "$z$", r"$|\varphi_\sigma(z)|$")


# --- a trajectory of the layer scales -------------------------------------------------------------


@style.figure_style()
def draw_trajectory(table: pd.DataFrame, event: dict) -> Figure:
    """Layer scales against flow time, the loss or correlation beside them, and the escape.

    table: columns TRAJECTORY, in increasing t; quantity "X_<l>", and "loss" or "correlation" or
    neither. event: keys quantity, threshold, t (None without an escape), status. Without rows the
    picture is of the status alone. Raises ValueError on other columns.
    """
    if table.empty:
        return _only_words(event["status"])
    check_columns(table, TRAJECTORY, "trajectory")
    (*above, scales), figure = _trajectory_panels(table)
    for axes, name in above:
        _draw_quantity(axes, table[table["quantity"] == name], name)
    layers = table[table["quantity"].str.startswith("X_")]
    ends = _draw_layers(scales[0], layers)
    for axes, name in (*above, scales):
        axes.set(xlabel="Flow time $t$")
        axes.margins(x=0, y=0.15)
        axes.set_xlim(left=0)
        _draw_event(axes, event, event["quantity"] == name)
    scales[0].set_ylim(bottom=0)
    (above or [scales])[0][0].legend(loc="best")
    settle(figure)
    label_ends(scales[0], ends)
    return figure


def _trajectory_panels(table):
    """[(axes, quantity of the event that it can show)], the layer scales' last; and the figure."""
    names = [name for name in ABOVE if (table["quantity"] == name).any()]
    if names:
        figure, left, right = two_panels()
        return [(left, names[0]), (right, "X_1")], figure
    figure = style.new_figure(style.SINGLE_WIDTH + 0.6, style.PANEL_HEIGHT)
    return [(figure.subplots(), "X_1")], figure


def _draw_quantity(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    axes.plot(rows["t"], rows["value"], color=style.CATEGORICAL[0], gid=name, **style.LINE)
    axes.set_ylabel(ABOVE[name])
    if name == "loss":
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_layers(axes: Axes, rows: pd.DataFrame) -> list[tuple]:
    """One line for each layer scale; returns names for their right ends, equal ones together."""
    layers = rows["quantity"].str.removeprefix("X_").astype(int)
    colors, ends = assign_colors(layers), {}
    for layer, run in rows.groupby(layers):
        axes.plot(run["t"], run["value"], color=colors[layer], gid=f"X_{layer}", **style.LINE)
        ends.setdefault(round(run["value"].iloc[-1], 6), []).append(layer)
    axes.set_ylabel(r"Layer scale $X_\ell$")
    last, stride = rows["t"].max(), -(-len(ends) // MOST_NAMES)
    named = list(ends.items())
    kept = {*range(0, len(named), stride), len(named) - 1} if stride > 1 else range(len(named))
    return [(last, named[k][0], _names(named[k][1]), colors[named[k][1][-1]]) for k in sorted(kept)]


def _names(layers: list[int]) -> str:
    """``$X_1$``, ``$X_1, X_3$`` or ``$X_1,…,X_4$``."""
    between = r",\ldots," if len(layers) > 2 else ", "
    return "$" + between.join(f"X_{{{l}}}" for l in dict.fromkeys((layers[0], layers[-1]))) + "$"


def _draw_event(axes: Axes, event: dict, is_here: bool) -> None:
    """The escape's time as a dotted line; where its quantity meets the threshold, a diamond."""
    axes.axvline(event["t"], color=style.GREY, gid="t_escape", **style.GUIDE)
    label = f"escape, $t={_number(event['t'])}$"
    if is_here:
        axes.axhline(event["threshold"], color=style.GREY, gid="threshold", **style.GUIDE)
        look = style.DIAMOND | {"markersize": 5.5, "color": style.INK, "clip_on": False}
        axes.plot([event["t"]], [event["threshold"]], label=label, gid="event", **look)
    else:
        axes.plot([], [], color=style.GREY, label=label, **style.GUIDE)


def _number(value: float) -> str:
    """Five digits in mathematical notation."""
    mantissa, _, exponent = f"{value:.5g}".partition("e")
    return rf"{mantissa}\times10^{{{int(exponent)}}}" if exponent else mantissa


# --- escape times of networks ---------------------------------------------------------------------


@style.figure_style()
def draw_times(table: pd.DataFrame) -> Figure:
    """Escape times against epsilon, seed by seed: the limit flow's, and trained networks'.

    table: columns TIMES; route "prediction" is drawn as a line, "asked" as circles on it, "flow" as
    diamonds; t is NaN where there is no time. With both prediction and flow panel (b) has their
    ratio. Without any time the picture is of the statuses alone. Raises ValueError on other
    columns.
    """
    check_columns(table, TIMES, "escape times")
    if table["t"].isna().all():
        return _only_words(*table["status"].unique())
    colors = {
        seed: style.CATEGORICAL[k % len(style.CATEGORICAL)]
        for k, seed in enumerate(sorted(set(table["seed"])))
    }
    ratios = _ratios(table)
    if len(ratios):
        figure, axes, right = two_panels()
        _draw_ratios(right, ratios, colors, (table["epsilon"].min(), table["epsilon"].max()))
    else:
        figure = style.new_figure(style.SINGLE_WIDTH + 0.6, style.PANEL_HEIGHT)
        axes = figure.subplots()
    ends = _draw_routes(axes, table, colors)
    settle(figure)
    label_ends(axes, ends if len(ends) <= MOST_NAMES else [])
    return figure


def _draw_routes(axes: Axes, table: pd.DataFrame, colors: dict) -> list[tuple]:
    looks = {"prediction": style.LINE, "asked": style.CIRCLE, "flow": style.DIAMOND}
    ends = {}
    for (route, seed), rows in table.dropna(subset="t").groupby(["route", "seed"]):
        rows = rows.sort_values("epsilon")
        axes.plot(
            rows["epsilon"], rows["t"], color=colors[seed], gid=f"{route} {seed}", **looks[route]
        )
        last = rows.iloc[-1]
        ends[seed] = (last["epsilon"], last["t"], f"seed {seed}", colors[seed])
    axes.margins(y=0.1)  # room for the lowest name
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)
    marked = table[(table["route"] == "flow") & table["status"].isin([ESCAPED, *style.STATUS_LOOK])]
    mark_unescaped(axes, [(rows, colors[seed]) for seed, rows in marked.groupby("seed")])
    axes.legend(handles=_handles(table, looks), loc="best", fontsize="small")
    return list(ends.values())


def _handles(table: pd.DataFrame, looks: dict) -> list[Line2D]:
    labels = {
        "prediction": "limit flow (predicted)",
        "asked": "asked for",
        "flow": f"{style.LABEL['network']} (trained)",
    }
    drawn = set(table.dropna(subset="t")["route"])
    handles = [
        Line2D([], [], color=style.INK, label=labels[route], **looks[route])
        for route in ROUTES
        if route in drawn
    ]
    without = table[table["t"].isna() & ~table["status"].isin(style.STATUS_LOOK)]
    handles += [text_handle(_words(status)) for status in without["status"].unique()]
    return handles + status_handles(table)


def _ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Columns seed, epsilon, ratio: time of the trained network over its prediction."""
    keys = ["seed", "epsilon"]
    times = [
        table.loc[table["route"] == route, [*keys, "t"]].dropna().set_index(keys)["t"]
        for route in ("flow", "prediction")
    ]
    return (times[0] / times[1]).dropna().rename("ratio").reset_index()


def _draw_ratios(axes: Axes, rows: pd.DataFrame, colors: dict, reach: tuple) -> None:
    for seed, run in rows.sort_values("epsilon").groupby("seed"):
        axes.plot(run["epsilon"], run["ratio"], color=colors[seed], linewidth=0.6, zorder=2)
        axes.plot(
            run["epsilon"], run["ratio"], color=colors[seed], gid=f"ratio {seed}", **style.DIAMOND
        )
    axes.plot(reach, (1, 1), color=style.INK, gid="law", **style.LAW)
    log_axes(axes, EPSILON_LABEL, "Trained / predicted")
    axes.set_yscale("linear")


# --- words ----------------------------------------------------------------------------------------


def _words(status: str) -> str:
    return "\n".join(textwrap.wrap(WORDS.get(status, status.replace("_", " ")), LINE_LENGTH))


def _shortened(text: str) -> str:
    return text if len(text) <= LINE_LENGTH else f"{text[: LINE_LENGTH - 3]}..."


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")


def _only_words(*statuses: str) -> Figure:
    """Statuses in the place of a picture of what does not exist."""
    figure = style.new_figure(style.SINGLE_WIDTH, 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    _say(axes, "\n".join(map(_words, statuses)))
    return figure
