"""Events: one for each change of meaning, made of the writes alone (F5-2, invariants 2 and 8)."""

import contextlib
from typing import Any

import pytest

from delivery_operator.api.reasons import EVENTS, OTHERS, STANDING
from delivery_operator.api.release import Reason
from delivery_operator.engine import events
from delivery_operator.engine.events import MESSAGE_LIMIT, Event, EventType
from delivery_operator.engine.plan import SetStatus
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.builders import MIGRATE, NEXT_IMAGE
from tests.unit.support.world import SECRET, Killed, World

CRASHING = {
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "message": "no route to host"}},
}
FIRST = ["Normal SpecChanged", "Normal MigrationStarted", "Normal MigrationSucceeded", "Normal ReleaseActive"]


@pytest.fixture
def serving() -> World:
    """A service whose first release serves, and nothing told of it yet."""
    world = World(builders.spec())
    world.run()
    world.told.clear()
    return world


def messages(world: World, reason: str) -> list[str]:
    return [each.message for each in world.told if each.reason == reason]


def test_the_first_release_is_told_from_start_to_end() -> None:
    world = World(builders.spec())
    world.run()
    assert world.story() == FIRST
    assert [each.message for each in world.told] == [
        f"release order-r1 is made (image {builders.IMAGE})",
        "the migration of release order-r1 runs (Job order-r1-migrate)",
        "the migration of release order-r1 succeeded",
        f"release order-r1 serves (image {builders.IMAGE})",
    ]
    service = world.service["metadata"]
    assert {(each.about["kind"], each.about["name"], each.about["uid"]) for each in world.told} == {
        ("DeliveryService", "order", service["uid"])
    }


def test_nothing_is_told_when_there_is_nothing_to_do(serving: World) -> None:
    """Invariant 2."""
    serving.tick(3600)
    serving.run()
    serving.cache.clear()
    serving.run()
    assert serving.told == []


def test_what_happens_in_one_second_is_shown_in_order() -> None:
    """`kubectl describe` sorts by seconds, and the API server lists by name."""
    world = World(builders.spec())
    world.run()
    for image in (NEXT_IMAGE, f"{NEXT_IMAGE}-b"):
        world.edit(image=image)
        world.run()
    told = [each.name for each in world.told]
    assert told == sorted(told)
    assert len(told) == len(set(told)) == 12


@pytest.mark.parametrize("writes", range(1, 40))
def test_a_killed_operator_tells_nothing_twice(writes: int) -> None:
    """Invariant 1: each write is told by the run that made it."""
    world = World(builders.spec())
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    world.run()
    assert world.story() == FIRST


def test_a_failed_migration_is_told_of_service_and_release(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2, code=3, message="no such table: orders")
    serving.settle()
    assert serving.story() == ["Normal ImageChanged", "Normal MigrationStarted", "Warning MigrationFailed"]
    of_release, of_service = (each for each in serving.told if each.reason == "MigrationFailed")
    assert (of_release.about["kind"], of_release.about["name"]) == ("DeliveryRelease", "order-r2")
    assert of_release.message.startswith("the migration failed with exit code 3; the end of its output: no such table")
    assert of_service.message.endswith("; release order-r1 serves")


def test_a_rollout_that_fails_is_told_with_its_cause_and_with_what_serves(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    serving.pods_do_not_come("web")
    serving.pod_says("web", 2, CRASHING)
    serving.settle()
    serving.pods_do_not_come("web", overdue=True)
    serving.run()
    assert serving.story()[3:] == ["Warning CrashLoop", "Warning RolloutFailed"]
    assert "no route to host" in messages(serving, "RolloutFailed")[-1]
    assert messages(serving, "RolloutFailed")[-1].endswith("; release order-r1 serves")


def test_pods_that_fail_and_come_back_are_told_once_each(serving: World) -> None:
    serving.set_pods("web", replicas=2, updatedReplicas=2, availableReplicas=1)
    serving.settle()
    for restarts in range(1, 4):
        serving.pod_says("web", 1, {**CRASHING, "restartCount": restarts})
        serving.settle()
    serving.pods_come()
    serving.settle()
    assert serving.story() == ["Warning PodsUnavailable", "Warning CrashLoop", "Normal Serving"]


def test_another_output_of_the_same_failure_is_no_other_event(serving: World) -> None:
    """It has times in it as often as not."""
    serving.set_pods("web", replicas=2, updatedReplicas=2, availableReplicas=1)
    for output in ("12:00:00 boom", "12:00:40 boom"):
        crash = {**CRASHING, "lastState": {"terminated": {"exitCode": 1, "message": output}}}
        serving.pod_says("web", 1, crash)
        serving.settle()
    assert serving.story() == ["Warning CrashLoop"]


def test_what_happens_again_has_the_name_it_had(serving: World) -> None:
    """The API server then counts it in one Event."""
    for _ in range(2):
        serving.set_pods("web", replicas=2, updatedReplicas=2, availableReplicas=1)
        serving.settle()
        serving.pods_come()
        serving.settle()
    first, recovered, again, recovered_again = serving.told
    assert first.name == again.name
    assert recovered.name == recovered_again.name
    assert first.name != recovered.name
    assert first.name.startswith("order.")


def test_a_missing_secret_and_its_return(serving: World) -> None:
    kept = serving.contents.pop(SECRET)
    serving.settle()
    serving.contents[SECRET] = kept
    serving.settle()
    assert serving.story() == ["Warning SecretMissing", "Normal Serving"]


def test_a_release_that_never_served_gives_way(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    serving.pods_do_not_come("web")
    serving.edit(image=f"{NEXT_IMAGE}-b")
    serving.run()
    assert messages(serving, "ReleaseSuperseded") == ["release order-r2 gave way to a newer one before it served"]
    assert serving.story()[-1] == "Normal ReleaseActive"


def test_a_release_that_served_needs_no_word_when_the_next_one_does(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}
    assert serving.story() == ["Normal ImageChanged", *FIRST[1:]]
    assert messages(serving, "ImageChanged") == [
        f"release order-r2 is made (image {NEXT_IMAGE}): spec.image changed",
    ]


def test_a_rollback_says_what_it_copies(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    serving.policy(rollbackTo=1)
    serving.run()
    assert messages(serving, "Rollback") == [
        f"release order-r3 is made, a copy of release 1 (image {builders.IMAGE}): spec.release.rollbackTo changed",
    ]


def test_a_retry_is_told_by_its_reason(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2, code=3)
    serving.settle()
    serving.annotate(names.RETRY, "order-r2")
    serving.settle()
    serving.job_ends(3, code=3)
    serving.settle()
    assert serving.story().count("Warning MigrationFailed") == 2, "each release's failure is its own"
    assert serving.story()[3] == "Normal Retry"


@pytest.mark.parametrize(
    ("code", "told"), [(0, ["Normal ContractSucceeded"]), (4, ["Warning ContractFailed"])], ids=["well", "failed"]
)
def test_the_contract_step_is_told(code: int, told: list[str]) -> None:
    world = World(builders.spec(migrate=False, release={"contract": MIGRATE}))
    world.settle()
    world.pods_come()
    world.settle()
    world.told.clear()
    world.end_job("order-r1-contract", code, "column is in use")
    world.settle()
    assert world.story() == told


def test_a_pause_is_no_warning(serving: World) -> None:
    serving.edit(paused=True)
    serving.settle()
    serving.edit(paused=False)
    serving.settle()
    assert serving.story() == ["Normal Paused", "Normal Serving"]


def test_a_failure_without_a_known_reason_is_a_warning(serving: World) -> None:
    """Somebody patched the release's status."""
    serving.add({**serving.release(1), "status": {"phase": "Failed"}})
    serving.settle()
    assert serving.story() == ["Warning Failed"]


def test_a_long_message_is_cut(serving: World) -> None:
    """The API server takes 1024 characters."""
    ready = {"type": "Ready", "status": "False", "reason": "CrashLoop", "message": "x" * 4096}
    (event,) = events.of(SetStatus(serving.service, {"conditions": [ready], "release": "order-r1"}))
    assert len(event.message) == MESSAGE_LIMIT
    assert event.message.endswith("x…")


def test_an_event_is_of_one_object_only() -> None:
    """A service made again under its name begins a story of its own."""
    about = {"kind": "DeliveryService", "namespace": "shop", "name": "order"}
    first, second = (Event({**about, "uid": uid}, EventType.NORMAL, "Serving", "it serves", (1, 7)) for uid in "ab")
    assert first.name != second.name


def test_every_row_has_a_documented_reason() -> None:
    rows: tuple[Any, ...] = events._OF_A_RELEASE  # noqa: SLF001 the table itself
    assert {each.reason for each in rows} <= set(EVENTS)
    assert {each.value for each in Reason} <= set(EVENTS)
    assert all(kind in OTHERS for kind in events._CONDITIONS)  # noqa: SLF001 the table itself
    assert not set(EVENTS) & set(STANDING)
