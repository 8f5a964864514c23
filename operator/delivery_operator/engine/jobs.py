"""How a Job begins and ends: what migrations, contract steps and tasks have in common.

A Job is made suspended, so that nothing of it runs. Its UID is recorded in the release or task that owns it; only then
is it resumed. So the Job that runs is the one on record, and a Job that is gone before it is on record has not run and
may be made again: whatever is deleted, and wherever the operator is killed, none runs twice (invariant 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from delivery_operator.engine import pods
from delivery_operator.engine.objects import Object, annotations, condition, name
from delivery_operator.engine.pods import Problem
from delivery_operator.engine.text import output_end
from delivery_operator.render import names

EVIDENCE_SECONDS: Final = 10
"""How long after a Job's end its pod's exit code is waited for; a watch may deliver the Job first."""

SETTLED_SECONDS: Final = 30
"""How long what passes by itself may last before it is told: that a Job has no pod, that a sidecar outlives it."""

_NATIVE: Final = (
    "have it injected as a native sidecar (an init container with restartPolicy Always), which ends with the program, "
    "or not into Jobs"
)

_ENDS: Final = ("Complete", "SuccessCriteriaMet", "Failed")
"""Conditions of a Job that has ended; the second precedes the first by a moment."""


@dataclass(frozen=True)
class Running:
    """The Job has not ended."""


@dataclass(frozen=True)
class Unclear:
    """The Job ended a moment ago and its pod's end has not been seen yet."""


@dataclass(frozen=True)
class End:
    """The Job ended.

    Attributes:
        succeeded: whether it did what it was for.
        timed_out: whether it was stopped at its deadline.
        exit_code: of the program in its last pod; None when that was not seen.
        said: its termination message, as it is.
        beside: what containers beside the program had to do with it; empty when nothing.
        started_at: when the Job started, as the API server wrote it.
        finished_at: when it ended.
    """

    succeeded: bool
    timed_out: bool
    exit_code: int | None
    said: str
    started_at: str | None
    finished_at: str | None
    beside: str = ""

    @property
    def output(self) -> str:
        """The end of the output, bounded and without credentials."""
        return output_end(self.said)

    @property
    def duration_seconds(self) -> int | None:
        """Whole seconds from start to end; None when one of them is not known."""
        start, end = _time(self.started_at), _time(self.finished_at)
        return max(0, int((end - start).total_seconds())) if start and end else None

    def cause(self, what: str, limit: str) -> str:
        """Say why it failed.

        Args:
            what: names it, e.g. "the migration".
            limit: the field that holds its deadline.
        """
        how = f"{what} failed" if self.exit_code is None else f"{what} failed with exit code {self.exit_code}"
        if self.timed_out:
            how = f"{what} took longer than {limit} and was stopped"
        how += f": {self.beside}" if self.beside else ""
        return f"{how}; the end of its output: {self.output}" if self.output else how


def held(job: Object) -> bool:
    """Whether it was made suspended and never resumed: nothing of it has run."""
    return _suspended(job) and names.RESUMED not in annotations(job)


def halted(job: Object) -> bool:
    """Whether somebody suspended it after it had begun: it is theirs to resume."""
    return _suspended(job) and names.RESUMED in annotations(job)


@dataclass(frozen=True)
class Trouble:
    """How a Job that has not ended is getting on.

    Attributes:
        problem: what keeps it from its end; None when it is not known to have any.
        look_again_after: seconds after which there may be one although nothing happens; None when events suffice.
    """

    problem: Problem | None
    look_again_after: float | None = None


def trouble(job: Object, service_pods: Sequence[Object], now: datetime, what: str) -> Trouble:
    """Say what keeps a Job from its end.

    Args:
        job: the Job, which has not ended.
        service_pods: pods of the service; those of the Job are picked by owner.
        now: the time.
        what: how to name it, e.g. "the migration of release order-r7".
    """
    own, runs = pods.of_job(service_pods, job), pods.program(job)
    logs = f"kubectl logs -n {job['metadata']['namespace']} job/{name(job)}"
    problem = pods.problem(own, what, logs, runs)
    if problem:
        return Trouble(problem)
    left = refused_in(job, own, now)
    if left is None:
        return _outlived(own, runs, now, what)
    return Trouble(None, left) if left > 0 else Trouble(Problem("PodsRefused", f"{what} has no pod; {_ask(job)}"))


def refused_in(job: Object, own: Sequence[Object], now: datetime) -> float | None:
    """Seconds until a Job has been without a pod for so long that its pods must be refused; None when they are not.

    Its controller makes them within a second, and tells only in Events that it may not: a quota, a policy, a limit, a
    ServiceAccount that is not there. When it began to try is on record.
    """
    start = _time((job.get("status") or {}).get("startTime"))
    if start is None or own or _had_pods(job) or _suspended(job):
        return None
    return SETTLED_SECONDS - (now - start).total_seconds()


def _had_pods(job: Object) -> bool:
    status = job.get("status") or {}
    return any(status.get(count) for count in ("active", "failed", "succeeded", "terminating")) or _uncounted(job)


def has_run(job: Object, own: Sequence[Object]) -> bool:
    """Whether a Job's status tells of a pod that ran, and that its pods, as far as they are seen, do not tell of.

    News of pods may be late, and a pod that ran may be gone: deleted, or with its node.
    """
    status = job.get("status") or {}
    ended = len(own) - len(pods.living(own))
    return bool(
        status.get("ready") or status.get("succeeded") or (status.get("failed") or 0) > ended or _uncounted(job)
    )


def _uncounted(job: Object) -> bool:
    """Whether pods have ended that the Job's counts do not have yet."""
    return any(((job.get("status") or {}).get("uncountedTerminatedPods") or {}).values())


def _ask(job: Object) -> str:
    return f"kubectl describe job {name(job)} -n {job['metadata']['namespace']} tells why"


def _outlived(own: Sequence[Object], runs: str, now: datetime, what: str) -> Trouble:
    """A pod ends with its last container, so one that was put beside the program may keep it from ending."""
    for pod in pods.living(own):
        end = _terminated(pods.container(pod, runs))
        others = ", ".join(
            sorted(each["name"] for each in _beside(pod, runs) if "running" in (each.get("state") or {}))
        )
        at = _time((end or {}).get("finishedAt"))
        if end is None or at is None or not others or pod["metadata"].get("deletionTimestamp"):
            continue
        left = SETTLED_SECONDS - (now - at).total_seconds()
        if left > 0:
            return Trouble(None, left)
        message = (
            f"the program of {what} has ended with exit code {end.get('exitCode')}, but container {others} beside it "
            f"runs on and keeps the pod from ending: {_NATIVE}"
        )
        return Trouble(Problem("SidecarRunsOn", message))
    return Trouble(None)


def observe(job: Object, service_pods: Sequence[Object], now: datetime) -> Running | Unclear | End:
    """Read how a Job stands.

    Args:
        job: the Job.
        service_pods: pods of the service; those of the Job are picked by owner.
        now: the time; only a missing exit code makes it matter.
    """
    end = _end(job)
    if end is None:
        return Running()
    status = job.get("status") or {}
    succeeded = end["type"] != "Failed"
    own, runs = pods.of_job(service_pods, job), pods.program(job)
    last = _last_terminated(own, runs, succeeded=succeeded)
    finished_at = ended_at(job)
    ended = _time(finished_at)
    timed_out = end.get("reason") == "DeadlineExceeded"
    if last is None and ended and (now - ended).total_seconds() < EVIDENCE_SECONDS:
        return Unclear()
    return End(
        succeeded=succeeded,
        timed_out=timed_out,
        exit_code=(last or {}).get("exitCode"),
        said=(last or {}).get("message") or "",
        started_at=status.get("startTime"),
        finished_at=finished_at,
        beside="" if succeeded else _blame(job, own, runs, timed_out=timed_out),
    )


def config_maps(job: Object) -> frozenset[str]:
    """Names of the ConfigMaps without which its pods do not start."""
    pod = job["spec"]["template"]["spec"]
    containers = (*(pod.get("initContainers") or ()), *pod["containers"])
    named = [
        *(
            source["configMapRef"]
            for each in containers
            for source in each.get("envFrom") or ()
            if "configMapRef" in source
        ),
        *(volume["configMap"] for volume in pod.get("volumes") or () if "configMap" in volume),
    ]
    return frozenset(each["name"] for each in named)


def ended(job: Object) -> bool:
    """Whether it has succeeded or failed."""
    return _end(job) is not None


def ended_at(job: Object) -> str | None:
    """When it ended, as the API server wrote it; None while it has not."""
    end = _end(job)
    found: str | None = (job.get("status") or {}).get("completionTime") or (end or {}).get("lastTransitionTime")
    return found if end else None


def _end(job: Object) -> Object | None:
    return next((each for kind in _ENDS if (each := condition(job, kind)) and each["status"] == "True"), None)


def _suspended(job: Object) -> bool:
    return bool(job["spec"].get("suspend"))


def _last_terminated(own: Sequence[Object], runs: str, *, succeeded: bool) -> Object | None:
    """Find how the program ended in the pod where it ended last.

    Of a Job that succeeded only a success counts: the attempt before it may be seen first.
    """
    ends = [
        end
        for pod in own
        if (end := _terminated(pods.container(pod, runs))) and not (succeeded and end.get("exitCode"))
    ]
    return max(ends, key=_finished, default=None)


def _blame(job: Object, own: Sequence[Object], runs: str, *, timed_out: bool) -> str:
    """Say what containers beside the program had to do with a failure; nothing where the program itself failed."""
    logs = f"see `kubectl logs -n {job['metadata']['namespace']} job/{name(job)} -c"
    ended = [(end, pod) for pod in own if (end := _terminated(pods.container(pod, runs)))]
    if timed_out and not own and not _had_pods(job):
        return f"it never had a pod; {_ask(job)}"
    if not ended:
        # An init container that fails ends a pod of a Job before its program starts.
        failed = sorted({each["name"] for pod in own for each in pods.init_containers(pod) if _failed(each)})
        return f"container {', '.join(failed)} (init) failed before its program; {logs} {failed[0]}`" if failed else ""
    end, pod = max(ended, key=lambda each: _finished(each[0]))
    code, beside = end.get("exitCode"), _beside(pod, runs)
    if timed_out:
        others = ", ".join(sorted(each["name"] for each in beside))
        kept = others and "" < _finished(end) < _deadline(job)
        kept_by = f"its program had ended with exit code {code}, and container {others} beside it ran on: {_NATIVE}"
        return kept_by if kept else ""
    failed = sorted(each["name"] for each in beside if _failed(each))
    if not failed or code != 0:
        return ""
    return f"what failed is container {', '.join(failed)} beside its program; {logs} {failed[0]}`"


def _beside(pod: Object, runs: str) -> list[Object]:
    return [each for each in pods.containers(pod) if each["name"] != runs]


def _failed(container: Object) -> bool:
    return bool((_terminated(container) or {}).get("exitCode"))


def _deadline(job: Object) -> str:
    """When a Job that started is stopped, as the API server writes times; empty when that is not known."""
    start = _time((job.get("status") or {}).get("startTime"))
    seconds = job["spec"].get("activeDeadlineSeconds")
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ") if start and seconds else ""


def _terminated(container: Object | None) -> Object | None:
    found: Object | None = ((container or {}).get("state") or {}).get("terminated")
    return found


def _finished(end: Object) -> str:
    return str(end.get("finishedAt") or "")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
