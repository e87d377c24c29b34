"""``homotopy``: the escape times of the three-mode cascade and the identity between them."""

from pathlib import Path

from .arguments import add_number, require

SUMMARY = "three-mode cascade and its homotopy identity (figure 5)"
CONFIG = Path(__file__).parents[3] / "config"


def add_arguments(parser):
    """What may differ from the default configuration."""
    for name in ("epsilon", "rho", "nodes"):
        add_number(parser, name)


def run(args):
    """The summary of the configured cascade with the given changes; times are flow times.

    Raises ValueError also if mode 1 does not escape at some nu.
    """
    from ..config import read_yaml

    cascade = read_yaml(CONFIG / "config.yaml")["cascade"]
    changes = {name: getattr(args, name) for name in ("epsilon", "rho", "nodes")}
    cascade |= {name: value for name, value in changes.items() if value is not None}
    require("epsilon", cascade["epsilon"], high=cascade["threshold"], strict=True)

    from ..studies.cascade import summary

    return summary(cascade)[0]
