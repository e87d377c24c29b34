# A result that is not the one that was computed is set aside, computed again, and the run says so.

from saddle_escape.verify import verify

LOOKS = {"--dry-run", "--dryrun", "--unlock", "--summary", "--lint", "--report", "--dag", "--touch"}


def only_looks(arguments):
    """Whether Snakemake was asked to say or mark something, not to compute; -n also within -np."""
    short = (word for word in arguments if word[:1] == "-" and word[1:2] != "-")
    return bool(LOOKS.intersection(arguments)) or any("n" in word for word in short)


def is_computed_here(path):
    """Whether a rule makes this file: what another configuration has left is left alone."""
    return any(rule.is_producer(path) for rule in workflow.rules if rule.name != "unknown")


def set_aside(found):
    """Rename the file, so that it is missing, and say it in one line."""
    aside = Path(f"{found.path}.aside")
    Path(found.path).replace(aside)
    print(f"{found.path}: {found.words}; kept as {aside.name}, computed again", file=sys.stderr)


# Not while another run holds the lock: of a result in the making, the manifest comes last.
if (
    workflow.is_main_process
    and Path(f"results/{TIER}").is_dir()
    and not only_looks(sys.argv[1:])
    and not any(Path(".snakemake/locks").glob("*"))
):
    for finding in verify(f"results/{TIER}"):
        if is_computed_here(finding.path):
            set_aside(finding)
