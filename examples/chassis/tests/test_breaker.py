"""X-13: what is down is left alone for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import circuitbreaker
import pytest
from prometheus_client import REGISTRY

from chassis.breaker import Breaker
from chassis.errors import UnavailableError
from chassis.limits import LimitedError


class Down(Exception):  # noqa: N818
    """Says that the thing is down."""


def failing(error: Exception) -> Callable[[], Awaitable[str]]:
    async def work() -> str:
        raise error

    return work


async def fine() -> str:
    return "done"


def is_open() -> float | None:
    return REGISTRY.get_sample_value("breaker_open", {"what": "thing"})


class Clock:
    """The time as breakers see it."""

    now = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def breaker() -> Breaker:
    return Breaker("thing", lambda error: isinstance(error, Down), failures=2, seconds=60)


async def opened(breaker: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(Down):
            await breaker.call(failing(Down()))


async def test_failures_in_a_row_open_it_and_nothing_is_called(breaker: Breaker) -> None:
    await opened(breaker)
    assert is_open() == 1
    with pytest.raises(UnavailableError, match="thing failed 2 times in a row and is tried again in 60 s"):
        await breaker.call(failing(AssertionError("called")))


async def test_an_answer_between_failures_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(3):
        with pytest.raises(Down):
            await breaker.call(failing(Down()))
        with pytest.raises(LookupError):  # an error that shows that the thing answers
            await breaker.call(failing(LookupError()))
    assert await breaker.call(fine) == "done"
    assert is_open() == 0


async def test_after_a_while_it_is_tried_and_closes_or_opens_by_that(breaker: Breaker, clock: Clock) -> None:
    await opened(breaker)
    clock.now += 61
    with pytest.raises(Down):
        await breaker.call(failing(Down()))
    with pytest.raises(UnavailableError):
        await breaker.call(fine)
    clock.now += 61
    assert await breaker.call(fine) == "done"
    assert await breaker.call(fine) == "done"
    assert is_open() == 0


async def test_a_call_that_is_given_up_says_nothing(breaker: Breaker) -> None:
    with pytest.raises(Down):
        await breaker.call(failing(Down()))
    waiting = asyncio.create_task(breaker.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(Down):
        await breaker.call(failing(Down()))
    with pytest.raises(UnavailableError):
        await breaker.call(fine)


async def test_a_call_that_our_own_limit_does_not_let_through_says_nothing(breaker: Breaker) -> None:
    with pytest.raises(Down):
        await breaker.call(failing(Down()))
    with pytest.raises(LimitedError):
        await breaker.call(failing(LimitedError("too many calls")))
    with pytest.raises(Down):
        await breaker.call(failing(Down()))
    with pytest.raises(UnavailableError, match="failed 2 times in a row"):
        await breaker.call(fine)
