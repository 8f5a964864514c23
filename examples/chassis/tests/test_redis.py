"""CA-1, CA-10, CA-11: what asking Redis looks like from outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from chassis.redis.client import MOST_CONNECTIONS, RedisUnavailableError, Store, opened
from chassis.redis.settings import RedisSettings
from chassis_testing.network import HOST, free_port
from chassis_testing.redis import Redis


def at(server: Redis, slow_seconds: float = 1) -> RedisSettings:
    database = int(server.database().rpartition("/")[2])
    return RedisSettings(redis_addr=f"{HOST}:{server.port}", redis_db=database, slow_seconds=slow_seconds)


async def write_and_read(store: Store) -> str | None:
    await store.ask("write", lambda client: client.set("key", "value"))
    return await store.ask("read", lambda client: client.get("key"))


async def test_what_was_written_is_read(redis_server: Redis) -> None:
    """SD-8."""
    async with opened(at(redis_server), "tests") as store:
        assert await write_and_read(store) == "value"


async def test_a_database_of_another_number_is_another_one(redis_server: Redis) -> None:
    async with opened(at(redis_server), "tests") as one, opened(at(redis_server), "tests") as other:
        await write_and_read(one)
        assert await other.ask("read", lambda client: client.get("key")) is None


async def test_an_outage_is_told_and_counted_and_over_when_redis_is_back(redis_server: Redis) -> None:
    """LG-8, CA-7."""

    def failures() -> float:
        return REGISTRY.get_sample_value("redis_failures_total", {"what": "write"}) or 0

    async with opened(at(redis_server), "tests") as store:
        assert await write_and_read(store) == "value"
        before = failures()
        with redis_server.outage(), capture_logs() as lines:
            with pytest.raises(RedisUnavailableError):
                await write_and_read(store)
            with pytest.raises(RedisUnavailableError):
                await store.ping()
        assert failures() == before + 1
        assert ("redis does not answer", "write") in {(line["event"], line.get("what")) for line in lines}
        await store.ping()
        assert await write_and_read(store) == "value"


async def test_a_slow_request_is_logged_without_its_key(redis_server: Redis) -> None:
    async with opened(at(redis_server, slow_seconds=0.000001), "tests") as store:
        with capture_logs() as lines:
            await write_and_read(store)
    slow = [line for line in lines if line["event"] == "slow redis request"]
    assert [line["what"] for line in slow] == ["write", "read"]
    assert slow[0].keys() == {"event", "log_level", "what", "duration_ms"}


async def test_more_requests_at_once_than_connections_wait_for_one_another(redis_server: Redis) -> None:
    async with opened(at(redis_server), "tests") as store:
        answers = await asyncio.gather(*(write_and_read(store) for _ in range(MOST_CONNECTIONS * 2)))
    assert answers == ["value"] * MOST_CONNECTIONS * 2


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("maxmemory", "1", "maxmemory"),
        ("min-replicas-to-write", "1", "NOREPLICAS"),
    ],
)
async def test_what_redis_cannot_do_now_is_no_error_of_the_program(
    redis_server: Redis, name: str, value: str, says: str
) -> None:
    """W-11: what is asked again then is not lost."""
    async with opened(at(redis_server), "tests") as store:
        await store.ask("prepare", lambda client: client.config_set(name, value))
        try:
            with pytest.raises(RedisUnavailableError, match=says):
                await store.ask("write", lambda client: client.set("key", "value"))
        finally:
            await store.ask("mend", lambda client: client.config_set(name, "0"))
        assert await write_and_read(store) == "value"


@asynccontextmanager
async def failed_over(store: Store) -> AsyncIterator[None]:
    """Be a replica of another server while this is open, which takes no writes."""
    await store.ask("fail over", lambda client: client.replicaof(HOST, str(free_port())))
    try:
        yield
    finally:
        await store.ask("mend", lambda client: client.replicaof("NO", "ONE"))


async def test_a_redis_that_became_a_replica_is_waited_for(redis_server: Redis) -> None:
    async with opened(at(redis_server), "tests") as store:
        async with failed_over(store):
            with pytest.raises(RedisUnavailableError, match="read only"):
                await store.ask("write", lambda client: client.set("key", "value"))
        assert await write_and_read(store) == "value"


async def test_what_was_read_only_is_asked_by_another_connection(redis_server: Redis) -> None:
    """The name may lead to the new server by now; the connections to the old one stand."""
    async with opened(at(redis_server), "tests") as store:
        before = await store.ask("who", lambda client: client.client_id())
        async with failed_over(store):
            with pytest.raises(RedisUnavailableError, match="read only"):
                await store.ask("write", lambda client: client.set("key", "value"))
        assert await store.ask("who", lambda client: client.client_id()) != before


async def test_what_is_asked_wrongly_is_an_error_of_the_program(redis_server: Redis) -> None:
    async with opened(at(redis_server), "tests") as store:
        await store.ask("write", lambda client: client.set("key", "value"))
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await store.ask("push", lambda client: client.lpush("key", "value"))  # type: ignore[arg-type, return-value]
