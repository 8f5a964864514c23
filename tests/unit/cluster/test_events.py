"""Posting Events: after the write, beside the work, and never in its way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.cluster import events
from delivery_operator.cluster.errors import Refused, Unavailable
from delivery_operator.cluster.events import Recorder
from delivery_operator.engine.plan import Create, SetStatus
from tests.unit.support import builders
from tests.unit.support.api import FakeApi

RELEASE = {
    "kind": "DeliveryRelease",
    "metadata": {
        "name": "order-r1",
        "namespace": "shop",
        "uid": "uid-of-r1",
        "ownerReferences": [{"kind": "DeliveryService", "name": "order", "uid": "uid-of-order", "controller": True}],
    },
    "spec": {"image": builders.IMAGE, "number": 1, "reason": "SpecChanged"},
}
CUT = Create(RELEASE)
ACTIVE = SetStatus(RELEASE, {"phase": "Active"})


class Scene:
    """A recorder, its API server, and what became of each Event."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.posted: list[str] = []
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.changed = asyncio.Event()
        self.recorder = Recorder(self.api, self._became, "operator-1", lambda: self.now)

    def _became(self, result: str) -> None:
        self.posted.append(result)
        self.changed.set()

    async def until(self, *posted: str) -> None:
        """Wait until this has become of the Events."""
        async with asyncio.timeout(5):
            while self.posted != list(posted):
                self.changed.clear()
                await self.changed.wait()

    def there(self) -> list[dict[str, Any]]:
        return [body for (kind, _, _), body in self.api.objects.items() if kind == "Event"]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    running = asyncio.create_task(made.recorder.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_an_event_is_what_the_api_server_takes_and_kubectl_shows(scene: Scene) -> None:
    scene.recorder.tell(CUT)
    await scene.until("posted")
    (event,) = scene.there()
    assert event["apiVersion"] == "v1"
    assert event["metadata"]["namespace"] == "shop"
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-03-01T12:00:00Z"
    assert event["involvedObject"] == {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "namespace": "shop",
        "name": "order",
        "uid": "uid-of-order",
    }
    assert (event["type"], event["reason"]) == ("Normal", "SpecChanged")
    assert event["message"] == f"release order-r1 is made (image {builders.IMAGE})"
    assert (event["source"]["component"], event["reportingInstance"]) == ("delivery-operator", "operator-1")


async def test_what_happens_again_is_counted_in_the_event_that_is_there(scene: Scene) -> None:
    for _ in range(3):
        scene.recorder.tell(ACTIVE)
        scene.now += timedelta(minutes=1)
    await scene.until(*["posted"] * 3)
    (event,) = scene.there()
    assert event["count"] == 3
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:02:00Z")


@pytest.mark.parametrize("error", [Refused("POST", "forbidden", code=403), Unavailable("POST", "timeout")])
async def test_what_cannot_be_posted_is_lost_and_the_next_one_is_posted(scene: Scene, error: Exception) -> None:
    scene.api.failures.append(error)  # type: ignore[arg-type] # both are ApiErrors
    scene.recorder.tell(CUT)
    scene.recorder.tell(ACTIVE)
    await scene.until("refused", "posted")
    assert [each["reason"] for each in scene.there()] == ["ReleaseActive"]


async def test_an_event_that_went_while_it_was_counted_is_lost(scene: Scene) -> None:
    """Events are kept for an hour."""
    scene.recorder.tell(ACTIVE)
    await scene.until("posted")
    scene.api.before_answer = scene.api.objects.clear
    scene.recorder.tell(ACTIVE)
    await scene.until("posted", "refused")


async def test_writes_that_tell_nothing_post_nothing(scene: Scene) -> None:
    scene.recorder.tell(SetStatus(RELEASE, {"phase": "RollingOut"}))
    scene.recorder.tell(Create({**RELEASE, "kind": "Job"}))
    scene.recorder.tell(CUT)
    await scene.until("posted")


async def test_too_many_that_wait_are_dropped_and_nobody_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "WAITING", 2)
    scene = Scene()
    for _ in range(3):
        scene.recorder.tell(CUT)
    assert scene.posted == ["dropped"]


async def test_what_waits_when_the_operator_ends_is_still_told() -> None:
    scene = Scene()
    running = asyncio.create_task(scene.recorder.run())
    await asyncio.sleep(0)  # let it begin to wait
    scene.recorder.tell(CUT)
    scene.recorder.tell(ACTIVE)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert scene.posted == ["posted", "posted"]
