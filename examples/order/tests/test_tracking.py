"""Tracking without a transport or a database: what goes wrong with a look, and clocks that differ."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import structlog

from chassis.errors import UnavailableError
from chassis.shutdown import Shutdown
from order_service import tracking
from order_service.domain import OrderStatus, StatusNow
from order_service.tracking import Tracker

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "INTERVAL_SECONDS", 0.01)


class Looks:
    """Answers one look after the other; the last answer stays."""

    def __init__(self, order_id: UUID, *answers: tuple[OrderStatus, float] | Exception) -> None:
        self._order_id = order_id
        self._answers = list(answers)

    async def __call__(self, _: Sequence[UUID]) -> Sequence[StatusNow]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, seconds = answer
        return [StatusNow(self._order_id, status, NOW + timedelta(seconds=seconds))]


async def told(*answers: tuple[OrderStatus, float] | Exception) -> list[OrderStatus]:
    order_id, shutdown = uuid4(), Shutdown(15)
    tracker = Tracker(Looks(order_id, *answers), shutdown, longest_seconds=30)
    running = asyncio.create_task(tracker.run())
    async with asyncio.timeout(5):
        statuses = [now.status async for now in tracker.follow(order_id)]
    shutdown.begin()
    await running
    return statuses


async def test_a_change_by_a_process_whose_clock_is_behind_is_told() -> None:
    assert await told((OrderStatus.PAID, 0.5), (OrderStatus.IN_DELIVERY, 0.2), (OrderStatus.DELIVERED, 0.1)) == [
        OrderStatus.PAID,
        OrderStatus.IN_DELIVERY,
        OrderStatus.DELIVERED,
    ]


async def test_a_look_that_was_overtaken_tells_nothing() -> None:
    assert await told((OrderStatus.IN_DELIVERY, 2), (OrderStatus.PAID, 1), (OrderStatus.CANCELLED, 3)) == [
        OrderStatus.IN_DELIVERY,
        OrderStatus.CANCELLED,
    ]


async def test_a_look_that_fails_is_not_the_last_one() -> None:
    with structlog.testing.capture_logs() as said:
        statuses = await told(
            (OrderStatus.PENDING, 0),
            UnavailableError("away"),
            LookupError("a bug"),
            LookupError("a bug"),
            (OrderStatus.CANCELLED, 1),
        )
    assert statuses == [OrderStatus.PENDING, OrderStatus.CANCELLED]
    assert [(line["event"], line["log_level"]) for line in said] == [
        ("cannot track", "warning"),
        ("cannot track", "error"),
    ]
