"""X-6, SU-6, SN-12: what a limit lets through, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.redis.client import RedisUnavailableError, Store, opened
from chassis.redis.limits import RateLimit
from chassis.redis.settings import RedisSettings
from chassis_testing.network import HOST
from chassis_testing.program import eventually
from chassis_testing.redis import Redis

THEIR_SCRIPT = """
local current = redis.call("GET", KEYS[1])
if current and tonumber(current) >= tonumber(ARGV[1]) then return 0 end
redis.call("INCR", KEYS[1])
redis.call("EXPIRE", KEYS[1], 1)
return 1
"""


@pytest.fixture
def settings(redis_server: Redis) -> RedisSettings:
    database = int(redis_server.database().rpartition("/")[2])
    return RedisSettings(redis_addr=f"{HOST}:{redis_server.port}", redis_db=database)


@pytest.fixture
async def store(settings: RedisSettings) -> AsyncIterator[Store]:
    async with opened(settings, "tests") as store:
        yield store


def counted(limit: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("rate_limit_requests_total", {"limit": limit, "outcome": outcome}) or 0


async def steadily(*ask: Callable[[], Awaitable[bool]]) -> list[list[bool]]:
    """Ask several 12 times, 5 times a second; their answers."""
    answers = []
    for _ in range(12):
        answers.append([await each() for each in ask])
        await asyncio.sleep(0.2)
    return [list(column) for column in zip(*answers, strict=True)]


async def test_a_steady_caller_at_half_the_limit_is_never_refused(store: Store) -> None:
    """W-9: the documents' script refuses the same caller, so this test would tell it from a limit."""
    limit = RateLimit(store, "tests", 10, 1)

    async def theirs() -> bool:
        return bool(await store.ask("theirs", lambda client: client.register_script(THEIR_SCRIPT)(["user:123"], [10])))

    ours, script = await steadily(lambda: limit.allows("user:123"), theirs)
    assert ours == [True] * 12
    assert script == [True] * 10 + [False] * 2


async def test_more_than_the_limit_is_refused_until_the_window_has_moved_on(store: Store) -> None:
    limit = RateLimit(store, "tests", 10, 1)
    before = counted("tests", "refused")
    burst = await asyncio.gather(*(limit.allows("user:123") for _ in range(14)))
    assert sorted(burst) == [False] * 4 + [True] * 10
    assert counted("tests", "refused") == before + 4
    assert await limit.allows("user:456")
    await eventually(lambda: limit.allows("user:123"), "who has been refused stays so")


async def test_processes_count_together_and_limits_apart(settings: RedisSettings) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(settings, "tests")) for _ in range(2)]
        one, other = (RateLimit(store, "tests", 4, 60) for store in stores)
        allowed = [await limit.allows("user:123") for _ in range(3) for limit in (one, other)]
        assert allowed == [True] * 4 + [False] * 2
        assert await RateLimit(stores[0], "others", 4, 60).allows("user:123")


async def test_while_nobody_counts_all_is_let_through_unless_the_limit_is_strict(
    redis_server: Redis, store: Store
) -> None:
    limit, strict = RateLimit(store, "open", 1, 60), RateLimit(store, "strict", 1, 60, strict=True)
    assert [await limit.allows("user:123"), await strict.allows("user:123")] == [True, True]
    with redis_server.outage(), capture_logs() as lines:
        assert [await limit.allows("user:123") for _ in range(7)] == [True] * 7
        with pytest.raises(RedisUnavailableError):
            await strict.allows("user:123")
    events = [line["event"] for line in lines]
    assert events.count("not limited: nobody counts") == 1
    assert events.count("redis does not answer") == 5 + 1, "Redis is asked again and again"
    assert counted("open", "unchecked") == 7
    assert not await strict.allows("user:123")


async def test_it_is_told_when_somebody_counts_again(redis_server: Redis, store: Store) -> None:
    limit = RateLimit(store, "tests", 1, 60)
    with redis_server.outage():
        assert await limit.allows("user:123")
    with capture_logs() as lines:
        assert [await limit.allows("user:123") for _ in range(2)] == [True, False]
    assert [line["event"] for line in lines] == ["limited again"]
