"""How much is worked on at once: no more than can be answered in time (X-15).

When a server comes back, all who waited for it ask at once. One that takes on everything works on all of it so slowly
that nothing is answered in time, and they ask again: it is busy for ever and of use to nobody. So what is worked on has
a bound, found as TCP finds how much a network carries (RFC 5681): it begins small, grows with each answer that was in
time while there was more to do, and is halved when an answer was late. What is above it waits for a moment, and is then
refused: a refusal costs next to nothing, and says when to come again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf

import structlog

from chassis import metrics
from chassis.errors import OverloadedError

log = structlog.get_logger(__name__)

AT_FIRST = 8
LEAST = 4
MOST = 100
"""So many at once, however fast the answers are (X-15)."""
MOST_WAITING = 1000
"""So many may wait for their turn (X-15)."""
LATE = 0.5
"""An answer is late that takes more of its limit than this part."""
PATIENCE = 0.25
"""A request waits for its turn for this part of its limit; the rest is for the work."""

_TOLD_EVERY_SECONDS = 10.0


class Admission:
    """The bound of one server, and who waits for it; they come in the order in which they asked."""

    def __init__(self, service: str, limit_seconds: float) -> None:
        """Bound the work of a server; used within one event loop.

        Args:
            service: its name in the metrics, such as `payment_service`.
            limit_seconds: what an answer may take.
        """
        self._limit_seconds = limit_seconds
        self._bound = float(AT_FIRST)
        self._lowered_at = -inf
        self._told_at = -inf
        self._at_work = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._shown = metrics.requests_bound.labels(service)
        self._shown.set(self._bound)
        self._refused = metrics.requests_refused.labels(service)

    @property
    def bound(self) -> int:
        """How many are worked on at once, now."""
        return int(self._bound)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Work on a request while this is open.

        Raises:
            OverloadedError: its turn did not come.
        """
        await self._enter()
        began, answered = _now(), False
        try:
            yield
            answered = True
        finally:
            self._learn(began, answered=answered)
            self._leave()

    async def _enter(self) -> None:
        if self._at_work < self.bound and not self._waiting:
            self._at_work += 1
            return
        if len(self._waiting) >= MOST_WAITING:
            raise self._refusal()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._limit_seconds * PATIENCE):
                await self._turn(turn)
        except TimeoutError:
            raise self._refusal() from None

    async def _turn(self, turn: "asyncio.Future[None]") -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # it may have been passed over already
                    self._waiting.remove(turn)
            else:  # it came just as nobody waited for it any more
                self._leave()
            raise

    def _leave(self) -> None:
        self._at_work -= 1
        while self._waiting and self._at_work < self.bound:
            turn = self._waiting.popleft()
            if not turn.done():
                self._at_work += 1
                turn.set_result(None)

    def _learn(self, began: float, *, answered: bool) -> None:
        """Move the bound by one piece of work."""
        now = _now()
        if now - began > self._limit_seconds * LATE:
            # What was begun before the bound was lowered says nothing of the bound that is.
            if began > self._lowered_at:
                self._bound, self._lowered_at = max(LEAST, self._bound / 2), now
        elif answered and self._at_work >= self.bound:
            never_late = self._lowered_at == -inf
            self._bound = min(MOST, self._bound + (1 if never_late else 1 / self._bound))
        self._shown.set(self.bound)

    def _refusal(self) -> OverloadedError:
        self._refused.inc()
        now = _now()
        if now > self._told_at + _TOLD_EVERY_SECONDS:
            self._told_at = now
            log.warning("overloaded", at_work=self._at_work, waiting=len(self._waiting), bound=self.bound)
        return OverloadedError("more is asked than can be answered in time, try again")


def _now() -> float:
    return asyncio.get_running_loop().time()
