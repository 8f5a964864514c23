"""The process `worker`: changes orders by what Kafka tells of their deliveries (SO-6).

A hundred orders are worked at the same time, and those that come together are changed by one statement. An event may
come twice: the status that an order has already is not changed again.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog

from chassis import tracing
from chassis.batches import Batches
from chassis.errors import RejectedError
from chassis.kafka.consumer import consuming
from chassis.kafka.handling import Received
from chassis.readiness import Check
from chassis.running import running
from chassis.sql.database import opened, ping
from chassis.sql.watch import watch_pool
from order_service import SERVICE
from order_service.domain import Change, OrderStatus, Outcome
from order_service.service import BATCH_SIZE, Orders
from order_service.settings import KafkaSettings
from order_service.storage.repository import PostgresOrderRepository

log = structlog.get_logger(__name__)

GROUP = "order"
TOPIC = "deliveries"
STATUSES: Final = {"delivery_assigned": OrderStatus.IN_DELIVERY, "delivery_completed": OrderStatus.DELIVERED}


async def run(settings: KafkaSettings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CommandError: the database or Kafka does not answer at the start, Kafka refuses, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(settings, "order-worker"))
        watch_pool(engine)
        together = Batches(Orders(PostgresOrderRepository(engine)).change, BATCH_SIZE)
        await work(settings, together.add, partial(ping, engine))


async def work(settings: KafkaSettings, change: Callable[[Change], Awaitable[Outcome]], database: Check) -> None:
    """Change orders until SIGTERM or SIGINT.

    Args:
        settings: of the process.
        change: changes an order, for many at the same time.
        database: tells whether what it needs answers.

    Raises:
        CommandError: the database or Kafka does not answer at the start, Kafka refuses, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        consumer = await stack.enter_async_context(
            consuming(settings.kafka_brokers, "order-worker", GROUP, settings.slow_seconds)
        )
        needs: dict[str, Check] = {"database": database, "kafka": consumer.ping}
        process = await stack.enter_async_context(running(settings, SERVICE, needs))
        log.info("working", topic=TOPIC, metrics_port=process.metrics_port)
        await consumer.run([TOPIC], Deliveries(change), process.shutdown)


class Deliveries:
    """Works what is told of deliveries."""

    def __init__(self, change: Callable[[Change], Awaitable[Outcome]]) -> None:
        self._change = change

    async def __call__(self, message: Received) -> None:
        """Change the order that an event is of.

        Raises:
            RejectedError: it is none that can be understood, or of no order.
            StorageUnavailableError: the database does not answer.
        """
        change = _change(message)
        if change is not None and await self._change(change) is Outcome.NOT_FOUND:
            raise RejectedError("no order has this id")


def _change(message: Received) -> Change | None:
    """What an event changes; events of other names than ours are none of our business."""
    try:
        event = json.loads(message.value)
        order_id, status = event["id"], STATUSES.get(event["event"])
    except (ValueError, TypeError, KeyError) as error:
        raise RejectedError(f"not an event of a delivery: {type(error).__name__}") from error
    # By the key, events of one order come one after the other; one of another key might come together with them.
    if order_id != message.key:
        raise RejectedError("the id is not the message's key")
    return Change(order_id, status, tracing.outgoing()) if status else None
