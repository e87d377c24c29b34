"""What every script does around its one call: log, threads, manifest, save."""

import json
import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

# This checkout's library comes first, even in an environment made for another checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from saddle_escape import forkserver, process

process.tune()


@contextmanager
def job(snakemake):
    """Run a script's body with its output in the rule's log; yields ``save(result, path)``.

    Standard output and error, hence tracebacks and warnings of any library, go to the log file; of
    an error the terminal shows the one line that says what is wrong. Thread counts are set before a
    numerical library is first imported, so import it in the body. The log's last line is what the
    job used, for :mod:`costs`: Snakemake's benchmark looks at a long job every 30 s alone.
    """
    forkserver.hand_over(snakemake.threads)
    terminal = os.dup(sys.stderr.fileno())
    log = os.open(snakemake.log[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    os.environ.update(process.with_threads(snakemake.threads))
    try:
        yield partial(_save, snakemake, {})
    except Exception as error:
        os.write(terminal, f"{snakemake.log[0]}: {type(error).__name__}: {error}\n".encode())
        raise
    finally:
        print(json.dumps(process.used()), flush=True)


def _save(snakemake, shared, result, path, settings=None, **provenance):
    """Save a table, a dataset (.nc) or a text with its manifest; figures' tables are rounded.

    settings: the result's own, where a job's results have different ones. shared: what an earlier
    result of the job said of the job, its gradient evaluations and ``provenance``; it holds for the
    others as well.
    """
    from saddle_escape import results

    attributes = getattr(result, "attrs", {})
    if "gradient_evaluations" in attributes:
        shared["gradient_evaluations"] = int(attributes["gradient_evaluations"])
    shared |= provenance
    manifest = results.make_manifest(
        dict(settings or snakemake.params.get("cfg", {})) | dict(snakemake.wildcards.items()),
        inputs={name: results.sha256_of(name) for name in _computed_from(snakemake)},
        threads=snakemake.threads,
        **shared,
    )
    if isinstance(result, str):
        results.save_text(result, path, manifest)
    elif Path(path).suffix == ".nc":
        results.save_dataset(result, path, manifest)
    else:
        digits = results.figure_digits(result) if "figures" in Path(path).parts else None
        results.save_table(result, path, manifest, digits)


def _computed_from(snakemake):
    """Paths of the job's inputs, without code and manifests."""
    named = (value for name, value in snakemake.input.items() if name != "code")
    paths = (path for value in named for path in ([value] if isinstance(value, str) else value))
    return [path for path in paths if not path.endswith(".manifest.json")]
