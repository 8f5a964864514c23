"""Writing to Kafka: every message is acknowledged by all replicas in step, and written once per send."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordListTooLargeError,
    UnknownProducerId,
)

from chassis.errors import CommandError, RejectedError, UnavailableError, line

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_SECONDS = 10
PING_TIMEOUT_SECONDS = 2.0
STOP_SECONDS = 3.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_OUT_OF_STEP = (OutOfOrderSequenceNumber, UnknownProducerId, InvalidProducerEpoch, ProducerFenced)
"""What a producer hears for ever after its broker has forgotten, or never taken, what it counts as written."""


class KafkaUnavailableError(UnavailableError):
    """No broker takes what is sent, or answers."""

    public = "the message bus is unavailable, try again"


class TooLargeError(RejectedError):
    """A message is larger than Kafka takes; of several that are sent together, one."""


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes:
        key: messages of one key stay in their order.
        value: the content.
        headers: what goes with it, such as the trace.
    """

    key: str
    value: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Written:
    """Where a message is."""

    partition: int
    offset: int


class Producer:
    """Sends messages."""

    def __init__(self, make: Callable[[], AIOKafkaProducer]) -> None:
        """Send by a client that this makes; nothing is connected before `start`."""
        self._make = make
        self._client = make()
        self._change: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            aiokafka.errors.KafkaError: no broker answers.
        """
        await self._client.start()

    async def stop(self) -> None:
        """End; what is on its way is sent first, if that can be done soon."""
        if self._change is not None:
            self._change.cancel()
            await asyncio.wait([self._change])
        await _stop(self._client)

    async def send(self, topic: str, messages: Sequence[Message]) -> list[Written]:
        """Send them in this order, and wait until they are written.

        Raises:
            KafkaUnavailableError: not all of them are; those that are cannot be told from the others.
            TooLargeError: likewise, and it will not be otherwise until its topic takes more.
        """
        client = self._client
        try:
            sent = [
                await client.send(
                    topic,
                    each.value,
                    key=each.key.encode(),
                    headers=[(name, value.encode()) for name, value in each.headers.items()],
                )
                for each in messages
            ]
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS * 2):
                written = await asyncio.gather(*sent)
        except TimeoutError:
            raise KafkaUnavailableError("no acknowledgement in time") from None
        except _TOO_LARGE as error:
            raise TooLargeError(f"larger than kafka takes: {line(error)}") from error
        except KafkaError as error:
            if isinstance(error, _OUT_OF_STEP):
                await self._replace(client)
            raise KafkaUnavailableError(line(error)) from error
        return [Written(each.partition, each.offset) for each in written]

    async def _replace(self, client: AIOKafkaProducer) -> None:
        """Begin anew, under another id, for all who try again.

        Once, for all who find the client out of step; and to its end, though they may not wait so long.
        """
        if self._client is not client:
            return
        if self._change is None or self._change.done():
            self._change = asyncio.create_task(self._begin_anew(client))
        await asyncio.shield(self._change)

    async def _begin_anew(self, client: AIOKafkaProducer) -> None:
        log.warning("kafka has lost count of what was sent: a new producer takes over")
        fresh = self._make()
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                await fresh.start()
        except (KafkaError, TimeoutError) as error:
            log.warning("no new producer yet", error=line(error))
            await _stop(fresh)
        except BaseException:
            await _stop(fresh)
            raise
        else:
            self._client = fresh
            await _stop(client)

    async def ping(self) -> None:
        """Ask a broker what there is.

        Raises:
            KafkaUnavailableError: none answers in time.
        """
        try:
            async with asyncio.timeout(PING_TIMEOUT_SECONDS):
                await self._client.client.fetch_all_metadata()
        except TimeoutError:
            raise KafkaUnavailableError("no broker answers in time") from None
        except KafkaError as error:
            raise KafkaUnavailableError(line(error)) from error


@asynccontextmanager
async def producing(brokers: str, client_id: str) -> AsyncIterator[Producer]:
    """Be connected while this is open; at the end, what is on its way is sent first, if that can be done soon.

    Raises:
        CommandError: no broker answers.
    """
    _quiet()

    def make() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=[each.strip() for each in brokers.split(",")],
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000,
        )

    producer = Producer(make)
    try:
        await producer.start()
    except KafkaError as error:
        raise CommandError(f"no kafka: {line(error)}") from error
    try:
        yield producer
    finally:
        await producer.stop()


async def _stop(client: AIOKafkaProducer) -> None:
    """Stop; aiokafka itself waits for an absent broker until the messages for it have expired, one after another."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await client.stop()
    except TimeoutError:
        log.warning("kafka does not take what is left; whoever sent it was told so")
        await _close(client)
    except asyncio.CancelledError:
        await _close(client)
        raise


async def _close(client: AIOKafkaProducer) -> None:
    """Close what a `stop` that is cut short leaves open."""
    with suppress(TimeoutError):  # it waits for requests under way
        async with asyncio.timeout(STOP_SECONDS):
            await client._sender.close()  # noqa: SLF001 - aiokafka has no other way
    await client.client.close()


def _quiet() -> None:
    """Keep the driver from writing some sixty lines a second while a broker is away: readiness tells it."""
    if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
