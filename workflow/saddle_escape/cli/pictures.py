"""``--plot FILE``: the answer as a picture, as PNG, PDF or SVG."""

import argparse
import os
from pathlib import Path

from .arguments import LONGEST_VALUE, printable

SUFFIXES = (".png", ".pdf", ".svg")


def add_argument(parser):
    """``--plot FILE``, parsed to a path that can be written."""
    words = "draw the answer as well; FILE ends in .png, .pdf or .svg"
    parser.add_argument("--plot", type=_picture, metavar="FILE", help=words)


def write(figure, path):
    """Save a figure at ``path``; what stands there is replaced once the picture is whole."""
    from ..figures import style

    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".saddle_escape_{os.getpid()}{target.suffix}")
    kind = path.suffix.lower()[1:]
    with style.figure_style(), style.mpl.rc_context({"svg.hashsalt": "saddle_escape"}):
        style.freeze(figure)
        try:
            figure.savefig(temporary, format=kind, dpi=style.DPI, metadata=style.UNDATED[kind])
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _picture(text):
    """A path whose suffix and folder will do. Raises ArgumentTypeError, one line, for any other."""
    path, shown = Path(text), f"'{printable(text, LONGEST_VALUE)}'"
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"{shown} is not valid; give a file name that ends in .png, .pdf or .svg"
        )
    if reason := _obstacle(path):
        raise argparse.ArgumentTypeError(f"{shown} cannot be written: {reason}")
    return path


def _obstacle(path):
    """Why a picture cannot be written at ``path``, or None; known before anything is computed."""
    import tempfile

    try:
        if path.is_dir():
            return "it is a folder"
        if path.exists() and not os.access(path, os.W_OK):
            return "the file is write-protected"
        folder = os.path.dirname(os.path.realpath(path))
        with tempfile.TemporaryFile(dir=folder):  # the superuser may write, but not everywhere
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()
