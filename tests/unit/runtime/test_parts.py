"""How the operator's parts end: in order, and never with two that lead."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from delivery_operator.cluster.errors import Unavailable
from delivery_operator.cluster.leases import Lease, Record
from delivery_operator.runtime import parts
from delivery_operator.runtime.leadership import RENEW_SECONDS, RETRY_SECONDS, Leadership, LeaseLost
from delivery_operator.runtime.queue import Queue
from tests.unit.support.api import FakeApi
from tests.unit.support.clock import Clock, settle

ORDER = ("shop", "order")


class Scene:
    """An operator of parts that do nothing."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.api = FakeApi()
        self.queue = Queue()
        self.stop = asyncio.Event()
        self.ended: list[str] = []
        self.allowed: bool | None = None
        """Whether the last words could be written."""
        lease = Lease(self.api, "system", "delivery-operator")
        self.leadership = Leadership(lease, "a", lambda _: None, clock=lambda: clock.now)

    async def part(self, fails: asyncio.Event | None = None) -> None:
        """A part that must not end, and does so with an error when told to."""
        try:
            await (fails or asyncio.Event()).wait()
            raise ValueError("a bug")
        finally:
            self.ended.append(f"part, lease {self.holder() or 'free'}")

    async def last_words(self) -> None:
        """The part that writes what is left when it is cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            self.allowed = self.leadership.leads

    async def run(self, *others: Coroutine[None, None, None]) -> asyncio.Task[None]:
        running = asyncio.create_task(
            parts.run(self.stop, self.queue, self.leadership, *others, last=self.last_words())
        )
        await settle()
        return running

    def holder(self) -> str:
        return Record.of(self.api.objects["Lease", "system", "delivery-operator"]).holder


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    scene = Scene(Clock(monkeypatch))
    yield scene
    scene.stop.set()


async def test_a_signal_ends_everything_after_the_lease_was_given_back(scene: Scene) -> None:
    running = await scene.run(scene.part())
    assert scene.leadership.leads
    scene.stop.set()
    await settle()
    assert running.done()
    assert running.exception() is None
    assert scene.ended == ["part, lease free"]
    assert scene.allowed


async def test_the_reconcile_in_hand_is_finished_under_a_lease_that_is_renewed(scene: Scene) -> None:
    scene.queue.add(ORDER)
    await scene.queue.get()
    running = await scene.run(scene.part())
    scene.stop.set()
    for _ in range(7):
        await scene.clock.advance(RETRY_SECONDS)
    assert not running.done()
    assert scene.leadership.leads, "it still writes"
    scene.queue.done(ORDER)
    await settle()
    assert running.done()
    assert scene.holder() == ""


async def test_a_reconcile_that_does_not_end_keeps_the_lease_from_the_next_one(scene: Scene) -> None:
    """What it has sent may still be under way: the lease ends of itself."""
    scene.queue.add(ORDER)
    await scene.queue.get()
    running = await scene.run(scene.part())
    scene.stop.set()
    await settle()
    await scene.clock.advance(parts.LAST_RECONCILE_SECONDS + 1)
    assert running.done()
    assert scene.holder() == "a"


async def test_a_part_that_ends_ends_all_and_lets_another_lead(scene: Scene) -> None:
    fails = asyncio.Event()
    running = await scene.run(scene.part(fails), scene.part())
    fails.set()
    await settle()
    assert isinstance(running.exception(), ValueError)
    assert scene.holder() == ""
    assert len(scene.ended) == 2


async def test_a_lost_lease_ends_all_at_once(scene: Scene) -> None:
    """A reconcile in hand is not waited for: it cannot write."""
    scene.queue.add(ORDER)
    await scene.queue.get()
    running = await scene.run(scene.part())
    body: Any = scene.api.objects["Lease", "system", "delivery-operator"]
    scene.api.put({**body, "spec": Record("thief", 15, 9).spec()})
    await scene.clock.advance(RETRY_SECONDS)
    assert isinstance(running.exception(), LeaseLost)
    assert scene.holder() == "thief"
    assert scene.ended == ["part, lease thief"]
    assert scene.allowed is False


async def test_a_lease_that_is_lost_while_the_last_reconcile_is_waited_for_ends_the_wait(scene: Scene) -> None:
    scene.queue.add(ORDER)
    await scene.queue.get()
    running = await scene.run(scene.part())
    scene.stop.set()
    await settle()
    scene.api.failures.extend([Unavailable("PUT", "down")] * 100)
    for _ in range(round(RENEW_SECONDS / RETRY_SECONDS) + 1):
        await scene.clock.advance(RETRY_SECONDS)
    assert isinstance(running.exception(), LeaseLost)


async def test_patience_lasts_until_the_api_server_serves(scene: Scene) -> None:
    away = [Unavailable("GET", "away"), Unavailable("GET", "away")]

    async def attempt() -> int:
        if away:
            raise away.pop()
        return 7

    trying = asyncio.create_task(parts.patiently(attempt))
    for _ in range(3):
        await scene.clock.advance(1.1)
    assert trying.result() == 7


async def test_patience_ends_with_a_signal(scene: Scene) -> None:
    async def attempt() -> int:
        raise Unavailable("GET", "away")

    trying = asyncio.create_task(parts.patiently(attempt, scene.stop))
    await settle()
    scene.stop.set()
    await settle()
    assert trying.result() is None
