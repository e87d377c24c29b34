"""What the figures share: checks of a table, panels, axes, labels, markers, laws, legends.

Every figure's module has ``draw(table) -> Figure``: it computes no physics, writes no file, and
draws every row that it is given (circles may be thinned, see `thin`). Lines are predictions,
markers computed times. All times are flow times.
"""

from collections.abc import Iterable, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

from ..status import ESCAPED
from . import style

CIRCLES = 22  # of one thinned curve
LEVEL = 0.055  # height of one series in the strip of `mark_unescaped`, of the axes' height
EPSILON_LABEL = r"Initial scale $\varepsilon$"
TIME_LABEL = r"Escape time $t_{\mathrm{esc}}$"


# --- the table ------------------------------------------------------------------------------------


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


# --- panels, axes, labels -------------------------------------------------------------------------


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


def power(number: float) -> str:
    """10^k in mathtext, of a number that is one; else the number."""
    exponent = np.log10(float(number))
    return rf"10^{{{exponent:.0f}}}" if np.isclose(exponent, np.round(exponent)) else str(number)


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, tuple]]) -> None:
    """Name lines at their right ends, given as (x, y, text, color), outside the axes.

    Labels that would touch move apart, as little as possible in the least-squares sense. Call it
    last: limits and layout must be settled (see `settle`).
    """
    from scipy.optimize import isotonic_regression  # here: few figures need it

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


# --- colours, markers, laws, legends --------------------------------------------------------------


def assign_colors(values: Iterable) -> dict:
    """Map each distinct value, in increasing order, to a colour that grows lighter."""
    distinct = sorted(set(values))
    return dict(zip(distinct, style.ordered_colors(len(distinct)), strict=True))


def darker(color) -> tuple[float, ...]:
    """`color` at 80 % brightness: the tone for text set in a line's colour."""
    return tuple(0.8 * channel for channel in color[:3])


MEDIAN = ("t_median", "t_q25", "t_q75")  # with quartiles
MEAN = ("t_mean", "t_min", "t_max")  # with the whole range


def draw_seeds(
    axes: Axes, rows: pd.DataFrame, color, columns: Sequence[str] = MEDIAN, **look
) -> None:
    """Draw a time over seeds at each epsilon, with a bar that says how far they scatter.

    rows: columns epsilon and the three of `columns` (flow time), the time and the bar's two ends;
    an end that is missing has no bar, and a time that is missing is not drawn.
    """
    rows = rows.dropna(subset=columns[0])
    if rows.empty:
        return
    middle, low, high = (rows[column] for column in columns)
    bars = [middle - low.fillna(middle), high.fillna(middle) - middle]
    axes.errorbar(rows["epsilon"], middle, bars, color=color, elinewidth=0.9, **look)


def draw_law(
    axes: Axes, through: tuple[float, float], power: float, reach: tuple[float, float], color
) -> tuple[np.ndarray, np.ndarray]:
    """Draw y ~ x^power through a point over `reach` in x; return its coordinates, 50 each."""
    x = np.geomspace(*reach, 50)
    y = through[1] * (x / through[0]) ** power
    axes.plot(x, y, color=color, gid="law", **style.LAW)
    return x, y


def mark_unescaped(axes: Axes, series: Sequence[tuple[pd.DataFrame, tuple]]) -> None:
    """Mark rows without an escape time by open markers in a shaded strip above the x axis.

    series: (rows, color) pairs, rows with columns epsilon and status; each pair with such rows gets
    a level of its own. Call it once per axes, after `log_axes`: the strip is added below the data
    and carries no ticks.
    """
    series = [(rows[rows["status"] != ESCAPED], color) for rows, color in series]
    series = [(rows, color) for rows, color in series if len(rows)]
    if not series:
        return
    _add_strip(axes, LEVEL * len(series) + 0.01)
    for level, (rows, color) in enumerate(series):
        for status, marked in rows.groupby("status"):
            axes.plot(
                marked["epsilon"],
                np.full(len(marked), 0.0325 + LEVEL * level),
                transform=axes.get_xaxis_transform(),
                **{"color": color, "gid": status} | style.STATUS_LOOK[status],
            )


def _add_strip(axes: Axes, strip: float) -> None:
    """Extend a logarithmic y axis downwards by a shaded, unticked fraction `strip` of the axes."""
    low, high = np.log(axes.get_ylim())
    for minor in (True, False):
        ticks = axes.yaxis.get_ticklocs(minor=minor)
        axes.set_yticks(ticks[(np.log(ticks) >= low) & (np.log(ticks) <= high)], minor=minor)
    axes.set_ylim(np.exp(low - (high - low) * strip / (1 - strip)), np.exp(high))
    axes.add_patch(Rectangle((0, 0), 1, strip, color="#f0f0f0", transform=axes.transAxes, zorder=0))


def route_handles(rows: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the routes in `rows`."""
    routes = [route for route in style.LOOK if (rows["route"] == route).any()]
    looks = [{"color": style.INK, "label": style.LABEL[r]} | style.LOOK[r] for r in routes]
    return [Line2D([], [], **look) for look in looks]


def status_handles(rows: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the statuses other than "escaped" in `rows`."""
    statuses = [status for status in style.STATUS_LOOK if (rows["status"] == status).any()]
    return [
        Line2D([], [], color=style.GREY, label=s.replace("_", " "), **style.STATUS_LOOK[s])
        for s in statuses
    ]


def text_handle(text: str) -> Line2D:
    """A legend entry of words alone."""
    return Line2D([], [], linestyle="none", label=text)
