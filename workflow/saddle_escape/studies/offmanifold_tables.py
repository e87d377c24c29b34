"""What figure 4 and its supplement show of the runs of :mod:`~saddle_escape.studies.offmanifold`.

Medians and quartiles over seeds, exponents with bootstrap intervals, the verdict on depth.
"""

import numpy as np
import pandas as pd

from ..status import LEFT_OUT
from ..theory import activations, classes, exponents

FIGURE4_COLUMNS = (
    "route",
    "r",
    "epsilon",
    "t_median",
    "t_q25",
    "t_q75",
    "n_seeds",
    "published",
    "ratio",
    "accepted_steps",
    "gradient_evaluations",
    "status",
)
ROUTES = ("flow", "sgd")


# --- the published points -------------------------------------------------------------------------


def published_times(table):
    """{(r, epsilon): t} of the published figure 4, from the table of all published points."""
    rows = table[table["figure"] == 4]
    return {
        (int(series.removeprefix("r")), x): y
        for series, x, y in zip(rows["series"], rows["x"], rows["y"], strict=True)
    }


def figure4(cfg, runs, published):
    """What figure 4 draws: medians and quartiles over seeds, one row for each route and point.

    runs: the tables of :func:`points`; published: all published points. A seed that never crossed
    counts as later than all others. status: that of most seeds, or "left_out" where this tier has
    none. A point without a published time has none, and no ratio.
    """
    times, rows = published_times(published), []
    for route in ROUTES:
        for point in cfg["points"]:
            r, epsilon = point["r"], point["epsilon"]
            same = (runs["route"] == route) & (runs["r"] == r) & (runs["epsilon"] == epsilon)
            row = {"route": route, "r": r, "epsilon": epsilon, **_summary(runs[same])}
            rows.append(row | {"published": times.get((r, epsilon), np.nan)})
    table = pd.DataFrame(rows, columns=FIGURE4_COLUMNS)
    return table.assign(ratio=table["t_median"] / table["published"])


def _summary(mine):
    if mine.empty:
        return {"n_seeds": 0, "status": LEFT_OUT}
    t = _quantiles(mine["t_crossing"])
    return {
        **dict(zip(("t_q25", "t_median", "t_q75"), t, strict=True)),
        "n_seeds": len(mine),
        "accepted_steps": mine["accepted_steps"].median(),
        "gradient_evaluations": mine["gradient_evaluations"].median(),
        "status": mine["status"].mode().iloc[0],
    }


def _quantiles(times):
    """Quartiles with missing times as infinite; NaN for a quartile that they reach."""
    with np.errstate(invalid="ignore"):
        t = np.quantile(times.fillna(np.inf), [0.25, 0.5, 0.75])
    t[1] = np.median(times.fillna(np.inf))
    return np.where(np.isfinite(t), t, np.nan)


def agreement(runs, published):
    """Ratio of the median time to the published one for each route and point, with its interval.

    Columns route, r, epsilon, n_seeds, ratio, low, high (95 %, bootstrap over seeds).
    """
    times, rows = published_times(published), []
    for (route, r, epsilon), mine in runs.groupby(["route", "r", "epsilon"]):
        t = mine["t_crossing"].dropna().to_numpy() / times.get((r, epsilon), np.nan)
        if np.isfinite(t).all() and len(t):
            low, high = exponents.bootstrap_interval(t, np.median)
            rows.append((route, r, epsilon, len(t), np.median(t), low, high))
    names = ("route", "r", "epsilon", "n_seeds", "ratio", "low", "high")
    return pd.DataFrame(rows, columns=names)


# --- asymptotics and depth ------------------------------------------------------------------------


def exponent_table(cfg, runs):
    """Exponents as epsilon -> 0 for each (L, r), with 95 % intervals over seeds.

    runs: the tables of :func:`asymptotics`. Columns L, r, exponent, low, high, expected, deviation,
    correction_order, fit_points, epsilon_min, n_seeds, status. Every seed's exponent is
    extrapolated by itself (all its epsilons share the raw weights); the mean over seeds is
    reported. A seed that did not escape everywhere is left out and n_seeds says so.
    """
    q = classes.classify(activations.get(cfg["activation"])).q
    rows = []
    for (depth, r), mine in runs.groupby(["L", "r"]):
        t = mine.pivot(index="seed", columns="epsilon", values="t_escape").dropna()
        order = exponents.correction_order(r, q)
        found = exponents.extrapolated_exponent(
            t.columns.to_numpy(), t.to_numpy(), order, cfg["asymptotics"]["fit_points"]
        )
        low, high = exponents.bootstrap_interval(found)
        rows.append(
            {
                "L": depth,
                "r": r,
                "exponent": found.mean(),
                "low": low,
                "high": high,
                "expected": 2 - r,
                "deviation": found.mean() + r - 2,
                "correction_order": order,
                "fit_points": cfg["asymptotics"]["fit_points"],
                "epsilon_min": t.columns.min(),
                "n_seeds": len(t),
            }
        )
    return pd.DataFrame(rows)


def depth_verdict(found, tolerance=0.005):
    """One line: whether the exponents of one r at several depths agree, which Theorem 11 asserts.

    found: the table of :func:`exponent_table`.
    """
    counts = found.groupby("r")["L"].nunique()
    same = found[found["r"] == counts.idxmax()]
    spread = float(np.ptp(same["exponent"]))
    verdict = "independent of depth" if spread < tolerance else "NOT independent of depth"
    depths = ", ".join(map(str, same["L"]))
    return f"r = {same['r'].iloc[0]}, L = {depths}: {verdict}, exponents within {spread:.1e}"


def asymptotic_table(runs):
    """Median flow time and its local exponent at each epsilon: what the companion panel draws.

    Columns L, r, epsilon, t_median, t_q25, t_q75, n_seeds, local_exponent (towards the next larger
    epsilon; the mean over seeds, NaN at the largest), accepted_steps, gradient_evaluations (their
    maxima over seeds), status.
    """
    tables = []
    for (depth, r), mine in runs.groupby(["L", "r"]):
        t = mine.pivot(index="seed", columns="epsilon", values="t_escape")
        _, slopes = exponents.local_exponents(t.columns, t.to_numpy())
        by_epsilon = mine.groupby("epsilon")
        low, middle, high = np.array([_quantiles(v) for _, v in by_epsilon["t_escape"]]).T
        tables.append(
            pd.DataFrame(
                {
                    "L": depth,
                    "r": r,
                    "epsilon": t.columns,
                    "t_median": middle,
                    "t_q25": low,
                    "t_q75": high,
                    "n_seeds": by_epsilon.size().to_numpy(),
                    "local_exponent": [*slopes.mean(0), np.nan],
                    "accepted_steps": by_epsilon["accepted_steps"].max().to_numpy(),
                    "gradient_evaluations": by_epsilon["gradient_evaluations"].max().to_numpy(),
                    "status": [v.mode().iloc[0] for _, v in by_epsilon["status"]],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


# --- the signal -----------------------------------------------------------------------------------


def in_window(steps):
    """Mask of the steps on the way out: 1000 |gamma(0)| < gamma < 0.01 E y^2."""
    low, high = 1000 * steps["gamma_start"].abs(), 0.02 * steps["plateau"]
    return (low < steps["gamma"]) & (steps["gamma"] < high)


def signal_table(steps):
    """Exponents of the signal for each r and seed, at the smallest epsilon of :func:`signal`.

    Columns r, seed, epsilon, slope (of log growth against log gamma in the window), expected
    (2 - 2/r), start_exponent (of |gamma(0)| between the two smallest epsilons), expected_start (r),
    spectral_min, spectral_max and along_error (largest |ratio - 1|) in the window, n_steps.
    """
    rows = []
    for (r, seed), mine in steps.groupby(["r", "seed"]):
        epsilon = np.sort(mine["epsilon"].unique())[:2]
        starts = [mine.loc[mine["epsilon"] == e, "gamma_start"].iloc[0] for e in epsilon]
        smallest = mine[mine["epsilon"] == epsilon[0]]
        window = smallest[in_window(smallest)]
        slope = np.polyfit(np.log(window["gamma"]), np.log(window["growth"]), 1)[0]
        along = np.abs(window[["along_min", "along_max"]] - 1).to_numpy().max()
        rows.append(
            {
                "r": r,
                "seed": seed,
                "epsilon": epsilon[0],
                "slope": slope,
                "expected": 2 - 2 / r,
                "start_exponent": np.log(starts[1] / starts[0]) / np.log(epsilon[1] / epsilon[0]),
                "expected_start": r,
                "spectral_min": window["spectral_min"].min(),
                "spectral_max": window["spectral_max"].max(),
                "along_error": along,
                "n_steps": len(window),
            }
        )
    return pd.DataFrame(rows)


# --- the manifold does not attract ----------------------------------------------------------------


def attraction_table(steps):
    """Distance at the start and at the escape for each case, and their ratio.

    steps: the tables of :func:`attraction`. Columns kind, seed, epsilon, delta, start, end, ratio,
    growth (of the whole weight norm), status. Were the manifold attracting, the ratio would tend to
    0 with epsilon.
    """
    keys = ["kind", "seed", "epsilon", "delta"]
    ends = steps.groupby(keys, sort=False).agg(
        start=("distance", "first"),
        end=("distance", "last"),
        growth=("growth", "last"),
        status=("status", "last"),
    )
    return ends.assign(ratio=ends["end"] / ends["start"]).reset_index()
