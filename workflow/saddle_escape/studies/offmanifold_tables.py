"""What figure 4's companions show of their runs: exponents, depth, the signal, the manifold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..theory import activations, classes, exponents


@dataclass(frozen=True)
class Fit:
    """fit_points: smallest epsilons that an exponent is fitted to."""

    fit_points: int


@dataclass(frozen=True)
class Exponents:
    """What an exponent as epsilon -> 0 depends on beside the runs."""

    activation: str
    asymptotics: Fit


# --- asymptotics and depth ------------------------------------------------------------------------


def exponent_table(settings: Exponents, runs: pd.DataFrame) -> pd.DataFrame:
    """Exponents as epsilon -> 0 for each (L, r), with 95 % intervals over seeds.

    runs: flow times at small epsilon. Columns L, r, exponent, low, high, expected, deviation,
    correction_order, fit_points, epsilon_min, n_seeds. Every seed's exponent is extrapolated by
    itself (all its epsilons share the raw weights); the mean over seeds is reported. A seed that
    did not escape everywhere is left out and n_seeds says so.
    """
    q = classes.classify(activations.get(settings.activation)).q
    points, rows = settings.asymptotics.fit_points, []
    for (depth, r), seeds in runs.groupby(["L", "r"]):
        t = seeds.pivot(index="seed", columns="epsilon", values="t_escape").dropna()
        order = exponents.correction_order(r, q)
        epsilon = t.columns.to_numpy()
        slopes = exponents.extrapolated_exponent(epsilon, t.to_numpy(), order, points)
        low, high = exponents.bootstrap_interval(slopes)
        rows.append(
            {
                "L": depth,
                "r": r,
                "exponent": slopes.mean(),
                "low": low,
                "high": high,
                "expected": 2 - r,
                "deviation": slopes.mean() + r - 2,
                "correction_order": order,
                "fit_points": points,
                "epsilon_min": epsilon.min(),
                "n_seeds": len(t),
            }
        )
    return pd.DataFrame(rows)


def depth_verdict(table: pd.DataFrame, tolerance: float = 0.005) -> str:
    """One line: whether the exponents of one r at several depths agree, which Theorem 11 asserts.

    table: that of :func:`exponent_table`.
    """
    counts = table.groupby("r")["L"].nunique()
    same = table[table["r"] == counts.idxmax()]
    spread = float(np.ptp(same["exponent"]))
    verdict = "independent of depth" if spread < tolerance else "NOT independent of depth"
    depths = ", ".join(map(str, same["L"]))
    return f"r = {same['r'].iloc[0]}, L = {depths}: {verdict}, exponents within {spread:.1e}"


def asymptotic_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Median flow time and its local exponent at each epsilon: what the companion panel draws.

    Columns L, r, epsilon, t_median, t_q25, t_q75, n_seeds, local_exponent (towards the next larger
    epsilon; the mean over seeds, NaN at the largest), accepted_steps, gradient_evaluations (their
    maxima over seeds), status.
    """
    tables = []
    for (depth, r), seeds in runs.groupby(["L", "r"]):
        t = seeds.pivot(index="seed", columns="epsilon", values="t_escape")
        _, slopes = exponents.local_exponents(t.columns, t.to_numpy())
        by_epsilon = seeds.groupby("epsilon")
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


def _quantiles(times):
    """Quartiles with missing times as infinite; NaN for a quartile that they reach."""
    with np.errstate(invalid="ignore"):
        t = np.quantile(times.fillna(np.inf), [0.25, 0.5, 0.75])
    t[1] = np.median(times.fillna(np.inf))
    return np.where(np.isfinite(t), t, np.nan)


# --- the signal -----------------------------------------------------------------------------------


def in_window(steps: pd.DataFrame) -> pd.Series:
    """Mask of the steps on the way out: 1000 |gamma(0)| < gamma < 0.01 E y^2."""
    low, high = 1000 * steps["gamma_start"].abs(), 0.02 * steps["plateau"]
    return (low < steps["gamma"]) & (steps["gamma"] < high)


def signal_table(steps: pd.DataFrame) -> pd.DataFrame:
    """Exponents of the signal for each r and seed, at the smallest epsilon.

    steps: of the signal's trajectories. Columns r, seed, epsilon, slope (of log growth against log
    gamma in the window), expected (2 - 2/r), start_exponent (of |gamma(0)| between the two smallest
    epsilons), expected_start (r), spectral_min, spectral_max and along_error (largest |ratio - 1|)
    in the window, n_steps.
    """
    rows = [
        {"r": r, "seed": seed, **_signal_exponents(r, path)}
        for (r, seed), path in steps.groupby(["r", "seed"])
    ]
    return pd.DataFrame(rows)


def _signal_exponents(r, steps):
    """The row of one r and seed."""
    epsilon = np.sort(steps["epsilon"].unique())[:2]
    starts = [steps.loc[steps["epsilon"] == e, "gamma_start"].iloc[0] for e in epsilon]
    smallest = steps[steps["epsilon"] == epsilon[0]]
    window = smallest[in_window(smallest)]
    return {
        "epsilon": epsilon[0],
        "slope": np.polyfit(np.log(window["gamma"]), np.log(window["growth"]), 1)[0],
        "expected": 2 - 2 / r,
        "start_exponent": np.log(starts[1] / starts[0]) / np.log(epsilon[1] / epsilon[0]),
        "expected_start": r,
        "spectral_min": window["spectral_min"].min(),
        "spectral_max": window["spectral_max"].max(),
        "along_error": np.abs(window[["along_min", "along_max"]] - 1).to_numpy().max(),
        "n_steps": len(window),
    }
