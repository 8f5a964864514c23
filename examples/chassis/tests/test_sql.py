"""What is seen of a database: slow and failed statements, retries, and whether it is there."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.sql.database import StorageUnavailableError, opened, ping, single, transact
from chassis.sql.settings import DatabaseSettings
from chassis_testing.postgresql import PostgreSQL

PRIVATE = "what a user sent"


@pytest.fixture
def database(postgresql: PostgreSQL) -> str:
    return postgresql.database()


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    settings = DatabaseSettings(database_url=SecretStr(database), slow_seconds=0.05)
    async with opened(settings, "tests") as engine:
        yield engine


async def test_a_slow_statement_is_told_without_its_values(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(0.1),\n  :private"), {"private": PRIVATE})
        await connection.execute(text("SELECT 1"))

    with structlog.testing.capture_logs() as said:
        await single(engine, work)
    assert len(said) == 1, said
    assert (said[0]["event"], said[0]["log_level"]) == ("slow query", "warning")
    assert said[0]["query"].startswith("SELECT pg_sleep(0.1), %(private)s")
    assert said[0]["duration_ms"] >= 100
    assert PRIVATE not in str(said)


async def test_a_failed_statement_is_told_with_its_error(engine: AsyncEngine) -> None:
    """LG-3."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT missing FROM pg_class WHERE relname = :private"), {"private": PRIVATE})

    with structlog.testing.capture_logs() as said, pytest.raises(ProgrammingError):
        await single(engine, work)
    assert [line["event"] for line in said] == ["query failed"]
    assert said[0]["query"].startswith("SELECT missing FROM pg_class")
    assert 'column "missing" does not exist' in said[0]["error"]
    assert PRIVATE not in str(said)


async def test_a_transaction_that_loses_its_connection_is_tried_again(engine: AsyncEngine) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return int((await connection.execute(text("SELECT 7"))).scalar_one())

    with structlog.testing.capture_logs() as said:
        assert await transact(engine, work) == 7
    assert tries == 2
    assert [line["what"] for line in said if line["event"] == "trying again"] == ["database"]


async def test_a_database_that_is_gone_is_unavailable_and_comes_back(
    engine: AsyncEngine, postgresql: PostgreSQL
) -> None:
    async def work(connection: AsyncConnection) -> int:
        return int((await connection.execute(text("SELECT 7"))).scalar_one())

    assert await single(engine, work) == 7
    with postgresql.outage():
        with pytest.raises(StorageUnavailableError):  # the pool's connection is dead
            await ping(engine)
        with pytest.raises(StorageUnavailableError, match="refused") as gone:
            await single(engine, work)
        assert gone.value.public == "storage is unavailable, try again"
    await ping(engine)
    assert await single(engine, work) == 7


async def test_a_pool_that_is_used_up_is_unavailable(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.sql.database._CONNECT_TIMEOUT_SECONDS", 0.1)
    settings = DatabaseSettings(database_url=SecretStr(database), db_pool_max_open=1, db_pool_max_idle=1)
    holding, free = asyncio.Event(), asyncio.Event()

    async def hold(_: AsyncConnection) -> None:
        holding.set()
        await free.wait()

    async with opened(settings, "tests") as engine:
        held = asyncio.create_task(single(engine, hold))
        await holding.wait()
        with pytest.raises(StorageUnavailableError, match="all database connections are busy"):
            await single(engine, hold)
        free.set()
        await held
