"""The dispatcher: gives couriers to orders that wait, and tells what somebody who died has not told.

Every worker has one, and one of them works at a time: who holds the lock. One that was paused and comes back finds its
token refused; it could not give an order a second courier anyway, since giving is one script. The lock is there so that
the order that waits longest comes first, and that replicas do not do the same work in vain.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog
from prometheus_client import Gauge

from chassis.errors import UnavailableError
from chassis.kafka.producer import TooLargeError
from chassis.redis.locks import Held, LockBusyError, Locks
from chassis.shutdown import Shutdown
from delivery_service.domain import News, Search
from delivery_service.telling import Teller

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
PAUSE_SECONDS = 2.0
LOCK_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
"""So long whoever assigned a courier has for telling it."""
MOST_AT_ONCE = 100

_waiting = Gauge("delivery_orders_waiting", "Orders that wait for a courier")
_free = Gauge("delivery_couriers_free", "Couriers who work and bring nothing")
_untold = Gauge("delivery_events_untold", "Events that Kafka has not taken yet")


class Queue(Protocol):
    """Knows what waits."""

    async def next(self, held: Held, search: Search, now: datetime) -> str | None:
        """Give a free courier to the order that waits longest, and return its id; None if one of them is missing.

        Raises:
            LockLostError: somebody else does this by now.
        """

    async def untold(self, most: int) -> Sequence[tuple[str, News, float]]:
        """Return what nobody was told of, the oldest first: the order, the news, and their age in seconds."""

    async def counts(self) -> tuple[int, int, int]:
        """How many orders wait, couriers are free, and events are untold."""


class Dispatcher:
    """Works while it holds the lock."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        queue: Queue,
        teller: Teller,
        locks: Locks,
        search: Search,
        *,
        lock: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue = queue
        self._teller = teller
        self._locks = locks
        self._search = search
        self._lock = lock
        self._now = now

    async def run(self, shutdown: Shutdown) -> None:
        """Work, or stand by, until the process is to end."""
        while not shutdown.begun:
            try:
                async with self._locks.holding(self._lock) as held:
                    log.info("dispatching", token=held.token)
                    while not await shutdown.during(IDLE_SECONDS):
                        await self.once(held, shutdown)
                        await self._measure()
            except LockBusyError:
                await self._stand_by(shutdown)
            except (UnavailableError, TooLargeError) as error:  # a topic may be set to take more
                log.error("cannot dispatch", error=str(error))  # noqa: TRY400 - the trace says no more
                await self._stand_by(shutdown)

    async def once(self, held: Held, shutdown: Shutdown) -> None:
        """Give couriers to orders while there are both, and tell what is left.

        Raises:
            LockLostError: another one works by now.
            UnavailableError: Redis or Kafka does not answer.
        """
        while not shutdown.begun:
            order_id = await self._queue.next(held, self._search, self._now())
            if order_id is None:
                break
            log.info("courier assigned", order_id=order_id, waited=True)
            await self._teller.tell(order_id)
        for order_id in await self._due():
            await self._teller.tell(order_id)

    async def _due(self) -> Sequence[str]:
        """The orders of which something is to be told that nobody else is about to tell."""
        due: dict[str, None] = {}
        for order_id, news, age in await self._queue.untold(MOST_AT_ONCE):
            if news is News.COMPLETED or age > PATIENCE_SECONDS:
                due[order_id] = None
        return list(due)

    async def _stand_by(self, shutdown: Shutdown) -> None:
        if shutdown.begun:
            return
        try:
            await self._measure()
        except UnavailableError as error:
            log.debug("cannot measure", error=str(error))
        await shutdown.during(PAUSE_SECONDS)

    async def _measure(self) -> None:
        waiting, free, untold = await self._queue.counts()
        _waiting.set(waiting)
        _free.set(free)
        _untold.set(untold)
