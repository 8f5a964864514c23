"""How far pods have come that are not ready: told with a verdict, and of what serves only when it takes long."""

from datetime import timedelta
from typing import Any

import pytest

from delivery_operator.engine import readiness
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import World

CREATING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
STARTING = {"state": {"running": {}}, "started": False}
UNREADY = {"state": {"running": {}}, "started": True}
READY = {"state": {"running": {}}, "started": True, "ready": True}
FAILS = "it runs, and its readiness probe fails"


def a_pod(container: dict[str, Any] | None, *, name: str = "pod", **status: Any) -> dict[str, Any]:
    pod = builders.pod(builders.service({}), name=name, container=container)
    pod["status"] |= status
    return pod


def lacks(*own: dict[str, Any]) -> str | None:
    found = readiness.furthest(own, "main")
    return found.lacks if found else None


def condition(status: str, **more: str) -> list[dict[str, Any]]:
    return [{"type": "Ready", "status": status, **more}]


INIT = [builders.status(name="copy", ready=True), builders.status(name="vault-agent-init")]
BESIDE = [builders.status(name="main", **READY), builders.status(name="istio-proxy", **UNREADY)]


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        pytest.param(a_pod(None), "its node has not begun with its pod", id="no status"),
        pytest.param({**a_pod(None), "spec": {"nodeName": ""}}, "its pod has no node yet", id="no node"),
        pytest.param(
            a_pod({"state": {"waiting": {"reason": "PodInitializing"}}}, initContainerStatuses=INIT),
            "it waits for container vault-agent-init (init), which has not come to its end, or is not ready",
            id="an init container",
        ),
        pytest.param(a_pod(CREATING), "its container has not started (ContainerCreating)", id="a volume, a sandbox"),
        pytest.param(
            a_pod({"state": {"waiting": {"reason": "PodInitializing"}}}),
            "its container has not started (PodInitializing)",
            id="no init container is to blame",
        ),
        pytest.param(
            a_pod({"state": {"waiting": {"message": "?"}}}),
            "its container has not started (no reason is given)",
            id="no reason",
        ),
        pytest.param(a_pod(STARTING), "its startup probe has not succeeded", id="startup probe"),
        pytest.param(a_pod(UNREADY), FAILS, id="readiness probe"),
        pytest.param(
            a_pod({}, containerStatuses=BESIDE),
            "it runs, and container istio-proxy's readiness probe fails",
            id="a container beside the program",
        ),
        pytest.param(
            a_pod(READY, conditions=condition("False", reason="ReadinessGatesNotReady")),
            "it runs, and a readiness gate of its pod is not true",
            id="a readiness gate",
        ),
        pytest.param(a_pod(READY), "it is about to be ready", id="its condition comes later"),
        pytest.param(a_pod(READY, conditions=condition("True")), None, id="ready"),
        pytest.param(a_pod(UNREADY, phase="Failed"), None, id="ended"),
    ],
)
def test_how_far_a_pod_has_come(pod: dict[str, Any], told: str | None) -> None:
    assert lacks(pod) == told


def test_the_pod_that_has_come_the_furthest_says_most() -> None:
    own = [a_pod(CREATING, name="a"), a_pod(UNREADY, name="c"), a_pod(UNREADY, name="b")]
    for order in (own, own[::-1]):
        found = readiness.furthest(order, "main")
        assert found == readiness.Unready(FAILS, "b", "shop")
        assert found.look == "see `kubectl describe pod b -n shop`"


@pytest.fixture
def world() -> World:
    """Release 1 serves, and release 2 rolls out."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    world.pods_do_not_come("web")
    world.settle()
    return world


def test_a_rollout_that_is_undone_says_how_far_its_pods_had_come(world: World) -> None:
    """Invariant 4: the pods go, and what was seen of them with them."""
    world.pod_says("web", 2, UNREADY)
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert world.phases()[2] == "Failed"
    message = world.condition("Stalled")["message"]
    assert f"within its deadline: no pod of process web became ready in time: {FAILS}" in message
    assert "kubectl describe pod" not in message


def test_where_the_pods_stay_one_is_named(world: World) -> None:
    world.policy(onFailure="hold")
    world.pod_says("web", 2, UNREADY)
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert f"{FAILS}; see `kubectl describe pod order-web-x1 -n shop`" in world.condition("Stalled")["message"]


def test_without_pods_there_is_nothing_to_say_of_them(world: World) -> None:
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert "within its deadline: no pod became ready in time" in world.condition("Stalled")["message"]


def test_a_rollout_that_goes_well_makes_no_write_for_each_step(world: World) -> None:
    """Design, section 5."""
    before = list(world.log)
    for container in (CREATING, STARTING, UNREADY):
        world.pod_says("web", 2, container)
        world.tick(90)
        world.settle()
    assert world.log == before


def unready(world: World, container: dict[str, Any]) -> None:
    """Let a pod of the release that serves be not ready, since now."""
    world.set_pods("web", replicas=2, updatedReplicas=2, availableReplicas=1)
    world.pod_says("web", 1, container)
    pod = world.objects["Pod", "order-web-x1"]
    pod["status"]["conditions"] = condition("False", lastTransitionTime=f"{world.now:%Y-%m-%dT%H:%M:%SZ}")


@pytest.fixture
def serving() -> World:
    world = World(builders.spec(migrate=False))
    world.run()
    return world


def test_a_pod_of_what_serves_that_stays_unready_is_told(serving: World) -> None:
    unready(serving, UNREADY)
    plain = "release order-r1 waits for pods of web"
    assert serving.settle().look_again_after == readiness.SLOW_SECONDS
    assert serving.condition("Ready")["message"] == plain
    serving.tick(readiness.SLOW_SECONDS)
    assert serving.settle().look_again_after is None
    assert serving.said("Ready") == ("False", "PodsUnavailable")
    assert serving.condition("Ready")["message"] == (
        f"{plain}; of process web: {FAILS}; see `kubectl describe pods -n shop -l delivery.dev/service=order,"
        "delivery.dev/process=web`"
    )
    before = list(serving.log)
    serving.tick(3600)
    serving.settle()
    assert serving.log == before, "invariant 11"


def test_a_pod_of_what_serves_that_comes_in_time_is_not_told(serving: World) -> None:
    unready(serving, CREATING)
    serving.settle()
    before = list(serving.log)
    for container in (STARTING, UNREADY):
        serving.now += timedelta(seconds=readiness.SLOW_SECONDS / 3)
        serving.pod_says("web", 1, container)
        pod = serving.objects["Pod", "order-web-x1"]
        pod["metadata"]["creationTimestamp"] = f"{serving.now:%Y-%m-%dT%H:%M:%SZ}"
        serving.settle()
    assert serving.log == before


def test_the_time_of_a_pod_that_has_not_started_is_one(serving: World) -> None:
    """Its kubelet says that it is not ready some time after it was made: what was told is not taken back then."""
    unready(serving, CREATING)
    pod = serving.objects["Pod", "order-web-x1"]
    pod["metadata"]["creationTimestamp"] = f"{serving.now:%Y-%m-%dT%H:%M:%SZ}"
    serving.tick(readiness.SLOW_SECONDS)
    serving.settle()
    told, before = serving.condition("Ready")["message"], list(serving.log)
    assert "of process web" in told
    unready(serving, CREATING)
    serving.objects["Pod", "order-web-x1"]["metadata"]["creationTimestamp"] = pod["metadata"]["creationTimestamp"]
    serving.settle()
    assert serving.log == before


def test_pods_of_jobs_are_nobodys_readiness(serving: World) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "sweep-1", "uid": "u"}}
    labels = builders.process_labels("sweep", 1)
    made = builders.pod(job, name="sweep-1-x", labels=labels, container=UNREADY, conditions=condition("False"))
    made["metadata"]["creationTimestamp"] = f"{serving.now:%Y-%m-%dT%H:%M:%SZ}"
    serving.add(made)
    assert serving.settle().look_again_after is None
