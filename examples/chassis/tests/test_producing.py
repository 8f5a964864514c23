"""F9-4: a process that writes to Kafka ends within its drain, also while there is no Kafka."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from chassis.kafka import producer as module
from chassis.kafka.producer import STOP_SECONDS, KafkaUnavailableError, Message, Producer, TooLargeError, producing
from chassis_testing.kafka import Kafka
from chassis_testing.program import eventually


async def test_what_kafka_does_not_take_does_not_keep_a_process_from_ending(kafka: Kafka) -> None:
    topic = kafka.topic()
    try:
        async with producing(kafka.bootstrap_servers, "tests") as producer:
            await producer.send(topic, [Message("key", b"taken", {})])
            kafka.kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await producer.send(topic, [Message("key", b"not taken", {})])
            begun = monotonic()
        took = monotonic() - begun
    finally:
        await asyncio.to_thread(kafka.start)
    assert took < STOP_SECONDS + 2


async def test_the_driver_does_not_flood_the_log_while_a_broker_is_away(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        with kafka.outage(), caplog.at_level(logging.INFO):
            with pytest.raises(KafkaUnavailableError):
                await producer.ping()
            while_away = [record.name for record in caplog.records if record.name.startswith("aiokafka")]
    assert while_away == []


async def test_a_producer_that_is_out_of_step_is_replaced(kafka: Kafka) -> None:
    """Its broker has forgotten, or has never taken, what it counts as written; it would refuse all that follows."""
    topic = kafka.topic()
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        await lose_count(producer, topic)
        refused = await asyncio.gather(
            *(producer.send(topic, [Message("key", b"two", {})]) for _ in range(10)), return_exceptions=True
        )
        assert {type(each) for each in refused} == {KafkaUnavailableError}
        (written,) = await producer.send(topic, [Message("key", b"two", {})])
    assert written.offset == 1


async def test_a_producer_is_replaced_though_nobody_waits_so_long(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publisher has seconds; a start may take longer, and each try would begin it anew."""
    topic, connected = kafka.topic(), asyncio.Event()
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        await lose_count(producer, topic)
        start, starts = AIOKafkaProducer.start, 0

        async def slow(client: AIOKafkaProducer) -> None:
            nonlocal starts
            starts += 1
            await connected.wait()
            await start(client)

        monkeypatch.setattr(AIOKafkaProducer, "start", slow)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await producer.send(topic, [Message("key", b"two", {})])
        connected.set()
        await eventually(lambda: taken(producer, topic), "not replaced")
        assert starts == 1


async def test_a_start_that_never_ends_is_given_up(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = kafka.topic()
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        await lose_count(producer, topic)
        with monkeypatch.context() as patch:
            patch.setattr(AIOKafkaProducer, "start", lambda _: asyncio.Event().wait())
            patch.setattr(module, "REQUEST_TIMEOUT_SECONDS", 0.2)
            with pytest.raises(KafkaUnavailableError):
                await producer.send(topic, [Message("key", b"two", {})])
        await eventually(lambda: taken(producer, topic), "not replaced")


async def lose_count(producer: Producer, topic: str) -> None:
    await producer.send(topic, [Message("key", b"one", {})])
    client = producer._client  # noqa: SLF001 - its count is of nobody's business but this test's
    for partition in client.client.cluster.partitions_for_topic(topic) or ():
        client._txn_manager.increment_sequence_number(TopicPartition(topic, partition), 7)  # noqa: SLF001


async def taken(producer: Producer, topic: str) -> bool:
    try:
        (written,) = await producer.send(topic, [Message("key", b"two", {})])
    except KafkaUnavailableError:
        return False
    assert written.offset == 1
    return True


async def test_what_is_too_large_is_refused_for_good(kafka: Kafka) -> None:
    """And nothing else that is sent."""
    topic = kafka.topic()
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        with pytest.raises(TooLargeError):
            await producer.send(topic, [Message("key", bytes(2_000_000), {})])
        await producer.send(topic, [Message("key", b"small", {})])
