"""A rollout is given up before its deadline only where waiting cannot help (invariant 4); nothing transient does it."""

from typing import Any

import pytest

from delivery_operator.engine import doomed
from tests.unit.support import builders
from tests.unit.support.world import World

READY = [{"type": "Ready", "status": "True"}]
REFUSED = 'exec: "orderx": executable file not found in $PATH'


def crashing(times: int = doomed.CRASHES, *, code: int = 1, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {
        "restartCount": times,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": code, "reason": reason, "message": message}},
    }


def waiting(reason: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": "no"}}}


@pytest.fixture
def world() -> World:
    """Release 1 serves with a ready pod of web, and release 2 rolls out."""
    world = World(builders.spec(migrate=False))
    world.run()
    labels = builders.process_labels("web", 1)
    pod = builders.pod(world.deployment("web"), name="old", labels=labels, container={"ready": True}, conditions=READY)
    world.add(pod)
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    world.pods_do_not_come("web")
    assert world.runs("web") == "2"
    return world


def gives_up(world: World) -> bool:
    world.settle()
    return world.phases()[2] == "Failed"


@pytest.mark.parametrize(
    ("container", "said"),
    [
        pytest.param(waiting("InvalidImageName"), "cannot pull image", id="no image name"),
        pytest.param(
            crashing(2, code=127, reason="StartError", message=REFUSED), "exits with code 127", id="no program"
        ),
        pytest.param(
            crashing(3, code=128, reason="ContainerCannotRun", message="exec format error"),
            "code 128",
            id="other machine",
        ),
        pytest.param(crashing(message="no such table"), "no such table", id="crashes while the old ones are ready"),
    ],
)
def test_what_is_certain_is_not_waited_for(world: World, container: dict[str, Any], said: str) -> None:
    world.pod_says("web", 2, container)
    assert gives_up(world)
    assert world.said("Stalled") == ("True", "RolloutFailed")
    assert "waiting does not help" in world.condition("Stalled")["message"]
    assert said in world.condition("Stalled")["message"]
    assert world.runs("web") == "1", "onFailure: rollback"


@pytest.mark.parametrize(
    "container",
    [
        pytest.param(None, id="no container yet"),
        pytest.param(waiting("ErrImagePull"), id="an image that may be pushed"),
        pytest.param(waiting("ImagePullBackOff"), id="an image that may be pushed, again"),
        pytest.param(waiting("CreateContainerConfigError"), id="a Secret that may come"),
        pytest.param(crashing(doomed.CRASHES - 1), id="not often enough"),
        pytest.param({**crashing(), "ready": True}, id="ready again"),
        pytest.param(crashing(1, reason="StartError", message=REFUSED), id="once may be the node"),
        pytest.param(crashing(4, reason="StartError", message="failed to create shim task: EAGAIN"), id="the node"),
        pytest.param(crashing(4, reason="StartError"), id="no words"),
        pytest.param({"restartCount": 3, "state": {"running": {}}}, id="it runs"),
    ],
)
def test_what_may_pass_waits_for_the_deadline(world: World, container: dict[str, Any] | None) -> None:
    if container is None:
        labels = builders.process_labels("web", 2)
        world.add(builders.pod(world.deployment("web"), name="order-web-x1", labels=labels))
    else:
        world.pod_says("web", 2, container)
    assert not gives_up(world)
    world.pods_do_not_come("web", overdue=True)
    assert gives_up(world)


def test_a_container_beside_the_program_waits_for_the_deadline(world: World) -> None:
    """Whoever put it there may put another one into the next pod."""
    world.pod_says("web", 2, {"state": {"running": {}}})
    pod = world.objects["Pod", "order-web-x1"]
    pod["status"]["containerStatuses"].append(builders.status(**{"name": "istio-proxy", **crashing()}))
    assert not gives_up(world)
    assert "container istio-proxy of process web exits with code 1" in world.condition("Ready")["message"]


@pytest.mark.parametrize("old", ["none", "not ready", "leaving"])
def test_a_crash_loop_is_waited_for_where_the_old_pods_are_not_well_either(world: World, old: str) -> None:
    """A database that is away takes down both."""
    pod = world.objects["Pod", "old"]
    if old == "none":
        world.delete("Pod", "old")
    elif old == "not ready":
        world.add({**pod, "status": {**pod["status"], "conditions": [{"type": "Ready", "status": "False"}]}})
    else:
        world.add({**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"}})
    world.pod_says("web", 2, crashing())
    assert not gives_up(world)


def test_one_new_pod_that_runs_is_reason_enough_to_wait(world: World) -> None:
    world.pod_says("web", 2, crashing())
    labels = builders.process_labels("web", 2)
    good = builders.pod(
        world.deployment("web"), name="good", labels=labels, container={"ready": True}, conditions=READY
    )
    world.add(good)
    assert not gives_up(world)


def test_a_first_release_that_crashes_waits_for_the_deadline() -> None:
    """There is nothing to go back to, and what it needs may come."""
    world = World(builders.spec(migrate=False))
    world.settle()
    world.pods_do_not_come("web")
    world.pod_says("web", 1, crashing(50))
    world.settle()
    assert world.phases() == {1: "Pending"}


def test_with_hold_the_new_pods_stay_for_inspection(world: World) -> None:
    world.policy(onFailure="hold")
    world.pod_says("web", 2, crashing())
    assert gives_up(world)
    assert world.runs("web") == "2"


def test_it_does_not_flap(world: World) -> None:
    """What failed stays so, whatever its pods say afterwards."""
    world.pod_says("web", 2, crashing())
    assert gives_up(world)
    world.delete("Pod", "order-web-x1")
    world.pods_come()
    assert gives_up(world)
    assert world.plan().writes == ()
