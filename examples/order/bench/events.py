"""Events of deliveries for the worker, and when it is done with them."""

import asyncio
import json
from collections.abc import Sequence
from time import monotonic, sleep

import psycopg

from chassis.kafka.producer import Message, producing
from chassis_testing.kafka import Kafka
from order_service.worker import TOPIC

DEADLINE_SECONDS = 300
_LOOK_SECONDS = 0.1
_LEFT = "SELECT EXISTS (SELECT FROM orders WHERE status <> 'in_delivery')"


def tell(kafka: Kafka, ids: Sequence[str]) -> None:
    """Tell Kafka that each of these orders has its courier."""
    messages = [Message(each, json.dumps({"event": "delivery_assigned", "id": each}).encode(), {}) for each in ids]

    async def send() -> None:
        async with producing(kafka.bootstrap_servers, "bench") as producer:
            await producer.send(TOPIC, messages)

    asyncio.run(send())


def worked(database: str, count: int) -> float:
    """Wait until so many orders are in delivery; gives the seconds until then.

    Raises:
        TimeoutError: it takes too long.
    """
    begun = monotonic()
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(_LEFT).fetchone() != (False,):
            if monotonic() - begun > DEADLINE_SECONDS:
                raise TimeoutError(f"the worker has not changed {count} orders within {DEADLINE_SECONDS} s")
            sleep(_LOOK_SECONDS)
    return monotonic() - begun
