"""How a process of this project keeps memory, and what it has used.

It needs what it loads to its end, and soon again what it frees.
"""

import atexit
import ctypes
import gc
import os
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")

ALLOCATIONS = 200_000  # of objects, between two looks for garbage
KEPT = 1 << 30  # bytes at the end of the heap, before any go back to the system
LARGEST_ON_HEAP = 1 << 25  # bytes, the most that the C library allows
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def tune() -> None:
    """Settings for a whole process, made once: they change no number, only how long it takes."""
    look_seldom()
    keep_freed()


def look_seldom() -> None:
    """Look for garbage rarely in this process, and not at all when it ends.

    Looking through torch's modules takes a sixth of the time of their import, and a third of what a
    process that imports them takes when Python looks once more before it exits.
    """
    gc.set_threshold(ALLOCATIONS)
    atexit.register(gc.freeze)


def keep_freed() -> bool:
    """Keep freed memory for the next step, where the C library is GNU's; returns whether it does.

    A step of descent frees some megabytes that the next one needs. The C library gives them back to
    the system, which hands them out anew page by page: up to a third of a step's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {M_MMAP_THRESHOLD: LARGEST_ON_HEAP, M_TRIM_THRESHOLD: KEPT}
    return all([mallopt(parameter, value) == 1 for parameter, value in settings.items()])


def with_threads(number: int) -> dict[str, str]:
    """Environment of numerical libraries with so many threads, read when they are loaded."""
    return {f"{library}_NUM_THREADS": str(number) for library in ("OMP", "MKL", "OPENBLAS")}


def used() -> dict[str, float]:
    """What this process and its children have used so far: {"cpu_seconds", "peak_mb"}.

    peak_mb: of this process alone. Linux tells it of the program that runs; elsewhere it may be
    that of the program which started it.
    """
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if STATUS.exists():
        fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        peak_kb = int(fields["VmHWM"].split()[0])
    return {"cpu_seconds": round(sum(os.times()[:4]), 2), "peak_mb": round(peak_kb / 1024, 1)}
