"""What several tests need: an empty database of Redis, and a maps service."""

from collections.abc import AsyncIterator, Iterator

import pytest
from maps_server import MapsServer
from processes import Shop

from chassis.redis.client import Store, opened
from chassis_testing.kafka import Kafka
from chassis_testing.network import HOST
from chassis_testing.redis import Redis
from delivery_service.settings import Settings
from delivery_service.storage.repository import RedisDeliveryRepository


@pytest.fixture
def database(redis_server: Redis) -> str:
    """The number of an empty database."""
    return redis_server.database().rpartition("/")[2]


@pytest.fixture
async def store(redis_server: Redis, database: str) -> AsyncIterator[Store]:
    """Connections to it."""
    async with opened(Settings(redis_addr=f"{HOST}:{redis_server.port}", redis_db=int(database)), "tests") as opening:
        yield opening


@pytest.fixture
def repository(store: Store) -> RedisDeliveryRepository:
    """What is in it."""
    return RedisDeliveryRepository(store)


@pytest.fixture
async def shop(redis_server: Redis, database: str, kafka: Kafka, maps_server: MapsServer) -> Shop:
    """What a worker is attached to, of this test's own."""
    names = kafka.topic("orders"), kafka.topic("deliveries"), kafka.group("delivery")
    shop = Shop(redis_server, database, kafka, maps_server, *names)
    await kafka.make_topics(shop.orders, shop.deliveries, shop.dead_letters)
    return shop


@pytest.fixture
def maps_server() -> Iterator[MapsServer]:
    """A maps service that works."""
    with MapsServer.running() as server:
        yield server
