"""A connection that comes back by itself, and with it its channels, what was declared on them, and their consumers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aio_pika import connect_robust
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from chassis.errors import CommandError, UnavailableError, line
from chassis.rabbit.settings import RabbitSettings

CONNECT_TIMEOUT_SECONDS = 5
HEARTBEAT_SECONDS = 10
"""A broker that has gone without a word is noticed after a few of these."""
RECONNECT_SECONDS = 1
PING_TIMEOUT_SECONDS = 2.0


class RabbitUnavailableError(UnavailableError):
    """RabbitMQ does not answer, or does not take what is sent."""

    public = "the message broker is unavailable, try again"


@asynccontextmanager
async def connected(settings: RabbitSettings, name: str) -> AsyncIterator[AbstractRobustConnection]:
    """Have a connection while this is open.

    Args:
        settings: where the broker is.
        name: of the process, which the broker shows for its connection, such as `notification-worker`.

    Raises:
        CommandError: the broker does not answer, or lets nobody in with these credentials.
    """
    _quiet()
    try:
        connection = await connect_robust(
            settings.amqp_url.get_secret_value(),
            timeout=CONNECT_TIMEOUT_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            reconnect_interval=RECONNECT_SECONDS,
            name=name,
        )
    except CONNECTION_EXCEPTIONS as error:
        raise CommandError(f"no rabbitmq: {line(error)}") from error
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def asking() -> Iterator[None]:
    """Ask the broker for something; the driver's many errors become one.

    Raises:
        RabbitUnavailableError: it does not answer.
    """
    try:
        yield
    except TimeoutError:
        raise RabbitUnavailableError("no answer in time") from None
    except CONNECTION_EXCEPTIONS as error:
        raise RabbitUnavailableError(line(error)) from error
    except asyncio.CancelledError:
        # The driver also cancels those who wait for the answer of a connection that is closed.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RabbitUnavailableError("the connection was closed") from None


async def ping(connection: AbstractRobustConnection, channel: AbstractRobustChannel) -> None:
    """See that the broker answers, and that a channel is open again after the last loss of the connection.

    Raises:
        RabbitUnavailableError: it does not, or the channel is not.
    """
    with asking():
        async with asyncio.timeout(PING_TIMEOUT_SECONDS):
            await channel.ready()
            if connection.transport is None:
                raise RabbitUnavailableError("not connected")
            probe = await connection.transport.connection.channel(publisher_confirms=False)
            await probe.close()


def _quiet() -> None:
    """Of what the driver writes of a lost connection, leave one line per attempt to connect."""
    if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)
        logging.getLogger("aio_pika").setLevel(logging.WARNING)
        logging.getLogger("aio_pika.tools").setLevel(logging.CRITICAL)
