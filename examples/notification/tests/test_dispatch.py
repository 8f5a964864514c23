"""X-3, MQ-4, F9-8: of every event that users are told of there is a task, whatever ends or is away meanwhile."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from broker import take, waiting
from others import Postman
from processes import Backing, Notification, working

from chassis.kafka.handling import dead_letters
from chassis.kafka.producer import Message, Producer, producing
from chassis_testing.kafka import Kafka
from chassis_testing.program import eventually
from chassis_testing.rabbitmq import USER, RabbitMQ
from notification_service.dispatch import GROUP, TOPICS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-request-id": "req-1"}


@dataclass
class Shop:
    """Those who tell what happens: the order and the delivery service."""

    producer: Producer
    order_id: str = field(default_factory=lambda: uuid4().hex)

    async def tell(self, event: str, order_id: str = "", **more: object) -> None:
        order = order_id or self.order_id
        value = {"event": event, "id": order, "user_id": "ada", "happened_at": "2026-11-27T08:00:00+00:00", **more}
        topic = "deliveries" if event.startswith("delivery") else "orders"
        headers = {"event-id": f"{order}:{event}", **TRACED}
        await self.producer.send(topic, [Message(order, json.dumps(value).encode(), headers)])


@pytest.fixture(scope="session")
def topics(kafka: Kafka) -> str:
    """Kafka with the topics, as the platform makes them; gives its address."""
    asyncio.run(kafka.make_topics(*TOPICS, dead_letters("orders", GROUP)))
    return kafka.bootstrap_servers


@pytest.fixture
async def shop(topics: str) -> AsyncIterator[Shop]:
    async with producing(topics, "tests") as producer:
        yield Shop(producer)


@contextlib.asynccontextmanager
async def dispatching(topics: str, amqp: str) -> AsyncIterator[Notification]:
    variables = {"KAFKA_BROKERS": topics, "RABBITMQ_URL": amqp}  # W-2
    async with Notification.started("notification", "dispatch", "dispatching", **variables) as dispatch:
        yield dispatch


async def dead(topics: str) -> tuple[bytes, dict[str, bytes]]:
    reader = AIOKafkaConsumer(dead_letters("orders", GROUP), bootstrap_servers=topics, auto_offset_reset="earliest")
    async with reader, asyncio.timeout(30):
        record = await reader.getone()
    return record.value, dict(record.headers)


async def test_an_order_is_told_of_from_end_to_end(topics: str, shop: Shop, backing: Backing, postman: Postman) -> None:
    """X-3: Kafka, RabbitMQ and mail, with one trace."""
    async with dispatching(topics, backing.amqp) as dispatch, working(backing, USER_LIMIT="100") as worker:
        await shop.producer.send("orders", [Message("poison", b"{", {})])
        for event in ("order_created", "order_paid", "order_in_delivery", "order_paid", "order_delivered"):
            await shop.tell(event)
        await shop.tell("delivery_assigned", courier_id="c", eta_minutes=25)
        await shop.tell("delivery_completed", courier_id="c", eta_minutes=0)
        told = ("order_created", "order_paid", "delivery_assigned", "order_delivered")
        wanted = {f"{shop.order_id}:{event}": "sent" for event in told}
        await eventually(lambda: backing.noted() == wanted, "not told")
        line = await worker.said("notification sent", notification_id=f"{shop.order_id}:delivery_assigned")
        assert (line["trace_id"], line["request_id"], line["user_id"]) == (TRACE, "req-1", "ada")
        await dispatch.said("event dispatched", notification_id=f"{shop.order_id}:order_paid", trace_id=TRACE)
        value, headers = await dead(topics)
        assert (value, headers["dead-letter-reason"][:18]) == (b"{", b"body: Invalid JSON")
        dispatch.terminate()
        worker.terminate()
        assert (await dispatch.ended(), await worker.ended()) == (0, 0)
    assert sorted(mail["Subject"] for mail in postman.mails) == [
        f"Your order {shop.order_id} has been delivered.",
        f"Your order {shop.order_id} has been paid.",
        f"Your order {shop.order_id} has been placed.",
        f"Your order {shop.order_id} is on its way and will be with you in about 25 minutes.",
    ]


async def test_neither_a_crash_nor_a_broker_that_is_away_loses_anything(
    topics: str, shop: Shop, rabbitmq: RabbitMQ
) -> None:
    amqp = rabbitmq.vhost()
    orders = [f"{shop.order_id}-{number}" for number in range(60)]

    async def come() -> None:
        for order in orders:
            await shop.tell("order_created", order)

    coming = asyncio.create_task(come())
    async with dispatching(topics, amqp) as dispatch:
        await dispatch.said("event dispatched")
        dispatch.kill()
        await dispatch.ended()
    await coming
    async with dispatching(topics, amqp) as dispatch:
        async with closed(rabbitmq, amqp, dispatch):
            await dispatch.said("partitions")  # what it reads now, it cannot hand over
        await eventually(lambda: there(amqp, len(orders)), "lost")
        dispatch.terminate()
        assert await dispatch.ended() == 0
    found = {json.loads(each.body)["notification_id"] for each in await take(amqp)}
    assert {f"{order}:order_created" for order in orders} <= found


async def there(amqp: str, count: int) -> bool:
    return await waiting(amqp) >= count


async def test_what_happens_after_kafka_was_away_is_told(
    topics: str, shop: Shop, rabbitmq: RabbitMQ, kafka: Kafka
) -> None:
    amqp = rabbitmq.vhost()
    async with dispatching(topics, amqp) as dispatch:
        with kafka.outage():
            await dispatch.said("not ready", needs="kafka")
        await shop.tell("order_paid")
        told = f"{shop.order_id}:order_paid"
        await dispatch.said("event dispatched", notification_id=told)
        dispatch.terminate()
        assert await dispatch.ended() == 0
    # What an earlier test has left may be there as well.
    assert told in {json.loads(each.body)["notification_id"] for each in await take(amqp)}


@contextlib.asynccontextmanager
async def closed(rabbitmq: RabbitMQ, amqp: str, dispatch: Notification) -> AsyncIterator[None]:
    """Keep everybody out of a virtual host: as a broker that is away, with no restart to wait for."""
    name = amqp.rpartition("/")[2]

    def out() -> bool:  # the broker lists a connection some time after it is there, and some time after it has ended
        for each in rabbitmq.api("GET", f"/vhosts/{name}/connections"):
            try:
                rabbitmq.api("DELETE", f"/connections/{quote(each['name'], safe='')}")
            except ConnectionError as error:
                if ": 404 " not in str(error):
                    raise
        wanted = {"message": "not ready", "needs": "rabbitmq"}
        return any(wanted.items() <= line.items() for line in dispatch.lines)

    rights = f"/permissions/{name}/{USER}"
    rabbitmq.api("DELETE", rights)
    await eventually(out, "still connected")
    yield
    rabbitmq.api("PUT", rights, {"configure": ".*", "write": ".*", "read": ".*"})
