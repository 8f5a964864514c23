"""Runs `delivery` as the platform does."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from maps_server import KEY, MapsServer

from chassis_testing import program
from chassis_testing.kafka import Kafka
from chassis_testing.network import HOST
from chassis_testing.program import RunningProgram, eventually
from chassis_testing.redis import Redis

PICKUP = "52.5200,13.4100"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return program.run("delivery", *arguments, **variables)


class Delivery(RunningProgram):
    """A running process of the service."""

    def count(self, message: str) -> int:
        """How often it has said something."""
        return sum(line["message"] == message for line in self.lines)


@dataclass(frozen=True)
class Heard:
    """A message on the topic of deliveries."""

    key: str
    value: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Shop:
    """What the service is attached to in a test: a database, topics and a group of its own.

    Attributes:
        heard: what was told of deliveries.
    """

    redis: Redis
    database: str
    kafka: Kafka
    maps: MapsServer
    orders: str
    deliveries: str
    group: str
    heard: list[Heard] = field(default_factory=list)

    @property
    def dead_letters(self) -> str:
        return f"{self.orders}.{self.group}.dead"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "REDIS_ADDR": f"{HOST}:{self.redis.port}",
            "REDIS_DB": self.database,
            "KAFKA_BROKERS": self.kafka.bootstrap_servers,
            "KAFKA_GROUP": self.group,
            "ORDERS_TOPIC": self.orders,
            "DELIVERIES_TOPIC": self.deliveries,
            "PICKUP_PLACE": PICKUP,
            "MAPS_URL": self.maps.url,
            "MAPS_API_KEY": KEY,
        }

    @asynccontextmanager
    async def worker(self, **variables: str) -> AsyncIterator[Delivery]:
        """A running `delivery worker`."""
        given = {**self.variables, **variables}
        async with Delivery.started("delivery", "worker", "working", **given) as running:
            yield running

    async def tell(self, *orders: str, event: str = "order_paid", value: bytes | None = None) -> None:
        """Write what happened to orders, as the order service's relay does."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers, linger_ms=0)
        await producer.start()
        try:
            for each in orders:
                said = {"event": event, "id": each, "user_id": "u1", "happened_at": "2026-01-02T03:04:05+00:00"}
                await producer.send_and_wait(
                    self.orders,
                    json.dumps(said).encode() if value is None else value,
                    key=each.encode(),
                    headers=[
                        ("event-id", f"{each}:{event}".encode()),
                        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()),
                        ("x-request-id", b"req-1"),
                    ],
                )
        finally:
            await producer.stop()

    def told(self, order_id: str) -> list[str]:
        """The ids of the events that were told of an order, each once."""
        return list(dict.fromkeys(each.headers["event-id"] for each in self.heard if each.key == order_id))

    def assigned(self) -> set[str]:
        """The orders that have got a courier."""
        return {each.key for each in self.heard if each.value["event"] == "delivery_assigned"}

    async def all_told(self, *orders: str, news: str = "delivery_assigned") -> None:
        """Wait until it was told of all these orders."""

        def all_of_them() -> bool:
            return all(f"{each}:{news}" in self.told(each) for each in orders)

        await eventually(all_of_them, f"{news} is not told of all")

    @asynccontextmanager
    async def listening(self, topic: str | None = None) -> AsyncIterator[list[Heard]]:
        """Hear a topic from its first message; that of deliveries if no other is named."""
        heard = self.heard if topic is None else []
        consumer = AIOKafkaConsumer(
            topic or self.deliveries,
            bootstrap_servers=self.kafka.bootstrap_servers,
            auto_offset_reset="earliest",
            metadata_max_age_ms=500,
        )
        await consumer.start()

        async def listen() -> None:
            async for message in consumer:
                headers = {name: value.decode() for name, value in message.headers}
                value = json.loads(message.value) if topic is None else {"raw": message.value}
                heard.append(Heard(message.key.decode(), value, headers))

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await consumer.stop()
