"""The migration gate (F12-6, invariant 3): what a release keeps of how its migration, or its contract step, ended.

The result is recorded in the release before anything else goes on, and a recorded result is never asked for again: once
it is there, the Job and its pods may go.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from delivery_operator.api.release import MigrationResult, Phase
from delivery_operator.engine import jobs, pods
from delivery_operator.engine.history import Release
from delivery_operator.engine.jobs import Running, Unclear
from delivery_operator.engine.objects import Object, condition_is, name, uid
from delivery_operator.engine.outcome import Outcome, UnderWay
from delivery_operator.engine.plan import Delete, Write
from delivery_operator.engine.scene import Scene
from delivery_operator.render import names

_WHAT: Final = {names.MIGRATE: "the migration", names.CONTRACT: "the contract step"}


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


def observe(
    job: Object, service_pods: Sequence[Object], now: datetime, role: str = names.MIGRATE
) -> Running | Unclear | Ended:
    """Read how a Job of a release stands.

    Args:
        job: the Job.
        service_pods: pods of the service; those of the Job are picked by owner.
        now: the time; only a missing exit code makes it matter.
        role: migrate or contract.
    """
    end = jobs.observe(job, service_pods, now)
    if not isinstance(end, jobs.End):
        return end
    result = MigrationResult.SUCCEEDED if end.succeeded else MigrationResult.FAILED
    record = {
        "job": name(job),
        "uid": uid(job),
        "result": result.value,
        "exitCode": end.exit_code,
        "durationSeconds": end.duration_seconds,
        "schemaHead": _schema_head(end.said) if end.succeeded else None,
        "output": None if end.succeeded else end.output or None,
    }
    cause = "" if end.succeeded else end.cause(_WHAT[role], f"spec.release.{role}.timeoutSeconds")
    return Ended({field: value for field, value in record.items() if value is not None}, cause)


def give_way(scene: Scene, release: Release) -> Write | UnderWay:
    """End a release that has not migrated yet, for a newer one; a migration that runs is waited for.

    One that cannot even start is taken away: it would hold up the release that mends it until its timeout.
    """
    job = scene.own_job(release, names.MIGRATE)
    if job is None:
        return scene.record(release, Phase.SUPERSEDED)
    seen = observe(job, scene.snapshot.pods, scene.snapshot.now)
    if isinstance(seen, Ended):
        return scene.record(release, Phase.SUPERSEDED, migration=seen.record)
    if cannot_start(job, scene.snapshot.pods, scene.snapshot.now):
        return Delete(job)
    return under_way(scene, release, job, seen)


def cannot_start(job: Object, service_pods: Sequence[Object], now: datetime) -> bool:
    """Whether nothing of the migration has run, nor will.

    It is still held, its pods are refused or fit on no node, or they lack what they need to start: image, config, or
    what comes before the program.
    """
    if jobs.held(job):
        return True
    own, runs = pods.of_job(service_pods, job), pods.known_program(job)
    if jobs.has_run(job, own):
        return False
    if not own:
        left = jobs.refused_in(job, own, now)
        return left is not None and left <= 0
    return all(_not_started(pod, runs) for pod in own)


def running(scene: Scene, release: Release, job: Object) -> tuple[Outcome, float | None]:
    """Tell how a migration stands that has not ended, and after how many seconds to look at it again."""
    namespace = job["metadata"]["namespace"]
    if jobs.halted(job):
        message = (
            f"Job {name(job)} of the migration of release {release.name} was suspended by somebody, and is theirs to "
            f'resume: kubectl patch job {name(job)} -n {namespace} -p \'{{"spec":{{"suspend":false}}}}\''
        )
        return scene.held_up(release, "MigrationSuspended", message), None
    what = f"the migration of release {release.name}"
    seen = jobs.trouble(job, scene.snapshot.pods, scene.snapshot.now, what)
    if seen.problem:
        return scene.working(release, seen.problem.reason, seen.problem.message), seen.look_again_after
    return scene.working(release, "Migrating", f"{what} runs (Job {name(job)})"), seen.look_again_after


def under_way(
    scene: Scene, release: Release, job: Object, seen: Running | Unclear, role: str = names.MIGRATE
) -> UnderWay:
    """Say what keeps a Job from its end that a newer release, or nobody, waits for."""
    if isinstance(seen, Unclear) or jobs.halted(job):
        return UnderWay(1.0 if isinstance(seen, Unclear) else None)
    found = jobs.trouble(job, scene.snapshot.pods, scene.snapshot.now, f"{_WHAT[role]} of release {release.name}")
    return UnderWay(found.look_again_after, found.problem.message if found.problem else "")


def _not_started(pod: Object, runs: str | None) -> bool:
    """Whether the program of a pod has not run, nor will by itself; where it is not known which it is, none of them."""
    found = [each for each in pods.containers(pod) if runs in {None, each["name"]}]
    if not found and not pod["spec"].get("nodeName"):
        return condition_is(pod, "PodScheduled", "False")
    return bool(found) and all(_waits(pod, each) for each in found)


def _waits(pod: Object, program: Object) -> bool:
    """Whether a container has not started, nor will by itself.

    What comes before it may end at any moment: that counts once it has failed, or cannot run.
    """
    if program.get("restartCount") or program.get("lastState"):
        return False
    reason = ((program.get("state") or {}).get("waiting") or {}).get("reason")
    if reason == pods.INITIALIZING:
        return not pods.living([pod]) or pods.problem([pod], "", "", program["name"]) is not None
    return reason in pods.NOT_STARTED


def _schema_head(message: str) -> str | None:
    """Read the schema revision that the migration left in its termination message: {"schemaHead": "0007"}."""
    try:
        said = json.loads(message)
    except ValueError:
        return None
    head = said.get("schemaHead") if isinstance(said, dict) else None
    return head if isinstance(head, str) else None
