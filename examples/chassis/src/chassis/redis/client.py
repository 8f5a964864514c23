"""Asking Redis: within a limit of time, again where that helps, and seen from outside (CA-7, CA-10, CA-11, LG-8)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TypeVar

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from redis import RedisError
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError

from chassis import tracing
from chassis.errors import UnavailableError, line
from chassis.metrics import LATENCY_SECONDS
from chassis.redis.settings import RedisSettings

log = structlog.get_logger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 1.0
TRIES_AGAIN = 2
MOST_CONNECTIONS = 50
_NOT_NOW = ("MISCONF ", "NOREPLICAS ", "BUSY ")
"""How Redis begins what it says while it cannot write to its disk, has too few replicas, or runs a long script."""

_latency = Histogram("redis_request_duration_seconds", "Time that Redis took", ["what"], buckets=LATENCY_SECONDS)
_failures = Counter("redis_failures", "Requests that Redis did not answer, after retries too", ["what"])


class RedisUnavailableError(UnavailableError):
    """Redis does not answer."""

    public = "a store is unavailable, try again"


class Store:
    """A database of Redis."""

    def __init__(self, client: Redis, slow_seconds: float) -> None:
        """Ask through a client; what takes longer than `slow_seconds` is logged as slow."""
        self._client = client
        self._slow = slow_seconds

    async def ask(self, what: str, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Ask for something that may be asked twice: a request whose answer was lost is made again.

        Args:
            what: the kind of thing, such as `session get`, for metrics, spans and the log; never a key or a value.
            work: asks, by the client.

        Raises:
            RedisUnavailableError: there is no answer, or none as long as Redis is in this state.
            redis.RedisError: it refuses.
        """
        begun = perf_counter()
        try:
            with tracing.within(f"redis {what}", SpanKind.CLIENT):
                return await work(self._client)
        except RedisError as error:
            if not _may_pass(error):
                raise
            _failures.labels(what).inc()
            log.warning("redis does not answer", what=what, error=line(error))
            raise RedisUnavailableError(line(error)) from error
        finally:
            seconds = perf_counter() - begun
            _latency.labels(what).observe(seconds)
            if seconds > self._slow:
                log.warning("slow redis request", what=what, duration_ms=round(seconds * 1000, 2))

    async def messages(self, channel: str) -> AsyncIterator[str | None]:
        """Hear what is published; None each time that this begins, for what was published before was not heard.

        Raises:
            redis.RedisError: the connection is lost.
        """
        async with self._client.pubsub() as subscribed:
            await subscribed.subscribe(channel)
            while True:
                message = await subscribed.get_message(timeout=TIMEOUT_SECONDS)
                if message is not None and message["type"] == "subscribe":
                    yield None
                elif message is not None and message["type"] == "message":
                    yield message["data"]

    async def ping(self) -> None:
        """Ask whether it is there.

        Raises:
            RedisUnavailableError: it is not.
        """
        try:
            await self._client.ping()  # type: ignore[misc]  # typed for the blocking client too
        except RedisError as error:  # also one that is still loading, or wants another password
            raise RedisUnavailableError(line(error)) from error


def _may_pass(error: RedisError) -> bool:
    """Whether the same request may succeed later: of memory, a disk or a failover, and not of what was asked."""
    if isinstance(error, NoConnectionError | NoAnswerError | OutOfMemoryError | ReadOnlyError | ClusterDownError):
        return True
    return isinstance(error, ResponseError) and str(error).startswith(_NOT_NOW)


@asynccontextmanager
async def opened(settings: RedisSettings, name: str) -> AsyncIterator[Store]:
    """Have connections while this is open; they are made when they are needed.

    Args:
        settings: where it is.
        name: of the process, which Redis shows in CLIENT LIST, such as `user-web`.
    """
    host, _, port = settings.redis_addr.rpartition(":")
    password = settings.redis_password
    # One that waits for a connection: the usual one fails when there are as many requests at once as there may be.
    pool = BlockingConnectionPool(
        host=host,
        port=int(port),
        db=settings.redis_db,
        password=password.get_secret_value() if password else None,
        client_name=name,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        max_connections=MOST_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), TRIES_AGAIN),
        # What is read only now may be another server than the one that the name leads to by now: after a failover its
        # connections stand, and answer PING. An error in this list has the connection made anew.
        retry_on_error=[NoConnectionError, NoAnswerError, ReadOnlyError],
        health_check_interval=30,
    )
    client = Redis.from_pool(pool)
    try:
        yield Store(client, settings.slow_seconds)
    finally:
        await client.aclose()
