"""F6-5, SU-5, W-19, CA-8: sessions in a real Redis, by a clock of the test's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chassis.redis.client import Store, opened
from chassis.redis.settings import RedisSettings
from chassis_testing.network import HOST
from chassis_testing.redis import Redis
from user_service.domain import Lifetime, Session
from user_service.storage.sessions import RedisSessions

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
USER = uuid4()


@pytest.fixture
async def store(redis_server: Redis) -> AsyncIterator[Store]:
    database = int(redis_server.database().rpartition("/")[2])
    async with opened(RedisSettings(redis_addr=f"{HOST}:{redis_server.port}", redis_db=database), "tests") as store:
        yield store


@pytest.fixture
def sessions(store: Store) -> RedisSessions:
    return RedisSessions(store, Lifetime(HOUR, 24 * HOUR))


async def only_key(store: Store) -> str:
    (key,) = await store.ask("keys", lambda client: client.keys())
    return str(key)


async def seconds_left(store: Store) -> int:
    key = await only_key(store)
    milliseconds = await store.ask("time", lambda client: client.pttl(key))
    return round(float(milliseconds) / 1000)


async def test_what_is_kept_lets_nobody_in(sessions: RedisSessions, store: Store) -> None:
    session_id, session = await sessions.begin(USER, NOW)
    assert len(session_id) == 43  # 256 bits
    assert session == Session(USER, NOW, NOW + HOUR)
    key = await only_key(store)
    value = await store.ask("value", lambda client: client.get(key))
    assert session_id not in f"{key} {value}"
    assert await sessions.use(key.removeprefix("session:"), NOW) is None


async def test_using_it_makes_it_last_longer_but_not_for_ever(sessions: RedisSessions, store: Store) -> None:
    session_id, _ = await sessions.begin(USER, NOW)
    assert await seconds_left(store) == 3600
    used = await sessions.use(session_id, NOW + 23 * HOUR)
    assert used == Session(USER, NOW, NOW + 24 * HOUR)
    assert await seconds_left(store) == 3600
    used = await sessions.use(session_id, NOW + 23.5 * HOUR)
    assert used == Session(USER, NOW, NOW + 24 * HOUR)
    assert await seconds_left(store) == 1800
    assert await sessions.use(session_id, NOW + 24 * HOUR) is None
    assert await store.ask("keys", lambda client: client.keys()) == []


async def test_a_shorter_lifetime_holds_for_sessions_that_go_on(sessions: RedisSessions, store: Store) -> None:
    session_id, _ = await sessions.begin(USER, NOW)
    shorter = RedisSessions(store, Lifetime(HOUR, 2 * HOUR))
    assert await shorter.use(session_id, NOW + 3 * HOUR) is None
    assert await sessions.use(session_id, NOW + 3 * HOUR) is None


@pytest.mark.parametrize("session_id", ["", "x", "A" * 43, "A" * 44, "é" * 43, "*" * 43])
async def test_an_id_of_a_clients_own_is_none_and_becomes_none(
    sessions: RedisSessions, store: Store, session_id: str
) -> None:
    assert await sessions.use(session_id, NOW) is None
    await sessions.end(session_id)
    assert await store.ask("keys", lambda client: client.keys()) == []


async def test_one_that_was_ended_does_not_come_back(sessions: RedisSessions) -> None:
    session_id, _ = await sessions.begin(USER, NOW)
    other, _ = await sessions.begin(USER, NOW)
    await sessions.end(session_id)
    await sessions.end(session_id)
    assert await sessions.use(session_id, NOW) is None
    assert await sessions.use(other, NOW)
