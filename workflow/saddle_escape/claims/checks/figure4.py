"""Figure 4 and its table: SGD's slopes and times against the paper's, T* against its markers."""

import numpy as np
import pandas as pd
import torch

from ...theory import exponents
from ...training import bottleneck, integrate, limit_flow, network
from . import points, quantity

TIMED = 1e-9  # relative distance within which two thresholds are the same


def table(case):
    """Figure 4's slopes, thresholds and times.

    Controls: one_layer_less, small networks with r - 1 layers scaled, by flow; last_layers, some
    points anew, by flow, with the last r layers scaled; half_variance, T* of weights of half the
    variance; moved_marker, one marker of each r elsewhere.
    """
    settings, control = case.settings, case.control
    printed = {row["r"]: row for row in settings["printed"]}
    if control == "one_layer_less":
        return _quantities_of_slopes(
            printed, _small_network_slopes(settings), case.quantities
        ), None
    slopes, figure = case.tables["slopes"], case.tables["figure4"].dropna(subset="t_mean")
    sgd, flow = (figure[figure["route"] == route] for route in ("sgd", "flow"))
    if control == "last_layers":
        sgd = _with_last_layers(sgd, settings)
    measured = slopes[slopes["route"] == "sgd"]
    at = np.isclose(measured["threshold"], settings["offmanifold"]["threshold"], rtol=TIMED)
    quantities = _quantities_of_slopes(printed, measured[at], case.quantities)
    quantities += _thresholds(
        measured.pivot(index="threshold", columns="r", values="slope"), settings
    )
    quantities += _markers(printed, flow, settings["moved"] if control == "moved_marker" else 1.0)
    quantities += [_times(sgd)]
    if "limit" in case.quantities:
        quantities.append(_limit(settings, figure, control))
    shown = [p for r, rows in sgd.groupby("r") for p in _curve(f"SGD, r = {r}", rows, "marker")]
    shown += [p for r, rows in flow.groupby("r") for p in _curve(f"flow, r = {r}", rows, "line")]
    for r, rows in flow.groupby("r"):
        shown += points(f"published, r = {r}", rows["epsilon"], rows["published"], "published")
    return quantities, shown


def _curve(name, rows, look):
    return points(name, rows["epsilon"], rows["t_mean"], look)


# --- slopes ---------------------------------------------------------------------------------------


def _quantities_of_slopes(printed, slopes, wanted):
    """Distances from the printed slopes in joint standard errors, and from the law."""
    by_r, quantities = slopes.set_index("r"), []
    for r, row in printed.items():
        slope, error = by_r.loc[r, ["slope", "standard_error"]]
        facts = {"slope": slope, "standard_error": error, "printed": row["slope"]}
        facts |= {"printed_error": row["standard_error"], "points": by_r.loc[r, "n_points"]}
        distance = (slope - row["slope"]) / np.hypot(error, row["standard_error"])
        quantities.append(quantity(f"table_r{r}", distance, **facts))
    law = {str(r): by_r.loc[r, "slope"] + r - 2 for r in printed}
    return [*quantities, quantity("law", max(law.values(), key=abs), distances=law)]


def _thresholds(slopes, settings):
    """slopes: threshold x r."""
    nominal = slopes.index[
        np.isclose(slopes.index, settings["offmanifold"]["threshold"], rtol=TIMED)
    ]
    shifts = slopes.drop(nominal) - slopes.loc[nominal].to_numpy()
    largest = float(shifts.abs().to_numpy().max())
    gaps = -np.diff(slopes.sort_index(axis=1).to_numpy(), axis=1)
    by_threshold = {f"{t:g}": row.tolist() for t, row in shifts.iterrows()}
    return [
        quantity("thresholds", largest, shifts=by_threshold),
        quantity("order_in_r", gaps.min(), r=slopes.columns.tolist()),
    ]


def _markers(printed, figure, moved):
    """The table from the markers that were read off the plot, one of them times ``moved``."""
    off, errors = [], []
    for r, row in printed.items():
        markers = figure[figure["r"] == r].sort_values("epsilon")
        t = markers["published"].to_numpy() * np.where(np.arange(len(markers)) == 0, moved, 1.0)
        slope, error = exponents.fitted_slope(markers["epsilon"], t)
        off.append(abs(slope - row["slope"]))
        errors.append(abs(error - row["standard_error"]))
    return [quantity("markers", max(off)), quantity("marker_errors", max(errors))]


def _small_network_slopes(settings):
    """Slopes over the figure's windows of small networks, by flow, with r - 1 layers scaled."""
    small, rows = settings["small_network"], []
    setup = _setup(small)
    for row in settings["printed"]:
        epsilons = np.geomspace(*row["window"], small["points"]).tolist()
        options = {"threshold": settings["offmanifold"]["threshold"], "follow_above_plateau": True}
        run = bottleneck.escape(setup, small["seed"], row["r"] - 1, epsilons, rtol=1e-5, **options)
        slope, error = exponents.fitted_slope(epsilons, run.t_crossing.numpy())
        rows.append((row["r"], slope, error, len(epsilons)))
    return pd.DataFrame(rows, columns=["r", "slope", "standard_error", "n_points"])


def _setup(size, samples=None):
    names = ("activation", "depth", "width", "input_dim")
    return bottleneck.Setup(*(size[name] for name in names), samples or size["samples"])


# --- times ----------------------------------------------------------------------------------------


def _times(sgd):
    """Root mean square over the points of the distance from the markers, in the seeds' scatter.

    The published means are over as many seeds, so both sides scatter.
    """
    scatter = sgd["t_sd"] * np.sqrt(2 / sgd["n_seeds"])
    z = (sgd["t_mean"] - sgd["published"]) / scatter
    ratios = sgd.groupby("r")["ratio"].mean().to_dict()
    return quantity("times", np.sqrt((z**2).mean()), ratios=ratios, points=len(sgd))


def _with_last_layers(sgd, settings):
    """The table with some points' times by flows whose last r layers are small, not the first."""
    run = settings["last_layers"]
    setup = _setup(settings["offmanifold"], run["samples"])
    raw, x, _ = bottleneck.draw(setup, run["seed"])
    r, epsilons, problem = run["r"], run["epsilon"], setup.problem(x)
    starts = [[*raw[:-r], *(epsilon * w for w in raw[-r:])] for epsilon in epsilons]
    plateau = problem.plateau.expand(len(epsilons))
    flow = integrate.integrate(
        problem.field(dtype=torch.float32),
        torch.stack([network.flatten(weights) for weights in starts]),
        integrate.loss_event(
            plateau, settings["offmanifold"]["threshold"] / float(problem.plateau)
        ),
        sizes=problem.sizes,
        clock="relative_rate",
        rtol=1e-3,
        plateau=plateau,
    )
    t = sgd["t_mean"].copy()
    for epsilon, other in zip(epsilons, flow.t_escape.tolist(), strict=True):
        t[(sgd["r"] == r) & np.isclose(sgd["epsilon"], epsilon)] = other
    return sgd.assign(t_mean=t, ratio=t / sgd["published"])


def _limit(settings, figure, control):
    """T* epsilon^-(r-2) of the figure's networks against its markers, in the seeds' scatter."""
    limit, distances, ratios = settings["limit"], {}, {}
    setup = _setup(settings["offmanifold"], limit["samples"])
    for r in limit["r"]:
        marker = figure[figure["r"] == r].sort_values("epsilon").iloc[0]
        t = np.array([_t_star(setup, seed, r, control) for seed in range(limit["seeds"])])
        t *= marker["epsilon"] ** -(r - 2)
        scatter = t.std(ddof=1) * np.sqrt(2 / len(t))
        distances[r] = (t.mean() - marker["published"]) / scatter
        ratios[str(r)] = t.mean() / marker["published"]
    furthest = max(distances.values(), key=abs)
    return quantity("limit", furthest, ratios=ratios, seeds=limit["seeds"])


def _t_star(setup, seed, r, control):
    raw, x, _ = bottleneck.draw(setup, seed)
    raw = [w / np.sqrt(2) for w in raw] if control == "half_variance" else raw
    flow = limit_flow.limit_flow(setup.problem(x), raw, r)
    return limit_flow.blow_up_time(flow, raw[:r]).t_star.item()
