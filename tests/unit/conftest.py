"""Fixtures of the unit tests."""

import sys

import pytest

CHECKS = "saddle_escape.claims.checks."


@pytest.fixture
def nothing_cached():
    """Checks share runs within a job; a broken library must not find a sound one's.

    The function that forgets them, called before and after the test.
    """
    _forget()
    yield _forget
    _forget()


def _forget():
    for module in [module for name, module in sys.modules.items() if name.startswith(CHECKS)]:
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
