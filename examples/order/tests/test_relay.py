"""SO-4: what happens to orders is on Kafka, all of it, in order, once in effect; also when things end in between."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer
from processes import Order, request, run, started

from chassis.kafka.producer import Producer, TooLargeError
from chassis.shutdown import Shutdown
from chassis_testing.kafka import Kafka
from chassis_testing.network import free_port
from chassis_testing.program import eventually
from order_service import relay as module
from order_service.pb import order_service_pb2 as pb
from order_service.storage.outbox import Outbox, Tell


@dataclass(frozen=True)
class Heard:
    """A message on the topic."""

    key: str
    value: dict[str, Any]
    headers: dict[str, str]


class Listener:
    """Hears the topic from its first message."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def of(self, order_id: str) -> list[str]:
        return [each.value["event"] for each in self.heard if each.key == order_id]


@asynccontextmanager
async def listening(kafka: Kafka) -> AsyncIterator[Listener]:
    listener = Listener()
    consumer = AIOKafkaConsumer(
        "orders", bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest", group_id=kafka.group()
    )
    await consumer.start()

    async def listen() -> None:
        async for message in consumer:
            listener.heard.append(
                Heard(
                    message.key.decode(),
                    json.loads(message.value),
                    {name: value.decode() for name, value in message.headers},
                )
            )

    task = asyncio.create_task(listen())
    try:
        yield listener
    finally:
        task.cancel()
        await consumer.stop()


@asynccontextmanager
async def relaying(database: str, kafka: Kafka) -> AsyncIterator[Order]:
    async with started(database, "relay", "relaying", KAFKA_BROKERS=kafka.bootstrap_servers) as relay:
        yield relay


def has_told(events: int, *relays: Order) -> bool:
    """Whether these relays have told so many together."""
    told = [line for relay in relays for line in relay.lines if line["message"] == "event published"]
    return len(told) >= events


def waiting(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM outbox").fetchone()
    assert row is not None
    return int(row[0])


def paid(order_id: str) -> pb.UpdateStatusesRequest:
    change = pb.UpdateStatusesRequest.Change(id=order_id, status=pb.ORDER_STATUS_PAID)
    return pb.UpdateStatusesRequest(changes=[change])


async def test_events_are_told_with_their_trace_and_forgotten(order: Order, database: str, kafka: Kafka) -> None:
    """SO-13, MQ-1, OB-3."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = (("x-request-id", "req-1"), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
    async with order.client() as client, relaying(database, kafka) as relay, listening(kafka) as listener:
        created = (await client.CreateOrder(request("123"), metadata=sent)).order
        await client.UpdateStatuses(paid(created.id))
        await eventually(lambda: len(listener.of(created.id)) == 2, "not told")
        await eventually(lambda: waiting(database) == 0, "not forgotten")
        await relay.said("event published", order_id=created.id, event_name="order_created", trace_id=trace)
        relay.terminate()
        assert await relay.ended() == 0
    first, second = (each for each in listener.heard if each.key == created.id)
    assert (first.value["event"], first.value["id"], first.value["user_id"]) == ("order_created", created.id, "123")
    assert second.value["event"] == "order_paid"
    assert first.headers["event-id"] == f"{created.id}:order_created"
    assert first.headers["traceparent"].split("-")[1] == trace
    assert first.headers["x-request-id"] == "req-1"
    assert second.headers["event-id"] != first.headers["event-id"]


async def test_two_relays_that_are_killed_lose_nothing_and_keep_the_order(
    order: Order, database: str, kafka: Kafka
) -> None:
    """F9-8: `kill -9` of whichever works, again and again, while orders come."""
    async with order.client() as client, listening(kafka) as listener:
        ids: list[str] = []
        enough = asyncio.Event()

        async def come() -> None:
            while not enough.is_set():
                created = (await client.CreateOrder(request("123"))).order
                await client.UpdateStatuses(paid(created.id))
                ids.append(created.id)
                await asyncio.sleep(0.05)  # a few hundred in all, however long the relays take to start

        coming = asyncio.create_task(come())
        for _ in range(3):
            async with relaying(database, kafka) as other, relaying(database, kafka) as killed:
                await eventually(partial(has_told, 5, other, killed), "nothing is told")
                killed.process.send_signal(signal.SIGKILL)
                await killed.ended()
        enough.set()
        await coming
        async with relaying(database, kafka):
            await eventually(lambda: waiting(database) == 0, "not all told")
            await eventually(lambda: all(len(set(listener.of(each))) == 2 for each in ids), "not all heard")
    for each in ids:
        told = list(dict.fromkeys(listener.of(each)))
        assert told == ["order_created", "order_paid"]
    # Told again at most where a relay was killed between telling and noting it.
    assert len([each for each in listener.heard if each.key in ids]) <= len(ids) * 2 + 3 * 500


async def test_a_broker_that_restarts_is_waited_for(order: Order, database: str, kafka: Kafka) -> None:
    async with order.client() as client, relaying(database, kafka) as relay:
        with kafka.outage():
            created = (await client.CreateOrder(request("123"))).order
            await relay.said("not ready", needs="kafka")
        await relay.said("event published", order_id=created.id)
        await relay.said("ready again", needs="kafka")
        await eventually(lambda: waiting(database) == 0, "not forgotten")


@pytest.mark.parametrize(
    ("brokers", "says"),
    [
        ("", "order: KAFKA_BROKERS is required\n"),
        ("kafka", "order: KAFKA_BROKERS: must be host:port, or several with commas between them\n"),
    ],
)
def test_brokers_are_required_of_the_relay_alone(database: str, brokers: str, says: str) -> None:
    result = run("relay", DATABASE_URL=database, KAFKA_BROKERS=brokers)
    assert (result.returncode, result.stderr) == (1, says)
    assert run("seed", DATABASE_URL=database, KAFKA_BROKERS=brokers).returncode == 0


def test_a_relay_without_kafka_does_not_start(database: str) -> None:
    result = run("relay", DATABASE_URL=database, KAFKA_BROKERS=f"127.0.0.1:{free_port()}")
    assert result.returncode == 1
    assert result.stderr.startswith("order: no kafka: ")


async def test_what_kafka_does_not_take_is_told_again_until_its_topic_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic may be set to take less than an event; the relay is well, and says so."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    shutdown, tries = Shutdown(1), iter([TooLargeError("larger than kafka takes"), None])

    class Waiting(Outbox):
        def __init__(self) -> None:
            """Nothing is asked of a database."""

        async def tell(self, _: Tell, __: int) -> int:
            error = next(tries)
            if error:
                raise error
            shutdown.begin()
            return 0

        async def oldest_seconds(self) -> float:
            return next(ages)

    ages = iter([70.0])
    measured: list[float] = []
    monkeypatch.setattr(module, "_oldest", SimpleNamespace(set=measured.append))
    with structlog.testing.capture_logs() as said:
        await asyncio.wait_for(module.relay(Waiting(), Producer(lambda: None), shutdown, 1), 5)
    assert [line["event"] for line in said] == ["cannot relay"]
    assert measured == [70], "how far it is behind is known while it is, and on the way out nothing is asked"
