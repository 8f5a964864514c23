"""CA-1, CA-3..CA-7, CA-11, SD-3: what a cache spares, and what it does when it is dead."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis as Client
from redis_stores import stores
from structlog.testing import capture_logs

from chassis.redis.cache import Cache
from chassis.redis.client import RedisUnavailableError, Store
from chassis.redis.nearby import Nearby
from chassis_testing.program import eventually
from chassis_testing.redis import Redis


class Source:
    """Where values come from: counts, and waits until it may answer."""

    def __init__(self, *answers: Any) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answers = answers or ("value",)

    async def load(self) -> str:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        await self.may_answer.wait()
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


def cache(store: Store, **options: Any) -> Cache[str]:
    """A cache; its metrics are its own, its values those of all of the same database."""
    return Cache(store, options.pop("name", "things"), **{"ttl_seconds": 60, **options})


def counted(name: str, result: str) -> float:
    return REGISTRY.get_sample_value("cache_requests_total", {"cache": name, "result": result}) or 0


async def test_a_value_is_got_once_and_kept_for_about_its_time(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        source = Source()
        name = uuid4().hex
        things = cache(store, name=name, stale_seconds=30)
        assert [await things.get("a", source.load) for _ in range(3)] == ["value"] * 3
        assert source.asked == 1
        assert (counted(name, "miss"), counted(name, "hit")) == (1, 2)
        loaded = REGISTRY.get_sample_value("cache_loads_total", {"cache": name, "outcome": "loaded"})
        assert loaded == 1
        for key in "bcdefgh":
            await things.get(key, source.load)
        left = {await store.ask("ttl", partial(Client.pttl, name=f"cache:{name}:{key}")) for key in "abcdefgh"}
        assert all(30 + 60 * 0.9 - 5 < each / 1000 <= 30 + 60 * 1.1 for each in left)
        assert max(left) - min(left) > 100  # they do not end at once
        assert await store.ask("keys", lambda client: client.exists(f"cache:{name}:a:lease")) == 0


async def test_all_who_want_it_at_once_wait_for_one(redis_server: Redis) -> None:
    """In two processes: one task in each, one lease for both."""
    async with stores(redis_server, 2) as both:
        source = Source()
        source.may_answer.clear()
        wanted = [asyncio.create_task(each.get("a", source.load)) for each in map(cache, both) for _ in range(20)]
        await eventually(lambda: source.asked, "nobody asks")
        await asyncio.sleep(0.1)
        source.may_answer.set()
        assert await asyncio.gather(*wanted) == ["value"] * 40
        assert source.asked == 1


async def test_who_gives_up_does_not_take_it_from_the_others(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        source, things = Source(), cache(store)
        source.may_answer.clear()
        first, second = (asyncio.create_task(things.get("a", source.load)) for _ in range(2))
        await eventually(lambda: source.asked, "nobody asks")
        first.cancel()
        source.may_answer.set()
        assert await second == "value"


async def test_one_that_dies_while_it_gets_a_value_delays_others_for_so_long(redis_server: Redis) -> None:
    async with stores(redis_server, 2) as (one, other):
        source = Source()
        source.may_answer.clear()
        died = cache(one, load_seconds=0.5)
        async with died.listening():
            lost = asyncio.create_task(died.get("a", source.load))
            await eventually(lambda: source.asked, "nobody asks")
        with pytest.raises(asyncio.CancelledError):
            await lost
        source.may_answer.set()
        begun = monotonic()
        assert await cache(other, load_seconds=0.5).get("a", source.load) == "value"
        assert 0.2 < monotonic() - begun < 5


async def test_an_error_is_everybodys_and_is_not_kept(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        source, things = Source(LookupError("away"), "value"), cache(store)
        answers = await asyncio.gather(*(things.get("a", source.load) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [LookupError] * 3
        assert await things.get("a", source.load) == "value"  # at once: the lease was given back


async def test_a_stale_value_is_taken_while_a_new_one_is_got(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        source, things = Source("old", LookupError("away"), "new"), cache(store, ttl_seconds=0.05, stale_seconds=60)
        assert await things.get("a", source.load) == "old"
        await asyncio.sleep(0.06)
        source.may_answer.clear()
        assert await asyncio.gather(*(things.get("a", source.load) for _ in range(5))) == ["old"] * 5
        await eventually(lambda: source.asked == 2, "nobody asks for a new one")
        source.may_answer.set()

        async def renewed() -> bool:
            return await things.get("a", source.load) == "new"

        await eventually(renewed, "stays stale after an error")


async def test_what_was_asked_for_before_it_changed_is_not_kept(redis_server: Redis) -> None:
    async with stores(redis_server, 2) as (one, other):
        source = Source("before", "after")
        source.may_answer.clear()
        reader, writer = cache(one), cache(other)
        early = asyncio.create_task(reader.get("a", source.load))
        await eventually(lambda: source.asked, "nobody asks")
        await writer.forget("a")
        source.may_answer.set()
        assert await early == "before"
        assert await reader.get("a", source.load) == "after"
        assert await writer.get("a", source.load) == "after"


async def test_what_another_release_has_kept_counts_as_nothing(redis_server: Redis) -> None:
    async with stores(redis_server) as (store,):
        await store.ask("write", lambda client: client.set("cache:things:a", "{"))
        assert await cache(store).get("a", Source().load) == "value"
        assert await cache(store).get("a", Source("another").load) == "value"


async def test_without_redis_values_come_from_where_they_come_from_and_everybody_sees_it(redis_server: Redis) -> None:
    """LG-8, SD-10, X-13."""
    async with stores(redis_server) as (store,):
        source, name = Source(), uuid4().hex
        things = cache(store, name=name)
        with redis_server.outage():
            for _ in range(6):
                assert await things.get("a", source.load) == "value"
            with capture_logs() as lines:
                assert await things.get("a", source.load) == "value"
            assert not [line for line in lines if line["event"] == "redis does not answer"]  # it is not asked
            with pytest.raises(RedisUnavailableError):
                await things.forget("a")
        assert (source.asked, counted(name, "failure")) == (7, 7)
        assert REGISTRY.get_sample_value("breaker_open", {"what": f"cache {name}"}) == 1
        assert await cache(store).get("a", source.load) == "value"


async def test_a_redis_that_hangs_holds_up_each_for_a_moment_and_nobody_for_another(redis_server: Redis) -> None:
    """CA-10, SD-10: ten different values at once take as long as one."""
    async with stores(redis_server) as (store,):
        source, things = Source(), cache(store, load_seconds=1)
        await things.get("a", source.load)
        os.kill(redis_server.pid, signal.SIGSTOP)
        try:
            begun = monotonic()
            assert await asyncio.gather(*(things.get(f"{n}", source.load) for n in range(10))) == ["value"] * 10
            assert monotonic() - begun < 3
        finally:
            os.kill(redis_server.pid, signal.SIGCONT)


@asynccontextmanager
async def with_first_levels(server: Redis, name: str, **limits: Any) -> AsyncIterator[list[Cache[str]]]:
    async with stores(server, 2) as both, AsyncExitStack() as stack:
        caches = [cache(each, name=name, nearby=Nearby(**limits)) for each in both]
        for each in caches:
            await stack.enter_async_context(each.listening())
        source = Source()

        async def near() -> bool:
            before = counted(name, "nearby")
            for each in caches:
                await each.get("warm", source.load)
            return counted(name, "nearby") == before + 2

        await eventually(near, "the first levels do not begin")
        yield caches


async def test_the_first_level_spares_the_way_to_redis_until_somebody_forgets(redis_server: Redis) -> None:
    name = uuid4().hex
    async with with_first_levels(redis_server, name) as (one, other):
        source = Source("before", "after")
        for each in (one, one, other, other):
            assert await each.get("a", source.load) == "before"
        assert source.asked == 1
        hits = counted(name, "hit")
        assert await other.get("a", source.load) == "before"
        assert counted(name, "hit") == hits
        await one.forget("a")
        assert await one.get("a", source.load) == "after"

        async def heard() -> bool:
            return await other.get("a", source.load) == "after"

        await eventually(heard, "the other process does not hear it")


async def test_the_first_level_is_off_while_nobody_can_tell_it_anything(redis_server: Redis) -> None:
    name = uuid4().hex
    async with with_first_levels(redis_server, name) as (one, _):
        source = Source()
        await one.get("a", source.load)
        with redis_server.outage():

            async def forgotten() -> bool:
                before = source.asked
                await one.get("a", source.load)
                return source.asked > before

            await eventually(forgotten, "it is used without Redis")


async def test_the_first_level_keeps_so_many_the_least_used_go_and_none_for_long(redis_server: Redis) -> None:
    """CA-3, W-15."""
    name = uuid4().hex
    async with with_first_levels(redis_server, name, most=2, seconds=0.5) as (one, _):

        async def is_near(key: str) -> bool:
            before = counted(name, "nearby")
            await one.get(key, Source().load)
            return counted(name, "nearby") > before

        for key in ("a", "b", "a", "c"):
            await one.get(key, Source().load)
        assert [await is_near(key) for key in ("a", "c")] == [True, True]
        assert not await is_near("b")
        await asyncio.sleep(0.5)
        assert not await is_near("c")
