"""X-8, SP-3: a request that is made twice has its effect once, and its answer both times."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.errors import NotFoundError, UnavailableError
from chassis.sql.database import opened, single
from chassis.sql.idempotency import (
    Answer,
    IdempotencyKeys,
    InProgressError,
    KeyReusedError,
    expire,
    fingerprint,
    keys_table,
)
from chassis.sql.settings import DatabaseSettings, parse_database_url
from chassis_testing.postgresql import PostgreSQL

ONE, OTHER = fingerprint("POST", "a"), fingerprint("POST", "b")


class Work:
    """Counts how often it is done."""

    def __init__(self, error: Exception | None = None, *, final: bool = True) -> None:
        self.done = 0
        self._error = error
        self._final = final

    async def __call__(self) -> Answer:
        self.done += 1
        if self._error:
            raise self._error
        return Answer(201, {"n": self.done, "null": None}, {"Location": "/v1/things/1"}, final=self._final)


@pytest.fixture
async def engine(postgresql: PostgreSQL) -> AsyncIterator[AsyncEngine]:
    url = postgresql.database()
    metadata = MetaData()
    keys_table(metadata)
    blocking = create_engine(parse_database_url(url))
    metadata.create_all(blocking)
    blocking.dispose()
    async with opened(DatabaseSettings(database_url=SecretStr(url)), "tests") as engine:
        yield engine


@pytest.fixture
def keys(engine: AsyncEngine) -> IdempotencyKeys:
    return IdempotencyKeys(engine, "things", lease_seconds=60)


async def run(engine: AsyncEngine, statement: str) -> Any:
    async def work(connection: AsyncConnection) -> Any:
        result = await connection.execute(text(statement))
        return result.scalar_one() if result.returns_rows else result.rowcount

    return await single(engine, work)


async def test_the_same_request_has_the_same_answer_and_is_worked_on_once(keys: IdempotencyKeys) -> None:
    work = Work()
    first, second = await keys.once("k", ONE, work), await keys.once("k", ONE, work)
    assert first == second == Answer(201, {"n": 1, "null": None}, {"Location": "/v1/things/1"})
    assert work.done == 1


async def test_another_request_may_not_have_the_key(keys: IdempotencyKeys) -> None:
    await keys.once("k", ONE, Work())
    work = Work()
    with pytest.raises(KeyReusedError) as refused:
        await keys.once("k", OTHER, work)
    assert (refused.value.field, work.done) == ("Idempotency-Key", 0)


async def test_another_key_or_scope_is_another_request(keys: IdempotencyKeys, engine: AsyncEngine) -> None:
    work = Work()
    await keys.once("k", ONE, work)
    await keys.once("l", ONE, work)
    await IdempotencyKeys(engine, "others", 60).once("k", OTHER, work)
    assert work.done == 3


async def test_of_many_at_once_one_works_and_the_others_are_told_to_come_back(keys: IdempotencyKeys) -> None:
    free = asyncio.Event()
    done = 0

    async def work() -> Answer:
        nonlocal done
        done += 1
        await free.wait()
        return Answer(200, "done")

    tries = [asyncio.create_task(keys.once("k", ONE, work)) for _ in range(10)]
    refused, pending = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    while len(pending) > 1:
        more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        refused |= more
    assert {type(each.exception()) for each in refused} == {InProgressError}
    assert InProgressError("").retry_after_seconds == 1
    with pytest.raises(KeyReusedError):
        await keys.once("k", OTHER, work)
    free.set()
    assert (await pending.pop()).body == "done"
    assert (await keys.once("k", ONE, work)).body == "done"
    assert done == 1


@pytest.mark.parametrize("work", [Work(UnavailableError("away")), Work(NotFoundError("gone")), Work(final=False)])
async def test_without_a_final_answer_the_key_is_free_again_for_any_request(keys: IdempotencyKeys, work: Work) -> None:
    for request in (ONE, ONE, OTHER):
        with contextlib.suppress(UnavailableError, NotFoundError):
            assert not (await keys.once("k", request, work)).final
    assert work.done == 3


async def test_what_died_at_work_leaves_the_key_to_the_same_request_when_its_lease_is_over(
    keys: IdempotencyKeys, engine: AsyncEngine
) -> None:
    stuck = asyncio.create_task(keys.once("k", ONE, asyncio.Event().wait))  # type: ignore[arg-type]  # never answers
    async with asyncio.timeout(5):
        while not await run(engine, "SELECT count(*) FROM idempotency_keys"):  # noqa: ASYNC110 - another's event
            await asyncio.sleep(0.01)
    with pytest.raises(InProgressError):
        await keys.once("k", ONE, Work())
    await run(engine, "UPDATE idempotency_keys SET leased_until = now() - interval '1 second'")
    with pytest.raises(KeyReusedError):
        await keys.once("k", OTHER, Work())
    assert (await keys.once("k", ONE, Work())).body["n"] == 1
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    assert (await keys.once("k", ONE, Work())).body["n"] == 1


async def test_who_lost_the_lease_does_not_change_the_answer(keys: IdempotencyKeys, engine: AsyncEngine) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow() -> Answer:
        begun.set()
        await free.wait()
        return Answer(200, "late")

    first = asyncio.create_task(keys.once("k", ONE, slow))
    await begun.wait()
    await run(engine, "UPDATE idempotency_keys SET leased_until = now() - interval '1 second'")
    kept = await keys.once("k", ONE, Work())
    free.set()
    assert (await first).body == "late"
    assert await keys.once("k", ONE, Work()) == kept


async def test_an_expired_key_is_new_and_is_removed(keys: IdempotencyKeys, engine: AsyncEngine) -> None:
    await keys.once("k", ONE, Work())
    await keys.once("l", ONE, Work())
    await run(engine, "UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")
    work = Work()
    await keys.once("k", OTHER, work)
    assert work.done == 1
    assert [await expire(engine), await expire(engine)] == [1, 0]


async def test_it_outlives_the_database(keys: IdempotencyKeys, postgresql: PostgreSQL) -> None:
    work = Work()
    first = await keys.once("k", ONE, work)
    with postgresql.outage(), pytest.raises(UnavailableError):
        await keys.once("k", ONE, work)
    assert await keys.once("k", ONE, work) == first
    assert work.done == 1


def test_a_fingerprint_tells_where_a_part_ends() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("ab", "c") == fingerprint("ab", "c")


async def test_whoever_waits_no_longer_leaves_the_key_free(keys: IdempotencyKeys) -> None:
    begun = asyncio.Event()

    async def hangs() -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    asking = asyncio.create_task(keys.once("k", ONE, hangs))
    await begun.wait()
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    assert (await keys.once("k", ONE, Work())).status == 201


async def test_the_next_release_may_add_a_column_while_this_one_works(
    keys: IdempotencyKeys, engine: AsyncEngine
) -> None:
    """PG-4: statements that connections have prepared go on working; the driver prepares them at the fifth time."""
    for _ in range(10):
        await keys.once("k", ONE, Work())
    async with opened(DatabaseSettings(database_url=SecretStr(_url(engine))), "migrate") as migrating:
        await run(migrating, "ALTER TABLE idempotency_keys ADD COLUMN region text")
    for _ in range(10):
        assert (await keys.once("k", ONE, Work())).status == 201


def _url(engine: AsyncEngine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
