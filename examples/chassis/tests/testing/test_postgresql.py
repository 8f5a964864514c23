"""PostgreSQL: databases of a test's own, and committed rows that survive a crash."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from chassis_testing.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL.running() as server:
        yield server


def test_is_the_pinned_major_version(postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.database()) as connection:
        assert connection.info.server_version // 10000 == 15


def test_databases_are_apart(postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.database()) as connection:
        connection.execute("CREATE TABLE orders (id int)")
    with psycopg.connect(postgresql.database()) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM orders")


def test_copies_a_template(postgresql: PostgreSQL) -> None:
    postgresql.execute("CREATE DATABASE migrated")
    postgresql.execute("CREATE TABLE orders (id int)", "migrated")
    with psycopg.connect(postgresql.database(template="migrated")) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_refuses_a_wrong_password(postgresql: PostgreSQL) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgresql.url("postgres", password="wrong"))  # noqa: S106 - that it is wrong is the point


def test_survives_a_crash_with_a_client_connected(postgresql: PostgreSQL) -> None:
    url = postgresql.database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int)")
        connection.execute("INSERT INTO orders VALUES (7)")
        with postgresql.outage(), pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM orders").fetchall() == [(7,)]


def test_stops_in_order_with_a_client_connected(postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.database()):
        postgresql.restart()
    assert "received fast shutdown request" in postgresql.log.read_text()


def test_listens_on_the_loopback_address_only(
    postgresql: PostgreSQL, listens_on: Callable[[PostgreSQL], set[str]]
) -> None:
    assert listens_on(postgresql) == {"127.0.0.1"}
