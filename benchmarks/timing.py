"""How the benchmarks measure: wall times of calls that take turns, so that noise meets all."""

import contextlib
import time
from collections.abc import Callable, Iterator

import torch


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def in_turns(*calls: Callable[[], object], repeats: int) -> list[list[float]]:
    """Wall times of each call, in ``repeats`` rounds after one that is thrown away."""
    rounds = [[seconds(call) for call in calls] for _ in range(repeats + 1)]
    return [list(times) for times in zip(*rounds[1:], strict=True)]


def once(*calls: Callable[[], object]) -> tuple[list[float], list[object]]:
    """(wall times, answers) of calls that are too long to be repeated."""
    answers = []
    return [seconds(lambda call=call: answers.append(call())) for call in calls], answers


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
