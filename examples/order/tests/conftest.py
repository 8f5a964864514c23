"""Databases for the tests, and the service as the processes it runs as."""

from collections.abc import AsyncIterator

import pytest
from processes import Order, started
from pydantic import SecretStr

from chassis_testing.postgresql import PostgreSQL
from order_service.migrate import run as migrate
from order_service.settings import Settings


@pytest.fixture(scope="session")
def migrated(postgresql: PostgreSQL) -> str:
    """The name of a database with the schema, to copy from."""
    url = postgresql.database()
    migrate(Settings(database_url=SecretStr(url), termination_log="/nonexistent"))
    return url.rpartition("/")[2]


@pytest.fixture
def empty_database(postgresql: PostgreSQL) -> str:
    """The URL of a database of its own, without any tables."""
    return postgresql.database()


@pytest.fixture
def database(postgresql: PostgreSQL, migrated: str) -> str:
    """The URL of a database of its own, with the schema."""
    return postgresql.database(template=migrated)


@pytest.fixture
def another_database(postgresql: PostgreSQL, migrated: str) -> str:
    """The URL of one more."""
    return postgresql.database(template=migrated)


@pytest.fixture(scope="session")
async def lasting(postgresql: PostgreSQL, migrated: str) -> AsyncIterator[Order]:
    """A running `order web`, for all tests that neither end it nor ask about all orders: each has users of its own."""
    async with started(postgresql.database(template=migrated)) as running:
        yield running


@pytest.fixture
async def order(database: str) -> AsyncIterator[Order]:
    """A running `order web`."""
    async with started(database) as running:
        yield running
