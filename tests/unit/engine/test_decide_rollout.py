"""Rolling out: the deadline, going back to the active release, holding, and releases that overtake each other."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import World

CRASHING = {
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "message": "no route to broker"}},
}


def rolling_out(**policy: Any) -> World:
    """A service whose first release serves and whose second one rolls out."""
    world = World(builders.spec(release=policy))
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.runs("web") == "2"
    return world


def test_a_rollout_in_progress_is_told_once_whichever_process_comes_first() -> None:
    """Three status writes for a new release (design, section 5): each process would be one more."""
    world = rolling_out()
    assert world.said("Ready") == ("False", "RollingOut")
    assert world.condition("Ready")["message"] == "release order-r2 waits for its pods; release order-r1 serves"
    world.pods_come()
    world.pods_do_not_come("relay")
    assert world.settle().writes == ()
    assert world.log[-1] == "status DeliveryService order", "of the rollout's begin"


def test_a_release_that_served_names_the_processes_whose_pods_went() -> None:
    world = rolling_out()
    world.pods_come()
    world.settle()
    world.pods_do_not_come("relay")
    world.settle()
    assert world.said("Ready") == ("False", "PodsUnavailable")
    assert world.condition("Ready")["message"] == "release order-r2 waits for pods of relay"


def test_a_rollout_past_its_deadline_goes_back_to_the_active_release() -> None:
    """onFailure: rollback; the condition has the cause (field notes: the failure's reason in one place)."""
    world = rolling_out()
    before = deepcopy(world.release(1)["spec"])
    world.pod_says("web", 2, CRASHING)
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert world.phases() == {1: "Active", 2: "Failed"}
    assert {world.runs(process) for process in ("web", "relay")} == {"1"}
    assert world.said("Stalled") == ("True", "RolloutFailed")
    message = world.condition("Stalled")["message"]
    assert "process web made no progress within its deadline" in message
    assert "exits with code 1" in message
    assert "no route to broker" in message
    world.pods_come()
    world.settle()
    assert world.said("Stalled") == ("True", "RolloutFailed")
    assert world.release(1)["spec"] == before
    assert world.status["activeRelease"] == "order-r1"


def test_a_deadline_without_a_cause_says_what_is_known() -> None:
    world = rolling_out()
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert "no pod became ready in time" in world.condition("Stalled")["message"]


def test_on_failure_hold_leaves_the_new_pods_for_inspection() -> None:
    world = rolling_out(onFailure="hold")
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert world.phases() == {1: "Active", 2: "Failed"}
    assert world.runs("web") == "2"


def test_turning_hold_into_rollback_takes_effect_at_once() -> None:
    """The policy is no release content."""
    world = rolling_out(onFailure="hold")
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    world.policy(onFailure="rollback")
    world.settle()
    assert world.phases() == {1: "Active", 2: "Failed"}
    assert world.runs("web") == "1"


def test_a_first_release_that_fails_stays_since_there_is_nothing_to_go_back_to() -> None:
    world = World(builders.spec(migrate=False))
    world.settle()
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert world.phases() == {1: "Failed"}
    assert world.runs("web") == "1"
    assert world.said("Ready") == ("False", "RolloutFailed")
    assert "serves" not in world.condition("Ready")["message"]


def test_a_deadline_of_the_rollout_before_does_not_count() -> None:
    """The Deployment's status is of an older generation until its controller has looked (argoproj/argo-cd#23578)."""
    world = rolling_out()
    world.pods_do_not_come("web", overdue=True)
    world.edit_process("web", replicas=5)
    world.settle()
    assert world.deployment("web")["status"]["observedGeneration"] < world.deployment("web")["metadata"]["generation"]
    assert world.phases()[2] != "Failed"


def test_health_is_not_read_from_a_status_of_an_older_generation() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.phases() == {1: "Active", 2: "Pending"}, "the Deployments still show the old pods as available"


def test_pods_that_the_api_server_refuses_are_named() -> None:
    world = rolling_out()
    world.pods_do_not_come("web")
    body = deepcopy(world.deployment("web"))
    body["status"]["conditions"].append({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"})
    world.add(body)
    world.settle()
    assert world.said("Ready") == ("False", "PodsRefused")
    assert "exceeded quota: pods" in world.condition("Ready")["message"]


def test_an_active_release_that_loses_its_pods_is_not_ready() -> None:
    """Honest status (invariant 11): it was Active, and it is no more available."""
    world = World(builders.spec())
    world.run()
    world.pods_do_not_come("web")
    world.settle()
    assert world.said("Ready") == ("False", "PodsUnavailable")
    assert world.phases() == {1: "Active"}
    world.pods_come()
    world.settle()
    assert world.said("Ready") == ("True", "Serving")


@pytest.mark.parametrize(
    ("migrate", "reached"),
    [
        pytest.param(False, "Pending", id="one that rolls out without a migration"),
        pytest.param(True, "RollingOut", id="one that has migrated"),
    ],
)
def test_a_newer_release_overtakes_one_that_rolls_out(*, migrate: bool, reached: str) -> None:
    world = World(builders.spec(migrate=migrate))
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    if migrate:
        world.job_ends(2)
        world.settle()
    assert world.phases()[2] == reached
    world.edit(image=f"{NEXT_IMAGE}-again")
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert world.runs("web") == "3"


@pytest.mark.parametrize("migrates", [True, False])
def test_the_old_spec_comes_back_midway(*, migrates: bool) -> None:
    """F5-2: as a release of its own; what serves is never without its pods, and the one between starts no process."""
    world = World(builders.spec())
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    if not migrates:
        world.job_ends(2)
        world.settle()
        assert world.phases()[2] == "RollingOut"
    world.edit(image=builders.IMAGE)
    world.settle()
    if migrates:
        assert world.runs("web") == "1"
        assert world.said("Ready") == ("False", "MigrationOfOlderRelease")
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert world.release(3)["spec"]["content"] == world.release(1)["spec"]["content"]
    assert world.runs("web") == "3"
    assert set(world.jobs.values()) == {1}


def test_a_newer_release_overtakes_one_that_has_not_begun() -> None:
    world = World(builders.spec())
    world.observe()
    world.write(world.plan().writes[0])
    world.edit(image=NEXT_IMAGE)
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}
    assert world.of_kind("Job").keys() == {"order-r2-migrate"}


@pytest.mark.parametrize("code", [0, 1])
def test_a_newer_release_waits_for_the_migration_that_runs(code: int) -> None:
    """Invariant 3: two migrations of one service never run at once, and the older one's result is kept."""
    world = World(builders.spec())
    world.settle()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.phases() == {1: "Migrating", 2: "Pending"}
    assert world.said("Ready") == ("False", "MigrationOfOlderRelease")
    assert world.of_kind("Job").keys() == {"order-r1-migrate"}
    assert world.plan().look_again_after is None, "the Job's end wakes it"

    world.job_ends(1, code=code)
    pod = world.objects.pop(("Pod", "order-r1-migrate-x1"))
    assert world.settle().look_again_after == 1.0, "its exit code may come after it"
    world.add(pod)
    world.settle()
    assert world.phases() == {1: "Superseded", 2: "Migrating"}
    assert world.release(1)["status"]["migration"]["exitCode"] == code
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError"])
def test_a_migration_that_cannot_start_is_taken_away_for_the_release_that_mends_it(reason: str) -> None:
    """Else a wrong image tag would block its own correction until the migration's timeout."""
    world = World(builders.spec())
    world.settle()
    world.migration_says(1, {"state": {"waiting": {"reason": reason}}})
    world.settle()
    assert world.of_kind("Job").keys() == {"order-r1-migrate"}, "nobody has mended it yet"

    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.of_kind("Job") == {}
    assert world.phases() == {1: "Superseded", 2: "Pending"}, "the end of the pod has not been seen yet"

    world.settle()
    assert world.phases() == {1: "Superseded", 2: "Migrating"}


def test_a_migration_waits_until_the_pods_of_an_older_one_are_gone() -> None:
    """Invariant 3: the older Job was taken away, and its pod may have started in the last moment."""
    world = World(builders.spec())
    labels = {names.SERVICE: "order", names.ROLE: names.MIGRATE, names.RELEASE: "7"}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "order-r7-migrate", "uid": "gone"}}
    world.add(builders.pod(owner, name="order-r7-migrate-x1", labels=labels, container={"state": {"running": {}}}))
    world.settle()
    assert world.phases() == {1: "Pending"}
    assert world.said("Ready") == ("False", "MigrationOfOlderRelease")

    world.edit_metadata("Pod", "order-r7-migrate-x1", deletionTimestamp=f"{world.now:%Y-%m-%dT%H:%M:%SZ}")
    assert world.settle().look_again_after == 60
    assert world.condition("Ready")["message"].endswith("waits until the pods of an older migration are gone")
    world.tick(60)
    world.settle()
    told = world.condition("Ready")["message"]
    assert "gone: pod order-r7-migrate-x1 was asked to end and is still there" in told
    assert "kubectl delete pod order-r7-migrate-x1 -n shop --force --grace-period=0" in told

    world.delete("Pod", "order-r7-migrate-x1")
    world.run()
    assert world.phases() == {1: "Active"}


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"state": {"running": {}}}, id="it runs"),
        pytest.param({"state": {"waiting": {"reason": "ContainerCreating"}}}, id="it is about to start"),
        pytest.param({"state": {"waiting": {"reason": "ErrImagePull"}}, "restartCount": 1}, id="it ran before"),
        pytest.param(
            {"state": {"waiting": {"reason": "ErrImagePull"}}, "lastState": {"terminated": {}}}, id="it ended before"
        ),
        pytest.param(None, id="nothing is known of it"),
    ],
)
def test_a_migration_that_may_have_run_is_waited_for(container: dict[str, object] | None) -> None:
    """Invariant 3."""
    world = World(builders.spec())
    world.settle()
    world.migration_says(1, container)
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.of_kind("Job").keys() == {"order-r1-migrate"}
    assert world.phases() == {1: "Migrating", 2: "Pending"}


def test_the_active_release_is_kept_while_a_newer_one_waits() -> None:
    world = World(builders.spec())
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    world.edit(image=f"{NEXT_IMAGE}-again")
    world.settle()
    world.delete("Deployment", "order-web")
    world.settle()
    assert world.runs("web") == "1"
    assert world.phases() == {1: "Active", 2: "Migrating", 3: "Pending"}


def test_a_lost_migration_of_an_overtaken_release_holds_up_nothing() -> None:
    world = World(builders.spec())
    world.settle()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    world.delete("Job", "order-r1-migrate")
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}
