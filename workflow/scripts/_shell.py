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

    Standard output and error, hence tracebacks and warnings of any library, go to the log file; of
    an error the terminal shows the one line that says what is wrong. Thread counts are set before a
    numerical library is first imported, so import it in the body.
    """
    start, terminal = time.perf_counter(), os.dup(sys.stderr.fileno())
    log = os.open(snakemake.log[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = str(snakemake.threads)
    try:
        yield partial(_save, snakemake, start)
    except Exception as error:
        os.write(terminal, f"{snakemake.log[0]}: {type(error).__name__}: {error}\n".encode())
        raise


def _save(snakemake, start, result, path, **provenance):
    """Save a table (.csv) or a dataset (.nc) with its manifest; figures' tables are rounded."""
    from saddle_escape import results

    manifest = results.make_manifest(
        dict(snakemake.params.get("cfg", {})) | dict(snakemake.wildcards.items()),
        wall_time=round(time.perf_counter() - start, 3),
        threads=snakemake.threads,
        **{"gradient_evaluations": result.attrs.get("gradient_evaluations", 0)} | provenance,
    )
    if Path(path).suffix == ".nc":
        results.save_dataset(result, path, manifest)
    else:
        digits = results.FIGURE_DIGITS if "figures" in Path(path).parts else None
        results.save_table(result, path, manifest, digits)
