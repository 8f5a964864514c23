"""Trying again: what may pass, with growing pauses, and not for longer than the caller would wait (X-4).

`stamina` does it. W-11 says what must not be: a pause after the last try, equal pauses for everybody, no limit of time,
and trying again what cannot succeed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina
import stamina.instrumentation
import structlog
from stamina import Attempt

from chassis import metrics

log = structlog.get_logger(__name__)

T = TypeVar("T")
Passing = Callable[[Exception], bool]
Describe = Callable[[Exception], str]


@dataclass(frozen=True)
class Patience:
    """How often and how long to try.

    Attributes:
        most: tries in all; None is no limit.
        timeout_seconds: no try begins later than this; None is no limit.
        first_pause_seconds: doubles with each try, and is lengthened at random by up to twice as much.
        longest_pause_seconds: no pause grows longer.
    """

    most: int | None = 3
    timeout_seconds: float | None = 5
    first_pause_seconds: float = 0.05
    longest_pause_seconds: float = 1


_FOR_A_CALLER = Patience()


async def again(
    what: str,
    work: Callable[[], Awaitable[T]],
    *,
    passing: Passing,
    describe: Describe = str,
    patience: Patience = _FOR_A_CALLER,
) -> T:
    """Do some work, again if it failed for a passing reason; it must be safe to repeat.

    Args:
        what: the thing that is called, such as `database`, for the log and the metric.
        work: one try.
        passing: whether an error may be gone at the next try; any other is raised at once.
        describe: says in one line what went wrong, without users' data.
        patience: how often and how long.

    Raises:
        Exception: the last try's.
    """
    tries = _Tries(what, passing, describe)
    async for attempt in tries.begin(patience):
        tries.tell(attempt)
        with attempt:
            return await work()
    raise AssertionError("stamina ends with a result or an error")


def again_blocking(
    what: str, work: Callable[[], T], *, passing: Passing, describe: Describe = str, patience: Patience = _FOR_A_CALLER
) -> T:
    """Do it as `again`, where there is no event loop."""
    tries = _Tries(what, passing, describe)
    for attempt in tries.begin(patience):
        tries.tell(attempt)
        with attempt:
            return work()
    raise AssertionError("stamina ends with a result or an error")


class _Tries:
    """Remembers why the last one failed, to tell it at the next."""

    def __init__(self, what: str, passing: Passing, describe: Describe) -> None:
        self._what = what
        self._passing = passing
        self._describe = describe
        self._error = Exception()

    def begin(self, patience: Patience) -> "stamina._core._RetryContextIterator":
        return stamina.retry_context(
            on=self._may_pass,
            attempts=patience.most,
            timeout=patience.timeout_seconds,
            wait_initial=patience.first_pause_seconds,
            wait_max=patience.longest_pause_seconds,
            wait_jitter=patience.first_pause_seconds * 2,
        )

    def _may_pass(self, error: BaseException) -> bool:
        if not isinstance(error, Exception):  # stamina asks of these too: who is cancelled does not try again
            return False
        self._error = error
        return self._passing(error)

    def tell(self, attempt: Attempt) -> None:
        if attempt.num > 1:
            metrics.retries.labels(self._what).inc()
            log.warning("trying again", what=self._what, error=self._describe(self._error), attempt=attempt.num)


def quiet() -> None:
    """Keep stamina from logging each retry with what was called; here it is logged without."""
    stamina.instrumentation.set_on_retry_hooks([])
