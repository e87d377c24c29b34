"""Whether the results of a tier are the ones that were computed there.

Every file is hashed, each time: neither size nor time of a file tells that a digit was changed, and
the default tier's 270 results take some hundredths of a second.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from . import results

MANIFEST = ".manifest.json"
DATA = (".csv", ".nc")


@dataclass(frozen=True)
class Finding:
    """A result that is not what it should be.

    kind: "missing", "damaged" (its manifest), or one of :func:`results.fault`'s; path: relative to
    the working directory if the folder was; source: the input that a stale result does not match.
    """

    kind: str
    path: str
    words: str
    source: str = "-"


def verify(folder) -> list[Finding]:
    """What is missing, damaged, foreign, altered or stale below a folder, in the order of paths.

    A result whose input is itself found is not called stale. Raises FileNotFoundError, one line,
    where there is no such folder.
    """
    folder, sha256 = Path(folder), functools.cache(results.sha256_of)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of results; {results.REBUILD}")
    stems = {
        path.with_name(path.name.removesuffix(MANIFEST)) for path in folder.rglob(f"*{MANIFEST}")
    }
    stems |= {path.with_suffix("") for path in folder.rglob("*") if path.suffix in DATA}
    found = [finding for stem in sorted(stems) if (finding := _check(stem, sha256))]
    causes = {finding.path for finding in found if finding.kind != "stale"}
    return [f for f in found if not any(cause.endswith(f.source) for cause in causes)]


def _check(stem, sha256):
    """The finding of the result at this path without its suffix, or None."""
    there = [stem.with_name(stem.name + suffix) for suffix in DATA]
    path = next((path for path in there if path.is_file()), None)
    if path is None:
        return Finding("missing", _described(stem), "missing, though its manifest is there")
    try:
        stated = results.load_manifest(path)
    except ValueError:
        return Finding("damaged", str(path), "its manifest is damaged, or of an older version")
    if stated is None:
        return Finding("foreign", str(path), "no manifest says where it comes from")
    found = results.fault(path, stated, sha256)
    return Finding(found[0], str(path), *found[1:]) if found else None


def _described(stem):
    """The path that a manifest without its result is of; the table's where it does not say."""
    try:
        suffix = Path(results.load_manifest(stem)["path"]).suffix
    except ValueError:
        suffix = DATA[0]
    return f"{stem}{suffix}"
