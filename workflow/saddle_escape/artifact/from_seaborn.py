"""Writes what the figures take from seaborn: ``python -m saddle_escape.artifact.from_seaborn``.

To import seaborn takes longer than to draw a figure, so that a job reads this table instead.
"""

from pathlib import Path

import matplotlib as mpl
import seaborn as sns

from ..figures import from_seaborn

TABLE = Path(from_seaborn.__file__)
NOT_OURS = ("font.sans-serif", "image.cmap")  # the figures have fonts and colour maps of their own
MODULE = '''\
"""The palette and the style of seaborn {version} that the figures use; `make docs` writes it."""

COLORBLIND = (
{colors})
TICKS = {{  # where it differs from Matplotlib's defaults
{ticks}}}
'''


def module() -> str:
    """The text of ``figures/from_seaborn.py``."""
    ticks = {
        name: value
        for name, value in sns.axes_style("ticks").items()
        if name not in NOT_OURS and value != mpl.rcParamsDefault[name]
    }
    return MODULE.format(
        version=sns.__version__,
        colors="".join(f'    "{color}",\n' for color in sns.color_palette("colorblind").as_hex()),
        ticks="".join(f'    "{name}": {_literal(value)},\n' for name, value in ticks.items()),
    )


def _literal(value):
    return f'"{value}"' if isinstance(value, str) else repr(value)


def main():
    """Write the module."""
    TABLE.write_text(module(), encoding="utf-8")


if __name__ == "__main__":
    main()
