"""How the benchmarks measure."""

import statistics
import time

REPEATS = 7


def median_ms(call):
    """Median wall time of ``call()`` in milliseconds, one warm-up call aside."""
    call()
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)
