"""How a pod's end is judged (F9-3, F9-10) and its start measured (F9-1): every row of the rule."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.api.status import ShutdownResult
from delivery_operator.engine import endings
from delivery_operator.engine.endings import Ending, Request
from delivery_operator.render import names

ASKED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GRACE, PRE_STOP = 23, 3
ASKED = Request(ASKED_AT, GRACE, GRACE, PRE_STOP)
CLEAN, FAILED, KILLED = ShutdownResult.CLEAN, ShutdownResult.FAILED, ShutdownResult.KILLED

Body = dict[str, Any]


def at(seconds: float) -> str:
    return (ASKED_AT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(code: int, after: float, **fields: Any) -> Body:
    """The container status of a process that ended so many seconds after the request."""
    end = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": at(-600), "finishedAt": at(after)}
    return {"name": "order", "restartCount": 0, "state": {"terminated": {**end, **fields}}}


def pod(container: Mapping[str, Any] | None, *beside: Body, **metadata: Any) -> Body:
    """A pod of process web, release 7, of service order."""
    labels = {names.SERVICE: "order", names.PROCESS: "web", names.RELEASE: "7"}
    hook = {"preStop": {"sleep": {"seconds": PRE_STOP}}}
    declared = {"name": "order", "lifecycle": hook, "readinessProbe": {"httpGet": {"path": "/readyz"}}}
    return {
        "kind": "Pod",
        "metadata": {"name": "order-web-x1", "namespace": "shop", "labels": labels, **metadata},
        "spec": {"terminationGracePeriodSeconds": GRACE, "containers": [declared, *beside]},
        "status": {"containerStatuses": [*beside, *([container] if container else [])]},
    }


def judged(container: Mapping[str, Any] | None, asked: Request | None = ASKED) -> str:
    """The result in a word: of no shutdown "none"."""
    found = endings.ending(pod(container), asked)
    if found is None:
        return "none"
    return found.result.value if found.result else "unknown"


CUT_SHORT = Request(ASKED_AT, 5, GRACE, PRE_STOP)
LONGER = Request(ASKED_AT, 100, GRACE, PRE_STOP)
NO_PAUSE = Request(ASKED_AT, GRACE, GRACE, 0)
SHORTEST = Request(ASKED_AT, 1, 1, 0)
RUNNING = {"name": "order", "restartCount": 0, "state": {"running": {"startedAt": at(-600)}}}
LOST = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": None, "finishedAt": None}}


@pytest.mark.parametrize(
    ("container", "asked", "result"),
    [
        # Nothing had been started.
        (None, ASKED, "none"),
        ({"name": "order", "state": {}}, ASKED, "none"),
        ({"name": "order", "state": {"waiting": {"reason": "ContainerCreating"}}}, ASKED, "none"),
        ({"name": "order", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}, ASKED, "none"),
        (ended(128, 2, reason="StartError", startedAt="1970-01-01T00:00:00Z"), ASKED, "none"),
        ({"name": "order", "restartCount": 0, "state": LOST}, ASKED, "none"),
        # Its end is not known: force delete, a lost node, a container that could not be found.
        (RUNNING, ASKED, "unknown"),
        (RUNNING, None, "unknown"),
        ({"name": "order", "containerID": "containerd://1", "restartCount": 0, "state": LOST}, ASKED, "unknown"),
        ({"name": "order", "restartCount": 1, "state": LOST}, ASKED, "unknown"),
        ({"name": "order", "restartCount": 0, "lastState": LOST, "state": LOST}, ASKED, "unknown"),
        ({**ended(255, 4, reason="Unknown"), "containerID": "containerd://1"}, ASKED, "unknown"),
        (ended(0, 4, finishedAt=None), ASKED, "unknown"),
        (ended(0, 4, finishedAt="1970-01-01T00:00:00Z"), ASKED, "unknown"),
        # The request was not seen.
        (ended(0, 4), None, "unknown"),
        (ended(137, 23), None, "unknown"),
        # It ended before the request.
        (ended(1, -1), ASKED, "none"),
        (ended(0, -1), ASKED, "none"),
        (ended(137, -40, reason="OOMKilled"), ASKED, "none"),
        # By itself, in time; and it cannot have been killed when it was not, however late it is.
        (ended(0, 0), ASKED, "Clean"),
        (ended(0, 22), ASKED, "Clean"),
        (ended(0, 24), ASKED, "Clean"),
        (ended(0, 7200), ASKED, "Clean"),
        (ended(0, 2), CUT_SHORT, "Clean"),
        (ended(143, 3), ASKED, "Clean"),
        (ended(130, 3), ASKED, "Clean"),
        (ended(0, 4, reason="OOMKilled"), ASKED, "Clean"),
        # 137 for memory.
        (ended(137, 9, reason="OOMKilled"), ASKED, "Failed"),
        (ended(137, 21, reason="OOMKilled"), ASKED, "Failed"),
        (ended(137, 22, reason="OOMKilled"), ASKED, "unknown"),
        (ended(137, 23, reason="OOMKilled"), ASKED, "unknown"),
        # 137 at the deadline, give or take a clock's second and a node's delay.
        (ended(137, 22), ASKED, "Killed"),
        (ended(137, 23), ASKED, "Killed"),
        (ended(137, 25), ASKED, "Killed"),
        (ended(137, 53), ASKED, "Killed"),
        (ended(137, 100), LONGER, "Killed"),
        (ended(137, 2), SHORTEST, "Killed"),
        # 137 from somebody else.
        (ended(137, 21), ASKED, "unknown"),
        (ended(137, 54), ASKED, "unknown"),
        (ended(137, 5), CUT_SHORT, "unknown"),
        (ended(137, 40), LONGER, "unknown"),
        (ended(137, 0), SHORTEST, "unknown"),
        # Another code, in answer to SIGTERM or by itself.
        (ended(2, 3), ASKED, "Failed"),
        (ended(1, 22), ASKED, "Failed"),
        (ended(1, 2), ASKED, "unknown"),
        (ended(2, 0), NO_PAUSE, "Failed"),
        ({**ended(2, 0), "restartCount": 3}, NO_PAUSE, "unknown"),
        ({**ended(2, 1), "restartCount": 3}, NO_PAUSE, "Failed"),
    ],
)
def test_the_rule(container: Mapping[str, Any] | None, asked: Request | None, result: str) -> None:
    """F9-10: what cannot be known is neither clean nor killed."""
    assert judged(container, asked) == result


def test_an_ending_has_its_numbers() -> None:
    found = endings.ending(pod(ended(0, 9)), ASKED)
    assert found == Ending("web", 7, CLEAN, exit_code=0, grace=GRACE, seconds=9)
    assert endings.ending(pod(ended(137, 24)), ASKED) == Ending("web", 7, KILLED, 137, GRACE, 24)


def test_a_time_is_told_only_where_the_kubelet_kept_to_it() -> None:
    """A node that was away for an hour stops its pods an hour late."""
    late = endings.ending(pod(ended(0, 3600)), ASKED)
    assert late == Ending("web", 7, CLEAN, exit_code=0, grace=GRACE, seconds=None)
    early = endings.ending(pod(ended(137, 5)), ASKED)
    assert early == Ending("web", 7, None, exit_code=137, grace=GRACE, seconds=None)


@pytest.mark.parametrize("code", [0, 137])
def test_a_node_that_ends_a_pod_for_itself_gives_the_time_it_has(code: int) -> None:
    """Pressure on the node, or its own shutdown: the grace is as little as a second, and stands nowhere."""
    evicted = pod(ended(code, 5))
    target = {"type": "DisruptionTarget", "status": "True"}
    evicted["status"]["conditions"] = [{**target, "reason": "TerminationByKubelet"}]
    found = endings.ending(evicted, None)
    assert found == Ending("web", 7, None)
    drained = pod(ended(code, 23))
    drained["status"]["conditions"] = [{**target, "reason": "EvictionByEvictionAPI"}]
    found = endings.ending(drained, ASKED)
    assert found is not None
    assert found.result is (KILLED if code else CLEAN)


def test_a_run_that_is_over_is_no_shutdown() -> None:
    """A CronJob's pod: removed without a grace when it has ended, and asked like any other while it runs."""
    run = pod(ended(0, -50), ownerReferences=[{"kind": "Job", "name": "order-sweep-1", "controller": True, "uid": "u"}])
    assert endings.ending(run, None) is None
    assert endings.ending({**run, "status": pod(ended(137, 24))["status"]}, ASKED) == Ending(
        "web", 7, KILLED, 137, GRACE, 24
    )


@pytest.mark.parametrize("labels", [{}, {names.PROCESS: "web"}, {names.PROCESS: "web", names.RELEASE: "x"}])
def test_pods_of_no_process_are_left_out(labels: dict[str, str]) -> None:
    assert endings.ending(pod(ended(0, 4), labels=labels), ASKED) is None


def test_the_process_is_told_from_what_was_put_beside_it() -> None:
    """A sidecar that is killed says nothing of the process."""
    proxy = {**ended(137, 23), "name": "proxy"}
    found = endings.ending(pod(ended(0, 4), proxy), ASKED)
    assert found is not None
    assert found.result is CLEAN
    assert endings.ending(pod({**ended(0, 4), "name": "other"}, proxy), ASKED) is None, (
        "which of them it is, is unknown"
    )
    assert judged({**ended(0, 4), "name": "main"}) == "Clean", "there is no other"


# What a pod was asked.


def asked(grace: int, deadline: float, before: Request | None = None) -> Request | None:
    deleted = pod(RUNNING, deletionTimestamp=at(deadline), deletionGracePeriodSeconds=grace)
    return endings.request(deleted, before)


def test_the_request_is_read_from_the_deletion() -> None:
    assert asked(GRACE, GRACE) == ASKED
    assert endings.request(pod(RUNNING), None) is None


def test_the_request_stays_when_the_kubelet_removes_the_pod() -> None:
    """The API server writes the time of the removal and a grace of 0 over it."""
    assert asked(0, 9, before=ASKED) == ASKED
    assert asked(0, 9) is None


def test_a_grace_that_is_cut_short_counts_from_the_first_request() -> None:
    """`kubectl delete --grace-period=5` on a pod that is on its way out already."""
    assert asked(5, 5, before=ASKED) == CUT_SHORT
    assert asked(1, 12, before=ASKED) == Request(ASKED_AT, 1, GRACE, PRE_STOP), "the API server sets it to now"


def test_a_template_of_a_platforms_own_may_declare_neither() -> None:
    body = pod(RUNNING, deletionTimestamp=at(30), deletionGracePeriodSeconds=30)
    body["spec"] = {}
    assert endings.request(body, None) == Request(ASKED_AT, 30, 30, 0)
    body["spec"] = {"containers": [{"name": "order", "lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}]}
    assert endings.request(body, None) == Request(ASKED_AT, 30, 30, 0)


# Start to ready.


def standing(ready: str | None, since: float, **container: Any) -> Body:
    """A pod whose container started 20 seconds before the request."""
    running = {"name": "order", "restartCount": 0, "state": {"running": {"startedAt": at(-20)}}, **container}
    body = pod(running)
    if ready:
        body["status"]["conditions"] = [{"type": "Ready", "status": ready, "lastTransitionTime": at(since)}]
    return body


STARTING, READY = standing("False", -25), standing("True", -12)


def test_the_time_to_ready_is_measured_from_the_start_of_the_container() -> None:
    """F9-1: the pull of the image and the wait for a node are not the process's."""
    assert endings.seconds_to_ready(STARTING, READY) == 8
    assert endings.seconds_to_ready(standing(None, 0), READY) == 8, "the kubelet had not seen it yet"
    assert endings.seconds_to_ready(STARTING, standing("True", -21)) == 0, "times have whole seconds"


def without_probe(body: Body) -> Body:
    return {**body, "spec": {"containers": [{"name": "order"}]}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, READY, id="seen for the first time"),
        pytest.param(STARTING, standing("False", -25), id="not ready"),
        pytest.param(STARTING, standing(None, 0), id="nothing said"),
        pytest.param(READY, READY, id="ready before"),
        pytest.param(standing("False", -5), standing("True", -2), id="ready again"),
        pytest.param(STARTING, standing("True", -12, restartCount=1), id="restarted"),
        pytest.param(STARTING, standing("True", -12, state={}), id="no start known"),
        pytest.param(STARTING, without_probe(READY), id="not probed"),
        pytest.param(STARTING, {**READY, "metadata": {"labels": {}}}, id="of no process"),
    ],
)
def test_only_the_first_time_of_a_probed_process_counts(before: Body | None, after: Body) -> None:
    assert endings.seconds_to_ready(before, after) is None


def test_a_startup_probe_is_a_probe() -> None:
    body = {**READY, "spec": {"containers": [{"name": "order", "startupProbe": {"grpc": {"port": 1}}}]}}
    assert endings.seconds_to_ready(STARTING, body) == 8
