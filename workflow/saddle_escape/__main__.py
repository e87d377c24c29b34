"""``python -m saddle_escape``: the command line of :mod:`saddle_escape.cli`."""

import sys

from . import garbage
from .cli.main import program

if __name__ == "__main__":
    garbage.look_seldom()
    sys.exit(program())
