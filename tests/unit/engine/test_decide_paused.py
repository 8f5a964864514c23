"""`paused`: everything is left as it is, and told how it stands."""

import pytest

from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.world import SECRET, World


@pytest.fixture
def world() -> World:
    """A paused service that serves."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(paused=True)
    world.settle()
    return world


def test_the_release_that_serves_is_ready(world: World) -> None:
    assert world.said("Ready") == ("True", "Paused")
    assert world.said("Reconciling")[0] == "False"
    assert world.said("Stalled")[0] == "False"
    assert "release order-r1 serves" in world.condition("Ready")["message"]


def test_nothing_is_written_but_the_status(world: World) -> None:
    world.edit(image=builders.NEXT_IMAGE)
    world.contents[SECRET] = {"url": "postgres://rotated"}
    world.delete("Service", "order-service")
    world.change("Deployment", "order-web", replicas=9)
    before = len(world.log)
    world.settle()
    assert {line.split()[1] for line in world.log[before:]} == {"DeliveryService"}
    assert world.phases() == {1: "Active"}
    assert world.plan() == Plan()


def test_lost_pods_are_told(world: World) -> None:
    world.pods_do_not_come("web")
    world.change("Deployment", "order-web", minReadySeconds=1)
    world.settle()
    assert world.said("Ready") == ("False", "Paused")
    assert "does not have all of its pods" in world.condition("Ready")["message"]


def test_a_new_service_makes_no_release() -> None:
    world = World(builders.spec(paused=True))
    world.run()
    assert world.phases() == {}
    assert world.said("Ready") == ("False", "Paused")


def test_it_goes_on_where_it_stopped(world: World) -> None:
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    world.edit(paused=False)
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}


def test_a_migration_that_ends_meanwhile_is_recorded_afterwards() -> None:
    """Invariant 3: pausing must not lose a result."""
    world = World(builders.spec())
    world.settle()
    world.edit(paused=True)
    world.settle()
    world.job_ends(1)
    world.settle()
    assert "result" not in world.release(1)["status"]["migration"]
    world.edit(paused=False)
    world.run()
    assert world.release(1)["status"]["migration"]["result"] == "Succeeded"
    assert set(world.jobs.values()) == {1}
