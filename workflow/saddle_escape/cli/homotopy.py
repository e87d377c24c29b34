"""``homotopy``: the escape times of three modes, one output each, and their identity."""

from pathlib import Path

from .arguments import add_number, require

SUMMARY = "three modes, one output each: their homotopy identity (figure 5's companion)"
CONFIG = Path(__file__).parents[3] / "config" / "config.yaml"
CHANGES = ("epsilon", "rho", "nodes")


def add_arguments(parser):
    """What may differ from the default configuration."""
    for name in CHANGES:
        below = ", below the configured threshold" if name == "epsilon" else ""
        add_number(parser, name, f"{below} (default: that of config/config.yaml)")


def run(args):
    """The summary of the configured cascade with the given changes; times are flow times.

    Raises ValueError also if mode 1 does not escape at some nu.
    """
    from ..config import read_yaml

    section = read_yaml(CONFIG)["companion"]
    changes = {name: getattr(args, name) for name in CHANGES}
    section |= {name: value for name, value in changes.items() if value is not None}
    require("epsilon", section["epsilon"], high=section["threshold"], strict=True)

    from ..settings import pick
    from ..studies.companion import Identity, summary

    return summary(pick(Identity, section))[0]


def sentence(answer):
    """The escape of mode 1 with and without the other modes."""
    return f"mode 1 escapes at t = {answer['t0']:.6g} uncoupled and {answer['t1']:.6g} coupled"
