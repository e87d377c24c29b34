"""Whether results are the ones that were computed."""

from pathlib import Path

SUMMARY = "compare results with their manifests: missing, damaged, foreign, altered or stale"
RESULTS = Path("results")


def add_arguments(parser):
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="results/TIER",
        help="every tier that was computed, if left out",
    )


def run(args):
    """A row for each finding. Raises ValueError where there are no results."""
    from .. import verify

    folders = args.folders or sorted(path for path in RESULTS.glob("*") if path.is_dir())
    if not folders:
        raise ValueError(f"{RESULTS}/: no results here; run `make figures`, or name their folder")
    try:
        found = [finding for folder in folders for finding in verify.verify(folder)]
    except FileNotFoundError as error:
        raise ValueError(error) from None
    return [{"kind": f.kind, "path": f.path, "words": f.words} for f in found]


def sentence(answer):
    """How many findings there are."""
    count = len(answer)
    if not count:
        return "every result is the one that was computed, from the inputs beside it"
    files = "1 result is" if count == 1 else f"{count} results are"
    return f"{files} not as computed; a run of the workflow computes what it finds so again"


def failed(answer):
    """Whether there is a finding."""
    return bool(answer)
