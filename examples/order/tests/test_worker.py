"""SO-6, X-15, SD-5: orders follow what Kafka tells of deliveries, whatever ends or is away meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer
from processes import Order, request, started

from chassis.kafka.handling import dead_letters
from chassis.kafka.producer import Message, producing
from chassis_testing.kafka import Kafka
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.program import eventually
from order_service.pb import order_service_pb2 as pb


@asynccontextmanager
async def working(database: str, kafka: Kafka) -> AsyncIterator[Order]:
    async with started(database, "worker", "working", KAFKA_BROKERS=kafka.bootstrap_servers) as worker:
        yield worker


async def tell(kafka: Kafka, event: str, ids: Sequence[str], **headers: str) -> None:
    value = {"event": event, "user_id": "123", "courier_id": "7", "eta_minutes": 12}
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        await producer.send(
            "deliveries", [Message(each, json.dumps({**value, "id": each}).encode(), headers) for each in ids]
        )


async def paid_orders(order: Order, count: int) -> list[str]:
    async with order.client() as client:
        made = [(await client.CreateOrder(request("123"))).order.id for _ in range(count)]
        changes = [pb.UpdateStatusesRequest.Change(id=each, status=pb.ORDER_STATUS_PAID) for each in made]
        await client.UpdateStatuses(pb.UpdateStatusesRequest(changes=changes))
    return made


def statuses(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        return {str(status) for (status,) in connection.execute("SELECT DISTINCT status FROM orders")}


def told(database: str, event: str) -> list[dict[str, str]]:
    """The headers of what has been told of."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT headers FROM outbox WHERE event = %s", [event])
        return [headers for (headers,) in rows]


async def test_orders_follow_their_deliveries_and_the_trace_goes_on(order: Order, database: str, kafka: Kafka) -> None:
    one, other = await paid_orders(order, 2)
    traces = {one: "4bf92f3577b34da6a3ce929d0e0e4736", other: "0af7651916cd43dd8448eb211c80319c"}
    async with working(database, kafka) as worker:
        for each, trace in traces.items():
            await tell(kafka, "delivery_assigned", [each], traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        await eventually(lambda: statuses(database) == {"in_delivery"}, "not in delivery")
        await tell(kafka, "delivery_completed", [one, other])
        await eventually(lambda: statuses(database) == {"delivered"}, "not delivered")
        await worker.said("message", key=one, status="done", trace_id=traces[one])
        worker.terminate()
        assert await worker.ended() == 0
    headers = told(database, "order_in_delivery")
    assert {each["traceparent"].split("-")[1] for each in headers} == set(traces.values())
    assert len(headers) == 2


async def test_what_is_told_twice_or_in_between_two_lives_is_done_once(
    order: Order, database: str, kafka: Kafka
) -> None:
    ids = await paid_orders(order, 150)
    async with working(database, kafka) as worker:
        await tell(kafka, "delivery_assigned", ids)
        await worker.said("order changed")
        worker.kill()
        await worker.ended()
    async with working(database, kafka):
        await tell(kafka, "delivery_assigned", ids)
        await eventually(lambda: statuses(database) == {"in_delivery"}, "not all in delivery")
    assert len(told(database, "order_in_delivery")) == 150


async def test_a_database_that_is_away_is_waited_for(
    order: Order, database: str, kafka: Kafka, postgresql: PostgreSQL
) -> None:
    ids = await paid_orders(order, 3)
    async with working(database, kafka) as worker:
        postgresql.kill()
        try:
            await tell(kafka, "delivery_assigned", ids)
            await worker.said("trying again", what="deliveries")
        finally:
            await asyncio.to_thread(postgresql.start)
        await eventually(lambda: statuses(database) == {"in_delivery"}, "not in delivery")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ((None, b"{"), "not an event of a delivery: JSONDecodeError"),
        ((None, b"[]"), "not an event of a delivery: TypeError"),
        ((None, b'{"event": "delivery_assigned"}'), "not an event of a delivery: KeyError"),
        (("another", None), "the id is not the message's key"),
        ((None, None), "no order has this id"),
    ],
)
async def test_what_cannot_be_understood_is_put_aside_and_holds_up_nothing(
    order: Order, database: str, kafka: Kafka, sent: tuple[str | None, bytes | None], reason: str
) -> None:
    (good,) = await paid_orders(order, 1)
    bad = str(uuid4())
    key, value = sent
    value = value or json.dumps({"event": "delivery_assigned", "id": bad}).encode()
    async with working(database, kafka):
        async with producing(kafka.bootstrap_servers, "tests") as producer:
            await producer.send("deliveries", [Message(key or bad, value, {"x-test": bad})])
        await tell(kafka, "delivery_assigned", [good])
        await eventually(lambda: statuses(database) == {"in_delivery"}, "held up")
        assert await letter(kafka, bad) == reason


async def letter(kafka: Kafka, test: str) -> str:
    """Why the message of this test is a dead letter."""
    topic = dead_letters("deliveries", "order")
    reader = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    async with reader, asyncio.timeout(30):
        async for message in reader:
            headers = {name: value.decode() for name, value in message.headers}
            if headers.get("x-test") == test:
                return str(headers["dead-letter-reason"])
    raise AssertionError("the reader ends with the timeout")
