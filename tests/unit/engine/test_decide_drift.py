"""Drift: what somebody changed is set back, told or left as the environment says; what is not ours stays (OP-5)."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.engine.drift import AT_ONCE, calm
from delivery_operator.engine.plan import Apply, Plan
from delivery_operator.render import names
from tests.unit.engine.test_decide_children import foreign
from tests.unit.engine.test_decide_environment import MISSING
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import World

WEB = ("Deployment", "order-web")
SELECTOR = {"app": "order", "tier": "web"}


@pytest.fixture
def serving() -> World:
    """A service whose first release serves."""
    world = World(builders.spec())
    world.run()
    return world


def types(world: World) -> set[str]:
    return {each["type"] for each in world.status["conditions"]}


def drifted(world: World) -> list[tuple[str, ...]]:
    return [
        tuple(each[field] for field in ("kind", "name", "field", "manager")) for each in world.status.get("drift", ())
    ]


def test_a_repair_knows_what_it_sets_back_and_who_changed_it(serving: World) -> None:
    serving.change(*WEB, manager="kubectl-edit", replicas=9)
    (write,) = serving.plan().writes
    assert isinstance(write, Apply)
    assert write.drift is not None
    (change,) = write.drift.changes
    assert (change.field, change.manager, change.at) == ("spec.replicas", "kubectl-edit", "2026-03-01T12:00:07Z")
    before = deepcopy(serving.status)
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 2
    assert "InSync" not in types(serving)
    assert {**serving.status, "conditions": []} == {**before, "conditions": []}


@pytest.mark.parametrize(("mode", "told"), [("repair", False), ("warn", True), ("off", False)])
def test_what_the_environment_says_is_done(serving: World, mode: str, *, told: bool) -> None:
    serving.environment(drift={"mode": mode})
    serving.change("Service", "order-service", manager="kubectl-edit", selector={"app": "order"})
    serving.run()
    live = serving.objects["Service", "order-service"]["spec"]["selector"]
    assert live == (SELECTOR if mode == "repair" else {"app": "order"})
    assert ("InSync" in types(serving)) == told
    assert drifted(serving) == [("Service", "order-service", "spec.selector.tier", "kubectl-edit")][: int(told)]
    assert serving.said("Ready") == ("True", "Serving")
    assert serving.plan() == Plan(), "and then all is quiet"
    DeliveryServiceStatus.model_validate(serving.status)


def test_a_warning_goes_when_the_change_does(serving: World) -> None:
    serving.environment(drift={"mode": "warn"})
    serving.change("Service", "order-service", manager="kubectl-edit", selector={"app": "order"})
    serving.run()
    assert serving.said("InSync") == ("False", "Drifted")
    assert (
        "Service order-service: spec.selector.tier was changed by kubectl-edit"
        in serving.condition("InSync")["message"]
    )
    serving.change("Service", "order-service", selector=SELECTOR)
    serving.run()
    assert "InSync" not in types(serving)
    assert "drift" not in serving.status


def test_a_kind_may_have_a_mode_of_its_own(serving: World) -> None:
    serving.environment(drift={"mode": "repair", "kinds": {"NetworkPolicy": "warn"}})
    serving.change("NetworkPolicy", "order-service", egress=[])
    serving.change(*WEB, replicas=9)
    serving.run()
    assert serving.objects["NetworkPolicy", "order-service"]["spec"]["egress"] == []
    assert serving.deployment("web")["spec"]["replicas"] == 2
    assert serving.said("InSync") == ("False", "Drifted")


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_our_own_changes_are_written_in_every_mode(serving: World, mode: str) -> None:
    """A release, a number of pods, an autoscaler: another seal is a change of ours, whatever else was changed."""
    serving.environment(drift={"mode": mode})
    serving.change(*WEB, manager="kubectl-edit", paused=True, replicas=9)
    serving.edit_process("web", replicas=4)
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 4
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}
    assert serving.deployment("web")["spec"]["template"]["spec"]["containers"][0]["image"] == NEXT_IMAGE
    serving.edit_process("web", replicas=None, scaling={"min": 2, "max": 5, "cpu": 70})
    serving.run()
    assert "order-web" in serving.of_kind("HorizontalPodAutoscaler")
    assert not serving.pods_lost


def test_what_is_changed_while_a_release_is_rolled_out_is_set_back_in_every_mode(serving: World) -> None:
    serving.environment(drift={"mode": "off"})
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    serving.change(*WEB, replicas=9)
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 2
    assert serving.phases() == {1: "Superseded", 2: "Active"}


@pytest.mark.parametrize("mode", ["repair", "warn", "off"])
@pytest.mark.parametrize("which", [WEB, ("Service", "order-service"), ("PodDisruptionBudget", "order-web")])
def test_what_was_deleted_comes_back_in_every_mode(serving: World, mode: str, which: tuple[str, str]) -> None:
    serving.environment(drift={"mode": mode})
    serving.delete(*which)
    serving.run()
    assert which in serving.objects
    assert serving.said("Ready") == ("True", "Serving")


def test_a_deleted_child_is_told_from_one_that_is_new(serving: World) -> None:
    """A release's first children, or a budget that comes with the second replica, were deleted by nobody."""
    assert serving.repairs.of(("shop", "order")) == {}
    serving.edit_process("relay", replicas=2)
    serving.edit(config={"LOG_LEVEL": {"value": "debug"}})
    serving.run()
    assert serving.repairs.of(("shop", "order")) == {}
    (config,) = serving.of_kind("ConfigMap")
    serving.delete("ConfigMap", config)
    serving.delete(*WEB)
    serving.run()
    assert set(serving.repairs.of(("shop", "order"))) == {("ConfigMap", config), WEB}


def test_without_a_usable_environment_nobodys_change_is_undone(serving: World) -> None:
    """It would say what is to be done; the default may be the opposite of it."""
    serving.environment(drift={"mode": "warn"})
    serving.change(*WEB, manager="kubectl-edit", paused=True, replicas=9)
    serving.obstacle = MISSING
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 9
    assert serving.said("InSync") == ("False", "Drifted")


@pytest.mark.parametrize("mode", ["repair", "warn", "off"])
def test_a_seal_that_was_taken_away_comes_back_and_what_was_changed_with_it(serving: World, mode: str) -> None:
    """Without it our own changes could not be told from others', and a release would not be written."""
    serving.environment(drift={"mode": mode})
    annotations = serving.deployment("web")["metadata"]["annotations"]
    others = {name: value for name, value in annotations.items() if name != names.MANIFEST}
    serving.edit_metadata(*WEB, annotations=others)
    serving.run()
    assert serving.deployment("web")["metadata"]["annotations"] == annotations


@pytest.mark.parametrize(("replicas", "ready"), [(9, "True"), (1, "False"), (0, "False")])
def test_more_pods_than_are_wanted_serve_and_fewer_do_not(serving: World, replicas: int, ready: str) -> None:
    """Somebody scaled by hand, and the change is left."""
    serving.environment(drift={"mode": "warn"})
    serving.change(*WEB, manager="kubectl-scale", replicas=replicas)
    serving.pods_come()
    serving.settle()
    assert serving.said("Ready")[0] == ready
    assert serving.said("InSync") == ("False", "Drifted")


# What others add stays.


@pytest.mark.parametrize("mode", ["repair", "warn"])
def test_what_others_add_is_no_drift(serving: World, mode: str) -> None:
    """Fields, labels, annotations, sidecars, init containers, volumes and variables: invariant 7."""
    serving.environment(drift={"mode": mode})
    live = deepcopy(serving.deployment("web"))
    template = deepcopy(live["spec"]["template"])
    pod = template["spec"]
    template["metadata"]["annotations"] = {**template["metadata"].get("annotations", {}), "mesh/inject": "true"}
    pod["containers"] = [{"name": "proxy", "image": "mesh:1"}, *pod["containers"]]
    pod["containers"][1]["env"] = [*pod["containers"][1]["env"], {"name": "MESH", "value": "on"}]
    pod["initContainers"] = [{"name": "init", "image": "mesh:1"}]
    pod["volumes"] = [*pod["volumes"], {"name": "certificates", "emptyDir": {}}]
    serving.change(*WEB, manager="mesh", template=template, minReadySeconds=30)
    metadata = live["metadata"]
    serving.edit_metadata(
        *WEB,
        labels={**metadata["labels"], "team": "shop"},
        annotations={**metadata["annotations"], "backup/skip": "true"},
    )
    serving.pods_come()
    assert serving.plan() == Plan()
    serving.edit_process("web", replicas=3)
    serving.run()
    kept = serving.deployment("web")
    assert [each["name"] for each in kept["spec"]["template"]["spec"]["containers"]][-1] == "proxy"
    assert kept["spec"]["template"]["spec"]["initContainers"] == [{"name": "init", "image": "mesh:1"}]
    assert kept["metadata"]["labels"]["team"] == "shop"
    assert kept["metadata"]["annotations"]["backup/skip"] == "true"
    assert kept["spec"]["minReadySeconds"] == 30


def test_what_an_autoscaler_sets_is_no_drift() -> None:
    world = World(
        builders.spec(processes={"web": {**builders.WEB, "replicas": None, "scaling": {"max": 9, "cpu": 70}}})
    )
    world.run()
    world.autoscale("web", 7)
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 7
    assert "InSync" not in types(world)
    assert world.repairs.of(("shop", "order")) == {}


def test_a_vertical_autoscaler_changes_pods_and_they_are_not_compared(serving: World) -> None:
    """VPA sets the resources of pods as they are admitted, or in place; the Deployment stays as we wrote it."""
    pod = builders.pod(serving.deployment("web"), labels=builders.process_labels("web", 1), container={"ready": True})
    pod["spec"] = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "3"}}}]}
    serving.add(pod)
    assert serving.plan() == Plan()


def test_resources_that_somebody_sets_in_the_deployment_are_drift(serving: World) -> None:
    """They are ours: the service says them."""
    template = deepcopy(serving.deployment("web")["spec"]["template"])
    template["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "3"
    serving.environment(drift={"mode": "warn"})
    serving.change(*WEB, manager="kubectl-set", template=template)
    serving.pods_come()
    serving.run()
    field = "spec.template.spec.containers[order].resources.requests.cpu"
    assert [each[2] for each in drifted(serving)] == [field]


# Owner and labels.


@pytest.mark.parametrize("owners", [[], [{"kind": "DeliveryService", "name": "order", "uid": "uid-of-order"}]])
def test_an_owner_that_was_taken_away_comes_back(serving: World, owners: list[dict[str, Any]]) -> None:
    """Without it the child would outlive its service, and would not be pruned."""
    before = deepcopy(serving.deployment("web")["metadata"]["ownerReferences"])
    serving.edit_metadata(*WEB, ownerReferences=[])
    if owners:
        serving.objects[WEB]["metadata"]["ownerReferences"] = owners
    serving.run()
    assert serving.deployment("web")["metadata"]["ownerReferences"] == before
    assert serving.said("Ready") == ("True", "Serving")


def test_where_drift_is_left_a_lost_owner_is_told_and_the_next_release_sets_it(serving: World) -> None:
    serving.environment(drift={"mode": "warn"})
    serving.edit_metadata(*WEB, ownerReferences=[])
    serving.run()
    assert [each["field"] for each in serving.status["drift"]] == ["metadata.ownerReferences[order]"]
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert serving.deployment("web")["metadata"]["ownerReferences"][0]["uid"] == "uid-of-order"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"managedFields": []}, id="not written by us"),
        pytest.param({"labels": {names.SERVICE: "another"}}, id="of another service"),
    ],
)
def test_what_nobody_owns_and_is_not_ours_is_left_alone(serving: World, changes: dict[str, Any]) -> None:
    serving.edit_metadata(*WEB, ownerReferences=[])
    serving.objects[WEB]["metadata"].update(changes)
    before = deepcopy(serving.deployment("web"))
    serving.run()
    assert serving.said("Stalled") == ("True", "NameTaken")
    assert serving.deployment("web") == before


def test_a_job_without_owner_is_not_taken_up() -> None:
    """What it did is recorded with its owner, which is not known."""
    world = World(builders.spec())
    world.add(foreign("Job", "order-r1-migrate"))
    world.edit_metadata("Job", "order-r1-migrate", ownerReferences=[])
    world.settle()
    assert world.said("Stalled") == ("True", "NameTaken")


def test_labels_of_ours_come_back(serving: World) -> None:
    before = deepcopy(serving.deployment("web")["metadata"]["labels"])
    serving.edit_metadata(*WEB, labels={names.SERVICE: "order"})
    serving.run()
    assert serving.deployment("web")["metadata"]["labels"] == before


# A fight.


def fight(world: World, seconds: float, *, every: float = 1.0) -> int:
    """Let another controller set a field back each second; answer with how often we wrote it."""
    before = world.log.count("apply Deployment order-web")
    for _ in range(int(seconds / every)):
        if world.deployment("web")["spec"]["replicas"] != 9:
            world.change(*WEB, manager="scaler", replicas=9)
        world.settle()
        world.tick(every)
    return world.log.count("apply Deployment order-web") - before


def test_a_fight_is_told_and_slows_down(serving: World) -> None:
    assert fight(serving, AT_ONCE) == AT_ONCE, "at once, at first"
    assert fight(serving, 600) <= 8
    assert serving.said("InSync") == ("False", "Contested")
    message = serving.condition("InSync")["message"]
    assert "Deployment order-web: spec.replicas was changed by scaler" in message
    assert not any(character.isdigit() for character in message)
    assert drifted(serving) == [(*WEB, "spec.replicas", "scaler")]


def test_the_status_stands_still_while_the_fight_goes_on(serving: World) -> None:
    fight(serving, 2 * AT_ONCE)
    serving.pods_come()
    serving.settle()
    before = deepcopy(serving.status)
    count = serving.log.count("status DeliveryService order")
    fight(serving, 300)
    after = serving.status
    assert after["drift"] == before["drift"]
    assert serving.condition("InSync")["message"] == next(
        each["message"] for each in before["conditions"] if each["type"] == "InSync"
    )
    writes = serving.log.count("status DeliveryService order") - count
    assert writes <= 2 * 8, "no more than each repair brings: its pods go and come"


def test_when_the_other_gives_up_the_fight_ends_and_is_no_longer_told(serving: World) -> None:
    fight(serving, 30)
    again = serving.settle().look_again_after
    assert again is not None, "no event would say so"
    serving.tick(again)
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 2
    assert serving.said("InSync") == ("False", "Contested"), "it may only have paused"
    serving.tick(calm(10))
    serving.run()
    assert "InSync" not in types(serving)
    assert "drift" not in serving.status
    assert serving.said("Ready") == ("True", "Serving")


def test_a_child_that_is_deleted_again_and_again_is_not_made_at_full_speed(serving: World) -> None:
    for _ in range(30):
        if ("Service", "order-service") in serving.objects:
            serving.delete("Service", "order-service")
        serving.settle()
        serving.tick(1)
    assert serving.log.count("apply Service order-service") <= 1 + AT_ONCE + 2
    assert serving.said("InSync") == ("False", "Contested")
    assert "Service order-service was deleted" in serving.condition("InSync")["message"]


def test_a_fight_during_a_rollout_does_not_hold_it_up_for_ever(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    fight(serving, 30)
    assert serving.said("InSync") == ("False", "Contested")
    serving.tick(60)
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}


def test_while_the_new_release_cannot_be_made_drift_is_told_all_the_same(serving: World) -> None:
    serving.environment(drift={"mode": "warn"})
    serving.change("Service", "order-service", manager="kubectl-edit", selector={"app": "order"})
    serving.contents.clear()
    serving.run()
    assert serving.said("Ready") == ("False", "SecretMissing")
    assert serving.said("InSync") == ("False", "Drifted")


# What is told as it happens.


def test_a_repair_is_told_once_with_field_and_manager(serving: World) -> None:
    serving.told.clear()
    serving.change(*WEB, manager="kubectl-edit", replicas=9)
    serving.settle()
    (event,) = [each for each in serving.told if each.reason == "DriftRepaired"]
    assert event.message == "Deployment order-web: spec.replicas was changed by kubectl-edit, and is set back"
    assert (event.about["kind"], event.about["name"], event.type) == ("DeliveryService", "order", "Warning")


def test_what_was_deleted_is_told_as_it_is_made_again(serving: World) -> None:
    (config,) = serving.of_kind("ConfigMap")
    serving.told.clear()
    serving.delete(*WEB)
    serving.delete("ConfigMap", config)
    serving.settle()
    messages = {each.message for each in serving.told if each.reason == "DriftRepaired"}
    assert messages == {
        "Deployment order-web was deleted, and is made again",
        f"ConfigMap {config} was deleted, and is made again",
    }


def test_what_is_left_is_told_once(serving: World) -> None:
    serving.environment(drift={"mode": "warn"})
    serving.told.clear()
    serving.change("Service", "order-service", manager="kubectl-edit", selector={"app": "order"})
    serving.run()
    assert serving.story() == ["Warning Drifted"]
