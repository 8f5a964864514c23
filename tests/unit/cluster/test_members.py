"""What waves read of each service: kept, and read again when it has changed."""

from typing import Any

import pytest

from delivery_operator.cluster.members import Members
from delivery_operator.cluster.store import Store
from delivery_operator.engine.waves import Member

ORDER = ("shop", "order")


class Scene:
    """A store with one service and its release."""

    def __init__(self) -> None:
        self.store = Store()
        self.members = Members(self.store)
        self._version = 0
        self.put_release("order-r1", "old")
        self.put_service(release="order-r1", activeRelease="order-r1")

    def put(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        self._version += 1
        labels = {"delivery.dev/service": "order"}
        metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(self._version)}
        body = {"kind": kind, "metadata": {**metadata, "labels": labels}, **fields}
        self.store.put(body)
        return body

    def put_release(self, name: str, templates: str, phase: str = "Active") -> dict[str, Any]:
        return self.put(
            "DeliveryRelease", name, spec={"service": "order", "templates": templates}, status={"phase": phase}
        )

    def put_service(self, **status: Any) -> dict[str, Any]:
        return self.put("DeliveryService", "order", spec={}, status=status)

    async def look(self) -> Member:
        (found,) = await self.members.all([ORDER])
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_has_not_changed_is_not_read_again(scene: Scene) -> None:
    first = await scene.look()
    assert first.name == "shop/order"
    assert first.active is not None
    assert first.active.templates == "old"
    assert await scene.look() is first


async def test_a_changed_service_is(scene: Scene) -> None:
    assert not (await scene.look()).stalled
    conditions = [{"type": "Stalled", "status": "True"}]
    scene.put_service(release="order-r1", activeRelease="order-r1", conditions=conditions)
    assert (await scene.look()).stalled


async def test_so_is_a_release_of_its(scene: Scene) -> None:
    await scene.look()
    scene.put_release("order-r1", "old", "Superseded")
    found = (await scene.look()).active
    assert found is not None
    assert found.phase == "Superseded"


async def test_a_release_that_comes_after_the_status_that_names_it_is_seen(scene: Scene) -> None:
    scene.put_service(release="order-r2", activeRelease="order-r1")
    assert (await scene.look()).newest is None
    scene.put_release("order-r2", "new", "Pending")
    newest = (await scene.look()).newest
    assert newest is not None
    assert newest.templates == "new"


async def test_a_release_that_goes_is_gone(scene: Scene) -> None:
    body = scene.put_release("order-r2", "new", "Pending")
    scene.put_service(release="order-r2", activeRelease="order-r1")
    assert (await scene.look()).newest is not None
    scene.store.remove(body, last_seen=True)
    assert (await scene.look()).newest is None


async def test_a_service_that_is_gone_and_comes_back_is_read_anew(scene: Scene) -> None:
    first = await scene.look()
    body = scene.put_service(release="order-r1", activeRelease="order-r1")
    scene.store.remove(body, last_seen=True)
    scene.members.forget()
    scene.put("DeliveryService", "order", spec={"paused": True}, status={})
    assert await scene.look() != first
    assert (await scene.look()).held


async def test_a_service_that_goes_while_others_are_looked_at_is_left_out(scene: Scene) -> None:
    assert await scene.members.all([("shop", "gone"), ORDER] * 50) == [await scene.look()] * 50
