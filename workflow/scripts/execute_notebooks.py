"""Write the notebooks given as notebooks/*.py as .ipynb files, executed."""

import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

# the kernel listens on files of this user, not on ports of the machine
SETTINGS = Config({"KernelManager": {"transport": "ipc"}})


def execute(source):
    """Write ``source`` (py:percent) with its outputs beside it, as .ipynb."""
    notebook = jupytext.read(source)
    resources = {"metadata": {"path": str(source.parent)}}
    options = {"timeout": 600, "kernel_name": "python3", "config": SETTINGS}
    NotebookClient(notebook, resources=resources, **options).execute()
    jupytext.write(notebook, source.with_suffix(".ipynb"), fmt="ipynb")


for source in map(Path, sys.argv[1:]):
    try:
        execute(source)
    except CellExecutionError as error:
        sys.exit(f"{source}: {error.evalue}")
    print(source.with_suffix(".ipynb"))
