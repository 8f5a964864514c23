"""Children: drift is repaired, what is dropped is pruned, what is not ours is left alone, scaling is no release."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.engine import jobs
from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE, RELAY, WEB
from tests.unit.support.world import World


@pytest.fixture
def serving() -> World:
    """A service whose first release serves."""
    world = World(builders.spec())
    world.run()
    return world


def foreign(kind: str, name: str, owner: tuple[str, str] | None = None) -> dict[str, Any]:
    """An object of somebody else's; with an owner (kind and name) one that a controller made."""
    references = []
    if owner:
        references = [{"kind": owner[0], "name": owner[1], "uid": "uid-of-another", "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "generation": 1, "ownerReferences": references},
        "spec": {"replicas": 7},
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "order-web"),
        ("Service", "order-service"),
        ("ServiceAccount", "order"),
        ("PodDisruptionBudget", "order-web"),
    ],
)
def test_a_deleted_child_comes_back(serving: World, kind: str, name: str) -> None:
    """OP-5."""
    serving.delete(kind, name)
    serving.run()
    assert name in serving.of_kind(kind)
    assert serving.phases() == {1: "Active"}


def test_a_field_of_ours_is_set_back(serving: World) -> None:
    """OP-5: hand-edited children return to the desired state."""
    serving.change("Deployment", "order-web", replicas=9)
    serving.change("Service", "order-service", selector={"app": "order"})
    serving.run()
    assert serving.deployment("web")["spec"]["replicas"] == 2
    assert serving.objects["Service", "order-service"]["spec"]["selector"] == {"app": "order", "tier": "web"}


def test_a_field_of_others_is_left(serving: World) -> None:
    """Invariant 7: we own the fields of our templates and no others."""
    serving.change("Deployment", "order-web", minReadySeconds=30)
    serving.pods_come()
    assert serving.plan() == Plan()
    assert serving.deployment("web")["spec"]["minReadySeconds"] == 30


def test_a_field_that_a_release_dropped_goes_with_the_next_apply(serving: World) -> None:
    """Nothing in the live object says that a field is no longer wanted, but for the digest of what was applied."""
    serving.edit_process("web", shutdown={"preStopSeconds": 0})
    serving.run()
    container = serving.deployment("web")["spec"]["template"]["spec"]["containers"][0]
    assert "lifecycle" not in container


def test_scaling_makes_no_release(serving: World) -> None:
    """F0-5, F8-3: it takes effect at once, over the active release's manifests."""
    serving.edit_process("web", replicas=5)
    serving.settle()
    assert serving.phases() == {1: "Active"}
    assert serving.deployment("web")["spec"]["replicas"] == 5
    assert serving.status["formation"] == "relay=1 web=5"


def test_a_longer_deadline_makes_no_release(serving: World) -> None:
    serving.policy(progressDeadlineSeconds=1200)
    serving.settle()
    assert serving.phases() == {1: "Active"}
    assert serving.deployment("web")["spec"]["progressDeadlineSeconds"] == 1200


def test_a_disruption_budget_comes_with_the_second_replica_and_goes_with_it(serving: World) -> None:
    """F9-11: with one replica a budget would block every node drain."""
    assert set(serving.of_kind("PodDisruptionBudget")) == {"order-web"}
    serving.edit_process("relay", replicas=2)
    serving.edit_process("web", replicas=1)
    serving.run()
    assert set(serving.of_kind("PodDisruptionBudget")) == {"order-relay"}


def test_a_dropped_process_runs_until_the_new_release_is_healthy(serving: World) -> None:
    """Invariant 4, OP-5: pruned when the new release is Active, and not before."""
    serving.edit(processes={"web": WEB})
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    assert "order-relay" in serving.of_kind("Deployment")
    serving.pods_come()
    serving.settle()
    assert set(serving.of_kind("Deployment")) == {"order-web"}
    assert serving.phases() == {1: "Superseded", 2: "Active"}


def test_a_dropped_process_keeps_its_replicas_while_it_still_runs() -> None:
    world = World(builders.spec(processes={"web": WEB, "relay": {**RELAY, "replicas": 3}}))
    world.run()
    world.edit(processes={"web": WEB})
    world.settle()
    world.change("Deployment", "order-relay", replicas=1)
    world.settle()
    assert world.deployment("relay")["spec"]["replicas"] == 3
    assert "order-relay" in world.of_kind("PodDisruptionBudget")


def test_nothing_is_pruned_while_the_new_release_is_unhealthy(serving: World) -> None:
    serving.edit(processes={"web": WEB})
    serving.run()
    serving.add({**deepcopy(serving.deployment("web")), "metadata": _own_metadata(serving, "order-old")})
    serving.pods_do_not_come("web")
    serving.settle()
    assert "order-old" in serving.of_kind("Deployment")
    serving.pods_come()
    serving.settle()
    assert "order-old" not in serving.of_kind("Deployment")


def _own_metadata(world: World, name: str) -> dict[str, Any]:
    metadata = deepcopy(world.deployment("web")["metadata"])
    return {**metadata, "name": name, "uid": f"uid-of-{name}"}


def test_the_children_of_a_failed_release_are_pruned_when_the_old_one_serves_again(serving: World) -> None:
    serving.edit(processes={**serving.service["spec"]["processes"], "extra": RELAY}, release={})
    serving.settle()
    serving.pods_do_not_come("web", overdue=True)
    serving.settle()
    assert "order-extra" in serving.of_kind("Deployment"), "the old release is not healthy again yet"
    serving.pods_come()
    serving.settle()
    assert set(serving.of_kind("Deployment")) == {"order-web", "order-relay"}


def test_what_others_made_is_not_pruned(serving: World) -> None:
    """Invariant 7: it deletes only what carries its owner UID."""
    serving.add(foreign("ConfigMap", "order-notes"))
    serving.add(foreign("Deployment", "order-canary", ("Rollout", "order")))
    assert serving.plan() == Plan()


def test_what_is_being_deleted_is_not_deleted_again(serving: World) -> None:
    metadata = {**_own_metadata(serving, "order-old"), "deletionTimestamp": "2026-03-01T12:00:00Z"}
    serving.add({**deepcopy(serving.deployment("web")), "metadata": metadata})
    assert serving.plan() == Plan()


@pytest.mark.parametrize("migrate", [False, True])
def test_a_name_that_belongs_to_something_else_is_left_alone(*, migrate: bool) -> None:
    """Invariant 7, with the next step in the message (invariant 11)."""
    world = World(builders.spec(migrate=migrate))
    world.add(foreign("ServiceAccount", "order"))
    before = deepcopy(world.objects["ServiceAccount", "order"])
    world.run()
    assert world.objects["ServiceAccount", "order"] == before
    assert world.said("Stalled") == ("True", "NameTaken")
    assert "kubectl delete serviceaccount order -n shop" in world.condition("Stalled")["message"]
    world.delete("ServiceAccount", "order")
    world.run()
    assert world.said("Ready") == ("True", "Serving")


@pytest.mark.parametrize("phase", ["Pending", "Migrating", "Active"])
def test_a_child_that_was_replaced_by_somebody_elses_is_never_taken_over(phase: str) -> None:
    """Invariant 7, in every phase in which the active release's children are kept."""
    world = World(builders.spec())
    world.run()
    if phase != "Active":
        world.edit(image=NEXT_IMAGE)
    if phase == "Migrating":
        world.settle()
    world.delete("Deployment", "order-web")
    world.add(foreign("Deployment", "order-web"))
    before = deepcopy(world.deployment("web"))
    world.settle()
    assert world.deployment("web") == before
    assert world.said("Stalled") == ("True", "NameTaken")


def test_a_child_of_a_deleted_namesake_is_waited_for() -> None:
    """`kubectl delete` and `kubectl apply` in a row: the garbage collector is still at work."""
    world = World(builders.spec(migrate=False))
    world.add(foreign("Deployment", "order-web", ("DeliveryService", "order")))
    world.settle()
    assert world.said("Ready") == ("False", "WaitingForRemoval")
    assert world.said("Stalled") == ("False", "NotStalled")
    world.delete("Deployment", "order-web")
    world.run()
    assert world.said("Ready") == ("True", "Serving")


def test_a_job_of_a_deleted_namesake_is_waited_for() -> None:
    """Its owner is the release of the deleted service, of the same name as ours."""
    world = World(builders.spec())
    world.add(foreign("Job", "order-r1-migrate", ("DeliveryRelease", "order-r1")))
    world.settle()
    assert world.said("Ready") == ("False", "WaitingForRemoval")
    assert world.said("Stalled") == ("False", "NotStalled")
    world.delete("Job", "order-r1-migrate")
    world.run()
    assert world.said("Ready") == ("True", "Serving")


def test_a_foreign_job_of_that_name_is_not_taken_for_the_migration() -> None:
    world = World(builders.spec())
    world.add(foreign("Job", "order-r1-migrate"))
    world.settle()
    assert world.said("Stalled") == ("True", "NameTaken")
    assert world.phases() == {1: "Pending"}
    assert world.jobs == {}


def test_the_literals_of_older_releases_go_when_the_new_one_serves(serving: World) -> None:
    (old,) = serving.of_kind("ConfigMap")
    serving.edit(config={"LOG_LEVEL": {"value": "debug"}})
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    assert old in serving.of_kind("ConfigMap"), "old pods may still start"
    serving.pods_come()
    serving.settle()
    (new,) = serving.of_kind("ConfigMap")
    assert new != old


def test_a_port_that_goes_takes_its_service_with_it(serving: World) -> None:
    """F8-7: a worker gets no Service."""
    serving.edit(processes={"web": {"command": ["order", "web"]}})
    serving.run()
    assert serving.of_kind("Service") == {}


def test_what_a_job_of_an_older_release_has_yet_to_start_with_stays_until_that_has_ended(serving: World) -> None:
    """F12-2: its pod may still wait for an image, or be tried again."""
    serving.edit(tasks={"seed": {"command": ["order", "seed"]}}, config={"LOG_LEVEL": {"value": "info"}})
    serving.run()
    serving.task()
    serving.settle()
    (job,) = serving.running_jobs()
    (literals,) = jobs.config_maps(job)
    serving.edit(config={"LOG_LEVEL": {"value": "debug"}})
    serving.settle()
    for each in serving.running_jobs():
        if each["metadata"]["name"] != job["metadata"]["name"]:
            serving.end_job(each["metadata"]["name"])
    serving.settle()
    serving.pods_come()
    serving.settle()
    assert literals in serving.of_kind("ConfigMap")
    serving.end_job(job["metadata"]["name"])
    serving.settle()
    assert literals not in serving.of_kind("ConfigMap")
