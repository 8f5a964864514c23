"""Locks that several processes share (CA-2): for a time, renewed while they are held, and with a token that fences.

A lock alone protects nothing: a holder that was paused (by its collector, by the machine) may believe in a lock that
has run out and that another one holds by now. So each holder gets a number, higher than all before, and what is
protected compares: it has seen a higher one, so this one is late and is refused. `Fenced` does so for what is kept in
Redis; a table of a database does by `UPDATE ... WHERE fence <= :token`.

No Redlock over several servers. It lowers the chance that two hold a lock at once when a server loses its memory, and
cannot make it none, since clocks and pauses are outside of its rules; with tokens it does not matter that two believe
to hold it, for the store is the judge. One Redis that loses its data takes the counter and, for what is kept in the
same Redis, what the counter protects along with it. What is kept elsewhere would refuse new, lower tokens: it says so,
and its fence is set back by hand.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import Counter
from redis.exceptions import ResponseError

from chassis.errors import UnavailableError
from chassis.redis.client import Store
from chassis.redis.scripts import Argument, Script

log = structlog.get_logger(__name__)

SECONDS = 10.0
_FENCED = "FENCED"
_POLL_SECONDS = 0.05

_lost = Counter("locks_lost", "Locks that ran out, or were found to be another one's, while they were held", ["lock"])

# The value is the token and whose it is: a holder whose answer was lost asks again, and is known.
_TAKE = Script(
    "lock take",
    """
    local held = redis.call('GET', KEYS[1])
    if held then
        local token, owner = string.match(held, '^(%d+) (.*)$')
        if owner == ARGV[1] then return tonumber(token) end
        return 0
    end
    local token = redis.call('INCR', KEYS[2])
    redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
    return token
    """,
)
_RENEW = Script(
    "lock renew",
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0",
)
_RELEASE = Script(
    "lock release", "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)
_CHECK = f"""
    if tonumber(redis.call('GET', KEYS[1]) or 0) > tonumber(ARGV[1]) then
        return redis.error_reply('{_FENCED} a later holder has been here')
    end
    redis.call('SET', KEYS[1], ARGV[1])
    """


class LockBusyError(UnavailableError):
    """Another one holds the lock."""


class LockLostError(UnavailableError):
    """The lock ran out, and is another one's by now or may be."""


@dataclass(frozen=True)
class Held:
    """A lock that somebody holds.

    Attributes:
        name: of the lock.
        token: higher than that of everyone who held any lock before.
        owner: who holds it, of this one time.
    """

    name: str
    token: int
    owner: str


class Locks:
    """Takes, renews and gives back locks of one Redis.

    One counter makes the tokens of all of them, so that a lock that is free leaves nothing behind but, if it was used,
    its fence: names are those of tasks, not of orders.
    """

    def __init__(self, store: Store, seconds: float = SECONDS) -> None:
        """Begin without locks; one that is neither renewed nor given back is free after `seconds`."""
        self._store = store
        self._seconds = seconds

    async def take(self, name: str) -> Held | None:
        """Take a lock, if it is free.

        Raises:
            RedisUnavailableError: there is no answer; whether it was taken is not known, and it runs out by itself.
        """
        owner = uuid4().hex
        token = await _TAKE.run(self._store, [_key(name), "locks:tokens"], [owner, self._milliseconds])
        return Held(name, token, owner) if token else None

    async def renew(self, held: Held) -> bool:
        """Hold it for the whole time from now on; False if it is not held any more.

        Raises:
            RedisUnavailableError: there is no answer.
        """
        return bool(await _RENEW.run(self._store, [_key(held.name)], [_value(held), self._milliseconds]))

    async def release(self, held: Held) -> bool:
        """Give it back; False, and nothing happens, if it is not held any more.

        Raises:
            RedisUnavailableError: there is no answer.
        """
        return bool(await _RELEASE.run(self._store, [_key(held.name)], [_value(held)]))

    @asynccontextmanager
    async def holding(self, name: str, wait_seconds: float = 0) -> AsyncIterator[Held]:
        """Hold a lock while this is open, renewed three times as often as is necessary.

        What is done meanwhile is cancelled as soon as the lock is known to be lost, or could not be renewed for so long
        that it may be. A process that is paused does not notice: that is what tokens are for.

        Args:
            name: of the lock.
            wait_seconds: how long to wait for it.

        Raises:
            LockBusyError: another one holds it.
            LockLostError: it was lost on the way.
            RedisUnavailableError: there is no answer when it is taken.
        """
        loop = asyncio.get_running_loop()
        held = await self._patiently(name, wait_seconds)
        try:
            async with asyncio.timeout(self._seconds) as limit:
                renewing = loop.create_task(self._keep(held, limit))
                try:
                    yield held
                finally:
                    renewing.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await renewing
        except TimeoutError:
            if not limit.expired():
                raise
            _lost.labels(name).inc()
            log.error("lock lost", lock=name, token=held.token)  # noqa: TRY400 - the trace says no more
            raise LockLostError(f"the lock {name} ran out while it was held") from None
        finally:
            with contextlib.suppress(UnavailableError):  # then it runs out by itself
                await self.release(held)

    async def _patiently(self, name: str, wait_seconds: float) -> Held:
        until = monotonic() + wait_seconds
        while (held := await self.take(name)) is None:
            if monotonic() >= until:
                raise LockBusyError(f"the lock {name} is held by another one")
            await asyncio.sleep(_POLL_SECONDS)
        return held

    async def _keep(self, held: Held, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._seconds / 3)
            asked = loop.time()
            with contextlib.suppress(UnavailableError):  # the limit stays where it is
                ours = await self.renew(held)
                limit.reschedule(asked + self._seconds if ours else asked)

    @property
    def _milliseconds(self) -> int:
        return round(self._seconds * 1000)


class Fenced:
    """A script that changes what a lock protects; refused to a holder when a later one has used such a script."""

    def __init__(self, what: str, lua: str) -> None:
        """Take a script as `Script` does; its own keys begin with KEYS[2], its arguments with ARGV[2]."""
        self._script = Script(what, _CHECK + lua)

    async def run(self, store: Store, held: Held, keys: Sequence[str] = (), args: Sequence[Argument] = ()) -> Any:
        """Run it as the holder of a lock.

        Raises:
            LockLostError: a later holder has been here; nothing was changed.
            RedisUnavailableError: there is no answer.
            redis.RedisError: Redis, or the script, refuses.
        """
        try:
            return await self._script.run(store, [f"fence:{held.name}", *keys], [held.token, *args])
        except ResponseError as error:
            if str(error).startswith(_FENCED):
                _lost.labels(held.name).inc()
                log.warning("late write refused", lock=held.name, token=held.token)
                raise LockLostError(f"the lock {held.name} was lost to a later holder") from error
            raise


def _key(name: str) -> str:
    return f"lock:{name}"


def _value(held: Held) -> str:
    return f"{held.token} {held.owner}"
