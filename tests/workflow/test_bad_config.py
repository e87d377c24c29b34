"""A bad configuration stops before any job, in one line; the cases are in unit/test_bad_input.py.

Here is what only a process shows: that make and Snakemake ask, leave nothing behind, and end soon.
"""

import resource

import pytest

from .conftest import copy_project, install, run, snakemake

GIB = 2**30


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project that no run may change."""
    tree = copy_project(tmp_path_factory.mktemp("bad") / "project")
    install(tree)
    return tree


def assert_nothing_begun(tree, done, *parts):
    """Exit status, nothing printed but one line, no results, no logs, a gigabyte at most."""
    assert done.returncode in (1, 2)
    assert not (tree / "results").exists()
    assert not (tree / "logs").exists()
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(lines) == 1, done.stderr
    assert lines[0].isprintable()
    assert len(lines[0]) <= 500
    for part in parts:
        assert part in lines[0]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < GIB


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("tier=smokey", "command line: tier: 'smokey' is not known; did you mean 'smoke'?"),
        ("classes={depth: [}", "command line: classes: '{depth: [}' cannot be read, line 1"),
    ],
)
def test_command_line(tree, argument, message):
    done = snakemake(tree, "--config", argument)
    assert done.stdout == ""
    assert_nothing_begun(tree, done, "Configuration error: " + message)


def test_a_file_that_snakemake_can_read_is_read_strictly(tree, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("device: cpu\ndevice: cuda\n")
    done = snakemake(tree, "--configfile", path)
    assert done.stdout == ""
    assert_nothing_begun(tree, done, "own.yaml: line 2: key 'device' given twice; remove one")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.yaml", bytes(range(128, 256)), "is not UTF-8 text; save the file as UTF-8"),
        ("own.yaml", b"__use_yte__: true\n?print(1): 1\n", "__use_yte__: unknown key; valid: tier"),
        ("own.yaml", b"reduction: {widht: 3}\n", "reduction.widht: unknown key; did you mean"),
        ("", None, "cannot be read (Is a directory); check the path"),
        ("not_there.yaml", None, "cannot be read (No such file or directory); check the path"),
    ],
)
def test_make_checks_a_file_before_snakemake_reads_it(tree, tmp_path, name, content, message):
    if content:
        (tmp_path / name).write_bytes(content)
    done = run(["make", "--silent", "figures", f"CONFIG={tmp_path / name}"], tree)
    assert "snakemake" not in done.stdout
    assert_nothing_begun(tree, done, "Configuration error: ", message)


def test_misspelt_target(tree):
    done = snakemake(tree, "figure55")
    assert done.returncode == 1
    message = "Target error: no target 'figure55'; did you mean 'figure5'?"
    assert done.stderr.splitlines()[-1] == message
    assert not (tree / "results").exists()
