"""codecheck.yml: in step with its sources, by the specification, the checker's part kept."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from saddle_escape.artifact import codecheck
from saddle_escape.artifact.catalogue import FIGURES
from saddle_escape.claims import statements as claims

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "codecheck.yml").read_text(encoding="utf-8")
MANIFEST = {item["file"]: item.get("comment", "") for item in yaml.safe_load(PAGE)["manifest"]}


EXTENSIONS = ("csv", "pdf", "png")
STATED = claims.load_claims()


@pytest.fixture(scope="module")
def content():
    return codecheck.content(STATED, ROOT)


def test_it_is_in_step_with_its_sources(content):
    assert codecheck.page(content, PAGE) == PAGE, "run `make docs`"


def test_it_is_an_explicit_document_of_the_specification():
    assert PAGE.startswith("%YAML 1.1\n---\n")
    content = yaml.safe_load(PAGE)
    assert re.fullmatch(r"https://codecheck\.org\.uk/spec/config/\d\.\d/", content["version"])
    paper = content["paper"]
    assert paper["title"] and paper["authors"] and paper["reference"].startswith("https://")
    assert all(author["name"] and "ORCID" in author for author in paper["authors"])
    assert {"codechecker", "report", "summary", "certificate"} <= set(content)


def test_every_output_is_there_once_with_its_comment():
    files = [item["file"] for item in yaml.safe_load(PAGE)["manifest"]]
    drawn = [p for p in sorted((ROOT / "figures").rglob("*.pdf")) if p.with_suffix(".csv").exists()]
    expected = {f"{p.relative_to(ROOT).with_suffix('')}.{k}" for p in drawn for k in EXTENSIONS}
    assert set(files) == expected | {"paper_check/report.csv"}
    assert len(files) == len(set(files))
    assert all((ROOT / name).is_file() and MANIFEST[name] for name in files)


def test_what_the_checker_has_filled_in_is_kept(content):
    filled = PAGE.replace("  - name:\n    ORCID:\nreport:", "  - name: A. Checker\nreport: doi")
    assert filled != PAGE
    assert codecheck.page(content, filled) == filled
    assert codecheck.page(content).endswith(codecheck.BLANKS)


@pytest.mark.parametrize(
    ("figure", "names"),
    [
        ("figure1", ["4"]),
        ("figure2", ["7", "17d"]),
        ("figure4", ["figure4"]),
        ("figure5", ["e1b", "14", "e6b"]),
        ("supplement/signal", ["11", "11b"]),
        ("supplement/figureS4", ["s4"]),
    ],
)
def test_claims_of_a_figure(figure, names):
    assert list(codecheck.claims_of(FIGURES[figure], STATED)) == names


def test_no_figure_is_without_a_claim_whose_control_is_named():
    for figure in FIGURES.values():
        carried = codecheck.claims_of(figure, STATED)
        assert carried, figure.name
        comment = " ".join(MANIFEST.get(f"figures/{figure.path}.csv", "").split())
        for claim in carried.values() if comment else ():
            assert claim["title"] in comment
            for control in claims.controls(claim):
                assert f"{control['name']} ({' '.join(control['what'].split())})" in comment


def test_a_place_names_figures_by_whole_numbers():
    figure = FIGURES["figure1"]
    claim = {"place": "Theorem 1; figure 10"}
    assert not codecheck.claims_of(figure, {"1": claim})
    assert codecheck.claims_of(figure, {"x": {"place": "Theorem 4; figure 1"}})


def test_allowances_are_those_of_compare():
    table = pd.DataFrame({"route": ["minibatch"], "t_escape": [1.0], "epsilon": [0.1]})
    rows = pd.concat([table, table.assign(route="flow")])
    assert codecheck.allowances(rows) == [
        "route: must be equal",
        "t_escape: 1e-06 relative, "
        "0.0001 relative plus 1e-06 absolute in the rows minibatch, training",
        "epsilon: 1e-08 relative",
    ]


def test_an_orcid_of_the_citation_is_taken_without_its_url():
    author = {"family-names": "B", "given-names": "A.", "orcid": "https://orcid.org/0000-0001"}
    article = {"title": "t", "authors": [author], "url": "u"}
    (named,) = codecheck.paper({"references": [article]})["authors"]
    assert named == {"name": "A. B", "ORCID": "0000-0001"}
