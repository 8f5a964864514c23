"""How a pod started and how it ended, read from what the API server says of it (factor IX).

A pod is asked to end by a deletion with a grace period: a rollout, fewer replicas, an eviction, a drained node. From
then its kubelet counts: the preStop hook, SIGTERM, and SIGKILL when the grace is over. What a watcher sees of it:

1. `deletionTimestamp` is the time of the request plus the grace, `deletionGracePeriodSeconds` the grace;
2. when the containers have ended, their `state.terminated` and a final phase, in one update;
3. then the kubelet removes the pod with a grace of 0. The API server writes that and the time of the removal over the
   first two before the pod is gone, so what the request was has to be kept from before.

Nobody reports "killed at the deadline": it is inferred, and only where no other cause fits. The first rule that holds
decides:

| what is seen of the process's container                              | is                                          |
|----------------------------------------------------------------------|---------------------------------------------|
| the pod is of no process, or nothing had been started                | no shutdown                                 |
| the node ended the pod for itself (pressure, its own shutdown)       | unknown: the node grants what it has        |
| it runs, or its end could not be found: force delete, a lost node    | unknown                                     |
| there was no request with a grace, and the pod is of a Job           | no shutdown: a run came to its end          |
| there was no request with a grace that was seen                      | unknown                                     |
| it ended before the request: a crash loop, a run that was over       | no shutdown                                 |
| exit code 0, or that of the signal it was asked with (143, 130)      | clean                                       |
| 137, for memory, before the deadline                                 | failed                                      |
| 137, for memory, at the deadline                                     | unknown: both causes fit                    |
| 137 at the deadline, of the whole grace that its release declares    | killed                                      |
| any other 137: too early, too late, a grace cut short by somebody    | unknown                                     |
| another code before SIGTERM can have been sent                       | unknown: it may have crashed by itself      |
| another code                                                         | failed                                      |

Read of Kubernetes 1.36: killContainer in pkg/kubelet/kuberuntime/kuberuntime_container.go, TerminatePod and
mergePodStatus in pkg/kubelet/status/status_manager.go, BeforeDelete in pkg/registry/rest/delete.go of k8s.io/apiserver.
Times have whole seconds, and those of the end come from the node's clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from delivery_operator.api.status import ShutdownResult
from delivery_operator.engine.objects import Object, condition, condition_is, labels, owner
from delivery_operator.render import names
from delivery_operator.render.containers import process_container

_BY_SIGNAL: Final = {143, 130}
"""Ended by SIGTERM or SIGINT itself, which also is how some runtimes report that they ended in order (Java)."""
_KILLED: Final = 137
_NOT_FOUND: Final = {"ContainerStatusUnknown", "Unknown"}
"""Reasons of an end that a kubelet or a runtime made up, with 137 or 255, when it could not find the container."""
_LEAST_GRACE: Final = 2
"""Seconds that a kubelet gives in any case (minimumGracePeriodInSeconds)."""
_EARLY: Final = 1
"""Seconds that the node's clock may be behind."""
_LATE: Final = 30
"""Seconds after the deadline in which a kill is still the deadline's. A node that was away kills later than that."""


@dataclass(frozen=True)
class Request:
    """That a pod was asked to end.

    Attributes:
        at: when.
        grace: seconds it was given.
        declared: seconds that its release says it has.
        pre_stop: seconds of those until SIGTERM.
    """

    at: datetime
    grace: int
    declared: int
    pre_stop: int


@dataclass(frozen=True)
class Ending:
    """How a pod ended after it was asked to.

    Attributes:
        process: name of its process.
        release: number of the release that made it.
        result: the judgement; None when it cannot be known.
        exit_code: that of its process; None when it is not known.
        grace: seconds it was given; None when that was not seen.
        seconds: from the request to the end of the process, preStop included; None when they are not known.
    """

    process: str
    release: int
    result: ShutdownResult | None
    exit_code: int | None = None
    grace: int | None = None
    seconds: int | None = None


def request(pod: Object, before: Request | None) -> Request | None:
    """Read from a pod what it was asked.

    Args:
        pod: the whole pod, with its spec.
        before: what was read from the version before; it stays when this one no longer tells. A grace can only be
            made shorter, and it counts from the first request on.
    """
    metadata = pod["metadata"]
    grace = metadata.get("deletionGracePeriodSeconds")
    if not metadata.get("deletionTimestamp") or not grace:
        return before
    at = _time(metadata["deletionTimestamp"]) - timedelta(seconds=grace)
    spec = pod["spec"]
    return Request(
        min(at, before.at) if before else at,
        grace,
        spec.get("terminationGracePeriodSeconds", grace),
        _pre_stop(process_container(spec.get("containers") or (), pod) or {}),
    )


def ending(pod: Object, asked: Request | None) -> Ending | None:
    """Judge how a pod ended that is gone.

    Args:
        pod: its last state.
        asked: what it had been asked, as far as that was seen.

    Returns:
        None when there was no shutdown to judge.
    """
    process, release = labels(pod).get(names.PROCESS), labels(pod).get(names.RELEASE, "")
    container = process_container((pod.get("status") or {}).get("containerStatuses") or (), pod) or {}
    if not process or not release.isdecimal() or not _was_started(container):
        return None
    unknown = Ending(process, int(release), None)
    end = container["state"].get("terminated")
    if end is None or _by_node(pod) or end.get("reason") in _NOT_FOUND:
        return unknown
    finished = _known(end.get("finishedAt"))
    if asked is None or finished is None:
        return None if _of_job(pod) else unknown
    used = int((finished - asked.at).total_seconds())
    if used < 0:
        return None
    result = _judged(asked, end, used, restarts=container.get("restartCount", 0))
    measured = used if result and used <= asked.grace + _LATE else None
    return Ending(process, int(release), result, end["exitCode"], asked.grace, measured)


def seconds_to_ready(before: Object | None, pod: Object) -> float | None:
    """Measure how long a process took from the start of its container to Ready.

    Told once in a pod's life: when it becomes ready for the first time, of a container that was not restarted. A
    process that is not probed is not measured: it counts as ready at once.

    Args:
        before: the version of the pod that was seen before; of a pod that is seen first, nothing is known.
        pod: the whole pod, with its spec.

    Returns:
        Seconds, whole ones; None when there is nothing to tell.
    """
    if before is None or not labels(pod).get(names.PROCESS):
        return None
    container = process_container((pod.get("status") or {}).get("containerStatuses") or (), pod) or {}
    declared = process_container(pod["spec"].get("containers") or (), pod) or {}
    started = _known(((container.get("state") or {}).get("running") or {}).get("startedAt"))
    probed = declared.get("readinessProbe") or declared.get("startupProbe")
    if started is None or container.get("restartCount") or not probed:
        return None
    ready, was = condition(pod, "Ready"), condition(before, "Ready")
    if ready is None or ready["status"] != "True" or condition_is(before, "Ready"):
        return None
    if was is not None and _time(was["lastTransitionTime"]) > started:
        return None  # it was ready, and then not
    return max(0.0, (_time(ready["lastTransitionTime"]) - started).total_seconds())


def _judged(asked: Request, end: Object, used: int, restarts: int) -> ShutdownResult | None:
    code, for_memory = end["exitCode"], end.get("reason") == "OOMKilled"
    deadline = max(asked.grace, _LEAST_GRACE)
    if code == 0 or code in _BY_SIGNAL:
        return ShutdownResult.CLEAN
    if code == _KILLED and for_memory:
        return ShutdownResult.FAILED if used < deadline - _EARLY else None
    if code == _KILLED:
        at_deadline = deadline - _EARLY <= used <= deadline + _LATE
        return ShutdownResult.KILLED if at_deadline and asked.grace >= asked.declared else None
    crashed = used < asked.pre_stop or (used == 0 and restarts)
    return None if crashed else ShutdownResult.FAILED


def _was_started(container: Object) -> bool:
    """Whether the container runs, or ever ran."""
    state = container.get("state") or {}
    end = state.get("terminated")
    if end and end.get("reason") in _NOT_FOUND:
        # A kubelet says this of one that was never made, too.
        return any(container.get(trace) for trace in ("containerID", "restartCount", "lastState"))
    # Of a container that could not be started the runtime knows no start.
    return bool(state.get("running") or (end and _known(end.get("startedAt"))))


def _of_job(pod: Object) -> bool:
    controller = owner(pod)
    return controller is not None and controller["kind"] == "Job"


def _by_node(pod: Object) -> bool:
    disrupted = condition(pod, "DisruptionTarget")
    return bool(disrupted and disrupted.get("reason") == "TerminationByKubelet")


def _pre_stop(container: Object) -> int:
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    return int((hook.get("sleep") or {}).get("seconds", 0))


def _known(stamp: str | None) -> datetime | None:
    """Read a time; a runtime that does not know it says 1970."""
    found = _time(stamp) if stamp else None
    return found if found and found.timestamp() > 0 else None


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
