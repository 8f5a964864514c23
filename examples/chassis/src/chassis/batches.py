"""Batches: what many do at the same time, one by one, is done together, as one statement can (SO-5)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Collects while a batch is being worked; what has come meanwhile is the next one.

    So one alone does not wait for others, and the busier it is, the larger the batches.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], most: int) -> None:
        """Work by a function that gives a result for each item, in their order.

        Args:
            work: its error is the error of each of the batch.
            most: so many at most are worked together.
        """
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Have it worked; one whose caller has given up before its turn is left out.

        Raises:
            Exception: that of the whole batch.
        """
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._task is None:
            # In no one's context: a batch belongs to no single trace.
            self._task = asyncio.create_task(self._run(), context=Context())
        return await result

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                batch = [(item, result) for item, result in batch if not result.done()]
                if batch:
                    await self._together(batch)
        finally:
            self._task = None

    async def _together(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is theirs
            for _, result in batch:
                if not result.done():
                    result.set_exception(error)
        else:
            for (_, result), value in zip(batch, results, strict=True):
                if not result.done():
                    result.set_result(value)
