"""ShutdownClean: told when it is known, changed when the truth does, and quiet while pods come and go (F9-3, F9-10)."""

import pytest

from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE, WEB
from tests.unit.support.world import World

STATUS = "status DeliveryService order"


@pytest.fixture
def world() -> World:
    """A service whose first release serves."""
    world = World(builders.spec(migrate=False))
    world.run()
    return world


def writes(world: World) -> list[str]:
    """Settle, and answer with what was written."""
    before = len(world.log)
    world.settle()
    return world.log[before:]


def test_nothing_is_told_until_a_pod_was_seen_to_end(world: World) -> None:
    """An update of the operator writes nothing to a healthy fleet."""
    assert "shutdown" not in world.status
    assert "ShutdownClean" not in {each["type"] for each in world.status["conditions"]}


def test_a_pod_that_ends_in_time_is_told(world: World) -> None:
    world.pod_ends("web", 1, seconds=4)
    assert writes(world) == [STATUS]
    assert world.said("ShutdownClean") == ("True", "InTime")
    assert world.said("Ready") == ("True", "Serving")
    entry = {"process": "web", "release": 1, "result": "Clean", "graceSeconds": 23, "withinSeconds": 5}
    assert world.status["shutdown"] == [entry]
    DeliveryServiceStatus.model_validate(world.status)


def test_a_killed_pod_is_told_and_takes_nothing_down(world: World) -> None:
    world.pod_ends("web", 1, code=137, seconds=24)
    world.settle()
    assert world.said("ShutdownClean") == ("False", "KilledAtDeadline")
    assert "process web of release order-r1 was killed" in world.condition("ShutdownClean")["message"]
    assert [world.said(kind) for kind in ("Ready", "Stalled")] == [("True", "Serving"), ("False", "NotStalled")]


def test_an_event_names_each_process_once(world: World) -> None:
    world.told.clear()
    for process, code, seconds in (("web", 2, 4), ("web", 2, 3), ("web", 137, 24), ("web", 137, 25), ("relay", 0, 1)):
        world.pod_ends(process, 1, code=code, seconds=seconds)
        world.settle()
    world.restart()
    world.pod_ends("relay", 1, code=137, seconds=24)
    world.settle()
    assert world.story() == ["Warning EndedWithError", "Warning KilledAtDeadline", "Warning KilledAtDeadline"]
    assert ["process web" in each.message for each in world.told] == [True, True, False]


def test_an_unknown_end_is_not_told(world: World) -> None:
    """Neither clean nor killed."""
    world.pod_ends("web", 1, code=137, seconds=9)
    assert writes(world) == []


@pytest.mark.parametrize(("code", "seconds"), [(0, 4), (137, 24), (2, 4)])
def test_a_hundred_pods_with_the_same_verdict_are_one_write(world: World, code: int, seconds: int) -> None:
    """Invariant 2: an autoscaler's pods come and go all day."""
    written = []
    for number in range(100):
        world.pod_ends("web", 1, code=code, seconds=seconds - number % 2)
        written += writes(world)
        world.tick(60)
    assert written == [STATUS]


def test_a_process_gets_better_with_its_next_release_only(world: World) -> None:
    world.pod_ends("web", 1, code=137, seconds=24)
    world.pod_ends("web", 1)
    world.settle()
    assert world.said("ShutdownClean") == ("False", "KilledAtDeadline"), "it may be killed again"
    fell = world.condition("ShutdownClean")["lastTransitionTime"]
    world.edit(image=NEXT_IMAGE)
    world.run()
    assert world.said("ShutdownClean") == ("False", "KilledAtDeadline"), "none of the new pods has ended yet"
    assert world.condition("ShutdownClean")["lastTransitionTime"] == fell
    world.pod_ends("web", 2)
    world.settle()
    assert world.said("ShutdownClean") == ("True", "InTime")
    world.pod_ends("web", 1, code=137, seconds=24)
    assert writes(world) == [], "a straggler of the old release says nothing of the new one"


def test_one_killed_process_is_enough(world: World) -> None:
    world.pod_ends("relay", 1)
    world.pod_ends("web", 1, code=137, seconds=24)
    world.settle()
    message = world.condition("ShutdownClean")["message"]
    assert "process web" in message
    assert "process relay" not in message
    assert [each["process"] for each in world.status["shutdown"]] == ["relay", "web"]


def test_a_restart_loses_and_repeats_nothing(world: World) -> None:
    """Invariant 1: the status is what remembers."""
    world.pod_ends("web", 1, code=137, seconds=24)
    world.settle()
    told = world.status
    world.restart()
    assert writes(world) == []
    assert world.status == told
    world.pod_ends("web", 1, code=137, seconds=24)
    assert writes(world) == []


def test_a_pod_that_ended_is_told_after_the_write_failed(world: World) -> None:
    """Somebody else wrote the status in between: the next look tells it."""
    world.pod_ends("web", 1)
    world.observe()
    status = {**world.status, "observedGeneration": 0}
    world.add({**world.service, "status": status})
    world.settle()
    assert world.said("ShutdownClean") == ("True", "InTime")


def test_a_process_that_is_removed_is_no_longer_told_of(world: World) -> None:
    world.pod_ends("relay", 1, code=137, seconds=24)
    world.pod_ends("web", 1)
    world.settle()
    world.edit(processes={"web": WEB})
    world.run()
    world.pod_ends("relay", 1, code=137, seconds=24)
    world.settle()
    assert world.said("ShutdownClean") == ("True", "InTime")
    assert [each["process"] for each in world.status["shutdown"]] == ["web"]


def test_a_spec_that_cannot_be_read_takes_nothing_away(world: World) -> None:
    world.pod_ends("web", 1)
    world.settle()
    world.edit(processes={"web": {**WEB, "port": {"number": "many"}}})
    world.settle()
    assert world.said("Stalled") == ("True", "InvalidSpec")
    assert world.said("ShutdownClean") == ("True", "InTime")


def test_a_paused_service_is_told_too(world: World) -> None:
    world.edit(paused=True)
    world.pod_ends("web", 1)
    world.settle()
    assert world.said("ShutdownClean") == ("True", "InTime")
    assert world.plan() == Plan()
