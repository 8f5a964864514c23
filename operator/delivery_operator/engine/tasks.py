"""One-off processes (factor XII, F12-1, F12-2): each DeliveryTask becomes one Job, in the release that serves.

    Pending ──> Running ──> Succeeded | Failed ──> deleted, if it says after how long

The Job is made once: suspended, and resumed when it is on record, as that of a migration is (see `jobs`). Its result is
recorded in the task before anything may go, and a Job that vanished is not made again: nobody knows how far it came. A
task waits for what it needs, and never holds up its service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.service import DeliveryServiceSpec, Task
from delivery_operator.api.task import DeliveryTaskSpec, TaskPhase
from delivery_operator.engine import jobs, overlay
from delivery_operator.engine.conditions import invalid, timestamp
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import Key, Object, labels, name, owned_by, uid
from delivery_operator.engine.plan import Create, Delete, Resume, SetStatus, Write
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.errors import TemplateError
from delivery_operator.render.manifests import Manifest, task_job

_REFUSED: Final = "JobRefused"
_ENDED: Final = frozenset({TaskPhase.SUCCEEDED.value, TaskPhase.FAILED.value})
_EVIDENCE_SECONDS: Final = 1.0

Status = dict[str, Any]


@dataclass(frozen=True)
class Chores:
    """What to do about the tasks of a service.

    Attributes:
        writes: in order.
        look_again_after: seconds after which to look again; None when events suffice.
        refused: the Jobs of tasks among what was refused.
    """

    writes: tuple[Write, ...] = ()
    look_again_after: float | None = None
    refused: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class _Waits:
    """Why a task cannot be started yet."""

    reason: str
    message: str


def chores(snapshot: Snapshot, spec: DeliveryServiceSpec | None, history: History) -> Chores:
    """Answer what to do about the tasks that name a service.

    Args:
        snapshot: what there is.
        spec: the service's spec; None when it could not be read.
        history: its releases.
    """
    refusals = {each.target: each for each in snapshot.refusals}
    writes: list[Write] = []
    again: list[float] = []
    met: set[Key] = set()
    for task in sorted(snapshot.tasks, key=_order):
        if task["metadata"].get("deletionTimestamp"):
            continue
        refused = refusals.get(("Job", name(task))) if _phase(task) is TaskPhase.PENDING else None
        if refused:
            met.add(refused.target)
            said = f"the API server refuses its Job: {refused.message}; it is tried again now and then"
            writes += _told(task, _pending(_REFUSED, said))
            continue
        found = _next(task, snapshot, spec, history)
        if isinstance(found, float):
            again.append(found)
        else:
            writes += found
    if met:
        writes = [write for write in writes if isinstance(write, SetStatus)]
    return Chores(tuple(writes), min(again, default=None), frozenset(met))


def without_service(tasks: Sequence[Object], now: datetime) -> Chores:
    """Answer what to do about tasks that name a service which does not exist."""
    writes: list[Write] = []
    again: list[float] = []
    for task in sorted(tasks, key=_order):
        if _phase(task).value in _ENDED:
            found = _let_go(task, now)
        elif _phase(task) is TaskPhase.RUNNING:
            # Its release and Job went with the service.
            found = _told(task, _lost(task, "its service was deleted while it ran", now))
        else:
            service = task["spec"]["service"]
            message = f"{SERVICE_KIND} {service} does not exist in this namespace; create it, or delete this task"
            found = _told(task, _pending("ServiceMissing", message))
        if isinstance(found, float):
            again.append(found)
        else:
            writes += found
    return Chores(tuple(writes), min(again, default=None))


def _next(task: Object, snapshot: Snapshot, spec: DeliveryServiceSpec | None, history: History) -> list[Write] | float:
    """The next writes about one task, or after how many seconds to look again."""
    paused = spec is not None and spec.paused
    if _phase(task).value in _ENDED:
        return [] if paused else _let_go(task, snapshot.now)
    job = snapshot.children.get(("Job", name(task)))
    own = job if job is not None and owned_by(job, uid(task)) else None
    if _phase(task) is TaskPhase.RUNNING:
        return [] if paused and own is not None and jobs.held(own) else _watch(task, own, snapshot)
    if own is not None:
        # The Job was made; killed before that was recorded, it is found here.
        return _told(task, _running(task, own, snapshot))
    if spec is None:
        return _told(task, _pending("InvalidSpec", "the service's spec could not be read; see its status"))
    return _start(task, job, snapshot, spec, history)


def _start(
    task: Object, taken: Object | None, snapshot: Snapshot, spec: DeliveryServiceSpec, history: History
) -> list[Write]:
    try:
        wanted = DeliveryTaskSpec.model_validate(task["spec"])
    except ValidationError as error:
        return _told(task, _failed("InvalidSpec", invalid(error), snapshot.now))
    if wanted.task is not None and wanted.task not in spec.tasks:
        known = ", ".join(sorted(spec.tasks)) or "none"
        message = f"the service has no task {wanted.task} (there are: {known}); it is not run"
        return _told(task, _failed("TaskUnknown", message, snapshot.now))
    manifest = _job(task, wanted, snapshot, spec, history.active)
    if isinstance(manifest, _Waits):
        return _told(task, _pending(manifest.reason, manifest.message))
    if taken is not None:
        message = f"Job {name(task)} exists and belongs to something else; delete it, or use another name for the task"
        return _told(task, _pending("NameTaken", message))
    return [Create(manifest)]


def _job(
    task: Object, wanted: DeliveryTaskSpec, snapshot: Snapshot, spec: DeliveryServiceSpec, active: Release | None
) -> Manifest | _Waits:
    """Build the Job of a task, or say what it waits for."""
    if spec.paused:
        return _Waits("Paused", "the service is paused (spec.paused); the task starts when it no longer is")
    if active is None:
        return _Waits("NoActiveRelease", "no release of the service serves yet; the task starts when one does")
    if active.spec is None:
        message = f"release {active.name} was made by another version of the operator; the task starts in a newer one"
        return _Waits("ReleaseUnreadable", message)
    waits = _lacking(snapshot, active.spec)
    if waits:
        return waits
    named = spec.tasks.get(wanted.task or "")
    command = [*(named.command if named else wanted.command or []), *(wanted.args or [])]
    policy = named or Task(command=command)
    try:
        manifest = task_job(
            active.service,
            task["metadata"]["namespace"],
            active.spec,
            snapshot.bundle,
            snapshot.platform,
            command=command,
            timeout=wanted.timeout_seconds or policy.timeout_seconds,
            backoff=policy.backoff_limit,
            resources=policy.resources,
            role=names.TASK,
        )
    except TemplateError as error:
        return _Waits("TemplateInvalid", str(error))
    return overlay.task_job(manifest, active, task)


def _lacking(snapshot: Snapshot, content: DeliveryServiceSpec) -> _Waits | None:
    """What the platform lacks for a Job in the environment of a release to be rendered."""
    if snapshot.obstacle:
        return _Waits(snapshot.obstacle.reason, snapshot.obstacle.message)
    if snapshot.template_fault:
        return _Waits("TemplateInvalid", snapshot.template_fault)
    for each in content.backing_services:
        if each.provisioned_service and each.name not in snapshot.platform.bindings:
            return _Waits("BindingNotReady", snapshot.unbound.get(each.name, f"{each.name} is not bound"))
    return None


def _watch(task: Object, job: Object | None, snapshot: Snapshot) -> list[Write] | float:
    recorded: Mapping[str, Any] = task["status"]
    if job is None or uid(job) != recorded.get("uid"):
        return _told(task, _lost(task, "its Job was deleted before its result was recorded", snapshot.now))
    if jobs.held(job):
        return [Resume(job)]
    end = jobs.observe(job, snapshot.pods, snapshot.now)
    if isinstance(end, jobs.Unclear):
        return _EVIDENCE_SECONDS
    if isinstance(end, jobs.Running):
        told = _told(task, _running(task, job, snapshot))
        return told or _trouble(job, snapshot).look_again_after or []
    status = _running(task, job, snapshot) | {
        "phase": (TaskPhase.SUCCEEDED if end.succeeded else TaskPhase.FAILED).value,
        "finishedAt": end.finished_at or timestamp(snapshot.now),
        "exitCode": end.exit_code,
        "output": end.output or None,
        "reason": None if end.succeeded else "TimedOut" if end.timed_out else "TaskFailed",
        "message": None if end.succeeded else end.cause("the task", "its timeoutSeconds"),
    }
    return _told(task, {field: value for field, value in status.items() if value is not None})


def _running(task: Object, job: Object, snapshot: Snapshot) -> Status:
    """The status while its Job runs, with what keeps its pods from running."""
    trouble = _trouble(job, snapshot).problem
    started = (job.get("status") or {}).get("startTime")
    release = _release(job) or (task.get("status") or {}).get("release")
    return {
        "phase": TaskPhase.RUNNING.value,
        **({"release": release} if release else {}),
        "job": name(job),
        "uid": uid(job),
        **({"startedAt": started} if started else {}),
        **({"reason": trouble.reason, "message": trouble.message} if trouble else {}),
    }


def _release(job: Object) -> str | None:
    """The name of the release that a task's Job runs in; None when somebody took its labels away, or set others."""
    service, number = (labels(job).get(each) for each in (names.SERVICE, names.RELEASE))
    return names.release(service, int(number)) if service and number and number.isdigit() else None


def _trouble(job: Object, snapshot: Snapshot) -> jobs.Trouble:
    return jobs.trouble(job, snapshot.pods, snapshot.now, "the task")


def _let_go(task: Object, now: datetime) -> list[Write] | float:
    """Delete a task whose time is over, its Job with it; else the seconds until then."""
    seconds = task["spec"].get("ttlSecondsAfterFinished")
    finished = task["status"].get("finishedAt")
    if seconds is None or finished is None:
        return []
    left = (datetime.fromisoformat(finished) + timedelta(seconds=seconds) - now).total_seconds()
    return [Delete(task)] if left <= 0 else left


def _told(task: Object, status: Status) -> list[Write]:
    return [] if status == (task.get("status") or {}) else [SetStatus(task, status)]


def _pending(reason: str, message: str) -> Status:
    return {"phase": TaskPhase.PENDING.value, "reason": reason, "message": message}


def _failed(reason: str, message: str, now: datetime) -> Status:
    return {"phase": TaskPhase.FAILED.value, "reason": reason, "message": message, "finishedAt": timestamp(now)}


def _lost(task: Object, what: str, now: datetime) -> Status:
    kept = {field: task["status"][field] for field in ("release", "job", "uid", "startedAt") if field in task["status"]}
    message = f"{what}, so how far it came is unknown; check, then use another DeliveryTask to run it again"
    return kept | _failed("TaskLost", message, now)


def _phase(task: Object) -> TaskPhase:
    return TaskPhase((task.get("status") or {}).get("phase", TaskPhase.PENDING))


def _order(task: Object) -> tuple[bool, str, str]:
    """Oldest first; one whose Job was refused behind those that have not been tried."""
    refused = (task.get("status") or {}).get("reason") == _REFUSED
    return refused, task["metadata"].get("creationTimestamp", ""), name(task)
