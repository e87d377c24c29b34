"""Execute the notebooks given as notebooks/*.py and write them as .ipynb pages with their outputs.

The same results give the same bytes on the same machine: one thread, no sliders, and nothing of the
run itself, its times, identifiers and versions, in the file.
"""

import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

import _shell  # noqa: F401  this checkout's library comes first
from saddle_escape import process
from saddle_escape.artifact import notebook

WORKFLOW = Path(__file__).resolve().parents[1]
KEPT = ("kernelspec", "jupytext")  # of a notebook's metadata


def executed(source):
    """The notebook of ``source`` (py:percent), with its outputs."""
    page = jupytext.read(source)
    with tempfile.TemporaryDirectory() as folder:
        # the kernel listens on this user's files, not on the machine's ports; given no place for
        # them it takes its own working directory, and the client another
        kernel = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        NotebookClient(
            page,
            resources={"metadata": {"path": str(source.parent)}},
            config=Config({"KernelManager": kernel}),
            kernel_name="python3",
            timeout=600,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
        ).execute()
    return page


def settled(page, name):
    """The notebook without what differs from run to run: identifiers, versions, cells' metadata."""
    page.metadata = {key: page.metadata[key] for key in KEPT if key in page.metadata}
    page.metadata["language_info"] = {"name": "python"}
    page.metadata.get("jupytext", {}).pop("text_representation", None)
    for number, cell in enumerate(page.cells):
        cell.id, cell.metadata = f"{name}-{number}", {}
    page.nbformat, page.nbformat_minor = 4, 5
    return page


def main(sources):
    """Write the pages of the tier; exit with one line at the first cell that fails."""
    folder = notebook.pages(notebook.tier())
    folder.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(WORKFLOW), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ |= {**process.with_threads(1), notebook.STATIC: "1", "PYTHONPATH": path}
    for source in sources:
        target = folder / f"{source.stem}.ipynb"
        try:
            page = settled(executed(source), source.stem)
        except CellExecutionError as error:
            sys.exit(f"{source}: {error.evalue}")
        nbformat.write(nbformat.from_dict(page), target)
        print(os.path.relpath(target))


main([Path(source) for source in sys.argv[1:]])
