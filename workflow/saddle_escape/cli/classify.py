"""``classify``: which of the four classes an activation belongs to, with its constants."""

from . import arguments

SUMMARY = "universality class of an activation"
KEYS = ("activation", "class", "q", "c_q", "c_q_exact", "alpha", "beta1", "conserved", "status")


def add_arguments(parser):
    """The activation, by position."""
    note = "; after -- if it begins with a minus"
    parser.add_argument("activation", help=arguments.ACTIVATION + note)


def run(args):
    """The activation's row of the table of classes."""
    from ..theory.classes import describe

    row = describe(args.activation)
    return {key: row[key] for key in KEYS}
