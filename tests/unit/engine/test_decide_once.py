"""At most one Job of a release ever runs, whatever is deleted and wherever the operator is killed (invariant 3).

A Job is made suspended, put on record, and only then resumed.
"""

import contextlib
from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.engine.plan import Apply, Create, Delete, Plan, Resume, SetStatus
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import SECRET, Killed, World

JOB = ("Job", "order-r1-migrate")
CONTRACT = {"command": ["order", "migrate", "--contract"]}
MOST_WRITES = 12


def step(world: World) -> Plan:
    """Make the writes of one plan."""
    plan = world.plan()
    for write in plan.writes:
        assert world.write(write)
    return plan


def until(world: World, kind: type, object_kind: str) -> None:
    """Make plans until the next one begins with a write of this kind."""
    while not (
        (writes := world.plan().writes)
        and isinstance(writes[0], kind)
        and (writes[0].manifest if isinstance(writes[0], Create | Apply) else writes[0].target)["kind"] == object_kind
    ):
        step(world)


@pytest.fixture
def held() -> World:
    """A new service whose migration's Job is made and not on record."""
    world = World(builders.spec())
    while JOB not in world.objects:
        step(world)
    return world


def test_the_job_is_made_suspended_then_recorded_then_resumed(held: World) -> None:
    assert held.objects[JOB]["spec"]["suspend"] is True
    assert held.phases() == {1: "Pending"}
    held.settle()
    assert held.log[-4:-1] == [
        "create Job order-r1-migrate",
        "status DeliveryRelease order-r1",
        "resume Job order-r1-migrate",
    ]
    assert held.objects[JOB]["spec"]["suspend"] is False
    assert held.release(1)["status"]["migration"] == {
        "job": "order-r1-migrate",
        "uid": held.objects[JOB]["metadata"]["uid"],
    }


def test_deleted_before_it_is_on_record_it_is_made_again(held: World) -> None:
    """Nothing of it has run."""
    before = held.objects[JOB]["metadata"]["uid"]
    held.delete(*JOB)
    held.run()
    assert held.phases() == {1: "Active"}
    assert held.release(1)["status"]["migration"]["uid"] != before
    assert held.jobs.total() == 1


def test_deleted_after_it_is_on_record_the_migration_is_lost(held: World) -> None:
    """Whether it ran is not known any more, so it is not run again."""
    until(held, Resume, "Job")
    held.delete(*JOB)
    held.settle()
    assert held.phases() == {1: "Failed"}
    assert held.said("Stalled") == ("True", "MigrationLost")
    assert held.jobs.total() == 0


@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("writes", range(1, MOST_WRITES))
def test_killed_after_any_write_and_deleted_meanwhile_it_never_runs_twice(writes: int, *, deleted: bool) -> None:
    world = World(builders.spec(release={"migrate": builders.MIGRATE, "contract": CONTRACT}))
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    if deleted and JOB in world.objects:
        world.delete(*JOB)
    world.run()
    assert set(world.jobs.values()) == {1} or world.said("Stalled") == ("True", "MigrationLost")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_job_that_is_held_gives_way_to_a_newer_release(held: World, *, recorded: bool) -> None:
    if recorded:
        until(held, Resume, "Job")
    held.edit(image=builders.NEXT_IMAGE)
    held.run()
    assert held.phases() == {1: "Superseded", 2: "Active"}
    assert JOB not in held.objects
    assert list(held.jobs) == [f"{held.release(2)['metadata']['uid']} order-r2-migrate"]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_job_is_held_while_what_it_needs_is_missing(held: World, *, recorded: bool) -> None:
    if recorded:
        until(held, Resume, "Job")
    content = held.contents.pop(SECRET)
    held.settle()
    assert held.objects[JOB]["spec"]["suspend"] is True
    assert held.said("Ready") == ("False", "SecretMissing")
    held.contents[SECRET] = content
    held.run()
    assert held.phases() == {1: "Active"}
    assert held.jobs.total() == 1


def test_a_job_that_changed_since_it_was_seen_is_looked_at_again_before_it_is_resumed(held: World) -> None:
    until(held, Resume, "Job")
    (resume,) = held.plan().writes
    held.delete(*JOB)
    impostor = deepcopy(resume.target)  # type: ignore[union-attr] # it is a Resume
    held.add({**impostor, "metadata": {**impostor["metadata"], "uid": "uid-of-an-impostor"}})
    assert held.write(resume) is False
    held.settle()
    assert held.said("Stalled") == ("True", "MigrationLost")
    assert held.jobs.total() == 0


def test_a_running_migration_that_somebody_suspends_is_theirs_to_resume() -> None:
    world = World(builders.spec())
    world.settle()
    world.change(*JOB, suspend=True)
    assert not [write for write in world.plan().writes if not isinstance(write, SetStatus)]
    world.settle()
    assert world.objects[JOB]["spec"]["suspend"] is True
    assert world.said("Stalled") == ("True", "MigrationSuspended")
    assert "kubectl patch job order-r1-migrate -n shop" in world.condition("Stalled")["message"]
    world.change(*JOB, suspend=False)
    world.run()
    assert world.phases() == {1: "Active"}


def test_a_migration_that_an_older_operator_began_goes_on(held: World) -> None:
    """It was made without being held: it runs, and is put on record as it is."""
    held.change(*JOB, suspend=False)
    held.run()
    assert held.phases() == {1: "Active"}
    assert held.jobs.total() == 0, "it needed no resuming"


@pytest.fixture
def contracting() -> World:
    """Release 2 serves, and the Job of its contract step is made and not on record."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    world.settle()
    world.pods_come()
    while ("Job", "order-r2-contract") not in world.objects:
        step(world)
    return world


def test_a_contract_step_deleted_before_it_is_on_record_is_made_again(contracting: World) -> None:
    contracting.delete("Job", "order-r2-contract")
    contracting.run()
    assert contracting.release(2)["status"]["contract"]["result"] == "Succeeded"
    assert contracting.jobs.total() == 1


def test_a_contract_step_that_is_held_and_not_on_record_gives_way_to_a_newer_release(contracting: World) -> None:
    contracting.edit(image=builders.IMAGE)
    until(contracting, Delete, "Job")
    contracting.run()
    assert contracting.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert "contract" not in contracting.release(2)["status"]
    assert list(contracting.jobs) == [f"{contracting.release(3)['metadata']['uid']} order-r3-contract"]


def test_a_contract_step_that_is_on_record_goes_on_before_a_newer_release(contracting: World) -> None:
    """Nobody can roll back behind it any more."""
    until(contracting, Resume, "Job")
    contracting.edit(image=builders.IMAGE)
    contracting.settle()
    assert contracting.release(2)["status"]["contract"].keys() == {"job", "uid"}
    assert contracting.said("Ready") == ("False", "MigrationOfOlderRelease")
    contracting.run()
    assert contracting.release(2)["status"]["contract"]["result"] == "Succeeded"
    assert contracting.phases()[3] == "Active"


@pytest.fixture
def tasked() -> World:
    """A service that serves, and a task whose Job is made and not on record."""
    world = World(builders.spec(migrate=False, tasks={"seed": {"command": ["order", "seed"]}}))
    world.run()
    world.task()
    step(world)
    assert ("Job", "seed-1") in world.objects
    return world


def phase(world: World) -> Any:
    return world.objects["DeliveryTask", "seed-1"]["status"]["phase"]


def test_a_task_deleted_before_it_is_on_record_is_made_again(tasked: World) -> None:
    """The same holds for tasks: they run once, and what has not run may be made again."""
    tasked.delete("Job", "seed-1")
    tasked.run()
    assert phase(tasked) == "Succeeded"
    assert tasked.jobs.total() == 1


def test_a_task_is_held_while_its_service_is_paused(tasked: World) -> None:
    until(tasked, Resume, "Job")
    tasked.edit(paused=True)
    tasked.settle()
    assert tasked.jobs.total() == 0
    tasked.edit(paused=False)
    tasked.run()
    assert phase(tasked) == "Succeeded"


def test_what_is_resumed_says_so(held: World) -> None:
    """So that a Job which somebody suspends later is told from one that has never run."""
    held.settle()
    assert held.objects[JOB]["metadata"]["annotations"][names.RESUMED] == "true"
