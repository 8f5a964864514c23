"""The migration gate (F12-6, invariant 3): reads how a release's Job ended.

The result is recorded in the release before anything else goes on, and a recorded result is never asked for again: once
it is there, the Job and its pods may go.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from delivery_operator.api.release import MigrationResult
from delivery_operator.engine.objects import Object, condition, name, uid
from delivery_operator.engine.pods import NOT_STARTED, of_job
from delivery_operator.engine.text import output_end

EVIDENCE_SECONDS: Final = 10
"""How long after a Job's end its pod's exit code is waited for; a watch may deliver the Job first."""

_ENDS: Final = ("Complete", "SuccessCriteriaMet", "Failed")
"""Conditions of a Job that has ended; the second precedes the first by a moment."""


@dataclass(frozen=True)
class Running:
    """The Job has not ended."""


@dataclass(frozen=True)
class Unclear:
    """The Job failed a moment ago and its pod's end has not been seen yet."""


@dataclass(frozen=True)
class Ended:
    """The Job ended.

    Attributes:
        record: what the release's status keeps of it.
        cause: why it failed, for people; empty on success.
    """

    record: dict[str, Any]
    cause: str

    @property
    def succeeded(self) -> bool:
        """Whether the processes of the release may start."""
        return bool(self.record["result"] == MigrationResult.SUCCEEDED)


def observe(job: Object, pods: Sequence[Object], now: datetime) -> Running | Unclear | Ended:
    """Read how a Job stands.

    Args:
        job: the Job.
        pods: pods of the service; those of the Job are picked by owner.
        now: the time; only a missing exit code makes it matter.
    """
    end = next((each for kind in _ENDS if (each := condition(job, kind)) and each["status"] == "True"), None)
    if end is None:
        return Running()
    complete = end["type"] != "Failed"
    last = _last_terminated(job, pods, succeeded=complete)
    ended_at = _time((job.get("status") or {}).get("completionTime") or end.get("lastTransitionTime"))
    if last is None and ended_at and (now - ended_at).total_seconds() < EVIDENCE_SECONDS:
        return Unclear()
    message = (last or {}).get("message") or ""
    record: dict[str, Any] = {
        "job": name(job),
        "uid": uid(job),
        "result": MigrationResult.SUCCEEDED.value if complete else MigrationResult.FAILED.value,
    }
    if last is not None and "exitCode" in last:
        record["exitCode"] = last["exitCode"]
    started_at = _time((job.get("status") or {}).get("startTime"))
    if started_at and ended_at:
        record["durationSeconds"] = max(0, int((ended_at - started_at).total_seconds()))
    if complete:
        head = _schema_head(message)
        return Ended({**record, **({"schemaHead": head} if head else {})}, "")
    output = output_end(message)
    return Ended({**record, **({"output": output} if output else {})}, _cause(record, end, output))


def cannot_start(job: Object, pods: Sequence[Object]) -> bool:
    """Whether nothing of the migration has run, nor will: each of its pods lacks its image or its config."""
    own = of_job(pods, job)
    containers = [each for pod in own for each in (pod.get("status") or {}).get("containerStatuses") or (None,)]
    return bool(own) and all(each is not None and _not_started(each) for each in containers)


def _not_started(container: Object) -> bool:
    waiting = (container.get("state") or {}).get("waiting") or {}
    return waiting.get("reason") in NOT_STARTED and not container.get("restartCount") and not container.get("lastState")


def _cause(record: dict[str, Any], failed: Object, output: str) -> str:
    code = record.get("exitCode")
    how = f"the migration failed with exit code {code}" if code is not None else "the migration failed"
    if failed.get("reason") == "DeadlineExceeded":
        how = "the migration took longer than spec.release.migrate.timeoutSeconds and was stopped"
    return f"{how}; the end of its output: {output}" if output else how


def _last_terminated(job: Object, pods: Sequence[Object], *, succeeded: bool) -> dict[str, Any] | None:
    """Find the end of the pod that ended last: containerStatuses[].state.terminated.

    Of a Job that succeeded only a success counts: the attempt before it may be seen first.
    """
    ends = [
        terminated
        for pod in of_job(pods, job)
        for container in (pod.get("status") or {}).get("containerStatuses") or ()
        if (terminated := (container.get("state") or {}).get("terminated"))
        and not (succeeded and terminated.get("exitCode"))
    ]
    return max(ends, key=lambda end: str(end.get("finishedAt") or ""), default=None)


def _schema_head(message: str) -> str | None:
    """Read the schema revision that the migration left in its termination message: {"schemaHead": "0007"}."""
    try:
        said = json.loads(message)
    except ValueError:
        return None
    head = said.get("schemaHead") if isinstance(said, dict) else None
    return head if isinstance(head, str) else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
