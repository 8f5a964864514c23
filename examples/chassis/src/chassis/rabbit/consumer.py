"""Taking work: a message is acknowledged when it has been worked on, and not before (MQ-6, F9-5, F9-6).

| what the work comes to                       | what becomes of the message                                         |
|----------------------------------------------|---------------------------------------------------------------------|
| it is done                                   | acknowledged                                                        |
| `RejectedError`: it can never be done        | to the dead letters, with the reason                                |
| `PostponedError`: not now                    | aside, and back after a while, as often as need be                  |
| `UnavailableError`: something does not answer| tried again here for a while, then as if it were postponed          |
| any other error, which is one of the program | aside and back, a few times; then to the dead letters               |
| the process ends first                       | given back by the broker, to whoever is there, at once              |

A message can come twice: when the connection or the process ends before the broker has read the acknowledgement. Those
who work on it have to know what they have done.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter
from typing import cast

import structlog
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, AbstractRobustChannel
from aio_pika.exceptions import ChannelInvalidStateError
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge, Histogram

from chassis import reports, tracing
from chassis.errors import PostponedError, RejectedError, UnavailableError
from chassis.metrics import LATENCY_SECONDS
from chassis.rabbit.connection import asking, connected, ping
from chassis.rabbit.headers import sendable
from chassis.rabbit.publisher import Publisher, confirmed
from chassis.rabbit.queues import WorkQueue, declare
from chassis.rabbit.settings import RabbitSettings
from chassis.retries import Patience, again
from chassis.shutdown import Shutdown

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
"""An error of the program is tried so often in all."""
PATIENCE = Patience(most=6, timeout_seconds=15, first_pause_seconds=0.1, longest_pause_seconds=2)
SETTLE_TIMEOUT_SECONDS = 5
CANCEL_TIMEOUT_SECONDS = 2
_ATTEMPT, _REASON = "x-attempt", "x-reason"
_LONGEST_REASON = 500
_LONGEST_ATTEMPT = 3  # digits: whatever else comes as one was not written here

_consumed = Counter("rabbit_consumed", "Messages by what became of them", ["queue", "outcome"])
_latency = Histogram("rabbit_work_seconds", "Time that a message was worked on", ["queue"], buckets=LATENCY_SECONDS)
_in_flight = Gauge("rabbit_in_flight", "Messages that are worked on", ["queue"])


@dataclass(frozen=True, slots=True)
class Received:
    """A message.

    Attributes:
        body: the content.
        headers: what came with it, such as the trace.
        attempt: 1, and one more after each error of the program.
    """

    body: bytes
    headers: dict[str, str]
    attempt: int


Handle = Callable[[Received], Awaitable[None]]


class Outcome(StrEnum):
    """What became of a message."""

    DONE = "done"
    REJECTED = "rejected"
    POSTPONED = "postponed"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    RETURNED = "returned"


_TROUBLE = {Outcome.REJECTED, Outcome.UNAVAILABLE, Outcome.FAILED}


class Consumer:
    """Takes work from a queue."""

    def __init__(
        self,
        settings: RabbitSettings,
        queue: WorkQueue,
        source: AbstractQueue,
        publisher: Publisher,
        check: Callable[[], Awaitable[None]],
    ) -> None:
        """Take from a queue that is there; `consuming` makes one."""
        self._settings = settings
        self._queue = queue
        self._source = source
        self._publisher = publisher
        self._check = check
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._ending = False

    async def ping(self) -> None:
        """See that messages can be taken.

        Raises:
            RabbitUnavailableError: they cannot.
        """
        await self._check()

    async def run(self, handle: Handle, shutdown: Shutdown) -> None:
        """Work on messages as they come, until the process is to end.

        Then no more are taken, at once; those that have been begun are finished, within what is left of the drain. The
        others go back to the queue.

        Args:
            handle: works on a message.
            shutdown: when to end.

        Raises:
            RabbitUnavailableError: the broker refuses to deliver.
        """
        with asking():
            tag = await self._source.consume(self._arrive)
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work(handle)) for _ in range(self._settings.amqp_prefetch)]
            await shutdown.wait()
            log.info("draining", queue=self._queue.name, limit_seconds=self._settings.shutdown_drain_seconds)
            await self._take_no_more(tag)
            for _ in workers:
                self._arrived.put_nowait(None)
            _, late = await asyncio.wait(workers, timeout=shutdown.remaining_seconds)
            for worker in late:
                worker.cancel()

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        if self._ending:
            await self._settle(message.reject(requeue=True))
        else:
            self._arrived.put_nowait(message)

    async def _take_no_more(self, tag: str) -> None:
        self._ending = True
        try:
            with asking():
                async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
                    await self._source.cancel(tag)
        except UnavailableError as error:
            log.warning("cannot cancel the consumer, which ends with the connection", error=str(error))
        while not self._arrived.empty():
            if (message := self._arrived.get_nowait()) is not None:
                await self._settle(message.reject(requeue=True))

    async def _work(self, handle: Handle) -> None:
        while (message := await self._arrived.get()) is not None:
            # Of a connection that was lost meanwhile: it comes again, and is not this worker's any more.
            if not _stale(message):
                await self._handle(handle, message)

    async def _handle(self, handle: Handle, message: AbstractIncomingMessage) -> None:
        name = self._queue.name
        headers = {key.lower(): str(value) for key, value in message.headers.items()}
        received = Received(message.body, headers, _attempt(headers))
        begun = perf_counter()
        outcome, reason = Outcome.RETURNED, ""
        with (
            tracing.handling(f"{name} process", headers, SpanKind.CONSUMER) as span,
            _in_flight.labels(name).track_inprogress(),
        ):
            try:
                outcome, reason = await self._outcome(handle, received)
                await self._conclude(message, received, outcome, reason)
            finally:
                seconds = perf_counter() - begun
                _consumed.labels(name, outcome).inc()
                _latency.labels(name).observe(seconds)
                if outcome in _TROUBLE:
                    span.set_status(Status(StatusCode.ERROR, reason))
                say = log.warning if outcome in _TROUBLE or seconds > self._settings.slow_seconds else log.info
                because = {"error": reason} if reason else {}
                say("message", queue=name, outcome=outcome.value, duration_ms=round(seconds * 1000, 2), **because)

    async def _outcome(self, handle: Handle, received: Received) -> tuple[Outcome, str]:
        def passing(error: Exception) -> bool:
            return isinstance(error, UnavailableError) and not self._ending

        try:
            await again(self._queue.name, lambda: handle(received), passing=passing, patience=PATIENCE)
        except RejectedError as error:
            return Outcome.REJECTED, str(error)
        except PostponedError as error:
            return Outcome.POSTPONED, str(error)
        except UnavailableError as error:
            return Outcome.UNAVAILABLE, str(error)
        except Exception as error:
            log.exception("work failed", error=str(error), attempt=received.attempt)
            reports.report(error)
            # Without its text, which may hold what is not meant for whoever reads the dead letters.
            return Outcome.FAILED, f"an error of the program: {type(error).__name__}"
        return Outcome.DONE, ""

    async def _conclude(
        self, message: AbstractIncomingMessage, received: Received, outcome: Outcome, reason: str
    ) -> None:
        if outcome is Outcome.DONE:
            await self._settle(message.ack())
            return
        try:
            if outcome is Outcome.REJECTED or (outcome is Outcome.FAILED and received.attempt >= MOST_ATTEMPTS):
                await self._give_up(message, reason)
            else:
                await self._put_aside(message, received.attempt + (outcome is Outcome.FAILED))
        except UnavailableError as error:
            log.error("cannot hand a message over, it goes back", error=str(error))  # noqa: TRY400 - says no more
            await asyncio.sleep(PATIENCE.longest_pause_seconds)
            await self._settle(message.reject(requeue=True))

    async def _give_up(self, message: AbstractIncomingMessage, reason: str) -> None:
        dead = _copied(message, **{_REASON: reason[:_LONGEST_REASON]})
        await self._publisher.put(dead, self._queue.dead, self._queue.name)
        # SN-7. A broker whose policy gives the queue dead letters of its own gets it there too.
        await self._settle(message.reject(requeue=False))

    async def _put_aside(self, message: AbstractIncomingMessage, attempt: int) -> None:
        later = _copied(message, **{_ATTEMPT: attempt})
        later.expiration = self._settings.amqp_later_seconds
        await self._publisher.put(later, "", self._queue.later)
        await self._settle(message.ack())

    async def _settle(self, settling: Awaitable[None]) -> None:
        """Tell the broker; if it cannot be told, it gives the message to somebody again."""
        try:
            with asking():
                async with asyncio.timeout(SETTLE_TIMEOUT_SECONDS):
                    await settling
        except UnavailableError as error:
            log.warning("the broker was not told what became of a message: it comes again", error=str(error))


@asynccontextmanager
async def consuming(settings: RabbitSettings, name: str, queue: WorkQueue) -> AsyncIterator[Consumer]:
    """Be connected while this is open, ready to take work.

    Args:
        settings: where the broker is, and how many messages are worked on at once.
        name: of the process, such as `notification-worker`.
        queue: where from; created if need be.

    Raises:
        CommandError: the broker does not answer, or refuses the queue.
    """
    async with connected(settings, name) as connection:
        publisher = await confirmed(connection)
        channel: AbstractRobustChannel = await connection.channel()
        source = await declare(channel, queue)
        await channel.set_qos(prefetch_count=settings.amqp_prefetch)

        async def check() -> None:
            await ping(connection, channel)

        yield Consumer(settings, queue, source, publisher, check)


def _stale(message: AbstractIncomingMessage) -> bool:
    try:
        _ = message.channel
    except ChannelInvalidStateError:
        return True
    return False


def _attempt(headers: dict[str, str]) -> int:
    given = headers.get(_ATTEMPT, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= _LONGEST_ATTEMPT else 1


def _copied(message: AbstractIncomingMessage, **headers: str | int) -> Message:
    copied = cast("Message", copy(message))  # the driver's own way to send on what came
    copied.headers = {**sendable(message.headers), **headers}
    return copied
