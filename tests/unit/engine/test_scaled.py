"""What scales a release follows the spec of today at once, and new templates never (invariant 2)."""

import contextlib
from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.api.release import DeliveryReleaseSpec, DeliveryReleaseStatus
from delivery_operator.engine.plan import Plan
from delivery_operator.engine.snapshot import Obstacle
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.platform import KEDA, Platform
from tests.unit.support import builders
from tests.unit.support.builders import RELAY
from tests.unit.support.world import Killed, World

SCALING = {"min": 2, "max": 10, "cpu": 70}
AUTOSCALED: dict[str, Any] = {"command": ["order", "web"], "port": {"number": 8080}, "scaling": SCALING}
QUEUE = {"type": "rabbitmq", "name": "orders", "addressFrom": "AMQP_URL"}
QUEUED: dict[str, Any] = {"command": ["order", "relay"], "scaling": {**SCALING, "queue": QUEUE}}
HPA = ("HorizontalPodAutoscaler", "order-web")
PDB = ("PodDisruptionBudget", "order-web")


def marked(mark: str) -> Bundle:
    """Templates of every kind with a mark in each child."""
    sources = {
        name: text.replace("annotations: {{ annotations }}", f"annotations: {{shop.example.com/mark: {mark}}}", 1)
        for name, text in builders.BUNDLE.sources.items()
    }
    assert sources != builders.BUNDLE.sources
    return Bundle(sources)


def serving(web: dict[str, Any] = AUTOSCALED, relay: dict[str, Any] = RELAY, **platform: Any) -> World:
    world = World(builders.spec(migrate=False, processes={"web": web, "relay": relay}))
    world.platform = Platform(**platform)
    world.run()
    return world


def mark(world: World, which: tuple[str, str]) -> str | None:
    found: str | None = world.objects[which]["metadata"]["annotations"].get("shop.example.com/mark")
    return found


def scale(world: World, **scaling: Any) -> None:
    world.edit_process("web", scaling={**SCALING, **scaling})


def test_new_templates_of_every_kind_write_nothing() -> None:
    """An upgrade of the operator must write nothing to a healthy fleet."""
    world = serving(relay=QUEUED, served=frozenset({KEDA}))
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject"} <= {kind for kind, _ in world.objects}
    world.bundle = marked("new")
    assert world.plan() == Plan()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert {mark(world, HPA), mark(world, PDB), mark(world, ("ScaledObject", "order-relay"))} == {"new"}


def test_nor_do_they_once_the_spec_has_asked_for_something_else() -> None:
    world = serving()
    scale(world, max=20)
    world.run()
    assert world.objects[HPA]["spec"]["maxReplicas"] == 20
    assert list(world.phases()) == [1], "scaling is no release"
    DeliveryReleaseStatus.model_validate(world.release(1)["status"])
    world.bundle = marked("new")
    assert world.plan() == Plan()


def test_what_the_spec_asks_anew_is_made_with_the_templates_of_today_and_nothing_else_is() -> None:
    world = serving(relay={**RELAY, "replicas": 2})
    world.bundle = marked("new")
    scale(world, max=20)
    world.run()
    assert (mark(world, HPA), mark(world, PDB)) == ("new", "new")
    assert mark(world, ("PodDisruptionBudget", "order-relay")) is None
    world.bundle = marked("newer")
    assert world.plan() == Plan()


def test_going_back_to_what_was_asked_first_is_a_change_as_well() -> None:
    world = serving()
    scale(world, max=20)
    world.run()
    world.bundle = marked("new")
    scale(world)
    world.run()
    assert world.objects[HPA]["spec"]["maxReplicas"] == 10
    assert mark(world, HPA) == "new", "it is made anew: what was made at first is not what is there"
    world.bundle = marked("newer")
    assert world.plan() == Plan()


@pytest.mark.parametrize("writes", range(1, 4))
def test_killed_on_the_way_it_ends_where_it_would_have(writes: int) -> None:
    """Invariant 1: with other templates after the restart, what was begun is finished with those of before."""
    world = serving()
    scale(world, max=20)
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    world.bundle = marked("new")
    world.run()
    assert world.objects[HPA]["spec"]["maxReplicas"] == 20
    assert mark(world, HPA) is None
    assert world.plan() == Plan()


def test_drift_is_repaired_without_an_environment_to_render_with() -> None:
    world = serving()
    world.obstacle = Obstacle("EnvironmentMissing", "DeliveryEnvironment production does not exist")
    before = deepcopy(world.objects[HPA]["spec"])
    world.delete(*HPA)
    world.run()
    assert world.objects[HPA]["spec"] == before


def test_a_rollback_brings_back_what_scaled_its_release() -> None:
    """Invariant 5: also when its templates are no more."""
    world = serving()
    world.bundle = marked("new")
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert mark(world, HPA) == "new"
    world.policy(rollbackTo=1)
    world.run()
    assert mark(world, HPA) is None
    assert world.release(3)["spec"]["scaling"] == world.release(1)["spec"]["scaling"]
    DeliveryReleaseSpec.model_validate(world.release(3)["spec"])


def test_a_queue_that_can_be_measured_from_now_on_is() -> None:
    world = serving(relay=QUEUED)
    assert ("HorizontalPodAutoscaler", "order-relay") in world.objects
    world.platform = Platform(served=frozenset({KEDA}))
    world.run()
    assert ("ScaledObject", "order-relay") in world.objects
    assert ("HorizontalPodAutoscaler", "order-relay") not in world.objects


def test_a_process_that_the_spec_dropped_keeps_what_scaled_it_and_loses_no_repair() -> None:
    world = serving()
    world.edit(processes={"relay": RELAY}, image=builders.NEXT_IMAGE)
    world.settle()
    world.pods_do_not_come("relay", overdue=True)
    world.settle()
    world.delete(*HPA)
    world.pods_come()
    world.settle()
    assert world.objects[HPA]["spec"]["maxReplicas"] == 10


def test_releases_of_before_follow_the_templates_until_the_next_one() -> None:
    """They did not keep what scaled them."""
    world = serving()
    body = deepcopy(world.release(1))
    del body["spec"]["scaling"]
    world.add(body)
    assert world.plan() == Plan()
    world.bundle = marked("new")
    world.run()
    assert mark(world, HPA) == "new"
    assert "scaling" not in world.release(1)["status"]
