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
    """A row for each finding. Raises ValueError where there are no results of a run."""
    from .. import verify

    folders = args.folders or sorted(path for path in RESULTS.glob("*") if path.is_dir())
    if not folders:
        raise ValueError(f"{RESULTS}/: no results here; run `make figures`, or name their folder")
    try:
        found = {folder: verify.verify(folder) for folder in folders}
    except FileNotFoundError as error:
        raise ValueError(error) from None
    for folder, findings in found.items():
        if findings and not any(Path(folder).rglob(f"*{verify.MANIFEST}")):
            raise ValueError(f"{folder}: no manifest here, so no folder of a run's results")
    return [
        {"kind": f.kind, "path": f.path, "words": f.words}
        for findings in found.values()
        for f in findings
    ]


def sentence(answer):
    """How many findings there are."""
    count = len(answer)
    if not count:
        return "every result is the one that was computed, from the inputs beside it"
    files = "1 result is" if count == 1 else f"{count} results are"
    return f"{files} not as computed; the next run of the workflow computes them again"


def failed(answer):
    """Whether there is a finding."""
    return bool(answer)
