"""Figures 1 to 3 of the paper, drawn from tidy tables, and the drawing helpers all figures share.

Every `draw_figure*` is a pure function from a table to a Matplotlib figure: it computes no physics,
writes no file, and draws every row it is given (circles are thinned, see `thin`). Lines are
predictions, diamonds the reduced ODE, circles the full network. Times are flow times.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from scipy.optimize import isotonic_regression

from ..status import STATUSES
from ..theory import activations
from . import style

FIGURE1_COLUMNS = ("panel", "series", "t", "value")
FIGURE2_COLUMNS = (
    "panel",
    "L",
    "r",
    "epsilon",
    "route",
    "t_escape",
    "local_exponent",
    "status",
)
FIGURE3_COLUMNS = (
    "activation",
    "class",
    "epsilon",
    "route",
    "t_escape",
    "K",
    "K_t_escape",
    "status",
)

FIGURE1_ROUTES = {
    "reduced_ode": style.LINE,
    "network": style.CIRCLE,
    "network_gaussian": {**style.COMPANION, "color": style.COMPANION_COLOR},
}
FIGURE2_PANELS = {
    "a": ("L", ("closed_form", "reduced_ode")),
    "b": ("r", ("quadrature", "power_law", "reduced_ode")),
}
FIGURE3_ROUTES = ("closed_form", "reduced_ode", "network")

CIRCLES = 22
EPSILON_LABEL = r"Initial scale $\varepsilon$"
TIME_LABEL = r"Escape time $t_{\mathrm{esc}}$"


# --- helpers shared by all figures ---------------------------------------------------------------


def check_columns(table: pd.DataFrame, columns: Sequence[str], figure: str) -> None:
    """Raise ValueError naming every missing or unknown column of `figure`'s table."""
    problems = [
        f"{kind} column(s) {', '.join(map(repr, names))}"
        for kind, names in (
            ("missing", [c for c in columns if c not in table]),
            ("unknown", [c for c in table if c not in columns]),
        )
        if names
    ]
    if problems:
        raise ValueError(f"{figure}: {'; '.join(problems)} (expected {', '.join(columns)})")
    if table.empty:
        raise ValueError(f"{figure}: the table has no rows")


def check_values(values: Iterable, allowed: Iterable, what: str) -> None:
    """Raise ValueError naming every value outside `allowed`; `what` says where it stood."""
    unknown = sorted({str(v) for v in values} - {str(a) for a in allowed})
    if unknown:
        raise ValueError(
            f"{what}: cannot draw {', '.join(map(repr, unknown))} "
            f"(expected {', '.join(map(str, allowed))})"
        )


def two_panels(height: float = style.PANEL_HEIGHT) -> tuple[Figure, Axes, Axes]:
    """Two-column figure with panels (a) and (b) side by side."""
    figure = style.new_figure(style.DOUBLE_WIDTH, height)
    left, right = figure.subplots(1, 2)
    panel_label(left, "a")
    panel_label(right, "b")
    return figure, left, right


def panel_label(axes: Axes, letter: str, title: str = "") -> None:
    """Write a bold "(letter)", then `title`, flush left above `axes`."""
    axes.set_title(rf"$\mathbf{{({letter})}}$  {title}".rstrip(), loc="left", pad=5)


def log_axes(axes: Axes, x_label: str, y_label: str) -> None:
    """Log-log axes ticked at whole decades; at 1 and 3 where an axis spans fewer than two of them.

    Call it after plotting: the ticks depend on the limits.
    """
    axes.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        short, long = high < 1e2 * low, high > 1e6 * low
        axis.set_major_locator(LogLocator(subs=(1, 3) if short else (1,), numticks=8))
        axis.set_minor_locator(LogLocator(subs=(1,) if long else range(1, 10), numticks=100))
        axis.set_minor_formatter(NullFormatter())
        if short:
            axis.set_major_formatter("{x:g}")


def thin(x: np.ndarray, y: np.ndarray, count: int = CIRCLES) -> np.ndarray:
    """Increasing indices of about `count` points evenly spaced along the drawn curve.

    x, y: (n,) drawn coordinates (take the logarithm first on a log axis). Length is measured with
    both ranges scaled to one, so that a steep drop gets its share of markers and the first and last
    points are kept. Fewer than 2 `count` points are all kept: a choice among them looks uneven.
    """
    if len(x) < 2 * count:
        return np.arange(len(x))
    scaled = [np.diff(v) / (np.ptp(v) or 1.0) for v in (np.asarray(x, float), np.asarray(y, float))]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*scaled))])
    return np.unique(
        np.searchsorted(length, np.linspace(0.0, length[-1], count)).clip(0, len(x) - 1)
    )


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, tuple]]) -> None:
    """Name lines at their right ends, given as (x, y, text, color), outside the axes.

    Labels that would touch move apart, as little as possible in the least-squares sense. Call it
    last: limits and layout must be settled (see `settle`).
    """
    ends = sorted(ends, key=lambda end: end[1])
    points_per_pixel = 72 / axes.figure.dpi
    height = np.array([axes.transData.transform(end[:2])[1] for end in ends]) * points_per_pixel
    steps = 1.1 * mpl.rcParams["font.size"] * np.arange(len(ends))
    shifts = isotonic_regression(height - steps).x + steps - height
    for (x, y, text, color), shift in zip(ends, shifts, strict=True):
        look = {"color": darker(color), "va": "center", "annotation_clip": False}
        axes.annotate(text, (x, y), (6, shift), textcoords="offset points", **look)


def label_along(
    axes: Axes, x: np.ndarray, y: np.ndarray, at: float, text: str, color, lift: float = 2
) -> None:
    """Name a line along itself, just above the point a fraction `at` of the way along x.

    x, y: (n,) data coordinates of the line; lift: distance from it in points. Call it last: the
    angle is that of the line on the page, so limits and layout must be settled (see `settle`).
    """
    points = axes.transData.transform(np.column_stack([x, y]))
    target = points[0, 0] + at * (points[-1, 0] - points[0, 0])
    height = np.interp(target, *points.T)
    slope = np.interp(target + 1.0, *points.T) - np.interp(target - 1.0, *points.T)
    angle = np.arctan2(slope, 2.0)
    axes.annotate(
        text,
        axes.transData.inverted().transform((target, height)),
        (-lift * np.sin(angle), lift * np.cos(angle)),
        textcoords="offset points",
        rotation=np.degrees(angle),
        rotation_mode="anchor",
        ha="center",
        va="bottom",
        color=color,
        in_layout=False,
    )


def settle(figure: Figure) -> None:
    """Run the automatic layout once, so that data coordinates map to their final place."""
    figure.draw_without_rendering()


def assign_colors(values: Iterable) -> dict:
    """Map each distinct value, in increasing order, to a colour that grows lighter."""
    distinct = sorted(set(values))
    return dict(zip(distinct, style.ordered_colors(len(distinct)), strict=True))


def darker(color) -> tuple[float, ...]:
    """`color` at 80 % brightness: the tone for text set in a line's colour."""
    return tuple(0.8 * channel for channel in color[:3])


def mark_unescaped(axes: Axes, series: Sequence[tuple[pd.DataFrame, tuple]]) -> None:
    """Mark rows without an escape time by open markers in a shaded strip above the x axis.

    series: (rows, color) pairs, rows with columns epsilon and status; each pair with such rows gets
    a level of its own. Call it once per axes, after `log_axes`: the strip is added below the data
    and carries no ticks.
    """
    series = [(rows[rows["status"] != "escaped"], color) for rows, color in series]
    series = [(rows, color) for rows, color in series if len(rows)]
    if not series:
        return
    strip = 0.055 * len(series) + 0.01
    low, high = np.log(axes.get_ylim())
    for minor in (True, False):
        ticks = axes.yaxis.get_ticklocs(minor=minor)
        axes.set_yticks(ticks[(np.log(ticks) >= low) & (np.log(ticks) <= high)], minor=minor)
    axes.set_ylim(np.exp(low - (high - low) * strip / (1 - strip)), np.exp(high))
    axes.add_patch(Rectangle((0, 0), 1, strip, color="#f0f0f0", transform=axes.transAxes, zorder=0))
    for level, (rows, color) in enumerate(series):
        for status, hit in rows.groupby("status"):
            axes.plot(
                hit["epsilon"],
                np.full(len(hit), 0.0325 + 0.055 * level),
                transform=axes.get_xaxis_transform(),
                **{"color": color, "gid": status} | style.STATUS_LOOK[status],
            )


def route_handles(rows: pd.DataFrame, color=style.INK) -> list[Line2D]:
    """Legend entries for the routes, then the statuses other than "escaped", found in `rows`."""
    routes = [route for route in style.LOOK if (rows["route"] == route).any()]
    statuses = [status for status in style.STATUS_LOOK if (rows["status"] == status).any()]
    return [
        Line2D([], [], label=style.LABEL[r], **{"color": color} | style.LOOK[r]) for r in routes
    ] + [
        Line2D([], [], color=style.GREY, label=s.replace("_", " "), **style.STATUS_LOOK[s])
        for s in statuses
    ]


# --- figure 1: the scalar reduction ---------------------------------------------------------------


@style.figure_style()
def draw_figure1(table: pd.DataFrame) -> Figure:
    """Figure 1 (Theorem 4): loss and layer scales against flow time, reduced ODE and full network.

    table: columns FIGURE1_COLUMNS; panel "a" holds the loss (series "reduced_ode", "network",
    "network_gaussian"), panel "b" the layer scales (series "<route>_X<l>"). Raises ValueError on
    other columns, panels or series.
    """
    check_columns(table, FIGURE1_COLUMNS, "figure 1")
    check_values(table["panel"], "ab", "figure 1, panel")
    figure, left, right = two_panels()
    _draw_loss(left, table[table["panel"] == "a"])
    ends = _draw_scales(right, table[table["panel"] == "b"])
    settle(figure)
    label_ends(right, ends)
    return figure


def _draw_loss(axes: Axes, rows: pd.DataFrame) -> None:
    check_values(rows["series"], FIGURE1_ROUTES, "figure 1a, series")
    axes.set(yscale="log", xlabel="Flow time $t$", ylabel="Loss")
    for route in FIGURE1_ROUTES:
        series = rows[rows["series"] == route]
        if len(series):
            _draw_history(axes, series, route, style.CATEGORICAL[0], np.log)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper right")


def _draw_scales(axes: Axes, rows: pd.DataFrame) -> list[tuple]:
    """Draw the layer scales; return the layers' labels as `label_ends` takes them."""
    parts = rows["series"].str.extract(r"^(?P<route>.+)_X(?P<layer>[0-9]+)$")
    bad = rows.loc[~parts["route"].isin(FIGURE1_ROUTES), "series"]
    check_values(bad, [f"{route}_X<l>" for route in FIGURE1_ROUTES], "figure 1b, series")
    rows = rows.assign(route=parts["route"], layer=parts["layer"].astype(int))
    colors = assign_colors(rows["layer"])
    axes.set(xlabel="Flow time $t$", ylabel=r"Layer scale $X_\ell$")
    _draw_layers(axes, rows, colors)
    _draw_inset(axes, rows, colors)
    end = rows["t"].max()
    heights = rows[rows["t"] == end].groupby("layer")["value"].mean()
    return [(end, y, f"$X_{{{layer}}}$", colors[layer]) for layer, y in heights.items()]


def _draw_layers(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    for layer, color in colors.items():
        for route in FIGURE1_ROUTES:
            series = rows[(rows["layer"] == layer) & (rows["route"] == route)]
            if len(series):
                _draw_history(axes, series, route, color, np.zeros_like)


def _draw_inset(axes: Axes, rows: pd.DataFrame, colors: dict) -> None:
    """Magnify the fastest twentieth of the reduced ODE's history, if it is resolved there."""
    ode = rows[rows["route"] == "reduced_ode"].groupby("t")["value"].sum()
    if len(ode) < 2:
        return
    fastest = np.abs(np.diff(ode)).argmax()
    reach = (ode.index[-1] - ode.index[0]) / 40
    window = rows[(rows["t"] - ode.index[fastest]).abs() <= reach]
    if (window["route"] == "reduced_ode").sum() < 10 * len(colors):
        return
    inset = axes.inset_axes((0.5, 0.13, 0.48, 0.38))
    _draw_layers(inset, window, colors)
    inset.tick_params(labelsize="small", length=2)
    inset.yaxis.set_major_locator(MaxNLocator(3, steps=(1, 2, 5, 10)))
    frame = axes.indicate_inset_zoom(inset, edgecolor=style.GREY, linewidth=0.6)
    for connector in frame.connectors:  # they would cross the curves
        connector.set_visible(False)


def _draw_history(axes: Axes, series: pd.DataFrame, route: str, color, height: Callable) -> None:
    """One curve of figure 1; circles are spread evenly along (t, height(value))."""
    series = series.sort_values("t")
    if route == "network":
        series = series.iloc[thin(series["t"].to_numpy(), height(series["value"].to_numpy()))]
    look = {"color": color} | FIGURE1_ROUTES[route]
    axes.plot(series["t"], series["value"], label=style.LABEL[route], gid=route, **look)


# --- figure 2: the critical depth -----------------------------------------------------------------


@style.figure_style()
def draw_figure2(table: pd.DataFrame) -> Figure:
    """Figure 2 (Theorems 5 and 6): escape time against initial scale, by depth and bottleneck.

    table: columns FIGURE2_COLUMNS; panel "a" varies L with every layer at epsilon, panel "b"
    varies r, the number of layers at epsilon. Reduced-ODE rows without an escape time are marked by
    their status above the x axis; lines stop there. Raises ValueError on other columns, panels,
    routes or statuses.
    """
    check_columns(table, FIGURE2_COLUMNS, "figure 2")
    check_values(table["panel"], FIGURE2_PANELS, "figure 2, panel")
    check_values(table["status"], STATUSES, "figure 2, status")
    figure, *panels = two_panels()
    for axes, (panel, (family, routes)) in zip(panels, FIGURE2_PANELS.items(), strict=True):
        rows = table[table["panel"] == panel]
        check_values(rows["route"], routes, f"figure 2{panel}, route")
        _draw_family(axes, rows, family)
        panel_label(axes, panel, _family_title(rows, family))
        axes.legend(handles=route_handles(rows), loc="upper right")
    settle(figure)
    for axes, (panel, (family, _)) in zip(panels, FIGURE2_PANELS.items(), strict=True):
        _label_family(axes, table[table["panel"] == panel], family)
    return figure


def _family_title(rows: pd.DataFrame, family: str) -> str:
    if family == "L":
        return r"all $L$ layers at $\varepsilon$"
    depths = ", ".join(str(depth) for depth in sorted(rows["L"].unique()))
    return rf"first $r$ of $L={depths}$ layers at $\varepsilon$, the others at 1"


def _draw_family(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    computed = []
    for value, color in assign_colors(rows[family]).items():
        member = rows[rows[family] == value].sort_values("epsilon")
        for route, curve in member.groupby("route"):
            done = curve[curve["status"] == "escaped"]
            look = {"color": color, "gid": route} | style.LOOK[route]
            look["zorder"] += 0.5 / (1 + value)  # steeper curves below: their markers pile up
            axes.loglog(done["epsilon"], done["t_escape"], **look)
        computed.append((member[member["route"] == "reduced_ode"], color))
    log_axes(axes, EPSILON_LABEL, TIME_LABEL)
    mark_unescaped(axes, computed)


def _label_family(axes: Axes, rows: pd.DataFrame, family: str) -> None:
    """Name each line by its depth or bottleneck size r and by the law that it follows."""
    lines = rows[rows["route"].isin(("closed_form", "quadrature")) & (rows["status"] == "escaped")]
    for value, color in assign_colors(rows[family]).items():
        line = lines[lines[family] == value].sort_values("epsilon")
        if len(line) < 2:
            continue
        exponent = 2 - int(line["r"].iloc[0])
        law = rf"\varepsilon^{{{exponent}}}" if exponent else r"\log\,1/\varepsilon"
        curve = line["epsilon"].to_numpy(), line["t_escape"].to_numpy()
        label_along(axes, *curve, 0.17, rf"${family}={value}$:  ${law}$", darker(color))


# --- figure 3: universality -----------------------------------------------------------------------


@style.figure_style()
def draw_figure3(table: pd.DataFrame) -> Figure:
    """Figure 3 (Corollary 7): escape times by activation, raw and rescaled by K(sigma).

    table: columns FIGURE3_COLUMNS. Class B is drawn solid, every other class dashed. The strip
    below panel (b) divides by the common curve, read off the "closed_form" rows (interpolated on
    logarithms where these lack a marker's epsilon). Raises ValueError on other columns, routes or
    statuses.
    """
    check_columns(table, FIGURE3_COLUMNS, "figure 3")
    check_values(table["route"], FIGURE3_ROUTES, "figure 3, route")
    check_values(table["status"], STATUSES, "figure 3, status")
    check_values(table["class"], "ABCD", "figure 3, class")
    figure, *panels = _figure3_axes()
    common, looks = _common_curve(table), _activation_looks(table)
    panels[1].plot(*common, color=style.INK, gid="common", **style.LINE)
    rows = {name: table[table["activation"] == name].sort_values("epsilon") for name in looks}
    for name, look in looks.items():
        _draw_activation(panels, rows[name], common, look)
    _finish_figure3(*panels, looks, table)
    computed = [(rows[n][rows[n]["route"] != "closed_form"], looks[n]["color"]) for n in looks]
    mark_unescaped(panels[0], computed)
    settle(figure)
    _label_classes(panels[0], table)
    return figure


def _figure3_axes() -> tuple[Figure, Axes, Axes, Axes]:
    """Figure with panel (a), panel (b), and a strip below (b) on the same epsilon axis."""
    figure = style.new_figure(style.DOUBLE_WIDTH, 3.3)
    axes = figure.subplot_mosaic("ab;ac", height_ratios=(1.9, 1))
    axes["c"].sharex(axes["b"])
    for name in "ab":
        panel_label(axes[name], name)
        axes[name].set(xscale="log", yscale="log")
    return figure, axes["a"], axes["b"], axes["c"]


def _common_curve(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(epsilon, K t_esc) of all closed-form rows: by Corollary 7 one curve for all activations."""
    closed = table[(table["route"] == "closed_form") & (table["status"] == "escaped")]
    if closed.empty:
        raise ValueError("figure 3: no escaped 'closed_form' row to compare with")
    closed = closed.sort_values("epsilon")
    return closed["epsilon"].to_numpy(), closed["K_t_escape"].to_numpy()


def _activation_looks(table: pd.DataFrame) -> dict[str, dict]:
    """Look of each activation, by route. Members of a class overlap, so their looks nest.

    The first of each class gets the wide line and the large markers, the others go on top of it;
    dashes (all classes but B) take turns along the line instead.
    """
    classes = table.drop_duplicates("activation").set_index("activation")["class"]
    ranks = classes.groupby(classes).cumcount()
    looks = {}
    for name, color in zip(classes.index, itertools.cycle(style.CATEGORICAL), strict=False):
        first, solid = ranks[name] == 0, classes[name] == "B"
        width = (2.8 if first else 1.2) if solid else 1.5
        dashes = "-" if solid else (5.5 / width * ranks[name], (5 / width, 6 / width))
        looks[name] = {
            "color": color,
            "closed_form": {"linewidth": width, "linestyle": dashes, "solid_capstyle": "butt"},
            "network": {"markersize": 7.2 if first else 5.0},
            "reduced_ode": {"markersize": 4.4 if first else 2.6},
        }
    return looks


def _draw_activation(panels: Sequence[Axes], rows: pd.DataFrame, common, look: dict) -> None:
    raw, scaled, ratio = panels
    for route in FIGURE3_ROUTES:
        points = rows[(rows["route"] == route) & (rows["status"] == "escaped")]
        line = {"color": look["color"], "gid": route} | style.LOOK[route] | look[route]
        raw.plot(points["epsilon"], points["t_escape"], **line)
        if route != "closed_form" and len(points):
            quotient = points["K_t_escape"] / _interpolate(common, points["epsilon"])
            scaled.plot(points["epsilon"], points["K_t_escape"], **line)
            ratio.plot(points["epsilon"], quotient, **line)


def _interpolate(curve: tuple[np.ndarray, np.ndarray], x: pd.Series) -> np.ndarray:
    """Power-law interpolation of a positive curve; NaN outside it."""
    return np.exp(np.interp(np.log(x), *np.log(curve), left=np.nan, right=np.nan))


def _finish_figure3(raw: Axes, scaled: Axes, ratio: Axes, looks: dict, table) -> None:
    """Axes, labels and legends of figure 3."""
    log_axes(raw, EPSILON_LABEL, TIME_LABEL)
    log_axes(scaled, "", r"$K(\sigma)\,t_{\mathrm{esc}}$")
    scaled.tick_params(labelbottom=False)
    ratio.axhline(1.0, color=style.INK, linewidth=1.0, zorder=1)
    ratio.set(xlabel=EPSILON_LABEL, ylabel="ratio to Thm. 5")
    ratio.margins(y=0.12)
    ratio.yaxis.set_major_locator(MaxNLocator(5))
    raw.legend(handles=_activation_handles(looks), loc="lower left", ncols=2)
    scaled.legend(handles=route_handles(table), loc="lower left")


def _activation_handles(looks: dict[str, dict]) -> list[Line2D]:
    handles = []
    for name, look in looks.items():
        handle = Line2D([], [], color=look["color"], label=activations.get(name).label)
        handle.update(look["closed_form"])
        if handle.is_dashed():
            handle.set_linestyle((0, (3, 1.5)))  # without the line's own offset and wide gaps
        handles.append(handle)
    return handles


def _label_classes(axes: Axes, table: pd.DataFrame) -> None:
    """Name each class along the line of its first activation."""
    closed = table[(table["route"] == "closed_form") & (table["status"] == "escaped")]
    for name, rows in closed.groupby("class"):
        line = rows[rows["activation"] == rows["activation"].iloc[0]].sort_values("epsilon")
        curve = line["epsilon"].to_numpy(), line["t_escape"].to_numpy()
        label_along(axes, *curve, 0.6, f"class {name}", style.INK)
