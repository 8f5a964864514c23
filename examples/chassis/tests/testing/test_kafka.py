"""Kafka: topics by their first use, groups, and messages that survive a crash."""

from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis_testing.kafka import Kafka


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka.running() as server:
        yield server


async def send(kafka: Kafka, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def receive(kafka: Kafka, topic: str, group: str) -> bytes:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, group_id=group, auto_offset_reset="earliest"
    )
    async with consumer:
        message = await consumer.getone()
        await consumer.commit()
        return bytes(message.value)


async def test_topics_and_groups_are_apart(kafka: Kafka) -> None:
    assert len({kafka.topic(), kafka.topic(), kafka.group(), kafka.group()}) == 4


async def test_topics_are_there_before_anybody_asks(kafka: Kafka) -> None:
    one, other = kafka.topic(), kafka.topic()
    await kafka.make_topics(one, other)
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers) as consumer:
        assert {one, other} <= await consumer.topics()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        assert await producer.partitions_for(one) == {0, 1, 2}


async def test_keeps_messages_and_offsets_through_a_crash(kafka: Kafka) -> None:
    topic, group = kafka.topic("orders"), kafka.group("delivery")
    await send(kafka, topic, b"order 7")
    assert await receive(kafka, topic, group) == b"order 7"
    await send(kafka, topic, b"order 8")
    with kafka.outage():
        pass
    assert await receive(kafka, topic, group) == b"order 8"


async def test_restarts_in_order(kafka: Kafka) -> None:
    topic = kafka.topic()
    await send(kafka, topic, b"order 7")
    kafka.restart()
    assert await receive(kafka, topic, kafka.group()) == b"order 7"


def test_listens_on_the_loopback_address_only(kafka: Kafka, listens_on: Callable[[Kafka], set[str]]) -> None:
    assert listens_on(kafka) == {"127.0.0.1"}
