"""The periodic LIST: what the watches did not tell is found out (invariant 1)."""

import asyncio
import contextlib
from typing import Any

import pytest

from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import Unavailable
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import STORED
from delivery_operator.cluster.store import Store
from delivery_operator.render.names import SERVICE
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.resync import Resync
from delivery_operator.runtime.settings import Settings
from delivery_operator.runtime.vitals import DEAF_AFTER_SECONDS, Vitals
from tests.unit.support import builders
from tests.unit.support.api import FakeApi
from tests.unit.support.clock import Clock

ORDER = ("shop", "order")


class Scene:
    """A resync with its API server."""

    def __init__(self, *namespaces: str) -> None:
        self.now = 0.0
        self.api = FakeApi()
        self.store = Store()
        self.queue = Queue()
        self.vitals = Vitals(lambda: self.now)
        self.metrics = Metrics()
        settings = Settings(namespaces=namespaces, resync_seconds=60)
        referenced = Referenced(self.api, b"k" * 32, settings.scopes, "system", self.queue.add)
        self.discovery = Discovery(self.api)
        bindings = Bindings(self.api, self.discovery)
        self.resync = Resync(
            self.api, self.discovery, bindings, self.store, referenced, self.queue, self.vitals, self.metrics, settings
        )

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"delivery_operator_{name}_total", labels) or 0.0

    async def queued(self) -> set[tuple[str, str] | None]:
        keys = set()
        while len(self.queue):
            key = await self.queue.get()
            assert key is not None
            self.queue.done(key)
            keys.add(key)
        return set(keys)


def deployment(name: str = "order-web") -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop", "labels": {SERVICE: "order"}}}


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.api.put(builders.service(builders.spec()))
    scene.api.put(deployment())
    return scene


async def test_the_first_list_fills_the_store_and_looks_at_every_service(scene: Scene) -> None:
    await scene.resync.once()
    assert len(scene.store.of_service(ORDER)) == 2
    assert await scene.queued() == {ORDER}
    assert scene.vitals.synced
    assert scene.value("resync_corrections") == 0, "the first one corrects nothing"


async def test_every_service_is_looked_at_again_though_nothing_changed(scene: Scene) -> None:
    await scene.resync.once()
    await scene.queued()
    await scene.resync.once()
    assert await scene.queued() == {ORDER}
    assert scene.value("resync_corrections") == 0


async def test_what_the_watch_missed_is_taken_in_and_counted(scene: Scene) -> None:
    """After a 410 an object deleted in the gap stays in a watch's cache for ever."""
    await scene.resync.once()
    scene.api.drop("Deployment", "shop", "order-web")
    scene.api.put(deployment("order-relay"))
    await scene.resync.once()
    assert scene.store.get("Deployment", "shop", "order-web") is None
    assert scene.store.get("Deployment", "shop", "order-relay") is not None
    assert scene.value("resync_corrections") == 1


async def test_a_service_that_was_deleted_unseen_is_looked_at_too(scene: Scene) -> None:
    """What was kept for it is forgotten then."""
    await scene.resync.once()
    await scene.queued()
    scene.api.objects.clear()
    scene.api.version += 1
    await scene.resync.once()
    assert await scene.queued() == {ORDER}
    assert scene.store.count() == 0


async def test_one_list_per_kind_and_only_of_what_is_ours(scene: Scene) -> None:
    """The idle budget: one LIST per kind per resync."""
    await scene.resync.once()
    assert sorted(each for each in scene.api.requests if each.startswith("list")) == sorted(
        f"list {each.kind} all {SERVICE if each.labelled else ''}".strip() for each in STORED
    )
    assert len(scene.api.requests) == len(STORED) + 3, "and whether each of three other projects is served"


async def test_with_namespaces_each_is_listed() -> None:
    scene = Scene("shop", "pay")
    await scene.resync.once()
    assert {f"list Pod {namespace} {SERVICE}" for namespace in ("shop", "pay")} <= set(scene.api.requests)
    lists = [each for each in scene.api.requests if each.startswith("list")]
    assert len(lists) == 2 * len(STORED) - 1, "an environment has no namespace"


async def test_the_watches_owe_what_a_list_has_shown(scene: Scene) -> None:
    await scene.resync.once()
    scene.now = DEAF_AFTER_SECONDS + 1
    assert scene.vitals.deaf() == [], "they begin after the first LIST, and owe nothing of what went in between"
    await scene.resync.once()
    scene.now += DEAF_AFTER_SECONDS + 1
    assert scene.vitals.deaf() == ["DeliveryService", "Deployment"]


async def test_a_resync_that_fails_is_tried_again_a_period_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    scene.api.read_failures.append(Unavailable("GET", "timeout"))
    running = asyncio.create_task(scene.resync.run())
    await clock.advance(0)
    assert scene.api.requests == []
    await clock.advance(61)
    assert (scene.value("resyncs", result="failed"), scene.value("resyncs", result="done")) == (1, 0)
    await clock.advance(61)
    assert (scene.value("resyncs", result="failed"), scene.value("resyncs", result="done")) == (1, 1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


MONITORS = {"resources": [{"kind": "PodMonitor", "name": "podmonitors"}]}


async def test_a_kind_that_comes_later_is_listed_and_has_the_watches_begin_anew(scene: Scene) -> None:
    await scene.resync.once()
    assert not scene.resync.kinds_changed.is_set(), "nothing is watched before the first LIST"
    scene.api.paths["/apis/monitoring.coreos.com/v1"] = MONITORS
    await scene.resync.once()
    assert scene.resync.kinds_changed.is_set()
    assert f"list PodMonitor all {SERVICE}" in scene.api.requests


async def test_a_kind_that_goes_is_forgotten(scene: Scene) -> None:
    scene.api.paths["/apis/monitoring.coreos.com/v1"] = MONITORS
    scene.api.put({**deployment("order-web"), "kind": "PodMonitor"})
    await scene.resync.once()
    assert scene.store.get("PodMonitor", "shop", "order-web") is not None
    scene.api.paths.clear()
    await scene.resync.once()
    assert scene.store.get("PodMonitor", "shop", "order-web") is None


async def test_after_a_change_of_kinds_everything_is_listed_again_soon(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is deleted while the watches begin anew is in no event."""
    clock = Clock(monkeypatch)
    await scene.resync.once()
    scene.api.paths["/apis/monitoring.coreos.com/v1"] = MONITORS
    running = asyncio.create_task(scene.resync.run())
    await clock.advance(0)
    await clock.advance(16)
    assert scene.value("resyncs", result="done") == 1
    await clock.advance(16)
    assert scene.value("resyncs", result="done") == 2
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_environments_are_looked_at_too(scene: Scene) -> None:
    scene.api.put({"kind": "DeliveryEnvironment", "metadata": {"name": "production"}, "spec": {}})
    await scene.resync.once()
    assert await scene.queued() == {ORDER, ("", "production")}
