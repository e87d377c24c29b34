"""Save and load results, each beside the manifest that says where it came from.

Tables are tidy CSV, trajectories NetCDF; the manifest of ``<name>.csv`` or ``<name>.nc`` is
``<name>.manifest.json``. It holds the sha256 of the result and of every input, so that loading
refuses a result that is not the one computed there (:func:`fault`), as well as what is missing, cut
short, or NaN without a status that explains it. It holds no time and no machine: equal runs of one
version of the code leave equal bytes; what a job took is in its benchmark.
"""

import csv
import hashlib
import io
import json
import os
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np

from . import __version__
from .status import ESCAPED, STATUSES

LIBRARIES = ("numpy", "scipy", "torch", "pandas", "xarray", "sympy")
REBUILD = "run `make figures` to compute it"
RECOMPUTE = "run `make figures`, which recomputes it"
# Significant digits of a figure's table: fine enough for the differences that pictures draw, and in
# the columns where processors were seen to differ so coarse that they do not, within tolerance.
FIGURE_DIGITS = 9
COARSE_DIGITS = {"t_escape": 8, "value": 7, "measured": 6, "predicted": 6}
NUMBER, TEXT = "number", "text"  # kinds of columns; true and false are text
SPREADS = ("t_sd",)  # columns called like times that may be zero


def make_manifest(
    parameters, *, inputs=None, device="cpu", dtype="float64", threads=1, gradient_evaluations=0
):
    """Provenance of one result as a JSON-compatible dict.

    inputs: {path: sha256} of the results that it was computed from (:func:`sha256_of`).
    gradient_evaluations: of the job that left it.
    """
    return {
        "parameters": parameters,
        "inputs": inputs or {},
        "dtype": dtype,
        "device": device,
        "threads": threads,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "code_version": code_version(),
        "gradient_evaluations": gradient_evaluations,
    }


def sha256_of(path):
    """The checksum of a file in hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _seeds(parameters, path=""):
    """{dotted path: value} of every parameter whose name is ``seed`` or ``seeds``."""
    seeds = {}
    for key, value in parameters.items():
        if isinstance(value, dict):
            seeds |= _seeds(value, f"{path}{key}.")
        elif key in ("seed", "seeds"):
            seeds[path + key] = value
    return seeds


def _seeds_used(values, parameters):
    """The seeds that a result has rows of, {"seed": [...]}; without any, its parameters'."""
    if values is None:
        return _seeds(parameters)
    import pandas as pd  # here and below: a run with nothing to do, which verifies, does without

    return {"seed": sorted({int(value) for value in values if not pd.isna(value)})}


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
    """Where the manifest of the result at ``path`` lies."""
    return Path(path).with_suffix(".manifest.json")


def load_manifest(path):
    """The manifest of the result at ``path`` as a dict; None if it has none.

    Raises ValueError, one line, for one that is damaged.
    """
    place = manifest_path(path)
    if not place.is_file():
        return None
    try:
        stated = json.loads(place.read_bytes())
        complete = {"path", "sha256", "inputs", "parameters"} <= stated.keys()
    except (ValueError, AttributeError):  # no JSON, not UTF-8, no mapping
        complete = False
    if not complete:
        raise ValueError(f"{place}: damaged, or of an older version; {RECOMPUTE}")
    return stated


def fault(path, stated, sha256=sha256_of):
    """What is wrong with the file at ``path`` in view of its manifest: (kind, words, ...), or None.

    stated: the manifest. sha256: function of a path. "foreign": the result of another path;
    "altered": not the bytes that were saved; "stale": an input beside it is not the one it was
    computed from, and its name comes third.
    """
    path, written = Path(path).absolute(), Path(stated["path"])
    if not path.as_posix().endswith(written.as_posix()):
        return "foreign", f"its manifest is that of {written}"
    if sha256(path) != stated["sha256"]:
        return "altered", "altered since it was computed"
    root = Path(path.as_posix().removesuffix(written.as_posix()))
    for name, computed_from in stated["inputs"].items():
        if (root / name).is_file() and sha256(root / name) != computed_from:
            return "stale", f"computed from another {name}", name
    return None


def _read(path):
    """(bytes, manifest or None) of a result that exists and is the one its manifest describes."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; {REBUILD}")
    stated = load_manifest(path)
    if stated and (found := fault(path, stated)):
        raise ValueError(f"{path}: {found[1]}; {RECOMPUTE}")
    return path.read_bytes(), stated


def _write(path, content):
    """Put the file in its place in one step: nobody sees a part of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def _save(path, content, manifest, **stated):
    """Write a result and, if there is one, its manifest with what the result itself says."""
    _write(path, content)
    if manifest is not None:
        own = {"path": Path(path).as_posix(), "sha256": hashlib.sha256(content).hexdigest()}
        text = json.dumps({**manifest, **own, **stated}, indent=2, sort_keys=True) + "\n"
        _write(manifest_path(path), text.encode())


def save_text(text, path, manifest):
    """Write a text, such as a report's table, in UTF-8 with its manifest beside it."""
    _save(path, text.encode(), manifest)


# --- tables ---------------------------------------------------------------------------------------


def save_table(table, path, manifest=None, digits=None):
    """Write a tidy table as CSV, floats as their shortest exact representation.

    ``manifest`` goes to a file beside it, with the kinds of the columns and the number of rows;
    ``digits``: as :func:`rounded` takes them; without, floats keep all of theirs. Raises
    ValueError for what :func:`check_table` refuses.
    """
    check_table(table, path)
    table = table if digits is None else rounded(table, digits)
    _save(
        path,
        table.to_csv(index=False, lineterminator="\n").encode(),
        manifest,
        rows=len(table),
        columns=_kinds(table),
        seeds=_seeds_used(table.get("seed"), (manifest or {}).get("parameters", {})),
    )


def _kinds(table):
    return {name: NUMBER if _numeric(table[name]) else TEXT for name in table}


def _numeric(column):
    return column.dtype.kind in "iuf"


def figure_digits(table):
    """{column: significant digits} of a figure's table."""
    return {name: COARSE_DIGITS.get(name, FIGURE_DIGITS) for name in table}


def rounded(table, digits=None):
    """A table with its floats rounded to so many significant digits, a figure's unless given.

    digits: of all columns, or by column.
    """
    digits = digits or figure_digits(table)
    of = digits if isinstance(digits, dict) else dict.fromkeys(table, digits)
    floats = table.select_dtypes("float").columns
    return table.assign(**{c: [float(f"{v:.{of[c]}g}") for v in table[c]] for c in floats})


def load_table(path):
    """Read a table that :func:`save_table` wrote; empty cells are missing values.

    Raises FileNotFoundError if it is missing, ValueError if it is not the one that was saved, is
    cut short or fails :func:`check_table`; one line each. A table without a manifest, as the
    committed ones of figures, is checked for its form alone.
    """
    import pandas as pd

    content, stated = _read(path)
    try:
        text = content.decode()
        _check_complete(text, path)
        table = parse_table(text)
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise ValueError(f"{path}: not a CSV table in UTF-8; {RECOMPUTE}") from None
    check_table(table, path, (stated or {}).get("columns"))
    return table


def parse_table(text):
    """DataFrame of CSV text in :func:`save_table`'s format."""
    import pandas as pd

    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])


def _check_complete(text, path):
    """Raise ValueError if ``text``, the CSV at ``path``, ends early."""
    rows = list(csv.reader(text.splitlines()))
    short = next((n for n, row in enumerate(rows, 1) if len(row) != len(rows[0])), None)
    if not text.endswith("\n") or short:
        raise ValueError(f"{path}: cut short at line {short or len(rows)}; {RECOMPUTE}")


def check_table(table, path, columns=None):
    """Raise ValueError, naming ``path`` and the row, for a number that cannot be one of a result's.

    columns: {name: kind} that the table must have. A number is finite; a NaN in a numeric column
    needs a status in its row. A time, ``t`` or ``t_...``, is not negative, the latter not zero.
    Where the table has ``t_escape``, its status is one of :data:`STATUSES`, and the time is there
    exactly when it is "escaped".
    """
    import pandas as pd

    if not table.columns.is_unique:
        raise ValueError(f"{path}: a column's name is given twice")
    _check_columns(table, path, columns or {})
    numeric = table.select_dtypes("number")
    _refuse(np.isinf(numeric).any(axis=1), path, "a number that is not finite")
    status = table.get("status", pd.Series(None, index=table.index, dtype=object))
    unexplained = numeric.isna() & status.isna().to_numpy()[:, None]
    _refuse(unexplained.any(axis=1), path, "a NaN without a status")
    for name in numeric:
        if name == "t" or name in SPREADS:
            _refuse(numeric[name] < 0, path, f"{name} is negative")
        elif name.startswith("t_"):
            _refuse(numeric[name] <= 0, path, f"{name} is not positive")
    if "t_escape" in table:
        _refuse(~status.isin(STATUSES), path, f"status is none of {', '.join(STATUSES)}")
        wrong = (status == ESCAPED) == table["t_escape"].isna()
        _refuse(wrong, path, "t_escape must be a number exactly where status is 'escaped'")


def _check_columns(table, path, columns):
    if columns and set(table) != set(columns):
        raise ValueError(f"{path}: columns {', '.join(table)}, not {', '.join(columns)}")
    for name, kind in columns.items():
        if kind == NUMBER and len(table) and not _numeric(table[name]):
            raise ValueError(f"{path}: column {name} holds what is no number")


def _refuse(bad, path, problem):
    """Raise ValueError naming the first row (from 1) in which ``bad`` is true."""
    if bad.any():
        raise ValueError(f"{path}: row {int(np.argmax(bad.to_numpy())) + 1}: {problem}")


# --- datasets -------------------------------------------------------------------------------------


def save_dataset(dataset, path, manifest=None):
    """Write a dataset as NetCDF with a checksum in every array; ``manifest`` goes beside it.

    Equal datasets give equal bytes. Every data variable and numeric coordinate needs a ``units``
    attribute. Raises ValueError for missing units and for NaN in a dataset without a ``status``.
    """
    check_dataset(dataset, path)
    _save(
        path,
        _netcdf(dataset),
        manifest,
        seeds=_seeds_used(
            dataset["seed"].to_numpy().ravel() if "seed" in dataset.variables else None,
            (manifest or {}).get("parameters", {}),
        ),
    )


def _netcdf(dataset):
    """The dataset as the bytes of a NetCDF file."""
    checksums = {
        name: {"fletcher32": True, "chunksizes": variable.shape}
        for name, variable in dataset.variables.items()
        if variable.ndim and variable.size and variable.dtype.kind in "iuf"
    }
    buffer = io.BytesIO()
    dataset.to_netcdf(buffer, engine="h5netcdf", encoding=checksums)
    return buffer.getvalue()


def load_dataset(path):
    """Read a dataset that :func:`save_dataset` wrote into memory; ``attrs["manifest"]`` is a dict.

    Raises FileNotFoundError if it is missing, ValueError if it is not the one that was saved,
    cannot be read or fails :func:`check_dataset`; one line each.
    """
    import xarray as xr  # here: tables, most of the results, do without

    content, stated = _read(path)
    try:
        dataset = xr.load_dataset(io.BytesIO(content), engine="h5netcdf")
    except (OSError, RuntimeError, ValueError, KeyError):
        raise ValueError(f"{path}: not a readable NetCDF file; {RECOMPUTE}") from None
    check_dataset(dataset, path)
    return dataset.assign_attrs(manifest=stated or {})


def check_dataset(dataset, path):
    """Raise ValueError, naming ``path`` and the variable, for lacking units or unexplained NaN."""
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "iuf":
            continue
        if "units" not in variable.attrs:
            raise ValueError(f"{path}: variable '{name}' has no units")
        if variable.dtype.kind == "f" and "status" not in dataset and np.isnan(variable).any():
            raise ValueError(f"{path}: variable '{name}' has a NaN without a status")
