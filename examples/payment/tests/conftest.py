"""A database, an account at Stripe and an order service for the tests, and the service as the processes it runs as."""

from collections.abc import AsyncIterator

import grpc
import pytest
import stripe as stripe_api
from inside import Inside
from orders import Orders
from processes import Payment, Surroundings, started, working
from pydantic import SecretStr

from chassis.grpc.client import Remote
from chassis.sql.database import opened
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.stripe import Stripe
from payment_service.migrate import run as migrate
from payment_service.settings import Settings


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


@pytest.fixture(scope="session")
async def orders() -> AsyncIterator[Orders]:
    """A running order service."""
    async with Orders.running() as running:
        yield running


@pytest.fixture(scope="session")
def surroundings(postgresql: PostgreSQL, migrated: str, stripe: Stripe, orders: Orders) -> Surroundings:
    """What the service needs, for all tests: each has orders of its own."""
    return Surroundings(postgresql.database(template=migrated), stripe.account(), orders)


@pytest.fixture(scope="session")
async def payment(surroundings: Surroundings) -> AsyncIterator[Payment]:
    """A running `payment web`, for all tests that do not end it."""
    async with started(surroundings) as running:
        yield running


@pytest.fixture(scope="session")
async def worker(surroundings: Surroundings) -> AsyncIterator[Payment]:
    """A running `payment worker`, for all tests that do not end it."""
    async with working(surroundings) as running:
        yield running


@pytest.fixture(scope="session")
def unattended(postgresql: PostgreSQL, migrated: str, stripe: Stripe, orders: Orders) -> Surroundings:
    """What the service needs, without a worker: only the test goes on with what a dead process has left."""
    return Surroundings(postgresql.database(template=migrated), stripe.account(), orders)


@pytest.fixture(scope="session")
async def inside(unattended: Surroundings) -> AsyncIterator[Inside]:
    """The service's parts in this process."""
    settings = Settings(database_url=SecretStr(unattended.database))
    http_client = stripe_api.HTTPXClient()
    client = stripe_api.StripeClient(
        unattended.account.key,
        base_addresses={"api": unattended.account.url},
        http_client=http_client,
        max_network_retries=0,
    )
    async with (
        opened(settings, "tests") as engine,
        grpc.aio.insecure_channel(unattended.orders.address) as channel,
    ):
        yield Inside(unattended, engine, Remote("order", channel, 5), client)
    await http_client.close_async()  # type: ignore[no-untyped-call]
