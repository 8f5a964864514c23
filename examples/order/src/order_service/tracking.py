"""Follows orders for those who track them: one question to the database for all of them, twice a second.

Not by LISTEN and NOTIFY: a transaction that notifies waits for every other one that does, and orders are many.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import monotonic
from uuid import UUID

import structlog

from chassis import reports
from chassis.errors import UnavailableError
from chassis.shutdown import Shutdown
from order_service.domain import LATER, StatusNow

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 0.5

Look = Callable[[Sequence[UUID]], Awaitable[Sequence[StatusNow]]]
"""Asks for the statuses of orders."""


class Tracker:
    """Tells followers each status that their order has at one of its looks."""

    def __init__(self, look: Look, shutdown: Shutdown, longest_seconds: float) -> None:
        """Begin without followers.

        Args:
            look: asks for the statuses of orders.
            shutdown: ends all that follow.
            longest_seconds: nobody follows for longer at a time. Connections do not live long either.
        """
        self._look = look
        self._shutdown = shutdown
        self._longest = longest_seconds
        self._followers: dict[UUID, set[asyncio.Queue[StatusNow]]] = {}

    async def follow(self, order_id: UUID) -> AsyncIterator[StatusNow]:
        """Give the status now and at each change, until it is the last one, the time is over or the process is to end.

        Nothing at all is given for an order that there is not.

        Raises:
            StorageUnavailableError: the database does not answer at the first look; later ones are tried again.
        """
        queue: asyncio.Queue[StatusNow] = asyncio.Queue()
        ends_at = monotonic() + self._longest
        self._followers.setdefault(order_id, set()).add(queue)
        try:
            told: StatusNow | None = None
            for first in await self._look([order_id]):
                queue.put_nowait(first)
            if queue.empty():
                return
            while told is None or not told.last:
                now = await self._next(queue, ends_at - monotonic())
                if now is None:
                    return
                # Looks may overtake one another; and the times of changes are by the clocks of those who made them.
                if told is None or now.status in LATER[told.status]:
                    told = now
                    yield now
        finally:
            followers = self._followers[order_id]
            followers.discard(queue)
            if not followers:
                del self._followers[order_id]

    async def run(self) -> None:
        """Look until the process is to end."""
        told = ""
        while not await self._shutdown.during(INTERVAL_SECONDS):
            if not self._followers:
                continue
            try:
                found = await self._look(list(self._followers))
            except UnavailableError as error:
                log.warning("cannot track", error=str(error), orders=len(self._followers))
                continue
            except Exception as error:  # nobody would be told of anything any more
                if told != repr(error):  # once, and not with every look
                    log.exception("cannot track", error=str(error), orders=len(self._followers))
                    reports.report(error)
                told = repr(error)
                continue
            told = ""
            for now in found:
                for queue in self._followers.get(now.order_id, ()):
                    queue.put_nowait(now)

    async def _next(self, queue: asyncio.Queue[StatusNow], seconds: float) -> StatusNow | None:
        """The next look's answer; None if the time is over or the process is to end first."""
        got, ended = asyncio.ensure_future(queue.get()), asyncio.ensure_future(self._shutdown.wait())
        try:
            await asyncio.wait({got, ended}, timeout=max(0, seconds), return_when=asyncio.FIRST_COMPLETED)
            return got.result() if got.done() else None
        finally:
            got.cancel()
            ended.cancel()
