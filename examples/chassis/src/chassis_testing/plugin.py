"""The servers as fixtures of pytest: one of each per session, started when the first test asks for it.

A test keeps to its own database, virtual host or names, which the servers hand out, and may stop a server as long as it
starts it again: see `Server.outage`.
"""

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import pytest

from chassis_testing.errors import BackingServiceError
from chassis_testing.kafka import Kafka
from chassis_testing.mongodb import MongoDB
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.rabbitmq import RabbitMQ
from chassis_testing.redis import Redis
from chassis_testing.server import Server
from chassis_testing.smtp import SMTPServer
from chassis_testing.stripe import Stripe
from chassis_testing.stripe_mock import StripeMock

AnyServer = TypeVar("AnyServer", bound=Server)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """PostgreSQL: `database()` creates a database and returns its URL."""
    yield from _running(PostgreSQL)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """Redis: `database()` returns the URL of an empty database."""
    yield from _running(Redis)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """RabbitMQ: `vhost()` creates a virtual host and returns its URL."""
    yield from _running(RabbitMQ)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """Kafka: `bootstrap_servers`, and new names from `topic()` and `group()`."""
    yield from _running(Kafka)


@pytest.fixture(scope="session")
def mongodb() -> Iterator[MongoDB]:
    """A server for MongoDB's clients: `database()` returns the URL of an empty database."""
    yield from _running(MongoDB)


@pytest.fixture(scope="session")
def stripe_mock() -> Iterator[StripeMock]:
    """Stripe's API: `url`."""
    yield from _running(StripeMock)


@pytest.fixture(scope="session")
def stripe() -> Iterator[Stripe]:
    """Stripe with a memory, for payments: `account()` returns an account of a test's own."""
    yield from _running(Stripe)


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[SMTPServer]:
    """An SMTP server: `address`, new addresses from `recipient()`, and what came for them from `messages()`."""
    yield from _running(SMTPServer)


def _running(kind: type[AnyServer]) -> Iterator[AnyServer]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(kind.running())
        except BackingServiceError as error:
            pytest.fail(str(error), pytrace=False)
        yield server
