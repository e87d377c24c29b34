"""How seldom a process of this project looks for garbage: it needs what it loads to its end."""

import atexit
import gc

ALLOCATIONS = 200_000  # of objects, between two looks


def look_seldom() -> None:
    """Look for garbage rarely in this process, and not at all when it ends.

    Looking through torch's modules takes a sixth of the time of their import, and a third of what a
    process that imports them takes when Python looks once more before it exits.
    """
    gc.set_threshold(ALLOCATIONS)
    atexit.register(gc.freeze)
