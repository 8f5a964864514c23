"""The contract step (PG-4, F12-7): once, after the last older pod, and without harm to what serves."""

import contextlib

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.engine import locks
from delivery_operator.engine.history import Release
from delivery_operator.engine.plan import Plan
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import Killed, World

CONTRACT = {"command": ["order", "migrate", "--contract"], "timeoutSeconds": 60}
JOB = ("Job", "order-r2-contract")


@pytest.fixture
def world() -> World:
    """Release 2, with a contract step, about to be rolled out."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    world.settle()
    return world


def old_pod(world: World, name: str = "order-web-old", **labels: str) -> None:
    carried = {**builders.process_labels("web", 1), **labels}
    world.add(builders.pod(world.deployment("web"), name=name, labels=carried, container={}))


def recorded(world: World) -> dict[str, object]:
    found: dict[str, object] = world.release(2)["status"].get("contract", {})
    return found


def test_it_waits_until_the_release_serves_and_the_last_older_pod_has_gone(world: World) -> None:
    old_pod(world)
    assert JOB not in world.objects
    world.pods_come()
    world.settle()
    assert world.phases()[2] == "Active"
    assert JOB not in world.objects
    assert world.said("ContractSucceeded") == ("Unknown", "NotFinished")
    world.delete("Pod", "order-web-old")
    world.settle()
    assert world.objects[JOB]["spec"]["template"]["metadata"]["labels"][names.ROLE] == "contract"
    assert recorded(world) == {"job": "order-r2-contract", "uid": world.objects[JOB]["metadata"]["uid"]}


def test_an_older_pod_that_does_not_go_is_named(world: World) -> None:
    """Its node is lost: the pod stays as it was, and the step would wait for ever without a word."""
    old_pod(world)
    world.edit_metadata("Pod", "order-web-old", deletionTimestamp=f"{world.now:%Y-%m-%dT%H:%M:%SZ}")
    world.pods_come()
    assert world.settle().look_again_after == 60
    assert world.condition("ContractSucceeded")["message"].endswith("waits for the last older pod to go")
    world.tick(60)
    world.settle()
    assert "to go: pod order-web-old was asked to end" in world.condition("ContractSucceeded")["message"]
    world.delete("Pod", "order-web-old")
    world.run()
    assert recorded(world)["result"] == "Succeeded"


def test_a_pod_that_has_ended_is_not_waited_for(world: World) -> None:
    old_pod(world)
    pod = world.objects["Pod", "order-web-old"]
    world.add({**pod, "status": {"phase": "Succeeded"}})
    world.pods_come()
    world.settle()
    assert JOB in world.objects


def test_its_result_is_recorded_and_it_is_not_run_again(world: World) -> None:
    world.run()
    assert recorded(world)["result"] == "Succeeded"
    assert world.said("ContractSucceeded") == ("True", "Succeeded")
    world.delete(*JOB)
    world.run()
    assert world.plan() == Plan()
    assert world.jobs.total() == 1


def test_a_failure_takes_nothing_down(world: World) -> None:
    world.pods_come()
    world.settle()
    world.end_job("order-r2-contract", 3, "column orders.note is in use")
    world.settle()
    assert world.said("Ready") == ("True", "Serving")
    assert world.said("ContractSucceeded") == ("False", "ContractFailed")
    assert "column orders.note is in use" in world.condition("ContractSucceeded")["message"]
    assert world.phases()[2] == "Active"
    assert world.plan() == Plan()


def test_an_end_without_evidence_is_waited_for(world: World) -> None:
    world.pods_come()
    world.settle()
    world.end_job("order-r2-contract", 3)
    world.delete("Pod", "order-r2-contract-x1")
    assert world.settle().look_again_after == 1.0
    world.tick(60)
    world.settle()
    assert recorded(world)["output"] == "the contract step failed"


def test_one_whose_job_was_deleted_is_not_run_again(world: World) -> None:
    world.pods_come()
    world.settle()
    world.delete(*JOB)
    world.run()
    assert recorded(world)["result"] == "Failed"
    assert "its Job was deleted before its result was recorded" in world.condition("ContractSucceeded")["message"]
    assert world.jobs.total() == 1


@pytest.mark.parametrize("writes", range(1, 8))
def test_killed_after_any_write_it_runs_once(world: World, writes: int) -> None:
    world.pods_come()
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    world.run()
    assert world.jobs.total() == 1
    assert recorded(world)["result"] == "Succeeded"


def test_the_next_migration_waits_for_it(world: World) -> None:
    """Invariant 3: two steps of one schema never run at once."""
    world.pods_come()
    world.settle()
    world.edit(image=builders.IMAGE, release={"migrate": builders.MIGRATE})
    world.settle()
    assert ("Job", "order-r3-migrate") not in world.objects
    assert world.said("Ready") == ("False", "MigrationOfOlderRelease")
    assert "until the contract step of release order-r2 has ended" in world.condition("Ready")["message"]
    world.run()
    assert recorded(world)["result"] == "Succeeded"
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}


def test_a_name_that_is_taken_is_told(world: World) -> None:
    world.add({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "order-r2-contract"}, "status": {"x": 1}})
    world.pods_come()
    world.settle()
    assert world.said("Ready") == ("False", "NameTaken")


def test_nothing_begins_while_its_secret_is_away(world: World) -> None:
    """PG-4: its pod could not start, and nobody could tell whether another service changes the same database."""
    old_pod(world)
    world.pods_come()
    world.settle()
    kept, world.contents = world.contents, {}
    world.delete("Pod", "order-web-old")
    world.settle()
    assert JOB not in world.objects
    world.contents = kept
    world.run()
    assert world.said("ContractSucceeded") == ("True", "Succeeded")


def test_a_step_that_cannot_begin_is_given_up_by_deleting_its_job(world: World) -> None:
    """The spec moved on to another database, and the Secret of the one before is gone for good."""
    world.pods_come()
    while JOB not in world.objects or not recorded(world):
        for write in world.plan().writes:
            world.write(write)
    world.contents = {(ReferenceKind.SECRET, "elsewhere"): {"url": "postgres://db/other"}}
    (bound,) = builders.spec()["backingServices"]
    world.edit(backingServices=[{**bound, "secret": "elsewhere"}])
    world.settle()
    world.delete(*JOB)
    world.run()
    assert recorded(world)["result"] == "Failed"
    assert world.phases()[3] == "Active"


def test_a_step_waits_where_no_binding_says_any_more_which_database_it_was(world: World) -> None:
    """Invariant 3: a provisioned service of the release that today's spec does not name is not looked up."""
    (bound,) = builders.spec()["backingServices"]
    release = Release(world.release(2))
    provisioned = {"apiVersion": "example.com/v1", "kind": "Database", "name": "orders"}
    content = {**release.content, "backingServices": [{**bound, "secret": None, "provisionedService": provisioned}]}
    of_old = Release({**release.body, "spec": {**release.body["spec"], "content": content}})
    world.observe()
    waits = locks.waits_for(world.snapshot(), of_old)
    assert waits is not None
    assert "waits for the Secret of db" in waits


def test_of_a_spec_that_cannot_be_read_no_secret_is_said_to_be_away(world: World) -> None:
    """Nobody has asked then which Secrets its bindings lead to."""
    old_pod(world)
    world.pods_come()
    world.settle()
    world.contents = {}
    world.edit(processes={"web": {"replicas": -1}})
    world.settle()
    assert world.said("Stalled") == ("True", "InvalidSpec")
    assert world.said("ContractSucceeded") == ("Unknown", "NotFinished")


def test_a_step_that_has_begun_says_what_keeps_it(world: World) -> None:
    world.pods_come()
    world.settle()
    world.settle()
    message = world.condition("ContractSucceeded")["message"]
    assert message == "the contract step of release order-r2 runs (Job order-r2-contract)"
    pod = builders.pod(
        world.objects[JOB],
        name="c",
        container={"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
    )
    world.add(pod)
    world.settle()
    assert (
        "has not ended: the contract step of release order-r2 cannot pull image"
        in (world.condition("ContractSucceeded")["message"])
    )


@pytest.mark.parametrize("other", [True, False])
def test_a_job_that_is_held_stays_so_while_its_secret_is_away(world: World, *, other: bool) -> None:
    """Also where the spec of today names another Secret, which is there, so that only the release's own is away."""
    world.pods_come()
    while JOB not in world.objects or not recorded(world):
        for write in world.plan().writes:
            world.write(write)
    kept, world.contents = world.contents, {}
    if other:
        world.contents = {(ReferenceKind.SECRET, "elsewhere"): {"url": "postgres://db/other"}}
        (bound,) = builders.spec()["backingServices"]
        world.edit(backingServices=[{**bound, "secret": "elsewhere"}])
    world.settle()
    assert world.objects[JOB]["spec"]["suspend"]
    assert world.jobs.total() == 0
    if other:  # a newer release waits for it: with a cause, and a way out
        told = world.condition("Ready")["message"]
        assert "release order-r2 waits for the Secret of db, which says where its database is" in told
        assert "kubectl delete job -n shop order-r2-contract gives the step up" in told
    world.contents |= kept
    world.run()
    assert recorded(world)["result"] == "Succeeded"
