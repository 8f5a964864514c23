"""Leases of databases: read once, followed, and joined with what is known of who holds them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery_operator.cluster import locks as module
from delivery_operator.cluster.errors import Gone, Unavailable
from delivery_operator.cluster.locks import Locks
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.store import ServiceKey, Store
from delivery_operator.render import names
from tests.unit.support.api import FakeApi

ORDER, PAYMENT = ("shop", "order"), ("pay", "payment")
LEASE = Locks.name("0a1b")


def lease(name: str = LEASE, *, uid: str = "uid-of-order-r1", **labels: str) -> dict[str, Any]:
    held = {names.SERVICE: "order", names.HOLDER_NAMESPACE: "shop", names.HOLDER_UID: uid, names.RELEASE: "1"}
    metadata = {"name": name, "namespace": "system", "labels": {**held, **labels}}
    return {"kind": "Lease", "metadata": metadata, "spec": {}}


def child(kind: str, name: str, uid: str) -> dict[str, Any]:
    labels = {names.SERVICE: "order"}
    metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "2", "labels": labels}
    spec = {"DeliveryRelease": {"service": "order"}, "Pod": {}}.get(kind)
    return {"kind": kind, "metadata": metadata, **({} if spec is None else {"spec": spec})}


class Scene:
    """Leases with their API server, and which services were told of a change."""

    def __init__(self, *scopes: str) -> None:
        self.api, self.store, self.reach = FakeApi(), Store(), Reach(scopes or (None,))
        self.changed: list[ServiceKey] = []
        self.told = asyncio.Event()
        self.locks = Locks(self.api, self.store, "system", self.reach, self.tell)

    def tell(self, service: ServiceKey) -> None:
        self.changed.append(service)
        self.told.set()

    async def news(self) -> list[ServiceKey]:
        """Wait for the next services that are told."""
        await asyncio.wait_for(self.told.wait(), 5)
        await asyncio.sleep(0)
        self.told.clear()
        told, self.changed[:] = list(self.changed), []
        return told


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
async def watching(scene: Scene) -> AsyncIterator[Scene]:
    task = asyncio.create_task(scene.locks.watch())
    await asyncio.wait_for(scene.locks.synced(), 5)
    yield scene
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_lease_is_joined_with_its_holder(scene: Scene) -> None:
    scene.api.put(lease())
    for body in (
        child("DeliveryRelease", "order-r1", "uid-of-order-r1"),
        child("Job", "order-r1-migrate", "uid-of-job"),
        child("Pod", "order-r1-migrate-x", "uid-of-pod"),
    ):
        scene.store.put(body)
    await scene.locks.relist()
    assert scene.changed == [ORDER], "its holder is looked at: it may need it no longer"
    (lock,) = scene.locks.of(PAYMENT, [LEASE, Locks.name("another")]).values()
    assert lock.visible
    assert lock.release is not None
    assert lock.release["metadata"]["name"] == "order-r1"
    assert [each["metadata"]["name"] for each in (*lock.jobs, *lock.pods)] == ["order-r1-migrate", "order-r1-migrate-x"]


async def test_what_a_service_holds_is_known_to_it_unasked(scene: Scene) -> None:
    scene.api.put(lease())
    await scene.locks.relist()
    assert set(scene.locks.of(ORDER, [])) == {LEASE}
    assert scene.locks.of(PAYMENT, []) == {}
    (left,) = scene.locks.without_service(ORDER)
    assert left.release is None


async def test_a_holder_in_a_namespace_that_is_not_looked_at_is_not_seen() -> None:
    scene = Scene("pay")
    scene.api.put(lease())
    await scene.locks.relist()
    assert scene.locks.of(PAYMENT, [LEASE])[LEASE].visible is False


async def test_a_holder_in_a_namespace_that_lets_nobody_in_is_not_seen_any_more() -> None:
    """What was known of it is old: a migration may run there that nobody sees."""
    scene = Scene("pay", "shop")
    scene.api.put(lease())
    await scene.locks.relist()
    assert scene.locks.of(PAYMENT, [LEASE])[LEASE].visible is True
    scene.reach.set("shop", is_open=False)
    assert scene.locks.of(PAYMENT, [LEASE])[LEASE].visible is False


async def test_who_leads_is_not_a_database(scene: Scene) -> None:
    """The Lease of the leader is in the same namespace."""
    scene.api.put({"kind": "Lease", "metadata": {"name": "delivery-operator", "namespace": "system"}, "spec": {}})
    await scene.locks.relist()
    assert scene.store.count() == 0


async def test_whoever_waits_is_told_of_every_change(watching: Scene) -> None:
    watching.locks.of(PAYMENT, [LEASE])
    taken = watching.api.put(lease())
    watching.api.events.put_nowait(("ADDED", taken))
    assert await watching.news() == [ORDER, PAYMENT]
    watching.api.events.put_nowait(("BOOKMARK", taken))
    watching.api.events.put_nowait(("DELETED", {**taken, "metadata": {**taken["metadata"], "resourceVersion": "999"}}))
    assert await watching.news() == [ORDER, PAYMENT]
    assert watching.locks.of(PAYMENT, [LEASE]) == {}


async def test_whoever_waits_is_told_although_we_made_the_change(watching: Scene) -> None:
    """The store knows it from the answer already."""
    watching.locks.of(PAYMENT, [LEASE])
    taken = watching.api.put(lease())
    watching.store.put(taken)
    watching.api.events.put_nowait(("ADDED", taken))
    assert await watching.news() == [PAYMENT]


async def test_whoever_waits_no_longer_is_left_alone(watching: Scene) -> None:
    watching.locks.of(PAYMENT, [LEASE])
    watching.locks.of(PAYMENT, [])
    watching.api.events.put_nowait(("ADDED", watching.api.put(lease())))
    assert await watching.news() == [ORDER]


@pytest.mark.parametrize("end", [Gone("WATCH", "too old", code=410), None])
async def test_after_a_gap_everything_is_listed(watching: Scene, end: Gone | None) -> None:
    watching.locks.of(PAYMENT, [LEASE])
    watching.api.put(lease())
    watching.api.events.put_nowait(end)
    assert await watching.news() == [ORDER, PAYMENT]
    assert set(watching.locks.of(PAYMENT, [LEASE])) == {LEASE}


async def test_a_broken_watch_goes_on(watching: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    watching.api.events.put_nowait(Unavailable("WATCH", "reset"))
    watching.api.events.put_nowait(("ADDED", watching.api.put(lease())))
    assert await watching.news() == [ORDER]
