"""The README: its tables are the generated ones; in a fresh clone its commands do what it says."""

import json
import re
import shutil

import pandas as pd
import pytest
from rocrate.rocrate import ROCrate

from saddle_escape import config
from saddle_escape.artifact import costs, readme
from saddle_escape.artifact.catalogue import BY_DEFAULT, FIGURES, ON_DEMAND
from saddle_escape.claims import statements as claims
from saddle_escape.results import sha256_of

from .conftest import ROOT, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
INLINE = re.findall(r"`((?:TIER=\w+ )?make \w+|\.venv/bin/snakemake [^`]+)`", README)
TARGETS = [c.rpartition(" ")[2] for c in INLINE if c.startswith(".venv/bin/snakemake")]
ALL = list(dict.fromkeys(c for c in [*COMMANDS, *INLINE] if "snakemake" not in c))


def test_the_tables_are_the_generated_ones(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path, made in readme.PAGES.items():
        text = path.read_text(encoding="utf-8")
        assert made(text) == text, f"{path}: run `make docs`"


def spent(parts=costs.PARTS):
    """A table of costs, the same for every part."""
    row = dict.fromkeys(costs.COLUMNS[2:6], 2.5) | {"devices": "cpu", "machine": "one"}
    return pd.DataFrame([{"tier": "default", "part": part} | row for part in parts])


def test_contents_have_a_line_for_every_figure_and_claim():
    head, _, *lines = readme.contents(claims.load_claims(), spent()).splitlines()
    names = [line.split("|")[1].strip() for line in lines]
    assert names == [
        *(figure.name for figure in FIGURES.values()),
        *(f"claim {name}" for name in claims.load_claims()),
    ]
    for line in lines:
        jobs, code = (cell.strip() for cell in line.split("|")[4:6])
        assert jobs, line
        assert (ROOT / "workflow/saddle_escape" / code).is_file(), line
    assert head.count("|") == 8 and "| 2.5 |" in lines[0]
    with pytest.raises(ValueError, match=r"figures/costs\.csv: nothing on figure1, .*; run `make"):
        readme.contents(claims.load_claims(), spent(["claims"]))


def test_costs_add_up():
    *_, total, _, _ = readme.cost_table(spent()).splitlines()
    count = len(costs.PARTS)
    assert total.startswith(f"| default | all | {int(2.5 * count)} | ")


def test_a_block_goes_between_its_marks():
    text = readme.inserted("a\n<!-- x -->\nold\n<!-- /x -->\nb\n", {"x": "new\n"})
    assert text == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    assert readme.inserted(text, {"x": "new"}) == text
    with pytest.raises(ValueError, match="once each"):
        readme.inserted("<!-- /x --><!-- x -->", {"x": "new"})


def test_figure_4s_settings_are_the_configured_ones():
    settings = config.load_tiers(ROOT / "config")[1]["default"]["offmanifold"]
    sgd = settings["sgd"]
    size = f"N = {settings['width']}, d = {settings['input_dim']}"
    assert f"{size}, minibatches of {sgd['batch']} and rate {sgd['rate']}" in " ".join(
        README.split()
    )


def test_every_picture_and_file_it_names_exists():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    named = re.findall(r"`((?:config|paper_check|workflow|figures)/[\w./]+)`", README)
    assert len(linked) >= 4 and len(named) >= 4
    for path in linked + named:
        assert (ROOT / path).exists(), path


def test_every_figure_and_claim_has_its_command():
    figures = [figure.name for figure in FIGURES.values()]
    expected = [*figures, *(f"claim_{name}" for name in claims.load_claims())]
    assert expected == TARGETS


def figures_are_there(tree, done):
    assert "Nothing to be done" in done.stdout + done.stderr  # the clone's fixture has run it
    for path in BY_DEFAULT:
        for kind in ("pdf", "png", "csv"):
            assert (tree / f"results/smoke/figures/{path}.{kind}").stat().st_size > 0


def supplement_is_there(tree, done):
    for path in ON_DEMAND:
        for kind in ("pdf", "png", "csv"):
            assert (tree / f"results/smoke/figures/{path}.{kind}").stat().st_size > 0


def verdicts_are_printed(tree, done):
    assert "All as expected." in done.stdout
    assert all(claim["title"] in done.stdout for claim in claims.load_claims().values())


def tables_agree(tree, done):
    assert done.stdout.count("agrees") == len(FIGURES)


def crate_describes_the_run(tree, done):
    crate = ROCrate(tree)
    for entity in crate.root_dataset["hasPart"]:
        assert sha256_of(tree / entity.id) == entity["sha256"], entity.id
    run = crate.get("#run-smoke")
    assert run["actionStatus"] == "http://schema.org/CompletedActionStatus", run["error"]
    (tree / "ro-crate-metadata.json").unlink()


def answer(tree, done):
    assert done.stdout.strip() and not done.stderr


def json_answer(tree, done):
    assert json.loads(done.stdout) and not done.stderr


# command: (what a test runs for it, what it must have done)
MADE = {
    "make setup": ("make setup --dry-run", None),  # it has been made
    "make figures": ("make figures TIER=smoke", figures_are_there),
    "TIER=smoke make figures": ("TIER=smoke make figures", figures_are_there),
    "TIER=full make figures": ("TIER=full make figures --dry-run", None),
    "make test": ("make test --dry-run", None),  # this is `make test`
    "make cluster": ("make cluster --dry-run", None),  # minutes; test_slurm has its smaller part
    "make claims": ("make claims TIER=smoke", verdicts_are_printed),
    "make supplement": ("make supplement TIER=smoke", supplement_is_there),
    "make report": ("make report --dry-run", None),  # test_report has its page made
    "make notebooks": ("make notebooks --dry-run", None),  # test_notebooks runs what it runs
    "make lab": ("make lab --dry-run", None),
    "make docs": ("make docs --dry-run", None),
    "make compare": ("make compare", tables_agree),
    "make resume": ("make resume TIER=smoke", figures_are_there),
    "make crate": ("make crate TIER=smoke", crate_describes_the_run),
    "make bench": ("make bench --dry-run", None),
    "make help": ("make help", answer),
}


@pytest.fixture
def rebuilt(smoke_tree):
    """The committed figures in the place of a rebuild of the default tier."""
    folder = smoke_tree / "results/default"
    no_figures = shutil.ignore_patterns("costs.csv", "job_times.csv")
    shutil.copytree(smoke_tree / "figures", folder / "figures", ignore=no_figures)
    yield smoke_tree
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", ALL)
def test_command_does_what_it_says(smoke_tree, request, command):
    what_if = json_answer if command.endswith("--json") else answer
    runs, check = MADE[command] if "make" in command else (command, what_if)
    if command == "make compare":
        request.getfixturevalue("rebuilt")
    done = run(["sh", "-c", runs], smoke_tree)
    assert done.returncode == 0, done.stdout + done.stderr
    if check:
        check(smoke_tree, done)


def test_each_figure_and_claim_by_itself(smoke_tree):
    done = run([".venv/bin/snakemake", "--cores", "all", "--config", "tier=smoke", "--", *TARGETS],
               smoke_tree)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(claim["title"] in done.stdout for claim in claims.load_claims().values())
