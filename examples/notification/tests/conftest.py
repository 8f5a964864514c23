"""Databases for the tests, and the others that the service talks to."""

from collections.abc import AsyncIterator

import pytest
from others import Postman, Users
from processes import Backing
from pydantic import SecretStr

from chassis_testing.postgresql import PostgreSQL
from chassis_testing.rabbitmq import RabbitMQ
from chassis_testing.redis import Redis
from chassis_testing.smtp import SMTPServer
from notification_service.migrate import run as migrate
from notification_service.settings import MigrateSettings


@pytest.fixture(scope="session")
def migrated(postgresql: PostgreSQL) -> str:
    """The name of a database with the schema, to copy from."""
    url = postgresql.database()
    migrate(MigrateSettings(database_url=SecretStr(url), termination_log="/nonexistent"))
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
async def users() -> AsyncIterator[Users]:
    """The user service."""
    users = Users()
    async with users.serving():
        yield users


@pytest.fixture
def postman() -> Postman:
    """What the mail server of the tests does."""
    return Postman()


@pytest.fixture
async def smtp(postman: Postman) -> AsyncIterator[str]:
    """Where that mail server is."""
    async with postman.serving() as address:
        yield address


@pytest.fixture
def backing(database: str, rabbitmq: RabbitMQ, redis_server: Redis, users: Users, smtp: str) -> Backing:
    """Everything that a worker needs, with the mail server that does as it is told."""
    return Backing(database, rabbitmq.vhost(), redis_server.database(), users.address, smtp)


@pytest.fixture
def lasting(backing: Backing, smtp_server: SMTPServer) -> Backing:
    """The same, with a mail server that keeps what it has taken when it is killed."""
    host, port = smtp_server.address
    return Backing(backing.database, backing.amqp, backing.redis, backing.users, f"{host}:{port}")
