"""Passwords: kept as argon2 makes them, and compared in threads, so many at a time.

A hash is meant to cost time and memory. It is made outside of the event loop, which goes on meanwhile, by a fixed
number of threads: the memory that they need is known, and who comes when all are busy waits their turn.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from prometheus_client import Gauge, Histogram

from chassis.metrics import LATENCY_SECONDS

T = TypeVar("T")

_waiting = Gauge("user_passwords_in_progress", "Passwords that are hashed or compared now, or wait for it")
_latency = Histogram(
    "user_password_duration_seconds", "Time to hash or compare a password, with the waiting", buckets=LATENCY_SECONDS
)


class Passwords:
    """Hashes and compares passwords."""

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int, at_once: int) -> None:
        """Begin the threads.

        Args:
            memory_kib: what a hash needs of memory,
            time_cost: and of passes over it,
            parallelism: in so many lanes; see RFC 9106.
            at_once: so many at the same time.
        """
        self._argon2 = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._nobodys = self._argon2.hash(secrets.token_urlsafe())

    def close(self) -> None:
        """Finish what has been begun; nothing else is."""
        self._threads.shutdown(cancel_futures=True)

    async def hash(self, password: str) -> str:
        """What to keep of a password."""
        return await self._in_turn(lambda: self._argon2.hash(_bytes(password)))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether it is the password of which this was kept.

        None is nobody's, and takes as long as somebody's: who asks cannot tell from the time which addresses there are.
        """
        return await self._in_turn(lambda: self._compare(kept or self._nobodys, password)) and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was made at another cost than it would be now."""
        return self._argon2.check_needs_rehash(kept)

    def _compare(self, kept: str, password: str) -> bool:
        try:
            return self._argon2.verify(kept, _bytes(password))
        except VerifyMismatchError:
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        begun = perf_counter()
        with _waiting.track_inprogress():
            # Of a caller who gives up nothing is begun; what has been begun keeps its thread until it is done.
            result = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        _latency.observe(perf_counter() - begun)
        return result


def _bytes(password: str) -> bytes:
    """The same for the same text, however the keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password).encode()
