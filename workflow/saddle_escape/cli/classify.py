"""``classify``: which of the four classes an activation belongs to, with its constants."""

from .. import built_in
from . import arguments

SUMMARY = "universality class of an activation"
KEYS = ("activation", "class", "q", "c_q", "c_q_exact", "alpha", "beta1", "conserved", "status")
REACH = 3.0  # of the picture, in z


def add_arguments(parser):
    """The activation, by position."""
    note = "; after -- if it begins with a minus"
    parser.add_argument("activation", help=arguments.ACTIVATION + note)


def run(args):
    """The activation's row of the table of classes; a built-in's is read, not derived."""
    row = built_in.row(args.activation) or _derived(args.activation)
    return {key: row[key] for key in KEYS}


def _derived(activation):
    from ..theory.classes import describe

    return describe(activation)


def sentence(answer):
    """The class in words, or why there is none."""
    if answer["class"] is None:
        return answer["status"]
    order = "vanishes" if answer["q"] is None else f"has order {answer['q']} at 0"
    return f"class {answer['class']}: phi = z sigma' - sigma {order}"


def picture(args, answer):
    """sigma and phi on -3 <= z <= 3, and the order of phi at 0."""
    import numpy as np
    import pandas as pd

    from ..figures.answers import draw_activation
    from ..theory import activations
    from ..theory.classes import phi

    act = activations.get(args.activation)
    near = np.geomspace(1e-3, REACH, 200)
    z = np.unique(np.concatenate([-near, np.linspace(-REACH, REACH, 601), near]))
    with np.errstate(all="ignore"):
        table = pd.DataFrame({"z": z, "sigma": act(z), "phi": phi(act, z)})
    return draw_activation(table, answer)
