"""The outputs that a checker compares: ``python -m saddle_escape.artifact.codecheck``.

Writes ``codecheck.yml`` by the CODECHECK configuration file specification 2.0: every figure's CSV,
PDF and PNG and the claims' report, each with what it shows, the tolerance of ``make compare`` and
the claims that stand on it with their controls. Title, authors and reference are CITATION.cff's.
What the checker fills in comes last and is kept when the rest is written anew.
"""

import re
import sys
import textwrap
from pathlib import Path

import yaml

from ..claims import statements as claims
from ..results import parse_table
from . import compare
from .catalogue import FIGURES

PAGE, CITATION, REPORT = Path("codecheck.yml"), Path("CITATION.cff"), "paper_check/report.csv"
SPECIFICATION = "https://codecheck.org.uk/spec/config/2.0/"
WIDTH = 94

HEAD = """\
%YAML 1.1
---
# Written by `make docs` from CITATION.cff, the figures' catalogue and tables, the tolerances of
# `make compare` and paper_check/claims.yaml; edit these. An author's ORCID is CITATION.cff's.
"""
CHECKER = "# For the checker; `make docs` leaves what follows as it is.\n"
BLANKS = """\
codechecker:
  - name:
    ORCID:
report:
summary:
repository:
check_time:
certificate:
"""


class _Dumper(yaml.SafeDumper):
    """YAML with empty fields left empty and texts of several lines as they are."""


_Dumper.add_representer(
    type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "")
)
_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def paper(citation):
    """The node ``paper`` from the content of CITATION.cff, whose first reference it is."""
    article = citation["references"][0]
    authors = [
        {
            "name": f"{author['given-names']} {author['family-names']}",
            "ORCID": author.get("orcid", "").removeprefix("https://orcid.org/") or None,
        }
        for author in article["authors"]
    ]
    return {"title": article["title"], "authors": authors, "reference": article["url"]}


def claims_of(figure, stated):
    """{id: claim} of the claims that a figure carries.

    Those that read its tables; of those that read none, which measure by themselves, the ones whose
    place names the figure or whose id is the number of a figure on demand.
    """
    return {name: claim for name, claim in stated.items() if _carries(figure, name, claim)}


def _carries(figure, name, claim):
    if tables := [Path(path).with_suffix("") for path in claims.inputs(claim).values()]:
        return any(table.match(pattern) for table in tables for pattern in figure.tables)
    numbers = re.findall(r"figure (\w+)", claim["place"])
    measured = figure.on_demand and figure.name == f"figure{name.upper()}"
    return measured or figure.name.removeprefix("figure") in numbers


def allowances(table):
    """Lines that say by how much each column may differ, the columns of one tolerance together."""
    columns = {}
    for column in table:
        usual = compare.TOLERANCES.get(column, compare.EXACT)
        sizes = sorted(set(zip(*compare.tolerances(table, column), strict=True)))
        text = ", ".join(_allowance(size, usual) for size in sizes)
        columns.setdefault(text, []).append(column)
    return [f"{', '.join(names)}: {text}" for text, names in columns.items()]


def _allowance(size, usual):
    """A tolerance in words, with the rows that it is for where it is not the column's usual one."""
    words = compare.stated(*size).removeprefix("allowed: ")
    labels = [label for label, sizes in compare.ROWS.items() if sizes == size]
    return words if size == usual else f"{words} in the rows {', '.join(labels)}"


def _controls(claim):
    """Its controls in words, each with what it must do."""
    return "; ".join(
        f"{control['name']} ({control['what']}) must {claims.must(control)}"
        for control in claims.controls(claim)
    )


def _claim_lines(name, claim):
    expected = claims.expected(claim, "default")
    return [
        f"Claim {name}, {claim['title']} ({claim['place']}): {expected}.",
        f"Its controls: {_controls(claim)}.",
    ]


def _comment(*lines):
    """A comment of so many paragraphs, wrapped."""
    return "\n".join(part for line in lines for part in _wrapped(line))


def _wrapped(line):
    return textwrap.wrap(line, WIDTH, break_on_hyphens=False)


def entries(figure, stated, table):
    """The three manifest items of a figure, its table the committed one."""
    path = f"figures/{figure.path}"
    shown = f"{figure.name}: {figure.shows}. Expected: {figure.expected}."
    lines = [part for item in claims_of(figure, stated).items() for part in _claim_lines(*item)]
    drawing = f"{figure.name}, the drawing of {path}.csv, with which it is compared by eye."
    return [
        {
            "file": f"{path}.csv",
            "comment": _comment(shown, "Allowed by `make compare`:", *allowances(table), *lines),
        },
        {"file": f"{path}.pdf", "comment": drawing},
        {"file": f"{path}.png", "comment": drawing},
    ]


def report_entry(stated):
    """The manifest item of the claims' report."""
    count = sum(len(claims.controls(claim)) for claim in stated.values())
    text = (
        f"{len(stated)} claims with {count} controls: measured and predicted value, tolerance, its "
        "reason and the verdict of each; the claims are in paper_check/claims.yaml.",
        "`make claims`: measures them anew and exits with 1 if a verdict or a control is not the "
        "expected one; a measured number may differ within its claim's tolerance.",
    )
    return {"file": REPORT, "comment": _comment(*text)}


def content(stated, root="."):
    """The authors' part as plain data, of the claims and the files below ``root``.

    A figure whose CSV is not there has nothing to be compared with and is left out.
    """
    root = Path(root)
    items = []
    for figure in FIGURES.values():
        table = root / f"figures/{figure.path}.csv"
        if table.is_file():
            items += entries(figure, stated, parse_table(table.read_text(encoding="utf-8")))
    citation = yaml.safe_load((root / CITATION).read_text(encoding="utf-8"))
    return {
        "version": SPECIFICATION,
        "manifest": [*items, report_entry(stated)],
        "paper": paper(citation),
    }


def page(content, text=""):
    """The text of codecheck.yml; what a checker has written into its present ``text`` is kept."""
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return HEAD + body + CHECKER + (text.partition(CHECKER)[2] or BLANKS)


def main():
    """Write the file."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    try:
        text = page(content(claims.load_claims()), text)
    except (OSError, ValueError) as error:
        sys.exit(f"codecheck: {error}")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
