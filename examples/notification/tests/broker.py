"""RabbitMQ as others use it: those who hand tasks over, and those who look at what is left."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

QUEUE = "notification_queue"


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(QUEUE, durable=True, auto_delete=False, exclusive=False, arguments=None)  # SN-4
        yield channel


def task(number: int | str, user_id: str | int = "ada", message: str = "Your order has been paid.") -> dict[str, Any]:
    return {"user_id": user_id, "message": message, "notification_id": f"n-{number}"}


async def send(url: str, *tasks: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> None:
    """Hand tasks over, or what is none."""
    async with looking(url) as channel:
        for each in tasks:
            body = each if isinstance(each, bytes) else json.dumps(each).encode()
            message = aio_pika.Message(
                body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, headers={**(headers or {})}
            )
            await channel.default_exchange.publish(message, QUEUE)


async def waiting(url: str, queue: str = QUEUE) -> int:
    """How many messages are in a queue and with nobody."""
    async with looking(url) as channel:
        count = (await channel.get_queue(queue)).declaration_result.message_count
    assert count is not None
    return count


async def take(url: str, queue: str = QUEUE) -> list[AbstractIncomingMessage]:
    """Take all that is in a queue."""
    taken = []
    async with looking(url) as channel:
        source = await channel.get_queue(queue)
        while (message := await source.get(fail=False)) is not None:
            await message.ack()
            taken.append(message)
    return taken
