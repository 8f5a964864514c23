"""All that is wrong with a service at once: status.problems.

Ready names the first cause, and who mends it meets the next one. Here each cause is a problem of its own, with the
object it is about and what to do, the gravest first. Nothing is decided here: the causes come from where they are
found, and what to do about each from api/reasons.py.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from delivery_operator.api.environment import KIND as ENVIRONMENT
from delivery_operator.api.reasons import OTHERS, PROBLEMS, STANDING, Reason
from delivery_operator.api.release import KIND as RELEASE
from delivery_operator.api.release import Phase
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.api.status import ConditionStatus, ConditionType, Severity
from delivery_operator.engine import health, jobs, pods, readiness
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import Key, Object, key, labels, name, owned_by, owner, uid
from delivery_operator.engine.pods import living
from delivery_operator.engine.references import Missing
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names, needs

PROBLEMS_LIMIT: Final = 16
MESSAGE_LIMIT: Final = 512
REPLACED_SECONDS: Final = 120.0
"""So long after a release serves, those who end the pods of older ones have asked each of them to end."""
_RUN_SECONDS: Final = 300.0
"""How long a pod of a run with a schedule may be in trouble before it is told: a node may have to come first."""

_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]*\)")
"""A link of the reference page, which is made of the same text."""
_GRAVITY: Final = list(Severity)
_CAUSED: Final = frozenset(
    {
        ConditionType.READY,
        ConditionType.RECONCILING,
        ConditionType.STALLED,
        ConditionType.CONFIG_READY,
        ConditionType.MIGRATION_SUCCEEDED,
    }
)
"""Conditions whose causes are listed one by one; any other that is False is a problem by its own reason."""


@dataclass(frozen=True)
class _Problem:
    """One thing that is wrong: a reason of api/reasons.py with what that says to do, the object, and the cause."""

    reason: str
    about: Key
    message: str
    severity: Severity
    remedy: str


def of(
    snapshot: Snapshot,
    history: History,
    spec: DeliveryServiceSpec | None,
    missing: Sequence[Missing],
    conditions: Sequence[Object],
) -> list[dict[str, Any]]:
    """List what is wrong, as status.problems; the same while the same is wrong.

    Args:
        snapshot: what there is.
        history: the releases.
        spec: the service's; None when it could not be read.
        missing: what is referred to and not there.
        conditions: as they are about to be written, Ready first.
    """
    ready = conditions[0]
    found = [
        *_of_references(missing),
        *_of_environment(snapshot, spec, ready),
        *_of_release(history),
        *_of_pods(snapshot, history),
        *_of_older_pods(snapshot, history),
        *_of_conditions(snapshot, conditions),
    ]
    if all(each.reason != ready["reason"] for each in found):
        found += _of_standing(snapshot, ready)
    found += _of_scheduled(snapshot, history)
    ordered = sorted(
        set(found), key=lambda each: (_GRAVITY.index(each.severity), each.reason, each.about, each.message)
    )
    service = name(snapshot.service)
    return [_told(each, service) for each in ordered[:PROBLEMS_LIMIT]]


def _of_references(missing: Iterable[Missing]) -> Iterator[_Problem]:
    for each in missing:
        yield from _problem(STANDING, each.reason, each.about, each.message)


def _of_environment(snapshot: Snapshot, spec: DeliveryServiceSpec | None, ready: Object) -> Iterator[_Problem]:
    """What keeps a release from being made; of no interest to one that serves, and its environment tells it too."""
    if spec is None:
        return
    environment = (ENVIRONMENT, spec.environment)
    if snapshot.obstacle:
        yield from _problem(STANDING, snapshot.obstacle.reason, environment, snapshot.obstacle.message)
    elif ready["status"] != ConditionStatus.TRUE:
        if snapshot.template_fault:
            yield from _problem(STANDING, "TemplateInvalid", environment, snapshot.template_fault)
        for need in needs.unmet(spec, snapshot.platform):
            yield from _problem(STANDING, need.reason, (SERVICE, name(snapshot.service)), need.message)


def _of_release(history: History) -> Iterator[_Problem]:
    newest = history.newest
    if newest and newest.phase is Phase.FAILED:
        reason, message = newest.failure
        yield from _problem(STANDING, reason, (RELEASE, newest.name), message)


def _of_pods(snapshot: Snapshot, history: History) -> Iterator[_Problem]:
    """Every process whose pods fail, of the release that is rolled out and of the one that serves."""
    for place, live in snapshot.children.items():
        if place[0] != "Deployment" or not owned_by(live, uid(snapshot.service)):
            continue
        if names.PROCESS not in labels(live):
            continue  # somebody took the label away, which is drift, and is told as that
        for number in _numbers(history):
            seen = health.observe([dict(live)], snapshot.children, snapshot.pods, number).problem
            if seen:
                yield from _problem(STANDING, seen.reason, key(live), seen.message)


def _numbers(history: History) -> set[int]:
    """Numbers of the releases whose pods count: the one that is rolled out, and the one that serves."""
    return {release.number for release in (history.newest, history.active) if release}


def _of_scheduled(snapshot: Snapshot, history: History) -> Iterator[_Problem]:
    """Every process with a schedule whose pods fail, or whose last run did: it is no part of what serves."""
    for live, process in _scheduled(snapshot):
        chosen = f"{names.SERVICE}={name(snapshot.service)},{names.PROCESS}={process}"
        logs = f"kubectl logs -n {live['metadata']['namespace']} -l {chosen}"
        own = [pod for pod, left in _pods_of_runs(snapshot, history, process) if left <= 0]
        seen = pods.problem(own, f"process {process}", logs, pods.program(live))
        if seen:
            for each in _problem(STANDING, seen.reason, key(live), seen.message):
                yield replace(each, severity=Severity.WARNING)
        failed = next((end for end in _runs(snapshot, live) if isinstance(end, jobs.End)), None)
        if failed and not failed.succeeded:
            how = replace(failed, said="", beside="").cause(f"the last run of process {process}", "its timeoutSeconds")
            yield from _problem(PROBLEMS, "ScheduledRunFailed", key(live), f"{how}; see `{logs}`")


def _scheduled(snapshot: Snapshot) -> Iterator[tuple[Object, str]]:
    """The service's CronJobs with the names of their processes."""
    for place, live in snapshot.children.items():
        process = labels(live).get(names.PROCESS)
        if place[0] == "CronJob" and process is not None and owned_by(live, uid(snapshot.service)):
            yield live, process


def _pods_of_runs(snapshot: Snapshot, history: History, process: str) -> list[tuple[Object, float]]:
    """The pods of a process with a schedule, and in how many seconds each is old enough for its trouble to be told.

    Each run may wait for a node or an image for a while: told at once, a healthy service would write with each run.
    """
    own = [pod for number in _numbers(history) for pod in pods.of_process(snapshot.pods, process, number)]
    return [(pod, _RUN_SECONDS - _age(pod, snapshot.now)) for pod in own]


def _age(pod: Object, now: datetime) -> float:
    made = pod["metadata"].get("creationTimestamp")
    return (now - datetime.fromisoformat(made)).total_seconds() if made else 0


def _runs(snapshot: Snapshot, cron: Object) -> Iterator[jobs.Running | jobs.Unclear | jobs.End]:
    """How the runs ended that have, the last one first; of one it may not be clear yet."""
    own = [each for (kind, _), each in snapshot.children.items() if kind == "Job" and owned_by(each, uid(cron))]
    ended = sorted(filter(jobs.ended, own), key=lambda each: (jobs.ended_at(each) or "", name(each)), reverse=True)
    return (jobs.observe(each, snapshot.pods, snapshot.now) for each in ended)  # the first ones are all that is asked


def _scheduled_in(snapshot: Snapshot, history: History) -> float | None:
    """Seconds until time alone tells of a process with a schedule; None when it does not."""
    waits = []
    for live, process in _scheduled(snapshot):
        if isinstance(next(_runs(snapshot, live), None), jobs.Unclear):
            waits.append(float(jobs.EVIDENCE_SECONDS))
        for pod, left in _pods_of_runs(snapshot, history, process):
            if left > 0 and pods.problem([pod], "", "", pods.program(live)):
                waits.append(left)
    return min(waits, default=None)


def look_again_after(snapshot: Snapshot, history: History) -> float | None:
    """Seconds until time alone makes a problem of what is seen; None when it does not.

    Pods that were replaced should have been asked to end by then, or pods of the release that serves should be ready.
    """
    newest = history.newest
    if newest is None:
        return None
    waits = (_replaced_in(snapshot, newest), _unready_in(snapshot, newest), _scheduled_in(snapshot, history))
    return min(filter(None, waits), default=None)


def _unready_in(snapshot: Snapshot, newest: Release) -> float | None:
    if newest.phase is not Phase.ACTIVE:
        return None
    number = str(newest.number)
    own = [each for each in snapshot.pods if labels(each).get(names.RELEASE) == number and not _of_job(each)]
    return readiness.slow_in(own, snapshot.now)


def _of_job(pod: Object) -> bool:
    made_by = owner(pod)
    return bool(made_by and made_by["kind"] == "Job")


def _replaced_in(snapshot: Snapshot, newest: Release) -> float | None:
    seconds = REPLACED_SECONDS - _active_seconds(newest, snapshot.now)
    # The time comes first: a service that has served for long has nothing to look through.
    return seconds if seconds > 0 and any(_left_behind(snapshot, newest)) else None


def _of_older_pods(snapshot: Snapshot, history: History) -> Iterator[_Problem]:
    """Pods of a process that were replaced and are not ended: they work on, and a Service sends them calls.

    A Deployment ends those that it replaces. But one that was deleted, and made again before the garbage collector
    looked, leaves ReplicaSets that belong to nobody who would.
    """
    newest = history.newest
    if newest is None or _active_seconds(newest, snapshot.now) < REPLACED_SECONDS:
        return
    for process, number, replica_set in _left_behind(snapshot, newest):
        message = (
            f"pods of process {process} of release {number} run on beside those of release {newest.name}; nobody "
            "has asked them to end"
        )
        yield from _problem(PROBLEMS, "OlderReleaseRuns", ("ReplicaSet", replica_set), message)


def _left_behind(snapshot: Snapshot, newest: Release) -> Iterator[tuple[str, str, str]]:
    """Which process's pods, of which release and which ReplicaSet, run beside those of the release that serves."""
    if newest.phase is not Phase.ACTIVE:
        return
    for pod in living(snapshot.pods):
        process, number, made_by = labels(pod).get(names.PROCESS), labels(pod).get(names.RELEASE), owner(pod)
        if number is None or number == str(newest.number) or pod["metadata"].get("deletionTimestamp"):
            continue
        if process and made_by and made_by["kind"] == "ReplicaSet":
            yield process, number, made_by["name"]


def _active_seconds(release: Release, now: datetime) -> float:
    at = release.status.get("activeAt")
    return (now - datetime.fromisoformat(at)).total_seconds() if at else 0.0


def _of_conditions(snapshot: Snapshot, conditions: Iterable[Object]) -> Iterator[_Problem]:
    for each in conditions:
        kind = ConditionType(each["type"])
        if kind not in _CAUSED and each["status"] == ConditionStatus.FALSE:
            service = (SERVICE, name(snapshot.service))
            yield from _problem(OTHERS[kind], each["reason"], service, each["message"])


def _of_standing(snapshot: Snapshot, ready: Object) -> Iterator[_Problem]:
    about = snapshot.refusals[0].target if snapshot.refusals else (SERVICE, name(snapshot.service))
    yield from _problem(STANDING, ready["reason"], about, ready["message"])


def _problem(table: Mapping[str, Reason], reason: str, about: Key, message: str) -> Iterator[_Problem]:
    # What another version of the operator wrote into a release is grave, and this one knows no remedy.
    known = table.get(reason, Reason(happened=""))
    if known.severity is not None:
        yield _Problem(reason, about, message[:MESSAGE_LIMIT], known.severity, known.remedy)


def _told(problem: _Problem, service: str) -> dict[str, Any]:
    kind, object_name = problem.about
    return {
        "severity": problem.severity.value,
        "reason": problem.reason,
        "object": {"kind": kind, "name": object_name},
        "message": problem.message,
        **({"remedy": _LINK.sub(r"\1", problem.remedy).replace("NAME", service)} if problem.remedy else {}),
    }
