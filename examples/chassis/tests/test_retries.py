"""X-4, W-11: trying again."""

import asyncio
from time import monotonic

import pytest
from prometheus_client import REGISTRY

from chassis.retries import Patience, again


class Passing(Exception):  # noqa: N818
    """May be gone at the next try."""


class Flaky:
    """Fails so many times."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def passes(error: Exception) -> bool:
    return isinstance(error, Passing)


def counted() -> float:
    return REGISTRY.get_sample_value("retries_total", {"what": "thing"}) or 0


async def test_what_passes_is_tried_again_and_counted() -> None:
    before, work = counted(), Flaky(2, Passing())
    assert await again("thing", work, passing=passes) == "done"
    assert (work.calls, counted() - before) == (3, 2)


async def test_what_cannot_pass_is_raised_at_once() -> None:
    work = Flaky(9, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        await again("thing", work, passing=passes)
    assert work.calls == 1


async def test_the_last_error_is_raised_without_a_pause_after_it() -> None:
    work = Flaky(9, Passing("still"))
    begun = monotonic()
    with pytest.raises(Passing, match="still"):
        await again("thing", work, passing=passes, patience=Patience(most=2, first_pause_seconds=0.01))
    assert work.calls == 2
    assert monotonic() - begun < 1


async def test_who_is_cancelled_does_not_try_again() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        assert not begun.is_set()
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(again("thing", work, passing=lambda _: True))
    await begun.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_as_often_as_it_takes() -> None:
    work = Flaky(50, Passing())
    for_ever = Patience(most=None, timeout_seconds=None, first_pause_seconds=0.001, longest_pause_seconds=0.01)
    assert await again("thing", work, passing=passes, patience=for_ever) == "done"


async def test_no_try_begins_after_the_limit() -> None:
    work = Flaky(1000, Passing())
    begun = monotonic()
    with pytest.raises(Passing):
        await again("thing", work, passing=passes, patience=Patience(most=1000, timeout_seconds=0.2))
    assert 1 < work.calls < 20
    assert monotonic() - begun < 2
