"""The page of all figures with their captions: ``python -m saddle_escape.artifact.captions``.

Writes ``figures/README.md`` for the committed figures, from the templates in ``workflow/report/``
which ``make report`` fills in, with the default tier's parameters; a test holds it in step.
"""

import textwrap
from pathlib import Path
from types import SimpleNamespace

import jinja2

from .. import config
from .catalogue import FIGURES, Figure

PAGE, CAPTIONS = Path("figures/README.md"), Path("workflow")
WIDTH = 100
HEAD = """\
# The figures, with their captions

Generated from `workflow/report/*.rst` and `config/config.yaml` by
`.venv/bin/python -m saddle_escape.artifact.captions`; do not edit. The parameters are the default
tier's; `make report` puts any tier's beside its own figures. Times are flow times: dW/dt =
−∂Loss/∂W, so that gradient descent of rate η has t = η · step.
"""


def caption(figure: Figure, parameters: dict, folder: Path = CAPTIONS) -> str:
    """A figure's caption with a tier's parameters, paragraph by paragraph.

    Raises jinja2.UndefinedError for a parameter that does not exist.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    template = environment.from_string((folder / figure.caption).read_text(encoding="utf-8"))
    snakemake = SimpleNamespace(config=SimpleNamespace(parameters=parameters))
    paragraphs = template.render(snakemake=snakemake).strip().split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(p.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
        for p in paragraphs
    )


def page(parameters: dict, folder: Path = CAPTIONS) -> str:
    """The page: each figure with its caption, and where its numbers are."""
    parts = [HEAD]
    for figure in FIGURES.values():
        number = figure.name.removeprefix("figure")
        name = number.capitalize() if number == figure.name else f"Figure {number}"
        parts.append(
            f"## {name}: {figure.shows}\n\n"
            f"![{figure.title}]({figure.path}.png)\n\n"
            f"{caption(figure, parameters, folder)}\n\n"
            f"[PDF]({figure.path}.pdf), [the numbers drawn]({figure.path}.csv)\n"
        )
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    _, tiers = config.load_tiers("config")
    PAGE.write_text(page(tiers["default"]), encoding="utf-8")


if __name__ == "__main__":
    main()
