"""figures/README.md is the generated page: every figure with its caption."""

import re
from pathlib import Path

import jinja2
import pytest

from saddle_escape import config
from saddle_escape.artifact import captions
from saddle_escape.artifact.catalogue import FIGURES

ROOT = Path(__file__).parents[2]
PARAMETERS = config.load_tiers(ROOT / "config")[1]["default"]
PAGE = (ROOT / captions.PAGE).read_text(encoding="utf-8")


def test_the_committed_page_is_the_generated_one():
    assert captions.page(PARAMETERS, ROOT / captions.CAPTIONS) == PAGE, (
        "run python -m saddle_escape.artifact.captions"
    )


def test_every_link_of_the_page_leads_to_a_committed_file():
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) == 3 * len(FIGURES)
    for link in links:
        assert (ROOT / captions.PAGE.parent / link).is_file(), link


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_caption_is_filled_in(figure):
    text = captions.caption(figure, PARAMETERS, ROOT / captions.CAPTIONS)
    assert text in PAGE and not re.search(r"\{[{%]|[%}]\}", text)


def test_a_parameter_that_does_not_exist_is_an_error():
    without = {name: value for name, value in PARAMETERS.items() if name != "reduction"}
    with pytest.raises(jinja2.UndefinedError, match="reduction"):
        captions.caption(FIGURES["figure1"], without, ROOT / captions.CAPTIONS)
