"""How a Job begins and ends: what migrations, contract steps and tasks have in common.

A Job is made suspended, so that nothing of it runs. Its UID is recorded in the release or task that owns it; only then
is it resumed. So the Job that runs is the one on record, and a Job that is gone before it is on record has not run and
may be made again: whatever is deleted, and wherever the operator is killed, none runs twice (invariant 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from delivery_operator.engine.objects import Object, annotations, condition
from delivery_operator.engine.pods import of_job
from delivery_operator.engine.text import output_end
from delivery_operator.render import names

EVIDENCE_SECONDS: Final = 10
"""How long after a Job's end its pod's exit code is waited for; a watch may deliver the Job first."""

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
        exit_code: of its last pod; None when that was not seen.
        said: the last pod's termination message, as it is.
        started_at: when the Job started, as the API server wrote it.
        finished_at: when it ended.
    """

    succeeded: bool
    timed_out: bool
    exit_code: int | None
    said: str
    started_at: str | None
    finished_at: str | None

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
        return f"{how}; the end of its output: {self.output}" if self.output else how


def held(job: Object) -> bool:
    """Whether it was made suspended and never resumed: nothing of it has run."""
    return _suspended(job) and names.RESUMED not in annotations(job)


def halted(job: Object) -> bool:
    """Whether somebody suspended it after it had begun: it is theirs to resume."""
    return _suspended(job) and names.RESUMED in annotations(job)


def observe(job: Object, pods: Sequence[Object], now: datetime) -> Running | Unclear | End:
    """Read how a Job stands.

    Args:
        job: the Job.
        pods: pods of the service; those of the Job are picked by owner.
        now: the time; only a missing exit code makes it matter.
    """
    end = _end(job)
    if end is None:
        return Running()
    status = job.get("status") or {}
    succeeded = end["type"] != "Failed"
    last = _last_terminated(job, pods, succeeded=succeeded)
    finished_at = ended_at(job)
    ended = _time(finished_at)
    if last is None and ended and (now - ended).total_seconds() < EVIDENCE_SECONDS:
        return Unclear()
    return End(
        succeeded=succeeded,
        timed_out=end.get("reason") == "DeadlineExceeded",
        exit_code=(last or {}).get("exitCode"),
        said=(last or {}).get("message") or "",
        started_at=status.get("startTime"),
        finished_at=finished_at,
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


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
