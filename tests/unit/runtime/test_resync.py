"""The periodic LIST: what the watches did not tell is found out (invariant 1)."""

import asyncio
import contextlib
from typing import Any

import pytest

from delivery_operator.cluster.api import Listing
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import Forbidden, Unavailable
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import STORED, Resource
from delivery_operator.cluster.store import Store
from delivery_operator.render.names import SERVICE
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.resync import Resync
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
        self.metrics = Metrics()
        self.reach = Reach(namespaces or (None,))
        self.vitals = Vitals(lambda: self.now, self.reach)
        self.referenced = Referenced(self.api, b"k" * 32, self.reach, "system", self.queue.add)
        self.discovery = Discovery(self.api)
        bindings = Bindings(self.api, self.discovery)
        self.resync = Resync(
            self.api,
            self.discovery,
            bindings,
            self.store,
            self.referenced,
            self.queue,
            self.vitals,
            self.metrics,
            self.reach,
            period=60,
        )

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"delivery_operator_{name}_total", labels) or 0.0

    def gauge(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"delivery_operator_{name}")

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
    assert len(lists) == 2 * (len(STORED) + 2) - 1, "an environment has no namespace; two are what services refer to"


@pytest.fixture
async def partly() -> Scene:
    """Two namespaces with a service each, which have been listed; one does not let the operator in any more."""
    scene = Scene("shop", "pay")
    for namespace in ("shop", "pay"):
        scene.api.put(builders.service(builders.spec(), namespace=namespace))
    await scene.resync.once()
    await scene.queued()
    scene.api.closed.add("pay")
    return scene


async def test_a_namespace_that_does_not_let_the_operator_in_holds_up_no_other(partly: Scene) -> None:
    """Invariant 10: it was deleted, and the Role in it with it."""
    partly.api.put(deployment())
    await partly.resync.once()
    assert partly.store.get("Deployment", "shop", "order-web") is not None
    assert (partly.reach.open, partly.gauge("namespaces_closed")) == (("shop",), 1)
    assert ORDER in await partly.queued()
    assert partly.resync.outdated.is_set(), "the watches of it would be refused for ever"


async def test_what_was_known_of_it_is_not_forgotten(partly: Scene) -> None:
    """Nobody said that its objects are gone: a Lease would be let go that a migration of it holds."""
    await partly.resync.once()
    assert partly.store.get("DeliveryService", "pay", "order") is not None


async def test_a_namespace_that_lets_the_operator_in_again_is_served_again(partly: Scene) -> None:
    await partly.resync.once()
    await partly.queued()
    partly.resync.outdated.clear()
    partly.api.closed.clear()
    await partly.resync.once()
    assert (partly.reach.open, partly.gauge("namespaces_closed")) == (("shop", "pay"), 0)
    assert ("pay", "order") in await partly.queued()
    assert partly.resync.outdated.is_set()


async def test_a_namespace_that_is_closed_from_the_start_is_left_out_and_the_watches_begin_without_it() -> None:
    scene = Scene("gone", "shop")
    scene.api.closed.add("gone")
    scene.api.put(builders.service(builders.spec()))
    await scene.resync.once()
    assert await scene.queued() == {ORDER}
    assert (scene.reach.open, scene.resync.outdated.is_set()) == (("shop",), False)


@pytest.mark.parametrize("kind", ["NetworkPolicy", "Secret"])
async def test_a_namespace_is_open_only_when_all_of_it_was_listed(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Services without the releases they have are no ground for a decision; and what came of it is owed by no watch."""
    scene = Scene("shop", "pay")
    scene.api.put(builders.service(builders.spec(), namespace="pay"))
    listed = scene.api.list

    async def in_part(resource: Resource, namespace: str | None, **more: Any) -> Listing:
        if (resource.kind, namespace) == (kind, "pay"):
            raise Forbidden("GET", "forbidden", code=403)
        return await listed(resource, namespace, **more)

    monkeypatch.setattr(scene.api, "list", in_part)
    for _ in range(2):
        await scene.resync.once()
    assert scene.reach.open == ("shop",)
    scene.now = DEAF_AFTER_SECONDS + 1
    await scene.resync.once()
    assert scene.vitals.fault() is None


async def test_one_that_refuses_is_left_out_though_another_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene("shop", "pay", "late")
    scene.api.closed.add("pay")
    listed = scene.api.list

    async def partly_away(resource: Resource, namespace: str | None, **more: Any) -> Listing:
        if namespace == "late":
            raise Unavailable("GET", "timeout")
        return await listed(resource, namespace, **more)

    monkeypatch.setattr(scene.api, "list", partly_away)
    with pytest.raises(Unavailable):
        await scene.resync.once()
    assert scene.reach.open == ("shop", "late")


async def test_where_no_namespace_lets_the_operator_in_it_is_its_own_fault_and_waited_for(partly: Scene) -> None:
    partly.api.closed.add("shop")
    with pytest.raises(Forbidden):
        await partly.resync.once()
    assert (partly.reach.open, partly.gauge("namespaces_closed")) == (("shop", "pay"), 2)


async def test_references_of_namespaces_are_listed_with_them_and_others_by_themselves(partly: Scene) -> None:
    partly.api.requests.clear()
    await partly.resync.once()
    references = ("list Secret", "list ConfigMap")
    asked = [each for each in partly.api.requests if each.startswith(references) and SERVICE not in each]
    assert asked == ["list Secret shop", "list ConfigMap shop"]
    partly.api.requests.clear()
    await partly.referenced.relist()
    assert partly.api.requests == ["list ConfigMap system"]


async def test_what_provisioned_services_said_counts_until_a_resync_has_come_to_its_end(scene: Scene) -> None:
    """Nobody asks again after one that failed, and the next would forget what nobody asked for."""
    await scene.resync.once()
    forgotten = 0

    def forget() -> None:
        nonlocal forgotten
        forgotten += 1

    scene.resync.bindings.forget = forget  # type: ignore[method-assign] # it is counted
    scene.api.read_failures.append(Unavailable("GET", "timeout"))
    with pytest.raises(Unavailable):
        await scene.resync.once()
    assert forgotten == 0
    await scene.resync.once()
    assert forgotten == 1


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
    assert not scene.resync.outdated.is_set(), "nothing is watched before the first LIST"
    scene.api.paths["/apis/monitoring.coreos.com/v1"] = MONITORS
    await scene.resync.once()
    assert scene.resync.outdated.is_set()
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
