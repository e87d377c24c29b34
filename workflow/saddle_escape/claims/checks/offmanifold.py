"""Theorem 11: exponents off the manifold, growth of the signal, the manifold does not attract."""

import numpy as np
import pandas as pd

from ...results import load_dataset, load_table
from ...studies import offmanifold_tables
from . import points, row


def critical_depth(case):
    """Claim 10. Control: the runs of one r are taken for those of the next."""
    own = case.settings
    limits, runs = load_table(case.inputs["exponents"]), _runs(case.inputs["runs"])
    figure = load_table(case.inputs["figure4"]).dropna(subset=["ratio"])
    deepest = limits[limits["L"] == own["depth"]].set_index("r")
    times = {r: _sgd_times(runs, r, own) for r in own["r"]}
    sources = np.roll(own["r"], 1) if case.control else own["r"]
    rows, shifts = [], []
    for r, source in zip(own["r"], sources, strict=True):
        mine, sgd = deepest.loc[source], times[source]
        seeds = f"[{mine['low']:.6f}, {mine['high']:.6f}], {mine['n_seeds']:.0f} seeds"
        rows.append(row(f"flow_r{r}", mine["exponent"], seeds, "as epsilon -> 0"))
        slope, interval = _sgd_slope(sgd, own["resamples"])
        others = _slopes_of_others(figure, r, times[r])
        counts = ", ".join(f"{len(t)} at {e:g}" for e, t in sgd.items())
        note = "; ".join(f"{name} {s:.2f}" for name, s in others.items())
        first = sorted(figure.loc[figure["r"] == r, "epsilon"].unique())[: own["smallest"]]
        if first != list(sgd):
            lower = _slopes_of_others(figure, r, first)
            note += f"; from {first[0]:g} to {first[-1]:g} "
            note += ", ".join(f"{name} {s:.2f}" for name, s in lower.items())
        rows.append(row(f"sgd_r{r}", slope, interval, f"SGD runs: {counts}; there {note}"))
        shifts += [slope - s for s in others.values()]
    rows.append(row("same_range", np.abs(shifts).max(), note="SGD minus flow and published"))
    ratios = figure[figure["route"] == "sgd"]["ratio"]
    rows.append(
        row(
            "published",
            np.exp(np.abs(np.log(ratios)).max()),
            f"ratios {ratios.min():.2f} to {ratios.max():.2f}, median {ratios.median():.2f}",
            f"{len(ratios)} points, SGD",
        )
    )
    return rows, _figure4(figure)


def _runs(paths):
    return pd.concat([load_table(path) for path in paths], ignore_index=True)


def _sgd_times(runs, r, own):
    """{epsilon: times of the runs} at the smallest published epsilons with at least two SGD runs.

    Raises ValueError where fewer than two epsilons have them.
    """
    mine = runs[(runs["route"] == "sgd") & (runs["r"] == r)].dropna(subset=["t_crossing"])
    groups = {e: g["t_crossing"].to_numpy() for e, g in mine.groupby("epsilon") if len(g) > 1}
    if len(groups) < 2:
        raise ValueError(f"claims: fewer than two epsilons with SGD runs at r = {r}")
    return {e: groups[e] for e in sorted(groups)[: own["smallest"]]}


def _sgd_slope(times, resamples):
    """(slope of the medians, bootstrap interval); a resample draws seeds anew at every epsilon."""
    rng = np.random.default_rng(0)

    def slope(groups):
        return _slope(times, [np.median(t) for t in groups])

    resampled = [slope([rng.choice(t, len(t)) for t in times.values()]) for _ in range(resamples)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return slope(times.values()), f"[{low:.2f}, {high:.2f}]"


def _slope(epsilons, times):
    return np.polyfit(np.log(list(epsilons)), np.log(times), 1)[0]


def _slopes_of_others(figure, r, epsilons):
    """Slopes over the same epsilons of the flow's medians and of the published markers."""
    flow = figure[(figure["route"] == "flow") & (figure["r"] == r)].set_index("epsilon")
    same = flow.loc[list(epsilons)]
    columns = {"flow": "t_median", "published": "published"}
    return {name: _slope(same.index, same[column]) for name, column in columns.items()}


def _figure4(figure):
    shown = []
    for (route, r), mine in figure.groupby(["route", "r"]):
        look = "line" if route == "flow" else "marker"
        name = {"flow": "flow", "sgd": "SGD"}[route]
        shown += points(f"{name}, r = {r}", mine["epsilon"], mine["t_median"], look)
        if route == "flow":
            shown += points(f"published, r = {r}", mine["epsilon"], mine["published"], "published")
    return shown


# --- the signal -----------------------------------------------------------------------------------


def signal(case):
    """Claim 11. Control: the square of the signal in place of the signal."""
    steps = load_table(case.inputs["steps"])
    found = offmanifold_tables.signal_table(steps)
    if case.control:  # d(gamma^2) ~ (gamma^2)^(3/2 - 1/r)
        steps = steps.assign(
            growth=2 * steps["gamma"].abs() * steps["growth"],
            gamma=steps["gamma"] * steps["gamma"].abs(),
            gamma_start=steps["gamma_start"] ** 2,
            plateau=0.02 * steps["plateau"] ** 2,  # squares the upper end of the window too
        )
        found = offmanifold_tables.signal_table(steps)
    growth, start = found["slope"] - found["expected"], found["start_exponent"] - found["r"]
    by_r = found.groupby("r")[["slope", "start_exponent"]].agg(["mean", "std"])
    slopes, starts = (
        "; ".join(f"r = {r}: {m:.4f} +- {s:.4f}" for r, m, s in by_r[name].itertuples())
        for name in ("slope", "start_exponent")
    )
    seeds = f"{found['seed'].nunique()} seeds"
    shown = []
    for r, mine in found.groupby("r"):
        one = steps[(steps["r"] == r) & (steps["seed"] == 0) & (steps["gamma"] > 0)]
        one = one[one["epsilon"] == mine["epsilon"].iloc[0]]
        shown += points(f"r = {r}", one["gamma"], one["growth"])
    return [
        row("growth", growth.abs().max(), slopes, seeds),
        row("start", start.abs().max(), starts, seeds),
        row("rank_one", found["along_error"].max(), note="in the window of the fit"),
        row(
            "rank_one_spectral", found["spectral_min"].min(), note="smallest over layers and steps"
        ),
    ], shown


def printed(case):
    """Claim 11b. Control: a signal that obeys the printed exponents, through the same fits."""
    steps = load_table(case.inputs["steps"])
    if case.control:
        steps = _printed_law(steps)
    found = offmanifold_tables.signal_table(steps)
    r = case.settings["r"]
    mine = found[found["r"] == r]
    growth, start = mine["slope"].mean(), mine["start_exponent"].mean()
    note = f"r = {r}, {len(mine)} seeds"
    return [
        row("start", start, f"+- {mine['start_exponent'].std():.1g}", note),
        row("growth", growth, f"+- {mine['slope'].std():.1g}", note),
        row("implied_escape", _implied_exponent(steps["epsilon"].unique(), 2 * r, 1 - 1 / r)),
    ], None


def _implied_exponent(epsilons, start, growth):
    """Exponent of the time that dgamma/dt = gamma^growth takes from epsilon^start to 1/100."""
    epsilons = np.sort(epsilons)[:2]
    power = 1 - growth
    times = (0.01**power - epsilons ** (start * power)) / power
    return np.diff(np.log(times))[0] / np.diff(np.log(epsilons))[0]


def _printed_law(steps):
    """The same steps with gamma(0) = epsilon^(2r) and dgamma/dt = gamma^(1-1/r)."""
    start = steps["epsilon"] ** (2.0 * steps["r"])
    gamma = steps["gamma"].abs()
    return steps.assign(gamma_start=start, growth=gamma ** (1 - 1 / steps["r"]))


# --- the manifold ---------------------------------------------------------------------------------


def attraction(case):
    """Claim 12. Control: a part off the manifold that keeps its size while the weights grow."""
    ends = load_table(case.inputs["attraction"])
    if case.control:
        ends = ends.assign(ratio=1 / ends["growth"])
    kept = ends["ratio"] * ends["growth"]
    network = load_dataset(case.inputs["network"])
    by_kind = ends.groupby(["kind", "epsilon"])["ratio"].mean().unstack()
    small, large = by_kind[by_kind.columns.min()], by_kind[by_kind.columns.max()]
    rows = [
        row("preserved", network["distance"].max(), note="population flow of figure 1"),
        row("kept_growth", kept.min(), note=f"{len(ends)} runs, at the escape"),
        row("smallest_ratio", ends["ratio"].min(), note=_range_by_kind(ends)),
    ]
    if "does_not_decay" in case.quantities:
        note = f"epsilon = {by_kind.columns.max():g} to {by_kind.columns.min():g}"
        rows.append(row("does_not_decay", (small / large).min(), note=note))
    shown = [p for kind, t in by_kind.iterrows() for p in points(kind, by_kind.columns, t)]
    return rows, shown


def _range_by_kind(ends):
    ranges = ends.groupby("kind", sort=False)["ratio"].agg(["min", "max"])
    return "; ".join(f"{kind}: {low:.2f} to {high:.2f}" for kind, low, high in ranges.itertuples())
