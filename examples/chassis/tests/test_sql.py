"""What is seen of a database: slow and failed statements, retries, and whether it is there."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
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
    settings = DatabaseSettings(database_url=SecretStr(database), slow_seconds=0.5)
    async with opened(settings, "tests") as engine:
        yield engine


async def test_a_slow_statement_is_told_without_its_values(engine: AsyncEngine) -> None:
    """PG-5, PG-8, LG-2."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(0.6),\n  :private"), {"private": PRIVATE})
        await connection.execute(text("SELECT 1"))

    with structlog.testing.capture_logs() as said:
        await single(engine, work)
    assert len(said) == 1, said
    assert (said[0]["event"], said[0]["log_level"]) == ("slow query", "warning")
    assert said[0]["query"].startswith("SELECT pg_sleep(0.6), %(private)s")
    assert said[0]["duration_ms"] >= 600
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


async def test_a_value_that_is_there_already_is_not_quoted(engine: AsyncEngine) -> None:
    """LG-3; PostgreSQL's details quote it."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TEMPORARY TABLE users (email text PRIMARY KEY)"))
        for _ in range(2):
            await connection.execute(text("INSERT INTO users VALUES (:private)"), {"private": PRIVATE})

    with structlog.testing.capture_logs() as said, pytest.raises(IntegrityError, match=PRIVATE):
        await transact(engine, work)
    assert said[-1]["error"] == 'duplicate key value violates unique constraint "users_pkey"'
    assert PRIVATE not in str(said)


@pytest.mark.usefixtures("own_provider")
async def test_each_statement_is_a_span_without_values(database: str) -> None:
    """PG-1, PG-8, OB-6."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1 WHERE 'x' = :private"), {"private": PRIVATE})

    async def fail(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO missing VALUES (:private)"), {"private": PRIVATE})

    settings = DatabaseSettings(database_url=SecretStr(database))
    # A service with a replica has two pools.
    async with opened(settings, "tests") as engine, opened(settings, "tests") as replica:
        with provider.get_tracer("tests").start_as_current_span("request") as request:
            await single(engine, work)
            await single(replica, work)
            with pytest.raises(ProgrammingError):
                await single(engine, fail)
    names = ("postgresql SELECT", "postgresql SELECT", "postgresql INSERT")
    spans = [span for span in kept.get_finished_spans() if span.name in names]
    assert [span.name for span in spans] == list(names)
    assert {span.parent.span_id for span in spans if span.parent} == {request.get_span_context().span_id}
    assert [span.status.is_ok for span in spans] == [True, True, False]
    assert PRIVATE not in "".join(span.to_json() for span in kept.get_finished_spans())


async def test_a_transaction_is_there_as_a_whole_or_not_at_all(engine: AsyncEngine) -> None:
    async def make(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE orders (id int)"))

    async def insert(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO orders VALUES (7)"))
        await connection.execute(text("INSERT INTO orders VALUES (1 / :none)"), {"none": 0})

    async def count(connection: AsyncConnection) -> int:
        return int((await connection.execute(text("SELECT count(*) FROM orders"))).scalar_one())

    await single(engine, make)
    with pytest.raises(DataError):
        await transact(engine, insert)
    assert await single(engine, count) == 0, "a transaction"
    with pytest.raises(DataError):
        await single(engine, insert)
    assert await single(engine, count) == 1, "each statement for itself, also on a connection that had a transaction"


async def test_a_transaction_that_loses_its_connection_is_tried_again(engine: AsyncEngine) -> None:
    """SO-10, PG-6, X-4."""
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
    """PG-6."""

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
    """PG-2."""
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


@pytest.mark.parametrize("state", ["53100", "53200", "58030"])
async def test_what_a_server_cannot_do_now_is_no_error_of_the_program(engine: AsyncEngine, state: str) -> None:
    """W-11: a full disk, no memory, a disk that fails: tried again, and then told as an outage."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '{state}'; END $$"))

    with structlog.testing.capture_logs() as said, pytest.raises(StorageUnavailableError, match="full"):
        await single(engine, work)
    assert [line["event"] for line in said].count("trying again") == 2


async def test_a_server_that_became_a_standby_is_left_for_the_one_that_writes(
    engine: AsyncEngine, database: str
) -> None:
    """Its connections stay open, and go on refusing."""
    name = database.rpartition("/")[2]

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS written (n int)"))

    async def only_reads(connection: AsyncConnection, whether: str) -> None:
        await connection.execute(text("SET default_transaction_read_only = off"))
        await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {whether}"))

    async with opened(DatabaseSettings(database_url=SecretStr(database)), "failover") as other:
        await single(other, partial(only_reads, whether="on"))
        with pytest.raises(StorageUnavailableError, match="read-only"):
            await transact(engine, write)
        await single(other, partial(only_reads, whether="off"))
    await transact(engine, write)
    await single(engine, write)
