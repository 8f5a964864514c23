"""The end of a process: told by SIGTERM, and over within SHUTDOWN_DRAIN_SECONDS (F9)."""

import asyncio
import signal
from time import monotonic

from chassis.settings import ServiceSettings


def linger_seconds(settings: ServiceSettings) -> float:
    """The first third of the drain: clients move to other servers while this one still answers everything."""
    return settings.shutdown_drain_seconds / 3


def request_timeout_seconds(settings: ServiceSettings) -> float:
    """The rest of the drain, so that every accepted request can end before the process does (W-7)."""
    return settings.shutdown_drain_seconds - linger_seconds(settings)


class Shutdown:
    """When the process was told to end, and how long it may still take."""

    def __init__(self, drain_seconds: float) -> None:
        self._limit = drain_seconds
        self._told = asyncio.Event()
        self._told_at = 0.0

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as the word to end; the running loop hears them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.begin)

    def begin(self) -> None:
        """End; to be called a second time changes nothing."""
        if not self._told.is_set():
            self._told_at = monotonic()
            self._told.set()

    @property
    def begun(self) -> bool:
        """Whether the process is to end."""
        return self._told.is_set()

    async def wait(self) -> None:
        """Wait for the word."""
        await self._told.wait()

    async def during(self, seconds: float) -> bool:
        """Wait so long, or until the process is to end; whether it is."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return False
        return True

    @property
    def remaining_seconds(self) -> float:
        """What is left of the drain; all of it before it begins, and never less than nothing."""
        return max(0.0, self._limit - (monotonic() - self._told_at)) if self.begun else self._limit
