"""The status: complete, in a fixed order, written only when its meaning changes (invariants 2 and 11)."""

import re

import pytest

from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import World

CRASHING = {
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-03-01T12:00:00Z"}},
}


@pytest.fixture
def serving() -> World:
    """A service whose first release serves."""
    world = World(builders.spec())
    world.run()
    return world


def test_conditions_have_one_order(serving: World) -> None:
    assert [each["type"] for each in serving.status["conditions"]] == [
        "Ready",
        "Reconciling",
        "Stalled",
        "ConfigReady",
        "MigrationSucceeded",
    ]


def test_the_status_is_what_the_crd_says(serving: World) -> None:
    """OP-4."""
    DeliveryServiceStatus.model_validate(serving.status)
    assert serving.status["observedGeneration"] == serving.service["metadata"]["generation"]


def test_every_condition_answers_to_the_generation_it_is_about(serving: World) -> None:
    serving.edit_process("web", replicas=3)
    serving.run()
    assert {each["observedGeneration"] for each in serving.status["conditions"]} == {2}


def test_transition_time_moves_with_the_status_only(serving: World) -> None:
    """strimzi/strimzi-kafka-operator#13079."""
    at = serving.condition("Ready")["lastTransitionTime"]
    stalled = serving.condition("Stalled")["lastTransitionTime"]
    serving.tick(60)
    serving.edit_process("web", replicas=3)
    serving.settle()
    assert serving.said("Ready") == ("False", "PodsUnavailable")
    fell = serving.condition("Ready")["lastTransitionTime"]
    assert fell > at
    serving.tick(60)
    serving.pod_says("web", 1, CRASHING)
    serving.settle()
    assert serving.said("Ready") == ("False", "CrashLoop")
    assert serving.condition("Ready")["lastTransitionTime"] == fell, "another reason is no transition"
    assert serving.condition("Stalled")["lastTransitionTime"] == stalled


def test_time_alone_changes_nothing(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    for _ in range(3):
        serving.tick(600)
        assert serving.plan() == Plan()


def test_a_crash_loop_is_one_state(serving: World) -> None:
    """A kubelet moves between waiting, running and terminated; Ready must not flap with it."""
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    serving.pods_do_not_come("web")
    messages = set()
    for restarts, state in enumerate(
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            {"running": {"startedAt": "2026-03-01T12:00:00Z"}},
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
        ),
        start=1,
    ):
        serving.pod_says("web", 2, {**CRASHING, "restartCount": restarts, "state": state})
        serving.settle()
        assert serving.said("Ready") == ("False", "CrashLoop")
        messages.add(serving.condition("Ready")["message"])
    assert len(messages) == 1


def test_an_image_that_cannot_be_pulled_is_one_state(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2)
    serving.settle()
    serving.pods_do_not_come("web")
    messages = set()
    for waiting in (
        {"reason": "ErrImagePull", "message": "manifest unknown"},
        {
            "reason": "ImagePullBackOff",
            "message": f'Back-off pulling image "{NEXT_IMAGE}": ErrImagePull: manifest unknown',
        },
    ):
        serving.pod_says("web", 2, {"state": {"waiting": waiting}})
        serving.settle()
        messages.add(serving.condition("Ready")["message"])
    assert len(messages) == 1


def test_no_message_has_a_time_in_it() -> None:
    """Invariant 11: a message changes when the truth does."""
    world = World(builders.spec())
    seen = set()
    for _ in range(2):
        world.settle()
        seen |= {each["message"] for each in world.status["conditions"]}
        world.job_ends(max(world.phases()))
        world.settle()
        seen |= {each["message"] for each in world.status["conditions"]}
        world.pods_do_not_come("web")
        world.settle()
        seen |= {each["message"] for each in world.status["conditions"]}
        world.pods_come()
        world.settle()
        seen |= {each["message"] for each in world.status["conditions"]}
        world.edit(image=NEXT_IMAGE)
    assert len(seen) > 10
    assert [text for text in seen if re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d|\d+ ?s\b|\d+/\d+", text)] == []


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_number_is_never_used_twice(serving: World, gone: int) -> None:
    """F5-3, W-5: not even when releases were deleted, some or all."""
    for image in (NEXT_IMAGE, f"{NEXT_IMAGE}-b"):
        serving.edit(image=image)
        serving.run()
    for number in list(serving.phases())[-gone:]:
        serving.delete("DeliveryRelease", f"order-r{number}")
    serving.edit(image=f"{NEXT_IMAGE}-c")
    serving.run()
    assert max(serving.phases()) == 4


def test_a_number_is_remembered_when_the_newest_release_is_deleted_and_no_other_can_be_made(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    kept = dict(serving.contents)
    serving.contents.clear()
    serving.delete("DeliveryRelease", "order-r2")
    serving.settle()
    assert serving.phases() == {1: "Superseded"}
    serving.contents.update(kept)
    serving.run()
    assert serving.phases() == {1: "Superseded", 3: "Active"}


def test_when_all_releases_are_gone_the_number_is_still_told(serving: World) -> None:
    serving.contents.clear()
    serving.delete("DeliveryRelease", "order-r1")
    serving.settle()
    assert serving.status["number"] == 1
    assert "release" not in serving.status


def test_a_superseded_release_that_is_the_newest_again_is_released_anew(serving: World) -> None:
    """Its successor was deleted; it ended, so the same content needs a release of its own to serve."""
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    serving.delete("DeliveryRelease", "order-r2")
    serving.edit(image=builders.IMAGE)
    serving.run()
    assert serving.phases() == {1: "Superseded", 3: "Active"}
    assert serving.said("Ready") == ("True", "Serving")


def test_ten_ended_releases_are_kept(serving: World) -> None:
    """Releases are kept to a number (kubevela/kubevela#5050), beside the active one."""
    for number in range(2, 15):
        serving.edit(image=f"{builders.IMAGE}-{number}")
        serving.run()
    assert list(serving.phases()) == list(range(4, 15))
    assert set(serving.of_kind("Job")) == {f"order-r{number}-migrate" for number in range(4, 15)}


def test_old_releases_are_let_go_after_a_failure_too(serving: World) -> None:
    for number in range(2, 13):
        serving.edit(image=f"{builders.IMAGE}-{number}")
        serving.run()
    for number in range(13, 15):
        serving.edit(image=f"{builders.IMAGE}-{number}")
        serving.settle()
        serving.job_ends(number, code=1)
        serving.settle()
    assert serving.phases()[12] == "Active"
    assert len(serving.phases()) == 12, "ten that ended, the active one and the newest"


def test_failures_leave_a_way_back(serving: World) -> None:
    """However many there are, the release that served before the active one stays."""
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    for number in range(3, 16):
        serving.edit(image=f"{builders.IMAGE}-{number}")
        serving.settle()
        serving.job_ends(number, code=1)
        serving.settle()
    phases = serving.phases()
    assert (phases[1], phases[2]) == ("Superseded", "Active")
    serving.policy(rollbackTo=1)
    serving.run()
    assert serving.runs("web") == "16"
    assert serving.release(16)["spec"]["copyOf"] == 1


def test_a_long_message_is_cut(serving: World) -> None:
    """A condition's message is bounded, since etcd holds it (and so is the CRD's field)."""
    names = {
        f"V{number:03}": {"secretKeyRef": {"name": f"s{'x' * 60}{number:03}", "key": "k"}} for number in range(128)
    }
    serving.edit(config=names)
    serving.settle()
    assert len(serving.condition("ConfigReady")["message"]) == 4096


def test_a_failure_without_a_recorded_cause_is_still_reported(serving: World) -> None:
    """Somebody patched the release's status."""
    body = {**serving.release(1), "status": {"phase": "Failed"}}
    serving.add(body)
    serving.settle()
    assert serving.said("Stalled") == ("True", "Failed")
    assert serving.said("MigrationSucceeded") == ("False", "Failed")
