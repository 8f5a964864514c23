"""What pods say of why they do not run, in words that stay while the cause does (invariant 11)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.engine import pods
from delivery_operator.render import names
from tests.unit.support import builders

SERVICE = builders.service(builders.spec())
LOGS = "kubectl logs -n shop deployment/order-web --previous"


def cause(container: dict[str, Any] | None, **more: Any) -> tuple[str, str] | None:
    found = pods.problem([builders.pod(SERVICE, container=container, **more)], "process web", LOGS, "main")
    return (found.reason, found.message) if found else None


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        pytest.param(waiting("ErrImagePull", "manifest unknown"), "manifest unknown", id="the registry's words"),
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: manifest unknown'),
            "manifest unknown",
            id="the same words behind the kubelet's",
        ),
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "x"'),
            "the registry does not give it out",
            id="an old kubelet gives no cause",
        ),
        pytest.param(waiting("InvalidImageName"), "InvalidImageName", id="no words at all"),
    ],
)
def test_an_image_that_cannot_be_pulled(container: dict[str, Any], message: str) -> None:
    assert cause(container) == (
        "ImagePullFailed",
        f"process web cannot pull image {builders.IMAGE}: {message}; check the tag, the registry and "
        "spec.imagePullSecrets",
    )


NO_SPACE = (
    'ErrImagePull: failed to pull and unpack image "x": {}: write /var/lib/containerd/{}: no space left on device'
)


def test_a_node_without_room_for_an_image_is_named_in_the_same_words_at_each_try() -> None:
    """The files that could not be written differ: one try gets as far as the download, the next one unpacks."""
    tries = [NO_SPACE.format("failed to copy", "ingest/9f/data"), NO_SPACE.format("failed to extract", "snapshots/7")]
    found = {
        cause(each)
        for said in tries
        for each in (waiting("ErrImagePull", said), waiting("ImagePullBackOff", f'Back-off pulling image "x": {said}'))
    }
    told = (
        f"process web cannot pull image {builders.IMAGE}: no space left on device on node {builders.NODE}; free space "
        "in its image store or make that larger, then the node pulls the image by itself"
    )
    assert found == {("ImagePullFailed", told)}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "s"  not found'), 'secret "s" not found', id="detail"
        ),
        pytest.param(waiting("RunContainerError"), "RunContainerError", id="reason alone"),
    ],
)
def test_a_container_that_cannot_be_made(container: dict[str, Any], message: str) -> None:
    assert cause(container) == ("ContainerConfigInvalid", f"process web cannot start its container: {message}")


@pytest.mark.parametrize(
    ("container", "how"),
    [
        pytest.param({"lastState": {"terminated": {"exitCode": 3}}}, "exits with code 3", id="its last end"),
        pytest.param({"state": {"terminated": {"exitCode": 4}}}, "exits with code 4", id="its end just now"),
        pytest.param({"state": {"running": {}}}, "exits with code unknown", id="nothing is known"),
        pytest.param(
            {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            "was killed for using more memory than its limit",
            id="out of memory",
        ),
    ],
)
def test_a_crash_loop(container: dict[str, Any], how: str) -> None:
    assert cause({"restartCount": 2, **container}) == ("CrashLoop", f"process web {how} and is restarted; see `{LOGS}`")


def test_a_crash_says_what_the_process_said_last_without_credentials() -> None:
    said = {"lastState": {"terminated": {"exitCode": 1, "message": "cannot reach amqp://guest:hunter2@mq"}}}
    found = cause({"restartCount": 1, **said})
    assert found is not None
    assert "the end of its output: cannot reach amqp://guest:***@mq; see" in found[1]


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"restartCount": 3, "ready": True}, id="restarted and ready again"),
        pytest.param({"restartCount": 0}, id="starting"),
        pytest.param(waiting("ContainerCreating"), id="being made"),
        pytest.param(None, id="not scheduled yet"),
    ],
)
def test_what_is_no_problem(container: dict[str, Any] | None) -> None:
    assert cause(container) is None


def test_a_pod_that_fits_nowhere() -> None:
    assert unfit("persistentvolumeclaim not found") == "persistentvolumeclaim not found"


def unfit(message: str) -> str:
    """What is told of a pod of which the scheduler says this."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found = cause(None, conditions=[condition])
    assert found is not None
    assert found[0] == "Unschedulable"
    return found[1].removeprefix("process web fits on no node: ")


FULL = "Insufficient memory, node(s) had untolerated taint {pool: gpu}"


def test_a_remark_of_the_scheduler_sticks_to_no_reason() -> None:
    """Clusters with dynamic resource allocation: the order of reasons goes by their numbers."""
    tail = ". no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found."
    says = "0/3 nodes are available: {} Insufficient cpu, {} Insufficient memory" + tail
    other = "0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu" + tail
    assert unfit(says.format(1, 2)) == unfit(other)
    assert "claims" not in unfit(other)
    taints = "0/2 nodes are available: 2 node(s) had untolerated taint {ToBeDeletedByClusterAutoscaler: %d}."
    assert unfit(taints % 1718000000) == unfit(taints % 1718000999)


@pytest.mark.parametrize(
    "said",
    [
        "0/57 nodes are available: 12 Insufficient memory, 45 node(s) had untolerated taint {pool: gpu}.",
        "0/58 nodes are available: 45 node(s) had untolerated taint {pool: gpu}, 13 Insufficient memory. preemption: "
        "0/58 nodes are available: 13 No preemption victims found for incoming pod, 45 Preemption is not helpful.",
    ],
)
def test_what_the_scheduler_says_changes_with_the_kinds_of_its_reasons_only(said: str) -> None:
    """Invariant 11: its numbers change with every node and pod of the cluster, and each change would be a write."""
    assert unfit(said) == FULL


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("0/3 nodes are available: pod has unbound PersistentVolumeClaims.", "pod has unbound PersistentVolumeClaims"),
        ("0/3 nodes are available: 3 Too many pods.", "Too many pods"),
        ("0/3 nodes are available.", "none is available"),
        ("no nodes available to schedule pods", "no nodes available to schedule pods"),
        ("", "none is available"),
    ],
)
def test_what_else_a_scheduler_says(said: str, told: str) -> None:
    assert unfit(said) == told


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"type": "PodScheduled", "status": "True"}, id="scheduled"),
        pytest.param({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}, id="gated"),
    ],
)
def test_a_pod_that_may_still_be_scheduled(condition: dict[str, Any]) -> None:
    assert cause(None, conditions=[condition]) is None


def test_the_most_telling_cause_comes_first() -> None:
    crashing = builders.pod(SERVICE, name="a", container={"restartCount": 1})
    pulling = builders.pod(SERVICE, name="b", container=waiting("ErrImagePull", "manifest unknown"))
    for order in ([crashing, pulling], [pulling, crashing]):
        found = pods.problem(order, "process web", LOGS, "main")
        assert found is not None
        assert found.reason == "ImagePullFailed"


def test_a_pod_that_is_leaving_says_nothing() -> None:
    pod = builders.pod(SERVICE, container={"restartCount": 1})
    pod["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    assert pods.problem([pod], "process web", LOGS, "main") is None


def test_a_pod_that_was_evicted_is_no_crash_loop() -> None:
    """It stays as Failed until it is collected, with the restarts that it had."""
    pod = builders.pod(SERVICE, container={"restartCount": 1, "ready": False})
    pod["status"] |= {"phase": "Failed", "reason": "Evicted"}
    assert pods.problem([pod], "process web", LOGS, "main") is None


def test_a_long_detail_is_one_bounded_line_and_the_cut_reveals_no_credential() -> None:
    """Invariant 8: a URL that the cut would split is blanked before it."""
    for padding in range(240, 300):
        found = cause(waiting("CreateContainerError", f"{'x' * padding}\npostgres://order:hunter2@db {'y' * 300}"))
        assert found is not None
        assert "hunt" not in found[1]
        assert "\n" not in found[1]
        assert len(found[1]) < 400


def test_a_long_detail_keeps_its_end_where_the_cause_is() -> None:
    found = cause(waiting("CreateContainerError", f"failed to start: {'x' * 400}: no such device"))
    assert found is not None
    assert "container: failed to start: xx" in found[1]
    assert found[1].endswith(": no such device")


def test_pods_are_told_apart_by_process_and_release() -> None:
    mine = builders.pod(SERVICE, name="a", labels=builders.process_labels("web", 2))
    others = [
        builders.pod(SERVICE, name="b", labels=builders.process_labels("web", 1)),
        builders.pod(SERVICE, name="c", labels=builders.process_labels("relay", 2)),
        builders.pod(SERVICE, name="d"),
    ]
    assert pods.of_process([*others, mine], "web", 2) == [mine]


BESIDE = builders.status(name="istio-proxy", restartCount=2, lastState={"terminated": {"exitCode": 255}})


def test_what_happens_to_a_container_beside_the_program_is_told_under_its_name() -> None:
    """A mesh's sidecar is put into the pod; its crash is not the program's, and its log is another one."""
    pod = builders.pod(SERVICE, container={"ready": True})
    pod["status"]["containerStatuses"].append(BESIDE)
    found = pods.problem([pod], "process web", LOGS, "main")
    assert found is not None
    assert found.message == (
        f"container istio-proxy of process web exits with code 255 and is restarted; see `{LOGS} -c istio-proxy`"
    )


def test_a_container_beside_the_program_that_cannot_be_started_is_named() -> None:
    beside = builders.status(name="istio-proxy", **waiting("CreateContainerConfigError", "no key"))
    pod = builders.pod(SERVICE, container={"ready": True})
    pod["status"]["containerStatuses"].append(beside)
    found = pods.problem([pod], "process web", LOGS, "main")
    assert found is not None
    assert found.message == "container istio-proxy of process web cannot be started: no key"


def test_the_log_of_the_program_is_named_where_there_are_others() -> None:
    pod = builders.pod(SERVICE, container={"restartCount": 2})
    pod["status"]["containerStatuses"].append(builders.status(name="istio-proxy", ready=True))
    found = pods.problem([pod], "process web", LOGS, "main")
    assert found is not None
    assert found.message == f"process web exits with code unknown and is restarted; see `{LOGS} -c main`"


def test_the_program_is_the_container_named_like_the_service_or_the_first_of_the_template() -> None:
    def template(*containers: str) -> dict[str, Any]:
        found = [{"name": each} for each in containers]
        labels = {names.SERVICE: "order"}
        return {"metadata": {"labels": labels}, "spec": {"template": {"spec": {"containers": found}}}}

    assert pods.program(template("proxy", "order")) == "order"
    assert pods.program(template("main", "proxy")) == "main"


def before(container: dict[str, Any]) -> tuple[str, str] | None:
    """What is told of a pod whose program waits for an init container."""
    pod = builders.pod(SERVICE, container=waiting("PodInitializing"))
    pod["status"]["initContainerStatuses"] = [builders.status(name="vault-agent-init", **container)]
    found = pods.problem([pod], "process web", LOGS, "main")
    return (found.reason, found.message) if found else None


LEFT = {"terminated": {"exitCode": 0}}


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        pytest.param(
            {"restartCount": 2, **waiting("CrashLoopBackOff"), "lastState": {"terminated": {"exitCode": 2}}},
            "CrashLoop",
            f"exits with code 2 and is restarted; see `{LOGS} -c vault-agent-init`",
            id="it crashes",
        ),
        pytest.param(
            {"restartCount": 2, **waiting("CrashLoopBackOff"), "lastState": LEFT},
            "CrashLoop",
            f"exits with code 0 and is restarted; see `{LOGS} -c vault-agent-init`",
            id="a native sidecar that ends",
        ),
        pytest.param(
            waiting("ErrImagePull", "manifest unknown"),
            "ImagePullFailed",
            f"cannot pull image {builders.IMAGE}: manifest unknown; check the tag, the registry and "
            "spec.imagePullSecrets",
            id="it has no image",
        ),
    ],
)
def test_what_keeps_an_init_container_is_told_under_its_name(
    container: dict[str, Any], reason: str, message: str
) -> None:
    assert before(container) == (reason, f"container vault-agent-init (init) of process web {message}")


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"state": {"running": {}}}, id="it runs"),
        pytest.param({"ready": True, "restartCount": 1, "state": LEFT}, id="it has done its part"),
        pytest.param({"restartCount": 1, "state": {"running": {}}, "lastState": LEFT}, id="again, as its pod does"),
    ],
)
def test_an_init_container_that_does_its_part_is_no_problem(container: dict[str, Any]) -> None:
    assert before(container) is None


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def leaving(name: str, since: int | None) -> dict[str, Any]:
    """A pod whose grace was over so many seconds ago."""
    pod = builders.pod(SERVICE, name=name)
    if since is not None:
        pod["metadata"]["deletionTimestamp"] = (NOW - timedelta(seconds=since)).isoformat()
    return pod


def test_a_pod_that_should_have_ended_long_ago_is_named_with_what_gives_it_up() -> None:
    own = [leaving("c", 90), leaving("b", 61), leaving("a", 30), leaving("d", None)]
    for order in (own, own[::-1]):
        told, again = pods.overstay(order, NOW)
        assert told == (
            ": pod b was asked to end and is still there, as when its node is lost or does not answer; where nothing "
            "of it runs any more: kubectl delete pod b -n shop --force --grace-period=0"
        )
        assert again is None


def test_a_pod_that_is_within_its_time_is_not_named() -> None:
    assert pods.overstay([leaving("a", 20), leaving("b", -15), leaving("c", None)], NOW) == ("", 40)
    assert pods.overstay([leaving("c", None)], NOW) == ("", None)
