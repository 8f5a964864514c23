"""What pods say of why they do not run, in words that stay the same while the cause does (invariant 11).

A kubelet alternates between ErrImagePull and ImagePullBackOff, and a crash loop between waiting, running and
terminated; a condition must not.

A pod may have other containers than the one that its template has for the program, injected when the pod was made: a
mesh's sidecar, or one that fetches secrets before the program starts. What they say is told under their name, and never
taken for the program's word.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from delivery_operator.engine.objects import Object, condition, labels, name, uid
from delivery_operator.engine.text import output_end, redact
from delivery_operator.render import names
from delivery_operator.render.containers import job_container, process_container

_IMAGE: Final = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"}
_CONFIG: Final = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of a pod that has ended."""
CONTAINER_STATUSES: Final = ("containerStatuses", "initContainerStatuses")
"""Where a pod's status tells of its containers; native sidecars are among the second."""
GONE_SECONDS: Final = 60
"""So long after its grace a pod may be on its way out before its node is doubted."""
_DETAIL: Final = 300
_OF_NODES: Final = re.compile(r"^\d+/\d+ nodes are available(: |\.|$)")
_EACH_REASON: Final = re.compile(r"(?:, |\. ?)(?=\d+ )")
_COUNT: Final = re.compile(r"^\d+ ")
_REMARK: Final = re.compile(r"\. .*$")
_TAINT: Final = re.compile(r"\{([^:{}]+): \d+\}")  # of some the value is a time
"""Parts of what the scheduler says of a pod that fits nowhere (FitError of its framework)."""
_NO_SPACE: Final = "no space left on device"

NOT_STARTED: Final = _IMAGE | {"CreateContainerConfigError"}
"""Reasons for which a container waits before its first start: nothing of its program has run."""
INITIALIZING: Final = "PodInitializing"
"""For this a container waits until the pod's init containers have ended."""


@dataclass(frozen=True)
class Problem:
    """Why a pod does not serve.

    Attributes:
        reason: one word for programs.
        message: the cause and the next step, for people.
    """

    reason: str
    message: str


def of_process(pods: Iterable[Object], process: str, release: int) -> list[Object]:
    """Pick the pods of a process that a release made."""
    return [
        pod
        for pod in pods
        if labels(pod).get(names.PROCESS) == process and labels(pod).get(names.RELEASE) == str(release)
    ]


def of_job(pods: Iterable[Object], job: Object) -> list[Object]:
    """Pick the pods that a Job made."""
    return [
        pod for pod in pods if any(owner["uid"] == uid(job) for owner in pod["metadata"].get("ownerReferences") or ())
    ]


def living(pods: Iterable[Object]) -> list[Object]:
    """Pick the pods that have not ended; one that is on its way out, or on a node that is lost, has not."""
    return [pod for pod in pods if (pod.get("status") or {}).get("phase") not in _ENDED]


def program(workload: Object) -> str:
    """Name of the container that runs the program in the pods of a Deployment, Job or CronJob; others are beside it."""
    return known_program(workload) or str(_of_template(workload)[0]["name"])


def known_program(workload: Object) -> str | None:
    """As `program`; None where a platform's own template has several containers and none of a name that we give."""
    found = _of_template(workload)
    named = job_container(labels(workload).get(names.ROLE, ""))
    if any(each["name"] == named for each in found):
        return named
    own = process_container(found, workload)
    return str(own["name"]) if own else None


def _of_template(workload: Object) -> Sequence[Object]:
    found: Sequence[Object] = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["spec"]["containers"]
    return found


def container(pod: Object, named: str) -> Object | None:
    """Find what a pod's status says of a container; None before its kubelet has seen the pod."""
    return next((each for each in containers(pod) if each["name"] == named), None)


def containers(pod: Object) -> Sequence[Object]:
    """What a pod's status says of its containers."""
    found: Sequence[Object] = (pod.get("status") or {}).get("containerStatuses") or ()
    return found


def init_containers(pod: Object) -> Sequence[Object]:
    """What a pod's status says of what starts before its containers: init containers and native sidecars."""
    found: Sequence[Object] = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return found


def of_others(pods: Iterable[Object], release: int, roles: frozenset[str] | None = None) -> list[Object]:
    """Pick the pods of other releases that have not ended; all of them, or those of their Jobs with these roles."""
    return [
        pod
        for pod in living(pods)
        if labels(pod).get(names.RELEASE) not in {None, str(release)}
        and (roles is None or labels(pod).get(names.ROLE) in roles)
    ]


def overstay(awaited: Iterable[Object], now: datetime) -> tuple[str, float | None]:
    """Name a pod that should have ended long ago, for a message that tells of a wait for it; empty when none should.

    Args:
        awaited: the pods that are waited for.
        now: the time.

    Returns:
        What to add to the message, and after how many seconds to look again; None when events suffice.
    """
    left = {}
    for pod in awaited:
        at = pod["metadata"].get("deletionTimestamp")  # the time of the request and the grace
        if at:
            late = (now - datetime.fromisoformat(at)).total_seconds()
            left[name(pod), pod["metadata"]["namespace"]] = GONE_SECONDS - late
    overdue = min((each for each, seconds in left.items() if seconds <= 0), default=None)
    if overdue is None:
        return "", min(left.values(), default=None)
    pod_name, namespace = overdue
    told = (
        f": pod {pod_name} was asked to end and is still there, as when its node is lost or does not answer; where "
        f"nothing of it runs any more: kubectl delete pod {pod_name} -n {namespace} --force --grace-period=0"
    )
    return told, None


def problem(pods: Iterable[Object], what: str, logs: str, runs: str) -> Problem | None:
    """Find the first cause among pods, the most telling kind first.

    Args:
        pods: pods of one process or Job.
        what: how to name it, e.g. "process web".
        logs: the command that shows its output.
        runs: name of the container that runs its program.
    """
    found = [
        each
        for pod in living(pods)  # of one that has ended, by a node's pressure or shutdown, nothing is restarted
        if not pod["metadata"].get("deletionTimestamp")
        for each in _problems(pod, what, logs, runs)
    ]
    order = ("ImagePullFailed", "ContainerConfigInvalid", "CrashLoop", "Unschedulable")
    return min(found, key=lambda each: (order.index(each.reason), each.message), default=None)


def _problems(pod: Object, what: str, logs: str, runs: str) -> Iterator[Problem]:
    found = containers(pod)
    told = [*((each, " (init)") for each in init_containers(pod)), *((each, "") for each in found)]
    for each, kind in told:
        own = each["name"] == runs
        who = what if own else f"container {each['name']}{kind} of {what}"
        shown = logs if own and len(found) == 1 else f"{logs} -c {each['name']}"
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason, detail = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _IMAGE:
            cause = _disk_full(pod, detail) or _pull_detail(reason, detail)
            yield Problem("ImagePullFailed", f"{who} cannot pull image {each['image']}: {cause}")
        elif reason in _CONFIG:
            verb = "cannot start its container" if own else "cannot be started"
            yield Problem("ContainerConfigInvalid", f"{who} {verb}: {_short(detail or reason)}")
        elif each.get("restartCount") and not each.get("ready") and not (kind and _did_its_part(each)):
            yield _crash(each, who, shown)
    scheduled = condition(pod, "PodScheduled")
    if scheduled and scheduled["status"] == "False" and scheduled.get("reason") == "Unschedulable":
        yield Problem("Unschedulable", f"{what} fits on no node: {_unfit(scheduled.get('message', ''))}")


def _did_its_part(init: Object) -> bool:
    """Whether an init container starts again because its pod does, e.g. after its node was restarted."""
    last = (init.get("lastState") or {}).get("terminated") or {}
    return last.get("exitCode") == 0 and not (init.get("state") or {}).get("waiting")


def _crash(said_of: Object, what: str, logs: str) -> Problem:
    last = (said_of.get("lastState") or {}).get("terminated") or (said_of.get("state") or {}).get("terminated") or {}
    how = (
        "was killed for using more memory than its limit"
        if last.get("reason") == "OOMKilled"
        else (f"exits with code {last.get('exitCode', 'unknown')}")
    )
    output = output_end(last.get("message") or "")
    said = f"; the end of its output: {output}" if output else ""
    return Problem("CrashLoop", f"{what} {how} and is restarted{said}; see `{logs}`")


def _disk_full(pod: Object, detail: str) -> str | None:
    # Not in its own words: they name files of the node, others at each try.
    if _NO_SPACE not in detail:
        return None
    return (
        f"{_NO_SPACE} on node {pod['spec']['nodeName']}; free space in its image store or make that larger, then the "
        "node pulls the image by itself"
    )


def _pull_detail(reason: str, detail: str) -> str:
    # ImagePullBackOff repeats the error behind its own words; without them both states read the same.
    _, found, cause = detail.partition("ErrImagePull: ")
    if reason == "ImagePullBackOff" and not found:
        said = "the registry does not give it out"
    else:
        said = _short(cause if found else detail or reason)
    return f"{said}; check the tag, the registry and spec.imagePullSecrets"


def _unfit(message: str) -> str:
    """What the scheduler says, without its numbers, which change with every node and pod that comes or goes.

    As of "0/57 nodes are available: 12 Insufficient memory, 45 node(s) had untolerated taint {a: }. preemption: ...".
    """
    said, _, _ = message.partition("preemption:")  # what follows says the same of another try
    reasons = _EACH_REASON.split(_OF_NODES.sub("", said.strip()).rstrip("."))
    told = sorted({_REMARK.sub("", _COUNT.sub("", each.strip())) for each in reasons} - {""})
    return _short(_TAINT.sub(r"{\1}", ", ".join(told)) or "none is available")


def _short(text: str) -> str:
    """One bounded line. The middle is left out: the end has the cause, behind what each caller put before it."""
    line = redact(" ".join(text.split()))  # before it is cut: half a credential is not recognised
    return line if len(line) <= _DETAIL else f"{line[: _DETAIL // 2]}…{line[-_DETAIL // 2 :]}"
