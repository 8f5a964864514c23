"""Redis: databases of a test's own, and keys that survive a crash."""

from collections.abc import Callable, Iterator

import pytest
import redis

from chassis_testing.redis import Redis


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    with Redis.running() as server:
        yield server


def test_databases_are_apart(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.database()) as client:
        client.set("stock", 3)
    with redis.Redis.from_url(redis_server.database()) as client:
        assert client.get("stock") is None


def test_survives_a_crash(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.database()) as client:
        client.set("stock", 3)
        with redis_server.outage(), pytest.raises(redis.ConnectionError):
            client.get("stock")
        assert client.get("stock") == b"3"


def test_survives_an_orderly_restart(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.database()) as client:
        client.set("stock", 3)
        redis_server.restart()
        assert client.get("stock") == b"3"


def test_listens_on_the_loopback_address_only(redis_server: Redis, listens_on: Callable[[Redis], set[str]]) -> None:
    assert listens_on(redis_server) == {"127.0.0.1"}
