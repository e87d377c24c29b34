"""Save and load results, each with the manifest that says where it came from.

Tables are tidy CSV with the manifest in ``<name>.manifest.json`` beside them; trajectories are
NetCDF with the manifest in the attributes (without the wall time, so that equal runs give equal
bytes). Loading refuses what is missing, cut short, or NaN without a status that explains it.
"""

import csv
import io
import json
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from . import __version__
from .status import ESCAPED, STATUSES

LIBRARIES = ("numpy", "scipy", "torch", "pandas", "xarray", "sympy")
REBUILD = "run `make figures` to compute it"
FIGURE_DIGITS = 9  # of a figure's table: what is claimed, so that another machine writes the same


def make_manifest(
    parameters, *, wall_time, device="cpu", dtype="float64", threads=1, gradient_evaluations=0
):
    """Provenance of one result as a JSON-compatible dict; ``wall_time`` in seconds."""
    return {
        "parameters": parameters,
        "seeds": _seeds(parameters),
        "dtype": dtype,
        "device": device,
        "threads": threads,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "code_version": code_version(),
        "wall_time_s": wall_time,
        "gradient_evaluations": gradient_evaluations,
    }


def _seeds(parameters, path=""):
    """{dotted path: value} of every parameter whose name is ``seed`` or ``seeds``."""
    seeds = {}
    for key, value in parameters.items():
        if isinstance(value, dict):
            seeds |= _seeds(value, f"{path}{key}.")
        elif key in ("seed", "seeds"):
            seeds[path + key] = value
    return seeds


def code_version():
    """``git describe`` of this checkout, or the package's version where there is no git history."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    here = Path(__file__).parent
    try:
        tracked = subprocess.run(
            ["git", "ls-files", "--error-unmatch", __file__], cwd=here, capture_output=True
        )
        if tracked.returncode == 0:
            done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
            return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    return __version__


def manifest_path(path):
    """Where the manifest of the table at ``path`` lies."""
    return Path(path).with_suffix(".manifest.json")


def save_table(table, path, manifest=None, digits=None):
    """Write a tidy table as CSV, floats as their shortest exact representation.

    ``manifest`` goes to a file beside it, with the number of rows; ``digits``: significant digits
    that floats are rounded to, all of them unless given. Raises ValueError for a NaN that no status
    explains (see :func:`check_table`).
    """
    check_table(table, path)
    table = table if digits is None else rounded(table, digits)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")
    if manifest is not None:
        text = json.dumps({**manifest, "rows": len(table)}, indent=2, sort_keys=True)
        manifest_path(path).write_text(text + "\n", encoding="utf-8")


def rounded(table, digits=FIGURE_DIGITS):
    """A table with its floats rounded to so many significant digits."""
    floats = table.select_dtypes("float").columns
    return table.assign(**{c: [float(f"{v:.{digits}g}") for v in table[c]] for c in floats})


def load_table(path):
    """Read a table that :func:`save_table` wrote; empty cells are missing values.

    Raises FileNotFoundError if it is missing, ValueError if it is cut short or fails
    :func:`check_table`; one line each.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; {REBUILD}")
    text = path.read_text(encoding="utf-8")
    _check_complete(text, path)
    table = parse_table(text)
    check_table(table, path)
    return table


def parse_table(text):
    """DataFrame of CSV text in :func:`save_table`'s format."""
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])


def _check_complete(text, path):
    """Raise ValueError if ``text``, the CSV at ``path``, ends early."""
    rows = list(csv.reader(text.splitlines()))
    short = next((n for n, row in enumerate(rows, 1) if len(row) != len(rows[0])), None)
    if not text.endswith("\n") or short:
        raise ValueError(f"{path}: cut short at line {short or len(rows)}; {REBUILD}")
    if manifest_path(path).is_file():
        stated = json.loads(manifest_path(path).read_text(encoding="utf-8"))["rows"]
        if len(rows) - 1 != stated:
            raise ValueError(f"{path}: {len(rows) - 1} rows where its manifest says {stated}")


def check_table(table, path):
    """Raise ValueError, naming ``path`` and the row, for a missing number without a reason.

    A NaN in a numeric column needs a status in its row. Where the table has ``t_escape``, its
    status is one of :data:`STATUSES`, and the time is there exactly when it is "escaped".
    """
    numeric = table.select_dtypes("number")
    status = table.get("status", pd.Series(None, index=table.index, dtype=object))
    unexplained = numeric.isna() & status.isna().to_numpy()[:, None]
    _refuse(unexplained.any(axis=1), path, "a NaN without a status")
    if "t_escape" in table:
        _refuse(~status.isin(STATUSES), path, f"status is none of {', '.join(STATUSES)}")
        wrong = (status == ESCAPED) == table["t_escape"].isna()
        _refuse(wrong, path, "t_escape must be a number exactly where status is 'escaped'")


def _refuse(bad, path, problem):
    """Raise ValueError naming the first row (from 1) in which ``bad`` is true."""
    if bad.any():
        raise ValueError(f"{path}: row {int(np.argmax(bad.to_numpy())) + 1}: {problem}")


def save_dataset(dataset, path, manifest=None):
    """Write a dataset as NetCDF; equal datasets and manifests give equal bytes.

    Every data variable and numeric coordinate needs a ``units`` attribute. Raises ValueError for
    missing units and for NaN in a dataset without a ``status``.
    """
    check_dataset(dataset, path)
    stated = {key: value for key, value in (manifest or {}).items() if key != "wall_time_s"}
    attributes = {**dataset.attrs, "manifest": json.dumps(stated, sort_keys=True)}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dataset.assign_attrs(attributes).to_netcdf(path, engine="h5netcdf")


def load_dataset(path):
    """Read a dataset that :func:`save_dataset` wrote into memory; ``attrs["manifest"]`` is a dict.

    Raises FileNotFoundError if it is missing, ValueError if it cannot be read or fails
    :func:`check_dataset`; one line each.
    """
    import xarray as xr  # here: tables, most of the results, do without

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: missing; {REBUILD}")
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, RuntimeError, ValueError, KeyError):
        raise ValueError(f"{path}: not a readable NetCDF file, perhaps cut short") from None
    check_dataset(dataset, path)
    return dataset.assign_attrs(manifest=json.loads(dataset.attrs.get("manifest", "{}")))


def check_dataset(dataset, path):
    """Raise ValueError, naming ``path`` and the variable, for lacking units or unexplained NaN."""
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "iuf":
            continue
        if "units" not in variable.attrs:
            raise ValueError(f"{path}: variable '{name}' has no units")
        if variable.dtype.kind == "f" and "status" not in dataset and np.isnan(variable).any():
            raise ValueError(f"{path}: variable '{name}' has a NaN without a status")
