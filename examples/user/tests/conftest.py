"""Databases for the tests, and the service as the processes it runs as."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from processes import Backing, UserWeb, started
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from chassis_testing.mongodb import MongoDB
from chassis_testing.network import HOST
from chassis_testing.redis import Redis
from user_service.migrate import run as migrate
from user_service.settings import Settings


@pytest.fixture(scope="session")
async def backing(mongodb: MongoDB, redis_server: Redis) -> Backing:
    """Databases with the indexes, which the tests share: each has users of its own."""
    url = mongodb.database()
    await migrate(Settings(mongo_url=SecretStr(url), termination_log="/nonexistent"))
    return Backing(url, f"{HOST}:{redis_server.port}", int(redis_server.database().rpartition("/")[2]))


@pytest.fixture(scope="session")
async def replicas(backing: Backing) -> AsyncIterator[tuple[UserWeb, UserWeb]]:
    """Two running `user web` on the same databases; no test ends them."""
    async with started(backing) as one, started(backing) as other:
        yield one, other


@pytest.fixture
def user(replicas: tuple[UserWeb, UserWeb]) -> UserWeb:
    """One of them."""
    return replicas[0]


@pytest.fixture(scope="session")
async def strict(backing: Backing) -> AsyncIterator[UserWeb]:
    """One with a limit that can be reached, hashes that cost more, and all its logs."""
    async with started(
        backing, RATE_LIMIT_REQUESTS="5", RATE_LIMIT_SECONDS="60", ARGON2_TIME_COST="2", LOG_LEVEL="debug"
    ) as running:
        yield running


@pytest.fixture
async def database(backing: Backing) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The database of the processes."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(backing.mongo_url, uuidRepresentation="standard")
    async with client:
        yield client.get_default_database()
