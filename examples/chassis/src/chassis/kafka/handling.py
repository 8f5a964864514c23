"""One message from its arrival to its end: worked, again while that may help, or put aside as a dead letter (MQ-7)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from chassis import metrics, reports, tracing
from chassis.errors import RejectedError, UnavailableError, line
from chassis.kafka.producer import Message, Producer, TooLargeError
from chassis.retries import Patience, again

log = structlog.get_logger(__name__)

TRIES_AFTER_PROGRAM_ERRORS = 3
MOST_OF_A_KEY = 1000
"""Characters of the key of a dead letter that is cut."""
FOR_EVER = Patience(most=None, timeout_seconds=None, first_pause_seconds=0.1, longest_pause_seconds=5)

_handled = Counter("kafka_messages_handled", "Messages that are done with", ["topic", "outcome"])
_latency = Histogram(
    "kafka_message_duration_seconds",
    "Time from taking a message to being done with it, waiting and tries included",
    ["topic"],
    buckets=metrics.LATENCY_SECONDS,
)


@dataclass(frozen=True)
class Received:
    """A message.

    Attributes:
        topic: where it came from.
        partition: which part of it.
        offset: its place there.
        key: messages of one key are worked in their order; empty for one without.
        value: the content.
        headers: what came with it, such as the trace.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: dict[str, str]


Handle = Callable[[Received], Awaitable[None]]


def dead_letters(topic: str, group: str) -> str:
    """The topic of what a group could not work of another topic."""
    return f"{topic}.{group}.dead"


class Handler:
    """Works messages for a group, each in the trace that it came with."""

    def __init__(self, group: str, handle: Handle, producer: Producer, slow_seconds: float) -> None:
        self._group = group
        self._handle = handle
        self._producer = producer
        self._slow = slow_seconds

    async def work(self, message: Received) -> None:
        """Work it to its end; returns when it need not be read again.

        What is unavailable is waited for, for as long as it takes: nothing is lost, and what comes behind would fail
        too. An error of the program is tried again a few times, and then the message is a dead letter, so that one
        message does not stop the others.
        """
        begun = perf_counter()
        with (
            tracing.handling(f"{message.topic} process", message.headers, SpanKind.CONSUMER) as span,
            structlog.contextvars.bound_contextvars(topic=message.topic, key=message.key),
        ):
            outcome = "given back"
            try:
                outcome = await self._until_done(message, span)
            finally:
                seconds = perf_counter() - begun
                _latency.labels(message.topic).observe(seconds)
                _handled.labels(message.topic, outcome).inc()
                (log.warning if seconds > self._slow else log.info)(
                    "message",
                    partition=message.partition,
                    offset=message.offset,
                    status=outcome,
                    duration_ms=round(seconds * 1000, 2),
                )

    async def _until_done(self, message: Received, span: Span) -> str:
        errors = 0

        async def once() -> None:
            nonlocal errors
            try:
                await self._handle(message)
            except (RejectedError, UnavailableError):
                raise
            except Exception as error:
                errors += 1
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                log.exception("message failed", error=str(error), times=errors)
                reports.report(error)
                raise

        def may_pass(error: Exception) -> bool:
            if isinstance(error, RejectedError):
                return False
            return isinstance(error, UnavailableError) or errors < TRIES_AFTER_PROGRAM_ERRORS

        try:
            await again(message.topic, once, passing=may_pass, describe=line, patience=FOR_EVER)
        except RejectedError as error:
            span.set_status(Status(StatusCode.ERROR, str(error)))
            log.error("message rejected", error=str(error))  # noqa: TRY400 - the trace says no more
            return await self._put_aside(message, str(error))
        except Exception as error:  # noqa: BLE001 - whatever the work raises; it is in the log
            return await self._put_aside(message, f"{type(error).__name__} {errors} times")
        return "done"

    async def _put_aside(self, message: Received, reason: str) -> str:
        why = {
            "dead-letter-reason": reason,
            "dead-letter-place": f"{message.topic}/{message.partition}/{message.offset}",
        }
        try:
            await self._send(message.topic, Message(message.key, message.value, {**message.headers, **why}))
        except TooLargeError:  # it came compressed, or to a topic that takes more
            cut = {**why, "dead-letter-cut": "larger than this topic takes; the message is at its place"}
            await self._send(message.topic, Message(message.key[:MOST_OF_A_KEY], b"", cut))
        return "dead letter"

    async def _send(self, topic: str, letter: Message) -> None:
        """Send a dead letter, however long that takes.

        Raises:
            TooLargeError: it never will be.
        """
        to = dead_letters(topic, self._group)

        def passes(error: Exception) -> bool:
            return isinstance(error, UnavailableError)

        await again(to, lambda: self._producer.send(to, [letter]), passing=passes, patience=FOR_EVER)
