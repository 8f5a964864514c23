"""Events for the worker and the relay, and when they are done with them."""

import asyncio
import json
from collections.abc import Sequence
from time import monotonic, sleep

import psycopg

from bench.load import Load
from chassis.kafka.producer import Message, producing
from chassis_testing.kafka import Kafka
from order_service.worker import TOPIC

DEADLINE_SECONDS = 300
MOST_A_SECOND = 10_000
"""So many events wait for each second of a relay: more than it can tell."""
_LOOK_SECONDS = 0.1
_LEFT = "SELECT EXISTS (SELECT FROM orders WHERE status <> 'in_delivery')"


_WAIT = """
    INSERT INTO outbox (order_id, event, user_id, happened_at, headers)
    SELECT gen_random_uuid(), 'order_created', 'bench', now(), '{}' FROM generate_series(1, %s)
"""


def tell(kafka: Kafka, ids: Sequence[str]) -> None:
    """Tell Kafka that each of these orders has its courier."""
    messages = [Message(each, json.dumps({"event": "delivery_assigned", "id": each}).encode(), {}) for each in ids]

    async def send() -> None:
        async with producing(kafka.bootstrap_servers, "bench") as producer:
            await producer.send(TOPIC, messages)

    asyncio.run(send())


def worked(database: str, count: int) -> Load:
    """Wait until so many orders are in delivery.

    Raises:
        TimeoutError: it takes too long.
    """
    begun = monotonic()
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(_LEFT).fetchone() != (False,):
            if monotonic() - begun > DEADLINE_SECONDS:
                raise TimeoutError(f"the worker has not changed {count} orders within {DEADLINE_SECONDS} s")
            sleep(_LOOK_SECONDS)
    return Load(count, monotonic() - begun)


def queue(database: str, seconds: float) -> None:
    """Have events wait, for a relay that works for some time."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_WAIT, [round(MOST_A_SECOND * seconds)])
        connection.execute("ANALYZE outbox")


def relayed(database: str, seconds: float) -> Load:
    """Let a relay work for some time; gives how many events it has told."""
    with psycopg.connect(database, autocommit=True) as connection:
        before, begun = _waiting(connection), monotonic()
        sleep(seconds)
        after, ended = _waiting(connection), monotonic()
    return Load(before - after, ended - begun)


def _waiting(connection: psycopg.Connection) -> int:
    (waiting,) = connection.execute("SELECT count(*) FROM outbox").fetchone() or (0,)
    return int(waiting)
