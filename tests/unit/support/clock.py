"""A clock for tests of what waits: time passes when the test says so."""

import asyncio

import pytest


class Clock:
    """Stands in for the event loop's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stop the running loop's clock."""
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self.now)

    async def advance(self, seconds: float) -> None:
        """Let time pass, and all that was due by then happen."""
        self.now += seconds
        await settle()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)
