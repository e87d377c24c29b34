# A result that is not the one that was computed is set aside and computed again, and the run says so.

from saddle_escape.verify import verify

LOOKS = {"--dry-run", "--dryrun", "--unlock", "--summary", "--lint", "--report", "--dag", "--touch"}


def only_looks(arguments):
    """Whether Snakemake was asked to say or mark something, not to compute; -n also within -np."""
    short = (word for word in arguments if word[:1] == "-" and word[1:2] != "-")
    return bool(LOOKS.intersection(arguments)) or any("n" in word for word in short)


def is_computed_here(path):
    """Whether a rule makes this file: what another configuration has left is left alone."""
    return any(rule.is_producer(path) for rule in workflow.rules if rule.name != "unknown")


def set_aside(path):
    """Rename the file, if it is there, so that it is missing; what is done, in words."""
    if not Path(path).is_file():
        return "computed again"
    aside = Path(f"{path}.aside")
    Path(path).replace(aside)
    return f"kept as {aside.name} and computed again"


def is_behind(found):
    """Whether the result is older than the input it does not match: it is computed again anyway."""
    if found.kind != "stale" or not Path(found.source).is_file():
        return False
    return Path(found.path).stat().st_mtime < Path(found.source).stat().st_mtime


# Not while another run holds the lock: of a result in the making, the manifest comes last.
if (
    workflow.is_main_process
    and Path(f"results/{TIER}").is_dir()
    and not only_looks(sys.argv[1:])
    and not any(Path(".snakemake/locks").glob("*"))
):
    for found in verify(f"results/{TIER}"):
        if is_computed_here(found.path) and not is_behind(found):
            print(f"{found.path}: {found.words}; {set_aside(found.path)}", file=sys.stderr)
            SET_ASIDE.append(found.path)
