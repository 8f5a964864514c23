"""So many requests in so much time of one user, whichever process counts them (X-6, SU-6, SN-12).

`limits` keeps the moments of the last requests that were let through, in Redis, and lets one more through if the window
that ends now holds fewer than the limit. The documents' script counts instead, and each request that it lets through
renews the second after which the count is gone: who asks steadily, at half the limit, is refused again and again (W-9).

The moments are by the clocks of the processes, which a cluster keeps together within some milliseconds.

While Redis is away everything is let through, unless a limit is made strict. A limit keeps users from taking too much;
to refuse them all because nobody counts would make an outage of a counter one of the service. It is seen as a warning
when it begins and in `rate_limit_requests_total{outcome="unchecked"}`, and costs no time: after some failures Redis is
not asked for a while. A strict limit is for what would be a danger without one and needs Redis anyway, such as a login.
"""

from typing import Any

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from prometheus_client import Counter
from redis.asyncio import Redis

from chassis.breaker import Breaker
from chassis.errors import UnavailableError
from chassis.redis.client import RedisUnavailableError, Store

log = structlog.get_logger(__name__)

_requests = Counter("rate_limit_requests", "Requests that a limit was asked about", ["limit", "outcome"])


class RateLimit:
    """A limit, the same for each key."""

    def __init__(self, store: Store, name: str, most: int, seconds: int, *, strict: bool = False) -> None:
        """Count in a store.

        Args:
            store: the same for all processes that count together.
            name: what is limited, for metrics and the log, such as `login`; also sets its keys apart from another's.
            most: at most so many of one key,
            seconds: in any time that is so long.
            strict: let nothing through that was not counted.
        """
        self._store = store
        self._name = name
        self._strict = strict
        self._item: RateLimitItem = RateLimitItemPerSecond(most, seconds, namespace=name)
        self._limiter: MovingWindowRateLimiter | None = None
        self._breaker = Breaker(f"limit {name}", lambda error: isinstance(error, RedisUnavailableError))
        self._counting = True

    async def allows(self, key: str) -> bool:
        """Whether one more is within the limit; if so, it is counted. What is refused is not.

        Args:
            key: whose, such as `user:123`.

        Raises:
            RedisUnavailableError: nobody counts, and the limit is strict.
        """
        if self._strict:
            return self._told(await self._hit(key))
        try:
            allowed = await self._breaker.call(lambda: self._hit(key))
        except UnavailableError as error:
            _requests.labels(self._name, "unchecked").inc()
            if self._counting:
                log.warning("not limited: nobody counts", limit=self._name, error=str(error))
            self._counting = False
            return True
        if not self._counting:
            log.info("limited again", limit=self._name)
        self._counting = True
        return self._told(allowed)

    async def _hit(self, key: str) -> bool:
        return await self._store.ask(f"limit {self._name}", lambda client: self._by(client).hit(self._item, key))

    def _by(self, client: Redis) -> MovingWindowRateLimiter:
        if self._limiter is None:
            # The storage makes a client of its own; with this one's connections it has its limits of time too.
            pool: Any = client.connection_pool
            storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="limit", connection_pool=pool)
            self._limiter = MovingWindowRateLimiter(storage)
        return self._limiter

    def _told(self, allowed: bool) -> bool:
        _requests.labels(self._name, "allowed" if allowed else "refused").inc()
        return allowed
