"""Measure a claim: run its check, then each control, on tables that are loaded once.

A job that measures imports this module and the check's own, nothing that judges or reports: editing
a verdict or a text measures nothing again.
"""

import copy
import importlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import published, results
from . import CHECK, ClaimsError

COLUMNS = ("run", "quantity", "value", "facts")  # facts: JSON, with the interval as low and high
POINT_COLUMNS = ("series", "x", "y", "look")


@dataclass(frozen=True)
class Case:
    """What a check is given.

    settings: the claim's own, and the parts of the configuration that it asks for, under their
    sections' names. tables: {name: DataFrame or Dataset, a list of them for a collection}, loaded
    and this run's own, so that a control may change them. control: None, or the name of the control
    to apply. quantities: the names wanted; a check may leave out the others.
    """

    settings: dict
    tables: dict
    control: str | None
    quantities: frozenset


def measure(spec, paths):
    """Measure a claim and its controls: (table with COLUMNS, points with POINT_COLUMNS).

    spec: what :func:`.statements.specification` gives; paths: {name: path or paths} of its inputs.
    Points are the check's own, for its picture. Both tables are empty where the tier is too small
    for every quantity. Raises ClaimsError for a quantity that is missing or not a number,
    ValueError or FileNotFoundError for an input that is corrupted or missing.
    """
    tables = {name: load(path) for name, path in paths.items()} if spec["runs"] else {}
    rows, shown = [], []
    for run, wanted in spec["runs"].items():
        control = None if run == CHECK else run
        case = Case(spec["settings"], copy.deepcopy(tables), control, frozenset(wanted))
        quantities, points = check_function(spec)(case)
        rows += _rows(spec, run, quantities, wanted)
        shown = (points or []) if run == CHECK else shown
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(shown, columns=POINT_COLUMNS)


def check_function(claim):
    """The function Case -> (quantities, points or None) that measures a claim.

    claim: a claim or its specification. Raises ClaimsError if there is no such function.
    """
    module, _, name = claim["measure"].partition(".")
    try:
        return getattr(importlib.import_module(f".checks.{module}", __package__), name)
    except (ImportError, AttributeError) as error:
        raise ClaimsError(f"claim {claim['id']}: measure: {error}") from None


def load(path):
    """A result as a check sees it: a Dataset of .nc, else a DataFrame; a list of them for a list.

    Raises FileNotFoundError or ValueError, one line, for one that is missing or corrupted.
    """
    if not isinstance(path, str | Path):
        return [load(one) for one in path]
    if Path(path).name == published.POINTS.name:
        return published.load(path)
    return results.load_dataset(path) if Path(path).suffix == ".nc" else results.load_table(path)


def _rows(spec, run, quantities, wanted):
    """Rows of COLUMNS, one for every wanted quantity and in that order."""
    names = [q["name"] for q in quantities]
    rows = []
    for name in wanted:
        if names.count(name) != 1:
            times = names.count(name)
            raise ClaimsError(f"claim {spec['id']}, {run}: '{name}' measured {times} times")
        quantity = quantities[names.index(name)]
        if not math.isfinite(quantity["value"]):
            value = quantity["value"]
            raise ClaimsError(f"claim {spec['id']}, {run}: '{name}' is {value}, not a number")
        interval = dict(zip(("low", "high"), quantity["interval"] or (), strict=False))
        facts = json.dumps(plain(quantity["facts"] | interval))
        rows.append((run, name, float(quantity["value"]), facts))
    return rows


def plain(value):
    """NumPy scalars, arrays and tuples as JSON has them, at any depth; keys as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
