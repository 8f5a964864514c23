"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable

POLL = 0.02  # seconds


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Ask until the condition holds, for at most `timeout` seconds; say whether it does."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
