"""The first level of a cache: values that this process has seen lately, without a way to Redis (CA-3, CA-6).

It is small, and it forgets what others change: whoever forgets a value in Redis tells all by Pub/Sub. While nobody can
tell us, nothing is kept here. A message may be lost with a connection; so nothing is kept for long, either.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

import structlog
from redis import RedisError

from chassis.errors import UnavailableError, line
from chassis.redis.client import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

MOST = 1000
SECONDS = 30.0
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A value, which may be None."""

    value: T
    until: float


class Nearby(Generic[T]):
    """Values of one cache, the most recently used of them."""

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        """Begin empty, and off until `following` is open.

        Args:
            most: so many values are kept.
            seconds: none is kept for longer.
        """
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[str, Kept[T]] = OrderedDict()
        self._changes = 0
        self._hears = False

    def find(self, key: str) -> Kept[T] | None:
        """Return what is kept under a key."""
        found = self._kept.get(key)
        if found is None or found.until < monotonic():
            return None
        self._kept.move_to_end(key)
        return found

    def mark(self) -> int:
        """Remember the moment before a value is asked for."""
        return self._changes

    def keep(self, key: str, value: T, mark: int) -> None:
        """Keep a value, unless something was forgotten since the mark: it might have been this one."""
        if not self._hears or mark != self._changes:
            return
        self._kept[key] = Kept(value, monotonic() + self._seconds)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, key: str | None = None) -> None:
        """Forget what is kept under a key; without one, everything."""
        self._changes += 1
        if key is None:
            self._kept.clear()
        else:
            self._kept.pop(key, None)

    @asynccontextmanager
    async def following(self, store: Store, channel: str) -> AsyncIterator[None]:
        """Hear what others forget, and keep values, while this is open."""
        task = asyncio.create_task(self._follow(store, channel))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self, store: Store, channel: str) -> None:
        while True:
            try:
                async for key in store.messages(channel):
                    self._hears = True
                    self.forget(key)
            except (RedisError, UnavailableError) as error:
                log.warning("first level of the cache is off", channel=channel, error=line(error))
            finally:
                self._hears = False
                self.forget()
            await asyncio.sleep(_PAUSE_SECONDS)
