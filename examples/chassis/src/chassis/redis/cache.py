"""Cache-aside (CA-4): what takes long to get is kept in Redis for a while, and got once for everybody who wants it.

- In a process, all who want a value at once wait for one task (CA-5). No lock of asyncio is held meanwhile (CA-10).
- Of all processes, one gets the value: it holds a short lease, others look again and again. One that holds a lease and
  dies delays them for `load_seconds` at most.
- A value is fresh for its time, a little more or less so that not all end at once. After that it is stale for a while:
  whoever comes takes it, and one of them gets the new one meanwhile, also when that does not succeed.
- Whoever forgets a value takes the lease too: what was asked for before it changed is not kept after.
- Without Redis, values are got from where they come from. A breaker sees to it that nobody waits for Redis then, and
  the metrics to it that somebody notices (CA-7, CA-11): `cache_requests_total` by result, `cache_loads_total`.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic, perf_counter
from typing import Generic, TypeVar
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from redis import RedisError

from chassis.breaker import Breaker
from chassis.errors import UnavailableError, line
from chassis.metrics import LATENCY_SECONDS
from chassis.redis.client import Store
from chassis.redis.nearby import Nearby
from chassis.redis.scripts import Script

log = structlog.get_logger(__name__)

T = TypeVar("T")
Load = Callable[[], Awaitable[T]]
"""Gets a value from where it comes from."""

LOAD_SECONDS = 5.0
JITTER = 0.1
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25

_LOOK_SECONDS = 1.0
"""A cache that takes longer is none."""
_AWAY = (RedisError, TimeoutError, UnavailableError)

_requests = Counter(
    "cache_requests", "Values asked for: nearby, hit, stale, miss, or failure of the cache itself", ["cache", "result"]
)
_loads = Counter("cache_loads", "Values got from where they come from", ["cache", "outcome"])
_load_latency = Histogram("cache_load_duration_seconds", "Time that took", ["cache"], buckets=LATENCY_SECONDS)

# A value is fresh while more of its time is left than it may be stale for. Gives: fresh, stale or none; the value; and
# whether the caller has the lease.
_LOOK = Script(
    "cache look",
    """
    local value = redis.call('GET', KEYS[1])
    if value and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then return {'fresh', value, 0} end
    local won = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
    if not won then won = redis.call('GET', KEYS[2]) == ARGV[1] end
    return {value and 'stale' or 'none', value or '', won and 1 or 0}
    """,
)
_KEEP = Script(
    "cache keep",
    """
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return redis.call('DEL', KEYS[2])
    """,
)
_GIVE_UP = Script(
    "cache give up", "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)
_FORGET = Script("cache forget", "redis.call('DEL', KEYS[1], KEYS[2]) return redis.call('PUBLISH', ARGV[1], ARGV[2])")


class Cache(Generic[T]):
    """Values of one kind, by key."""

    def __init__(  # noqa: PLR0913 - a cache is described by these
        self,
        store: Store,
        name: str,
        *,
        ttl_seconds: float,
        stale_seconds: float = 0,
        load_seconds: float = LOAD_SECONDS,
        encode: Callable[[T], str] = json.dumps,
        decode: Callable[[str], T] = json.loads,
        nearby: Nearby[T] | None = None,
    ) -> None:
        """Describe a cache.

        Args:
            store: where values are kept.
            name: of the cache, for keys, metrics and the log, such as `routes`.
            ttl_seconds: how long a value is fresh, give or take a tenth.
            stale_seconds: how long it may be used after that, while a new one is got.
            load_seconds: how long others wait for the one that gets a value; longer than that should take.
            encode: turns a value into text.
            decode: turns text into a value; a ValueError says that it is none, such as one of another release.
            nearby: a first level in this process; it is used while `listening` is open.
        """
        self._store = store
        self._name = name
        self._ttl = ttl_seconds
        self._stale = stale_seconds
        self._load_seconds = load_seconds
        self._encode = encode
        self._decode = decode
        self._nearby = nearby
        self._flights: dict[str, asyncio.Task[T]] = {}
        self._refreshing: set[asyncio.Task[T]] = set()
        self._breaker = Breaker(f"cache {name}", lambda error: isinstance(error, _AWAY))

    async def get(self, key: str, load: Load[T]) -> T:
        """Return the value of a key, from the cache or by `load`.

        Raises:
            Exception: that of `load`; all who waited for it get it. Never one of Redis.
        """
        if self._nearby is not None and (kept := self._nearby.find(key)) is not None:
            self._count("nearby")
            return kept.value
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._find(key, load))
            flight.add_done_callback(lambda done: self._landed(key, done))
        # One who gives up waiting does not take the value away from the others.
        return await asyncio.shield(flight)

    async def forget(self, key: str) -> None:
        """Forget a value that has changed; to be called after the change.

        Raises:
            RedisUnavailableError: it is not forgotten, and is used until its time is over.
        """
        self._flights.pop(key, None)
        if self._nearby is not None:
            self._nearby.forget(key)
        await _FORGET.run(self._store, self._keys(key), [self._channel, key])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Use the first level while this is open; at the end, wait for no value that is being got."""
        async with AsyncExitStack() as stack:
            if self._nearby is not None:
                await stack.enter_async_context(self._nearby.following(self._store, self._channel))
            try:
                yield
            finally:
                for task in (*self._refreshing, *self._flights.values()):
                    task.cancel()

    async def _find(self, key: str, load: Load[T]) -> T:
        mark = self._nearby.mark() if self._nearby is not None else 0
        token = uuid4().hex
        until, pause, first = monotonic() + self._load_seconds, _FIRST_PAUSE_SECONDS, True
        while True:
            try:
                state, text, won = await self._breaker.call(lambda: self._look(key, token))
                value = self._decode(text) if state != "none" else None
            except ValueError:  # of another release: as if it were not there
                state, value = "none", None
            except _AWAY:
                self._count("failure")
                return await self._load(load)
            if first:
                self._count({"fresh": "hit", "stale": "stale", "none": "miss"}[state])
            if state == "stale" and won:
                self._refresh(key, load, token)
            if state != "none":
                if self._nearby is not None and state == "fresh":
                    self._nearby.keep(key, value, mark)  # type: ignore[arg-type]  # there is one
                return value  # type: ignore[return-value]  # as above
            if won or monotonic() >= until:
                value = await self._fill(key, load, token)
                if self._nearby is not None:
                    self._nearby.keep(key, value, mark)
                return value
            await asyncio.sleep(pause)
            pause, first = min(pause * 2, _LONGEST_PAUSE_SECONDS), False

    async def _look(self, key: str, token: str) -> tuple[str, str, bool]:
        lease, stale = round(self._load_seconds * 1000), round(self._stale * 1000)
        async with asyncio.timeout(_LOOK_SECONDS):
            state, text, won = await _LOOK.run(self._store, self._keys(key), [token, lease, stale])
        return state, text, bool(won)

    async def _fill(self, key: str, load: Load[T], token: str) -> T:
        """Get a value, and keep it if the lease still holds; the value is the caller's in any case."""
        value_key, lease = self._keys(key)
        try:
            value = await self._load(load)
        except Exception:
            await self._quietly(_GIVE_UP.run(self._store, [lease], [token]))
            raise
        lasts = self._ttl * random.uniform(1 - JITTER, 1 + JITTER) + self._stale  # noqa: S311 - no secret
        keep = _KEEP.run(self._store, [value_key, lease], [token, self._encode(value), round(lasts * 1000)])
        await self._quietly(keep)
        return value

    async def _load(self, load: Load[T]) -> T:
        begun = perf_counter()
        try:
            value = await load()
        except Exception:
            _loads.labels(self._name, "failed").inc()
            raise
        _loads.labels(self._name, "loaded").inc()
        _load_latency.labels(self._name).observe(perf_counter() - begun)
        return value

    async def _quietly(self, asked: Awaitable[object]) -> None:
        try:
            await asked
        except _AWAY as error:
            self._count("failure")
            log.warning("cache does not keep", cache=self._name, error=line(error))

    def _refresh(self, key: str, load: Load[T], token: str) -> None:
        task = asyncio.create_task(self._fill(key, load, token))
        self._refreshing.add(task)
        task.add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[T]) -> None:
        self._refreshing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("stale value stays", cache=self._name, error=line(error))

    def _landed(self, key: str, flight: asyncio.Task[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # seen, also if nobody waits for it any more

    def _count(self, result: str) -> None:
        _requests.labels(self._name, result).inc()

    def _keys(self, key: str) -> list[str]:
        return [f"cache:{self._name}:{key}", f"cache:{self._name}:{key}:lease"]

    @property
    def _channel(self) -> str:
        return f"cache:{self._name}:forgotten"
