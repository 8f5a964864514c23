"""A breaker: after some failures in a row, calls fail at once for a while, and spare both sides the waiting (X-13)."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from circuitbreaker import CircuitBreaker

from chassis import metrics
from chassis.errors import UnavailableError
from chassis.limits import LimitedError

log = structlog.get_logger(__name__)

T = TypeVar("T")

FAILURES = 5
SECONDS = 10


class Breaker:
    """Guards the calls of one thing."""

    def __init__(
        self, what: str, counts: Callable[[Exception], bool], *, failures: int = FAILURES, seconds: float = SECONDS
    ) -> None:
        """Begin closed: calls go through.

        Args:
            what: the thing that is called, for the log and the metric.
            counts: whether an error says that the thing is down; any other but LimitedError shows that it answers.
            failures: so many in a row open it.
            seconds: so long it stays open. Then calls go through again, and the first one that fails opens it again.
        """
        self._what = what
        self._open = metrics.breaker_open.labels(what)
        self._breaker = CircuitBreaker(
            failure_threshold=failures,
            recovery_timeout=seconds,
            expected_exception=lambda _, error: counts(error),
            name=what,
        )

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do some work that calls it.

        Raises:
            UnavailableError: it is open; nothing was called.
        """
        if self._breaker.opened:
            failures, seconds = self._breaker.failure_count, self._breaker.open_remaining
            raise UnavailableError(f"{self._what} failed {failures} times in a row and is tried again in {seconds} s")
        try:
            result = await work()
        except LimitedError:  # nothing was called: it says nothing of the thing
            raise
        except Exception as error:  # a call that its caller gave up says nothing: CancelledError is none of these
            self._breaker.__exit__(type(error), error, None)
            self._tell()
            raise
        self._breaker.reset()
        self._tell()
        return result

    def close(self) -> None:
        """Let calls through again: it has shown elsewhere that it answers, such as by a ping."""
        if not self._breaker.closed:
            self._breaker.reset()
            self._tell()

    def _tell(self) -> None:
        opened = self._breaker.opened
        if opened:
            log.error("breaker open", what=self._what, seconds=self._breaker.open_remaining)
        self._open.set(opened)
