"""Write the notebooks given as notebooks/*.py as .ipynb files, executed."""

import sys
import tempfile
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config


def execute(source):
    """Write ``source`` (py:percent) with its outputs beside it, as .ipynb."""
    notebook = jupytext.read(source)
    resources = {"metadata": {"path": str(source.parent)}}
    options = {"timeout": 600, "kernel_name": "python3"}
    with tempfile.TemporaryDirectory() as folder:
        # the kernel listens on this user's files, not on the machine's ports; given no place for
        # them it takes its own working directory, and the client another
        kernel = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        config = Config({"KernelManager": kernel})
        NotebookClient(notebook, resources=resources, config=config, **options).execute()
    jupytext.write(notebook, source.with_suffix(".ipynb"), fmt="ipynb")


for source in map(Path, sys.argv[1:]):
    try:
        execute(source)
    except CellExecutionError as error:
        sys.exit(f"{source}: {error.evalue}")
    print(source.with_suffix(".ipynb"))
