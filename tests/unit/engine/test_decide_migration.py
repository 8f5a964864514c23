"""The migration gate: it runs once, its result is kept, and nothing starts before it succeeded (invariant 3, F12-6)."""

from copy import deepcopy

import pytest

from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import Killed, World


@pytest.fixture
def migrating() -> World:
    """A service whose first release serves and whose second one migrates."""
    world = World(builders.spec())
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.phases() == {1: "Active", 2: "Migrating"}
    return world


def test_a_failed_migration_leaves_the_old_release_serving(migrating: World) -> None:
    """Invariant 4: no Deployment is touched, the cause is in the conditions."""
    before = deepcopy(migrating.of_kind("Deployment"))
    migrating.job_ends(2, code=3, message="column order.total does not exist")
    migrating.settle()
    assert migrating.of_kind("Deployment") == before
    assert migrating.phases() == {1: "Active", 2: "Failed"}
    assert migrating.release(2)["status"]["migration"]["exitCode"] == 3
    assert migrating.release(2)["status"]["migration"]["output"] == "column order.total does not exist"
    for condition, status in (("Ready", "False"), ("Stalled", "True"), ("MigrationSucceeded", "False")):
        assert migrating.said(condition) == (status, "MigrationFailed")
        assert "exit code 3" in migrating.condition(condition)["message"]
        assert "column order.total does not exist" in migrating.condition(condition)["message"]
    assert "release order-r1 serves" in migrating.condition("Ready")["message"]
    assert migrating.said("Reconciling") == ("False", "Idle")


def test_a_failed_first_migration_starts_nothing() -> None:
    world = World(builders.spec())
    world.settle()
    world.job_ends(1, code=1)
    world.settle()
    assert world.of_kind("Deployment") == {}
    assert world.phases() == {1: "Failed"}
    assert world.condition("Stalled")["message"].startswith("release order-r1 failed: the migration failed")


def test_a_migration_that_took_too_long_says_so(migrating: World) -> None:
    migrating.job_ends(2, code=1, reason="DeadlineExceeded")
    migrating.settle()
    assert "spec.release.migrate.timeoutSeconds" in migrating.condition("Stalled")["message"]


def test_a_failed_migration_is_not_tried_again(migrating: World) -> None:
    migrating.job_ends(2, code=1)
    migrating.settle()
    migrating.delete("Job", "order-r2-migrate")
    migrating.settle()
    assert set(migrating.jobs.values()) == {1}
    assert migrating.phases()[2] == "Failed"


def test_a_changed_spec_releases_again_after_a_failure(migrating: World) -> None:
    migrating.job_ends(2, code=1)
    migrating.settle()
    migrating.edit(image=f"{NEXT_IMAGE}-fixed")
    migrating.run()
    assert migrating.phases() == {1: "Superseded", 2: "Failed", 3: "Active"}


def test_going_back_after_a_failure_makes_a_release_of_its_own(migrating: World) -> None:
    """F5-2: the journal is append-only; what served before is not taken up again under its old number."""
    migrating.job_ends(2, code=1)
    migrating.settle()
    migrating.edit(image=builders.IMAGE)
    migrating.run()
    assert migrating.phases() == {1: "Superseded", 2: "Failed", 3: "Active"}
    assert migrating.release(3)["spec"]["digest"] == migrating.release(1)["spec"]["digest"]


def test_a_job_that_vanished_fails_the_release_and_never_runs_twice(migrating: World) -> None:
    migrating.delete("Job", "order-r2-migrate")
    migrating.settle()
    assert migrating.phases() == {1: "Active", 2: "Failed"}
    assert migrating.said("Stalled") == ("True", "MigrationLost")
    assert "order-r2-migrate was deleted before its result was recorded" in migrating.condition("Stalled")["message"]
    assert set(migrating.jobs.values()) == {1}
    assert migrating.release(2)["status"]["migration"]["job"] == "order-r2-migrate"


def test_another_job_of_the_same_name_is_not_the_one_that_was_started(migrating: World) -> None:
    job = deepcopy(migrating.job(2))
    migrating.delete("Job", "order-r2-migrate")
    job["metadata"]["uid"] = "uid-of-an-impostor"
    job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    migrating.add(job)
    migrating.settle()
    assert migrating.phases()[2] == "Failed"
    assert migrating.said("Stalled") == ("True", "MigrationLost")


def test_a_recorded_result_outlives_its_job() -> None:
    world = World(builders.spec())
    world.settle()
    world.job_ends(1)
    world.settle()
    world.delete("Job", "order-r1-migrate")
    world.run()
    assert world.phases() == {1: "Active"}
    assert world.said("MigrationSucceeded") == ("True", "Succeeded")
    assert set(world.jobs.values()) == {1}


def test_killed_between_job_and_record_the_same_job_is_found_again() -> None:
    """Invariant 1: the record of the Job is the write after the Job's."""
    world = World(builders.spec())
    with pytest.raises(Killed):
        world.settle(kill_after=7)
    assert world.log[-1] == "create Job order-r1-migrate"
    assert world.phases() == {1: "Pending"}
    world.settle()
    assert world.release(1)["status"]["migration"]["uid"] == world.job(1)["metadata"]["uid"]
    assert set(world.jobs.values()) == {1}


def test_the_exit_code_is_waited_for_when_the_job_is_seen_to_end_first(migrating: World) -> None:
    """Two watches have no common order: the Job may be seen to fail before its pod."""
    migrating.job_ends(2, code=3, message="boom")
    pod = migrating.objects.pop(("Pod", "order-r2-migrate-x1"))
    plan = migrating.settle()
    assert plan.look_again_after == 1.0
    assert migrating.phases()[2] == "Migrating"
    migrating.add(pod)
    migrating.settle()
    assert migrating.release(2)["status"]["migration"]["exitCode"] == 3


def test_an_exit_code_that_never_comes_does_not_hold_up_the_result(migrating: World) -> None:
    migrating.job_ends(2, code=3)
    migrating.delete("Pod", "order-r2-migrate-x1")
    migrating.tick(11)
    migrating.settle()
    assert migrating.phases()[2] == "Failed"
    assert "exitCode" not in migrating.release(2)["status"]["migration"]
    assert "the migration failed;" in migrating.condition("Stalled")["message"]


def test_a_job_that_cannot_start_says_why(migrating: World) -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}
    migrating.add(builders.pod(migrating.job(2), name="order-r2-migrate-x1", container={"state": waiting}))
    migrating.settle()
    assert migrating.said("Ready") == ("False", "ImagePullFailed")
    assert "the migration of release order-r2 cannot pull image" in migrating.condition("Ready")["message"]


def test_a_migration_that_runs_is_named(migrating: World) -> None:
    assert migrating.said("Reconciling") == ("True", "Migrating")
    assert migrating.said("MigrationSucceeded") == ("Unknown", "NotFinished")
    assert "Job order-r2-migrate" in migrating.condition("Ready")["message"]


def test_the_active_release_is_repaired_while_the_next_one_migrates(migrating: World) -> None:
    """Invariant 4: what serves goes on serving, drift included."""
    migrating.change("Deployment", "order-web", replicas=0)
    migrating.delete("Service", "order-service")
    migrating.settle()
    assert migrating.deployment("web")["spec"]["replicas"] == 2
    assert "order-service" in migrating.of_kind("Service")
    assert migrating.runs("web") == "1"


def test_what_the_job_needs_is_repaired_while_it_runs() -> None:
    """A Job whose identity was deleted cannot make its next pod."""
    world = World(builders.spec())
    world.settle()
    world.delete("ServiceAccount", "order")
    world.settle()
    assert "order" in world.of_kind("ServiceAccount")
    assert world.phases() == {1: "Migrating"}


def test_each_release_has_a_job_of_its_own(migrating: World) -> None:
    """W-4: a Job's template is immutable, so its name carries the number."""
    migrating.run()
    assert set(migrating.of_kind("Job")) == {"order-r1-migrate", "order-r2-migrate"}
    images = [job["spec"]["template"]["spec"]["containers"][0]["image"] for job in migrating.of_kind("Job").values()]
    assert images == [builders.IMAGE, NEXT_IMAGE]


def test_a_sidecar_that_keeps_a_migration_from_its_end_is_named(migrating: World) -> None:
    ended = {"exitCode": 0, "finishedAt": migrating.now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    migrating.migration_says(2, {"state": {"terminated": ended}})
    pod = migrating.objects["Pod", "order-r2-migrate-x1"]
    pod["status"]["containerStatuses"].append(builders.status(name="istio-proxy", state={"running": {}}))
    assert migrating.settle().look_again_after == 30
    assert migrating.said("Ready") == ("False", "Migrating")
    migrating.tick(30)
    migrating.settle()
    assert migrating.said("Ready") == ("False", "SidecarRunsOn")
    migrating.edit(image=f"{NEXT_IMAGE}-newer")
    migrating.settle()
    message = migrating.condition("Ready")["message"]
    assert message.startswith("release order-r3 waits until the migration of release order-r2 has ended: the program")
    assert "container istio-proxy beside it runs on" in message


def test_a_migration_without_a_pod_is_told_in_time_and_gives_way(migrating: World) -> None:
    job = deepcopy(migrating.job(2))
    job["status"] = {"startTime": migrating.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "ready": 0}
    migrating.add(job)
    assert migrating.settle().look_again_after == 30
    assert migrating.said("Ready") == ("False", "Migrating")
    migrating.tick(30)
    migrating.settle()
    assert migrating.said("Ready") == ("False", "PodsRefused")
    assert "kubectl describe job order-r2-migrate -n shop tells why" in migrating.condition("Ready")["message"]
    migrating.edit(image=f"{NEXT_IMAGE}-smaller")
    migrating.run()
    assert migrating.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
