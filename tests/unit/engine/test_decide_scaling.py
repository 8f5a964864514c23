"""Moving between a number of pods and an autoscaler: no pod is lost, and neither undoes the other's writes.

application-stacks/runtime-component-operator#68: an operator that sets replicas with every reconcile fights the
autoscaler.
"""

import contextlib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.engine.drift import AT_ONCE
from delivery_operator.engine.plan import Apply, Plan
from delivery_operator.engine.snapshot import Obstacle
from delivery_operator.render import names
from delivery_operator.render.platform import KEDA, Platform
from tests.unit.support import builders
from tests.unit.support.world import Killed, World

SCALING = {"min": 2, "max": 10, "cpu": 70}
AUTOSCALED: dict[str, Any] = {"command": ["order", "web"], "port": {"number": 8080}, "scaling": SCALING}
BY_QUEUE: dict[str, Any] = {
    "min": 1,
    "max": 3,
    "queue": {"type": "rabbitmq", "name": "tasks", "addressFrom": "AMQP_URL", "target": 5},
}
RELAY_BY_QUEUE: dict[str, Any] = {"command": ["order", "relay"], "scaling": BY_QUEUE}
RELAY_BY_CPU: dict[str, Any] = {"command": ["order", "relay"], "scaling": {"min": 1, "max": 3, "cpu": 70}}
FIVE = {**builders.WEB, "replicas": 5}
HPA = ("HorizontalPodAutoscaler", "order-web")


def serving(web: Mapping[str, Any]) -> World:
    world = World(builders.spec(migrate=False, processes={"web": web, "relay": builders.RELAY}))
    world.run()
    return world


def set_web(world: World, web: Mapping[str, Any]) -> None:
    world.edit(processes={"web": web, "relay": builders.RELAY})


def autoscale(world: World, replicas: int) -> None:
    """What the HPA's controller does: it writes the number, and owns it from then on."""
    world.autoscale("web", replicas)
    world.pods_come()


def test_the_number_is_handed_over_before_it_is_dropped() -> None:
    world = serving(FIVE)
    before = len(world.log)
    set_web(world, AUTOSCALED)
    world.run()
    written = world.log[before:]
    assert written.index("hand over Deployment order-web") < written.index("apply Deployment order-web")
    assert world.deployment("web")["spec"]["replicas"] == 5
    assert world.deployment("web")["metadata"]["annotations"][names.REPLICAS] == names.AUTOSCALED
    assert HPA in world.objects
    assert list(world.phases()) == [1], "scaling is no release"
    assert world.plan() == Plan()


@pytest.mark.parametrize("writes", range(1, 5))
def test_no_pod_is_lost_wherever_the_operator_is_killed(writes: int) -> None:
    world = serving(FIVE)
    set_web(world, AUTOSCALED)
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    assert world.deployment("web")["spec"]["replicas"] == 5
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 5


def test_what_somebody_scaled_meanwhile_is_seen_first() -> None:
    world = serving(FIVE)
    set_web(world, AUTOSCALED)
    world.observe()
    world.change("Deployment", "order-web", replicas=7)
    world.settle(behind=("Deployment", "order-web"))
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 7


def test_the_autoscalers_number_is_never_undone() -> None:
    world = serving(AUTOSCALED)
    autoscale(world, 8)
    assert world.plan() == Plan()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert world.runs("web") == "2"
    assert world.deployment("web")["spec"]["replicas"] == 8


def test_an_autoscaler_goes_before_a_number_is_set() -> None:
    world = serving(AUTOSCALED)
    autoscale(world, 8)
    before = len(world.log)
    set_web(world, FIVE)
    world.run()
    written = world.log[before:]
    assert written.index("delete HorizontalPodAutoscaler order-web") < written.index("apply Deployment order-web")
    assert world.deployment("web")["spec"]["replicas"] == 5
    assert names.REPLICAS not in world.deployment("web")["metadata"]["annotations"]
    assert HPA not in world.objects
    assert world.plan() == Plan()


def test_an_autoscaler_of_somebody_else_is_left_alone() -> None:
    world = serving(FIVE)
    foreign = {"name": "order-web", "labels": {names.PROCESS: "web", names.SERVICE: "order"}}
    world.add({"apiVersion": "autoscaling/v2", "kind": HPA[0], "metadata": foreign, "spec": {}})
    assert world.plan() == Plan()


def test_more_load_is_no_change_of_readiness() -> None:
    """Invariant 11: pods that the autoscaler has just asked for are not waited for."""
    world = serving(AUTOSCALED)
    world.autoscale("web", 8)
    world.set_pods("web", replicas=8, updatedReplicas=8, availableReplicas=2)
    assert world.plan() == Plan()
    world.set_pods("web", replicas=8, updatedReplicas=8, availableReplicas=1)
    world.settle()
    assert world.said("Ready") == ("False", "PodsUnavailable"), "fewer than there are to be at least"
    world.set_pods("web", replicas=8, updatedReplicas=7, availableReplicas=8)
    world.settle()
    assert world.said("Ready")[0] == "False", "an old pod is still there"


def test_an_autoscaled_process_begins_with_the_pods_it_has_at_least() -> None:
    world = World(builders.spec(migrate=False, processes={"web": AUTOSCALED}))
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 2
    assert world.deployment("web")["metadata"]["annotations"][names.REPLICAS] == names.AUTOSCALED
    world.run()
    set_web(world, {**AUTOSCALED, "scaling": {**SCALING, "min": 1}})
    world.delete("Deployment", "order-web")
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 1
    set_web(world, AUTOSCALED)
    world.autoscale("web", 9)
    world.delete("Deployment", "order-web")
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 2


def test_the_budget_follows_the_bounds() -> None:
    world = serving(AUTOSCALED)
    assert set(world.of_kind("PodDisruptionBudget")) == {"order-web"}
    set_web(world, {**AUTOSCALED, "scaling": {**SCALING, "min": 1, "max": 1}})
    world.run()
    assert set(world.of_kind("PodDisruptionBudget")) == set()


def test_bounds_are_told_as_the_formation() -> None:
    world = serving(AUTOSCALED)
    assert world.status["formation"] == "relay=1 web=2-10"


def test_a_process_that_the_spec_dropped_keeps_its_autoscaler_while_its_release_serves() -> None:
    world = serving(AUTOSCALED)
    autoscale(world, 6)
    world.edit(processes={"relay": builders.RELAY}, image=builders.NEXT_IMAGE)
    world.settle()
    world.pods_do_not_come("relay", overdue=True)
    world.settle()
    assert world.phases()[2] == "Failed"
    world.pods_come()
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 6
    assert HPA in world.objects


@pytest.mark.parametrize("cause", ["obstacle", "template_fault"])
def test_without_a_usable_environment_what_scales_stays_as_it_is(cause: str) -> None:
    world = serving(AUTOSCALED)
    if cause == "obstacle":
        world.obstacle = Obstacle("EnvironmentMissing", "DeliveryEnvironment production does not exist")
    else:
        world.template_fault = "template deployment.yaml.j2, line 3: 'x' is undefined"
    before = deepcopy(world.objects[HPA])
    set_web(world, {**AUTOSCALED, "scaling": {**SCALING, "max": 20}})
    world.run()
    assert world.objects[HPA] == before
    world.obstacle, world.template_fault = None, ""
    world.run()
    assert world.objects[HPA]["spec"]["maxReplicas"] == 20


def test_a_process_that_is_of_another_sort_today_keeps_its_number_until_the_next_release() -> None:
    """A singleton of the next release says nothing about the five pods of this one."""
    world = serving(FIVE)
    set_web(world, {"command": ["order", "web"], "port": {"number": 8080}, "singleton": True})
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 1, "the next release is rolled out: it has one"
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 5, "and this one has five again"


@pytest.mark.parametrize("least", [1, 2])
def test_a_process_without_pods_gets_some_before_an_autoscaler_has_it(least: int) -> None:
    """A HorizontalPodAutoscaler takes 0 for the wish to be left alone, and leaves it so for ever."""
    world = serving({**builders.WEB, "replicas": 0})
    set_web(world, {**AUTOSCALED, "scaling": {**SCALING, "min": least}})
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == least
    assert world.deployment("web")["metadata"]["annotations"][names.REPLICAS] == names.AUTOSCALED
    assert world.plan() == Plan()


@pytest.mark.parametrize("least", [1, 2])
def test_a_process_gets_pods_though_somebody_else_set_it_to_none_too(least: int) -> None:
    """`kubectl patch`, committed afterwards: a number that two managers own is not dropped by one."""
    world = serving({**builders.WEB, "replicas": 0})
    world.autoscale("web", 0)
    set_web(world, {**AUTOSCALED, "scaling": {**SCALING, "min": least}})
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == least
    assert world.plan() == Plan()


def test_a_process_without_pods_gets_some_though_the_environment_cannot_be_used() -> None:
    """Its autoscaler comes with the environment."""
    world = serving({**builders.WEB, "replicas": 0})
    world.obstacle = Obstacle("EnvironmentMissing", "DeliveryEnvironment production does not exist")
    set_web(world, AUTOSCALED)
    world.run()
    world.obstacle = None
    world.run()
    assert HPA in world.objects
    assert world.deployment("web")["spec"]["replicas"] > 0


def test_a_process_that_somebody_set_to_no_pods_gets_some_again() -> None:
    """`kubectl scale --replicas=0`: its autoscaler leaves it so for ever, and a release would wait for ever."""
    world = serving(AUTOSCALED)
    world.change("Deployment", "order-web", manager="kubectl", replicas=0)
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 2
    assert world.deployment("web")["metadata"]["annotations"][names.REPLICAS] == names.AUTOSCALED
    assert world.plan() == Plan()


def test_where_changes_are_left_it_is_told_who_set_it_to_no_pods() -> None:
    world = serving(AUTOSCALED)
    world.environment(drift={"mode": "warn"})
    world.change("Deployment", "order-web", manager="kubectl", replicas=0)
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 0
    assert world.said("InSync")[0] == "False"
    assert "spec.replicas" in world.condition("InSync")["message"]
    assert "kubectl" in world.condition("InSync")["message"]


def test_a_number_that_is_0_again_each_time_is_not_fought_at_full_speed() -> None:
    """A webhook of others that answers each write with 0."""
    world = serving(AUTOSCALED)
    world.change("Deployment", "order-web", manager="webhook", replicas=0)
    applied = 0
    for _ in range(10):
        for write in world.plan().writes:
            applied += isinstance(write, Apply)
            world.write(write)
        world.change("Deployment", "order-web", manager="webhook", replicas=0)
    assert applied == AT_ONCE
    world.settle()
    assert "spec.replicas" in world.condition("InSync")["message"]


def test_from_no_pods_by_a_queue_to_another_autoscaler_is_nobodys_drift() -> None:
    """In every mode: that it has none was right until the spec changed."""
    world = World(builders.spec(migrate=False, processes={"web": builders.WEB, "relay": RELAY_BY_QUEUE}))
    world.platform = Platform(served=frozenset({KEDA}))
    world.environment(drift={"mode": "off"})
    world.run()
    world.autoscale("relay", 0)
    world.run()
    world.edit(processes={"web": builders.WEB, "relay": RELAY_BY_CPU})
    world.run()
    assert world.deployment("relay")["spec"]["replicas"] == 1
    assert world.plan() == Plan()


def test_what_else_was_changed_is_told_beside_a_number_of_0() -> None:
    world = serving(AUTOSCALED)
    world.environment(drift={"mode": "warn"})
    world.change("Deployment", "order-web", manager="kubectl", replicas=0, progressDeadlineSeconds=7)
    world.settle()
    message = world.condition("InSync")["message"]
    assert "spec.replicas" in message
    assert "spec.progressDeadlineSeconds" in message


def test_one_autoscaler_goes_before_another_comes() -> None:
    """KEDA's webhook refuses a ScaledObject of what a HorizontalPodAutoscaler scales."""
    world = World(builders.spec(migrate=False, processes={"web": builders.WEB, "relay": RELAY_BY_CPU}))
    world.platform = Platform(served=frozenset({KEDA}))
    world.run()
    before = len(world.log)
    world.edit(processes={"web": builders.WEB, "relay": RELAY_BY_QUEUE})
    world.run()
    written = world.log[before:]
    assert written.index("delete HorizontalPodAutoscaler order-relay") < written.index("apply ScaledObject order-relay")


def test_what_keda_scales_may_begin_without_pods() -> None:
    world = World(
        builders.spec(migrate=False, processes={"web": builders.WEB, "relay": {**builders.RELAY, "replicas": 0}})
    )
    world.platform = Platform(served=frozenset({KEDA}))
    world.run()
    world.edit(processes={"web": builders.WEB, "relay": RELAY_BY_QUEUE})
    world.run()
    assert world.deployment("relay")["spec"]["replicas"] == 0
