"""Handing work over: a message counts as sent when the broker has confirmed that a queue has it, on disk."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import PublishError
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from chassis import tracing
from chassis.rabbit.connection import RabbitUnavailableError, asking, connected, ping
from chassis.rabbit.queues import WorkQueue, declare
from chassis.rabbit.settings import RabbitSettings

SEND_TIMEOUT_SECONDS = 5

_published = Counter("rabbit_published", "Messages that RabbitMQ has confirmed", ["queue"])


class UnroutableError(RabbitUnavailableError):
    """No queue takes the message: somebody has removed it."""


class Publisher:
    """Sends messages, each confirmed."""

    def __init__(self, connection: AbstractRobustConnection, channel: AbstractRobustChannel) -> None:
        """Send through a channel with confirms; `publishing` makes one."""
        self._connection = connection
        self._channel = channel

    async def send(self, queue: WorkQueue, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send some work to a queue, with the ids of what is being handled.

        Args:
            queue: where to.
            body: the message.
            headers: what else goes with it.

        Raises:
            RabbitUnavailableError: it is not confirmed, so it may be there or not. Send it again: those who work on it
                must know it by something in it.
        """
        carrier: dict[str, str] = {}
        with tracing.sending(f"{queue.name} publish", carrier, SpanKind.PRODUCER):
            message = Message(body, content_type="application/json", headers={**(headers or {}), **carrier})
            await self.put(message, "", queue.name)
        _published.labels(queue.name).inc()

    async def put(self, message: Message, exchange: str, routing_key: str) -> None:
        """Send a message as it is, and wait until it is confirmed.

        Raises:
            UnroutableError: no queue takes it.
            RabbitUnavailableError: it is not confirmed.
        """
        message.delivery_mode = DeliveryMode.PERSISTENT
        with asking():
            try:
                async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                    await self._channel.ready()
                    through = self._channel.default_exchange
                    if exchange:
                        through = await self._channel.get_exchange(exchange, ensure=False)
                    await through.publish(message, routing_key, mandatory=True)
            except PublishError:
                raise UnroutableError(f"no queue takes what is sent to {exchange or routing_key}") from None

    async def ping(self) -> None:
        """See that messages can be sent.

        Raises:
            RabbitUnavailableError: they cannot.
        """
        await ping(self._connection, self._channel)


@asynccontextmanager
async def publishing(settings: RabbitSettings, name: str, *queues: WorkQueue) -> AsyncIterator[Publisher]:
    """Be connected while this is open, with these queues there.

    Args:
        settings: where the broker is.
        name: of the process, such as `notification-dispatch`.
        queues: created if need be, so that it does not matter who starts first.

    Raises:
        CommandError: the broker does not answer, or refuses a queue.
    """
    async with connected(settings, name) as connection:
        channel = await connection.channel()
        for queue in queues:
            await declare(channel, queue)
        yield await confirmed(connection)


async def confirmed(connection: AbstractRobustConnection) -> Publisher:
    """Make a publisher on a channel of its own.

    Raises:
        RabbitUnavailableError: the broker does not answer.
    """
    with asking():
        # A message that comes back is an error of `publish`, and not a callback that nobody hears.
        channel: Any = await connection.channel(publisher_confirms=True, on_return_raises=True)
    return Publisher(connection, channel)
