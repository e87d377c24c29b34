"""The small picture of a claim: the points that its check returned."""

import io

from ..figures import style

LOOK = {
    "line": {**style.LINE, "linewidth": 1.1},
    "marker": {**style.DIAMOND, "markersize": 4.2},
    "joined": {**style.DIAMOND, "markersize": 4.2, "linestyle": "-", "linewidth": 0.6},
    "published": {**style.CIRCLE, "markersize": 5.5},
}


def _hue(series):
    """What series of one colour have in common: the name without its route."""
    for prefix in ("flow, ", "SGD, ", "published, "):
        series = series.removeprefix(prefix)
    return series.removesuffix(", law")


@style.figure_style()
def draw(points, axes):
    """A small figure of a claim's points (measure.POINT_COLUMNS); axes: x, y, scale."""
    figure = style.new_figure(5.6, 2.6)
    panel = figure.subplots()
    hues = dict.fromkeys(map(_hue, points["series"]))
    color = {h: style.CATEGORICAL[i % len(style.CATEGORICAL)] for i, h in enumerate(hues)}
    for (series, look), curve in points.groupby(["series", "look"], sort=False):
        tint = color[_hue(series)]
        edge = {"markeredgecolor": tint} if look == "published" else {}
        label = "_" if series.endswith(", law") else series
        panel.plot(curve["x"], curve["y"], label=label, color=tint, **LOOK[look] | edge)
    panel.set(xlabel=axes["x"], ylabel=axes["y"])
    if axes["scale"] in ("semilogx", "loglog"):
        panel.set_xscale("log")
    if axes["scale"] in ("semilogy", "loglog"):
        panel.set_yscale("log")
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


@style.figure_style()
def png(figure):
    """The figure as PNG bytes, the same on every call."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": "saddle_escape"})
    return buffer.getvalue()
