"""Releases that another version of the operator made, and whose content this one cannot read: they run as stored.

An upgrade that reads more strictly must write nothing to a healthy fleet (invariant 2), and take nothing down.
"""

import pytest

from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.world import World

SCALED = {"command": ["order", "web"], "port": {"number": 8080}, "scaling": {"min": 2, "max": 10, "cpu": 70}}


def unreadable(world: World, number: int = 1) -> World:
    """The world after an upgrade to an operator that does not know a field of a release's content."""
    world.release(number)["spec"]["content"]["replicaCount"] = 3
    return world


@pytest.fixture
def world() -> World:
    world = World(builders.spec(tasks={"seed": {"command": ["order", "seed"]}}))
    world.run()
    world.edit_process("web", replicas=5)
    world.run()
    return unreadable(world)


def test_what_runs_is_kept_and_nothing_is_written(world: World) -> None:
    assert world.plan() == Plan()
    assert world.deployment("web")["spec"]["replicas"] == 5
    assert world.said("Ready") == ("True", "Serving")


def test_it_is_scaled_and_repaired_all_the_same(world: World) -> None:
    world.edit_process("web", replicas=3)
    world.delete("Service", "order-service")
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 3
    assert ("Service", "order-service") in world.objects


def test_an_autoscaler_stays_as_it_is() -> None:
    world = World(builders.spec(migrate=False, processes={"web": SCALED}))
    world.run()
    before = dict(world.objects)
    assert unreadable(world).plan() == Plan()
    assert world.objects == before
    assert ("HorizontalPodAutoscaler", "order-web") in world.objects


def test_the_next_release_takes_its_place(world: World) -> None:
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}
    assert world.said("Ready") == ("True", "Serving")


def test_it_cannot_be_gone_back_to(world: World) -> None:
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    world.policy(rollbackTo=1)
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}
    assert world.said("Stalled") == ("True", "RollbackRefused")
    assert "made by another version of the operator" in world.condition("Stalled")["message"]


def test_a_task_waits_for_a_newer_one(world: World) -> None:
    world.task()
    world.settle()
    assert world.objects["DeliveryTask", "seed-1"]["status"]["reason"] == "ReleaseUnreadable"
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert world.objects["DeliveryTask", "seed-1"]["status"]["release"] == "order-r2"
