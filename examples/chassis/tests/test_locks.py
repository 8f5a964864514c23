"""CA-2, SD-3: one holds a lock at a time, and who holds it no more changes nothing."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from math import inf
from pathlib import Path
from time import monotonic

import psutil
import pytest
from paused_holder import WRITE
from redis_stores import stores

from chassis.redis.client import RedisUnavailableError, Store
from chassis.redis.locks import Held, LockBusyError, LockLostError, Locks
from chassis_testing.network import HOST
from chassis_testing.program import eventually
from chassis_testing.redis import Redis


async def held(locks: Locks) -> Held:
    found = await locks.take("task")
    assert found is not None
    return found


async def value(store: Store) -> str | None:
    return await store.ask("read", lambda client: client.get("value"))


async def test_one_at_a_time_and_each_with_a_higher_token(redis_server: Redis) -> None:
    async with stores(redis_server, 2) as (one, other):
        first = await held(Locks(one))
        assert await Locks(other).take("task") is None
        elsewhere = await Locks(other).take("another task")
        assert await Locks(one).release(first)
        second = await held(Locks(other))
        assert elsewhere is not None
        assert first.token < elsewhere.token < second.token


async def test_only_its_holder_renews_it_or_gives_it_back(redis_server: Redis) -> None:
    async with stores(redis_server, 2) as (one, other):
        first = await held(Locks(one, seconds=0.05))
        await eventually(lambda: Locks(other).take("task"), "does not run out")
        assert not await Locks(one).renew(first)
        assert not await Locks(one).release(first)
        assert await Locks(one).take("task") is None


async def test_a_take_whose_answer_was_lost_is_not_busy_by_itself(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stores(redis_server) as (store,):
        ask = store.ask

        async def twice(what: str, work: object) -> object:
            await ask(what, work)  # type: ignore[arg-type]  # whatever it is
            return await ask(what, work)  # type: ignore[arg-type]

        monkeypatch.setattr(store, "ask", twice)
        assert (await held(Locks(store))).token == 1


async def test_a_late_write_of_a_holder_that_was_paused_is_refused(redis_server: Redis) -> None:
    """A process is stopped between its last look at the lock and its write, and goes on when another one has worked."""
    async with stores(redis_server) as (store,):
        database = await store.ask("db", lambda client: client.client_info())
        holder = Path(__file__).with_name("paused_holder.py")
        command = [sys.executable, str(holder), f"{HOST}:{redis_server.port}", str(database["db"])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as paused:
            process = psutil.Process(paused.pid)
            try:
                await eventually(lambda: process.status() == psutil.STATUS_STOPPED, "does not pause")
                locks = Locks(store)
                async with locks.holding("task", wait_seconds=5) as now:
                    await WRITE.run(store, now, ["value"], ["new"])
                assert await locks.take("task") is not None  # not even while it is free
                process.resume()
                said, _ = await asyncio.to_thread(paused.communicate, timeout=30)
            finally:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        assert said.splitlines()[-1] == "refused"
        assert await value(store) == "new"


async def test_a_holder_writes_as_often_as_it_likes(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        now = await held(Locks(store))
        for text in ("a", "b"):
            await WRITE.run(store, now, ["value"], [text])
        assert await value(store) == "b"


async def test_it_is_renewed_while_it_is_held_and_free_after(redis_server: Redis) -> None:
    async with stores(redis_server, 2) as (one, other):
        async with Locks(one, seconds=3).holding("task"), asyncio.timeout(30):
            left, renewed = inf, 0
            while renewed < 3:  # by then it has been held for longer than it lasts
                assert await Locks(other).take("task") is None
                before, left = left, await other.ask("left", lambda client: client.pttl("lock:task"))
                renewed += left > before
                await asyncio.sleep(0.05)
        assert await Locks(other).take("task") is not None


async def test_who_loses_it_is_interrupted(redis_server: Redis) -> None:
    async def work(store: Store) -> None:
        async with Locks(store, seconds=0.3).holding("task"):
            await store.ask("theft", lambda client: client.delete("lock:task"))
            await asyncio.Event().wait()

    async with stores(redis_server) as (store,):
        with pytest.raises(LockLostError, match="the lock task ran out while it was held"):
            await work(store)


async def test_a_holder_that_cannot_renew_is_interrupted_in_time(redis_server: Redis) -> None:
    async def work(store: Store) -> None:
        async with Locks(store, seconds=0.5).holding("task"):
            redis_server.kill()
            await asyncio.Event().wait()

    async with stores(redis_server) as (store,):
        begun = monotonic()
        try:
            with pytest.raises(LockLostError):
                await work(store)
            assert monotonic() - begun < 10
        finally:
            redis_server.start()


async def test_a_busy_lock_is_waited_for_so_long_and_no_longer(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stores(redis_server) as (store,):
        now = await held(Locks(store))
        with pytest.raises(LockBusyError):
            async with Locks(store).holding("task", wait_seconds=0.1):
                pass
        patient, found = Locks(store), list[Held | None]()
        take = patient.take

        async def noted(name: str) -> Held | None:
            found.append(await take(name))
            return found[-1]

        monkeypatch.setattr(patient, "take", noted)
        waiting = asyncio.create_task(patient.holding("task", wait_seconds=30).__aenter__())
        await eventually(lambda: found, "does not ask")
        await Locks(store).release(now)
        assert (await waiting).token > now.token
        assert found[0] is None


async def test_an_error_of_the_work_is_its_own(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        with pytest.raises(TimeoutError):
            async with Locks(store).holding("task"):
                raise TimeoutError
        assert await Locks(store).take("task") is not None


async def test_without_redis_there_is_no_lock(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        with redis_server.outage(), pytest.raises(RedisUnavailableError):
            await Locks(store).take("task")
