"""A bad configuration stops before any job, with exit status 1 and one line."""

import pytest

from .conftest import snakemake


def stopped(tree, *arguments):
    """The one line on standard error of a run that started nothing."""
    done = snakemake(tree, *arguments)
    assert done.returncode == 1
    assert not (tree / "results").exists()
    assert not (tree / "logs").exists()
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("tier=smokey", "command line: tier: 'smokey' is not known; did you mean 'smoke'?"),
        ("devise=cpu", "command line: devise: unknown key; did you mean 'device'?"),
        (
            'reduction={"network": {"rate": 7}}',
            "command line: reduction.network.rate: 7 is greater than the maximum of 1",
        ),
    ],
)
def test_command_line(tree, argument, message):
    assert message in stopped(tree, "--config", argument)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("config.yaml", "device:", "devcie:", "devcie: unknown key; did you mean 'device'?"),
        (
            "config.yaml",
            "line_points:",
            "line_point:",
            "critical_depth.line_point: unknown key; did you mean 'line_points'?",
        ),
        (
            "smoke.yaml",
            "record_every",
            "recordevery",
            "reduction.network.recordevery: unknown key; did you mean 'record_every'?",
        ),
        ("full.yaml", "points: 1261", "points: 1", "reduction.points: 1 is less than"),
    ],
)
def test_file(tree, file, old, new, message):
    path = tree / "config" / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert f"config/{file}: {message}" in stopped(tree)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("figure55", "Target error: no target 'figure55'; did you mean 'figure5'?"),
        ("claim_7b", "Target error: no target 'claim_7b'; did you mean 'claim_17b'?"),
    ],
)
def test_misspelt_target(tree, target, message):
    done = snakemake(tree, target)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == message
    assert not (tree / "results").exists()


def test_a_gpu_that_is_not_there_is_named_in_the_log(tree, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    target = "results/smoke/reduction/network.nc"
    done = snakemake(tree, target, "--config", "device=cuda")
    assert done.returncode == 1
    assert "device: cuda was asked for but torch finds no GPU; use auto or cpu" in done.stderr
    assert not (tree / target).exists()
