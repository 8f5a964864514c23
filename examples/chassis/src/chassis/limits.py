"""So many calls a second of what is called, by this process (X-5); `aiolimiter` counts them.

What must hold for all processes together, such as a user's rate, is counted in Redis instead (X-6).
"""

import asyncio

import structlog
from aiolimiter import AsyncLimiter
from prometheus_client import Counter

from chassis.errors import UnavailableError

log = structlog.get_logger(__name__)

PER_SECOND = 10.0
BURST = 10

_refused = Counter("limited", "Calls that were not made, because too many were before them", ["what"])


class LimitedError(UnavailableError):
    """Too many calls are waiting; nothing was called."""

    public = "too many requests at once, try again"


class Limiter:
    """A leaky bucket: so many calls at once, and as many more as drip out of it."""

    def __init__(self, what: str, *, per_second: float = PER_SECOND, burst: int = BURST) -> None:
        """Begin empty.

        Args:
            what: the thing that is called, for the log and the metric.
            per_second: so many calls a second in the long run.
            burst: so many at once after a rest.
        """
        self._what = what
        self._limiter = AsyncLimiter(burst, burst / per_second)

    async def wait(self, timeout_seconds: float) -> None:
        """Wait for one's turn, first come, first served.

        Raises:
            LimitedError: it does not come within this time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._limiter.acquire()
        except TimeoutError:
            _refused.labels(self._what).inc()
            log.warning("too many calls", what=self._what, waited_seconds=timeout_seconds)
            raise LimitedError(f"too many calls of {self._what}: none is free for {timeout_seconds:g} s") from None
