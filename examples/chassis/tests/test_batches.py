"""SO-5: what is done together, and what becomes of each."""

import asyncio
from collections.abc import Sequence

import pytest
import structlog

from chassis.batches import Batches


class Work:
    """Doubles numbers, one batch at a time, each when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.let.wait()
        if 13 in items:
            raise ValueError("unlucky")
        return [item * 2 for item in items]


async def started(batches: Batches[int, int], *items: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batches.add(item)) for item in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_one_alone_does_not_wait() -> None:
    work = Work()
    work.let.set()
    assert await Batches(work, 3).add(7) == 14


async def test_what_comes_meanwhile_is_done_together() -> None:
    work = Work()
    batches = Batches(work, 3)
    tasks = await started(batches, 1) + await started(batches, 2, 3, 4, 5)
    work.let.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_an_error_is_that_of_the_batch_alone() -> None:
    work = Work()
    batches = Batches(work, 2)
    tasks = await started(batches, 1) + await started(batches, 13, 2, 3)
    work.let.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [r if isinstance(r, int) else str(r) for r in results] == [2, "unlucky", "unlucky", 6]


async def test_who_gives_up_before_the_turn_is_left_out() -> None:
    work = Work()
    batches = Batches(work, 3)
    first, second, third = await started(batches, 1) + await started(batches, 2, 3)
    second.cancel()
    work.let.set()
    assert (await first, await third) == (2, 6)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert work.batches == [[1], [3]]


async def test_a_batch_is_not_taken_for_the_work_of_the_first_of_it() -> None:
    async def work(items: Sequence[int]) -> list[str | None]:
        return [structlog.contextvars.get_contextvars().get("request_id") for _ in items]

    with structlog.contextvars.bound_contextvars(request_id="somebody's"):
        assert await Batches(work, 3).add(1) is None
