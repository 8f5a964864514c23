"""F9-4: a process that writes to Kafka ends within its drain, also while there is no Kafka."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

import pytest

from chassis.kafka.producer import STOP_SECONDS, KafkaUnavailableError, Message, producing
from chassis_testing.kafka import Kafka


async def test_what_kafka_does_not_take_does_not_keep_a_process_from_ending(kafka: Kafka) -> None:
    topic = kafka.topic()
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        await producer.send(topic, [Message("key", b"taken", {})])
        kafka.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await producer.send(topic, [Message("key", b"not taken", {})])
        begun = monotonic()
    assert monotonic() - begun < STOP_SECONDS + 2
    await asyncio.to_thread(kafka.start)


async def test_the_driver_does_not_flood_the_log_while_a_broker_is_away(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        with kafka.outage(), caplog.at_level(logging.INFO):
            with pytest.raises(KafkaUnavailableError):
                await producer.ping()
            while_away = [record.name for record in caplog.records if record.name.startswith("aiokafka")]
    assert while_away == []
