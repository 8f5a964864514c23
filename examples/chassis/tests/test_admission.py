"""X-15, W-7: no more is worked on at once than can be answered in time; what is above it is told when to come again."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import structlog
from prometheus_client import REGISTRY

from chassis import admission
from chassis.admission import AT_FIRST, LEAST, MOST, Admission
from chassis.errors import OverloadedError

LIMIT_SECONDS = 8.0


class Clock:
    """The time as admission sees it."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(admission, "_now", lambda: made.now)
    return made


@pytest.fixture
def bounded() -> Admission:
    return Admission("tests", LIMIT_SECONDS)


async def work_in_crowds(
    bounded: Admission, clock: Clock, seconds: float, crowds: int = 1, *, failing: bool = False
) -> None:
    """As many as there may be are at work, and are done after so long."""
    for _ in range(crowds):
        async with AsyncExitStack() as stack:
            for _ in range(bounded.bound):
                await stack.enter_async_context(bounded.admitted())
            clock.now += seconds
            if failing:
                raise LookupError


def sample(name: str) -> float:
    return REGISTRY.get_sample_value(name, {"service": "tests"}) or 0


async def waiting(bounded: Admission, number: int, go: asyncio.Event) -> "list[asyncio.Task[None]]":
    async def one() -> None:
        async with bounded.admitted():
            await go.wait()

    tasks = [asyncio.create_task(one()) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_the_bound_begins_small_and_grows_with_answers_in_time_while_there_is_more_to_do(
    bounded: Admission, clock: Clock
) -> None:
    assert (bounded.bound, sample("requests_bound")) == (AT_FIRST, AT_FIRST)
    for _ in range(100):  # one after the other: nobody waits, and nothing is learned
        async with bounded.admitted():
            clock.now += 0.1
    assert bounded.bound == AT_FIRST
    await work_in_crowds(bounded, clock, 0.1)
    assert bounded.bound == AT_FIRST + 1
    await work_in_crowds(bounded, clock, 0.1, crowds=200)
    assert (bounded.bound, sample("requests_bound")) == (MOST, MOST)


async def test_an_answer_that_is_late_halves_it_once_for_all_that_was_at_work(bounded: Admission, clock: Clock) -> None:
    await work_in_crowds(bounded, clock, 0.1, crowds=24)
    assert bounded.bound == AT_FIRST + 24
    await work_in_crowds(bounded, clock, LIMIT_SECONDS * 0.6)
    assert bounded.bound == (AT_FIRST + 24) // 2
    grown = bounded.bound
    await work_in_crowds(bounded, clock, 0.1, crowds=grown + 1)
    assert bounded.bound == grown + 1, "from then on one for each round of answers"
    await work_in_crowds(bounded, clock, LIMIT_SECONDS * 0.6, crowds=10)
    assert bounded.bound == LEAST


async def test_an_answer_that_failed_teaches_nothing_unless_it_was_late(bounded: Admission, clock: Clock) -> None:
    for seconds, bound in ((0.1, AT_FIRST), (LIMIT_SECONDS * 0.6, AT_FIRST // 2)):
        with pytest.raises(LookupError):
            await work_in_crowds(bounded, clock, seconds, failing=True)
        assert bounded.bound == bound


async def test_who_waits_comes_in_turn_and_who_waits_too_long_is_refused() -> None:
    bounded, go = Admission("tests", 1.0), asyncio.Event()
    refused = sample("requests_refused_total")
    first = await waiting(bounded, AT_FIRST, go)
    later = await waiting(bounded, 3, go)
    later[1].cancel()
    first[0].cancel()  # its place is the first one's that waits
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as said, pytest.raises(OverloadedError):
        await later[2]
    assert not later[0].done()
    assert [(line["event"], line["log_level"]) for line in said] == [("overloaded", "warning")]
    assert sample("requests_refused_total") == refused + 1
    go.set()
    await asyncio.gather(*first[1:], later[0])
    async with asyncio.timeout(1), AsyncExitStack() as stack:
        for _ in range(bounded.bound):  # no place was lost
            await stack.enter_async_context(bounded.admitted())


async def test_a_turn_that_comes_when_nobody_waits_for_it_any_more_is_anothers() -> None:
    bounded, go = Admission("tests", 60.0), asyncio.Event()
    first = await waiting(bounded, AT_FIRST, go)
    given_up, next_one = await waiting(bounded, 2, go)
    go.set()
    await first[0]
    given_up.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(*first, next_one)
        await asyncio.wait([given_up])
        async with AsyncExitStack() as stack:
            for _ in range(bounded.bound):
                await stack.enter_async_context(bounded.admitted())


async def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_WAITING", 2)
    bounded, go = Admission("tests", 60.0), asyncio.Event()
    tasks = await waiting(bounded, AT_FIRST + 2, go)
    with pytest.raises(OverloadedError):
        async with bounded.admitted():
            pass
    go.set()
    await asyncio.gather(*tasks)
