"""``python -m saddle_escape``: the command line of :mod:`saddle_escape.cli`."""

import sys

from .cli.main import program

if __name__ == "__main__":
    sys.exit(program())
