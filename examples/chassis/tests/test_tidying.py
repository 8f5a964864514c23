"""What is old is forgotten beside the work, and what goes wrong with it stays there."""

import asyncio
from collections.abc import Iterator, Mapping

import structlog

from chassis.errors import UnavailableError
from chassis.tidying import tidying


class Store:
    """Forgets, or says one after the other why not."""

    def __init__(self, *outcomes: int | Exception) -> None:
        self._outcomes: Iterator[int | Exception] = iter(outcomes)
        self.over = asyncio.Event()

    async def forget(self) -> Mapping[str, int]:
        outcome = next(self._outcomes, None)
        if outcome is None:
            self.over.set()
            return {"keys": 0}
        if isinstance(outcome, Exception):
            raise outcome
        return {"keys": outcome, "events": 0}


async def test_it_goes_on_whatever_becomes_of_it() -> None:
    store = Store(3, UnavailableError("database"), ValueError("unlucky"), 0, 2)
    with structlog.testing.capture_logs() as logs:
        async with tidying(store.forget, 0), asyncio.timeout(5):
            await store.over.wait()
    assert [(each["event"], each["log_level"], each.get("keys")) for each in logs] == [
        ("forgotten", "info", 3),
        ("nothing forgotten", "warning", None),
        ("nothing forgotten", "error", None),
        ("forgotten", "info", 2),
    ]


async def test_it_ends_with_the_work_that_it_is_beside() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def forget() -> Mapping[str, int]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    async with tidying(forget, 3600):
        await begun.wait()
    assert ended.is_set()
