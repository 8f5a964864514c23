"""A queue of work, and what belongs to it (SN-4, MQ-6, MQ-7).

| name       | what it is                                                                                        |
|------------|---------------------------------------------------------------------------------------------------|
| `q`        | the queue: durable, without arguments, so that whoever declares it as the documents do gets along |
| `q.later`  | messages that could not be worked on; they go back to `q` after a while                           |
| `q.dead`   | an exchange, and a queue behind it: messages that cannot be worked on at all                      |

A queue without arguments has no dead-letter exchange of the broker's own. So a consumer hands such a message over to
`q.dead` itself, with the reason in a header, waits until the broker confirms that it has it, and only then rejects the
message. If it ends in between, the message comes again: nothing is lost.
"""

import asyncio
from dataclasses import dataclass

from aio_pika import ExchangeType
from aio_pika.abc import AbstractQueue, AbstractRobustChannel
from aio_pika.exceptions import ChannelClosed, ChannelPreconditionFailed

from chassis.errors import CommandError, UnavailableError, line
from chassis.rabbit.connection import asking

DECLARE_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """The names of a queue and of what belongs to it.

    Attributes:
        name: such as `notification_queue`.
    """

    name: str

    @property
    def later(self) -> str:
        """The queue that messages wait in before they come back."""
        return f"{self.name}.later"

    @property
    def dead(self) -> str:
        """The exchange, and the queue behind it, of messages that are given up."""
        return f"{self.name}.dead"


async def declare(channel: AbstractRobustChannel, queue: WorkQueue) -> AbstractQueue:
    """Create what is not there yet; it is done again after each loss of the connection.

    Raises:
        CommandError: the broker refuses, as for a queue that exists with other properties, or it does not answer.
    """
    try:
        with asking():
            async with asyncio.timeout(DECLARE_TIMEOUT_SECONDS):
                return await _declare(channel, queue)
    except UnavailableError as error:
        cause = error.__cause__
        if isinstance(cause, ChannelPreconditionFailed):
            raise CommandError(
                f"{queue.name} and what belongs to it cannot be used, since it exists with other properties than this"
                f" release declares; let it run empty and remove it: {line(cause)}"
            ) from error
        if isinstance(cause, ChannelClosed):
            raise CommandError(f"{queue.name} and what belongs to it cannot be used: {line(cause)}") from error
        raise CommandError(f"no rabbitmq: {error}") from error


async def _declare(channel: AbstractRobustChannel, queue: WorkQueue) -> AbstractQueue:
    exchange = await channel.declare_exchange(queue.dead, ExchangeType.FANOUT, durable=True)
    await (await channel.declare_queue(queue.dead, durable=True)).bind(exchange)
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue.name}
    await channel.declare_queue(queue.later, durable=True, arguments=back)
    return await channel.declare_queue(queue.name, durable=True)
