"""What every script does around its one call: log, threads, manifest, save."""

import os
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

# This checkout's library comes first, even in an environment made for another checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@contextmanager
def job(snakemake):
    """Run a script's body with its output in the rule's log; yields ``save(result, path)``.

    Standard output and error, hence tracebacks and warnings of any library, go to the log file.
    Thread counts are set before a numerical library is first imported, so import it in the body.
    """
    start = time.perf_counter()
    log = os.open(snakemake.log[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = str(snakemake.threads)
    yield partial(_save, snakemake, start)


def _save(snakemake, start, result, path, **provenance):
    """Save a table (.csv) or a dataset (.nc) with its manifest."""
    from saddle_escape import results

    manifest = results.make_manifest(
        dict(snakemake.params.get("cfg", {})) | dict(snakemake.wildcards.items()),
        wall_time=round(time.perf_counter() - start, 3),
        threads=snakemake.threads,
        **provenance,
    )
    save = results.save_dataset if Path(path).suffix == ".nc" else results.save_table
    save(result, path, manifest)
