"""The heart: what to do next about one service.

`decide` looks at a snapshot and answers with the next writes. It is asked again after each plan, on every event and now
and then without one, so a plan need not finish the work: it only has to be right for what it saw. Killed between any
two writes, the next snapshot leads on from where the last one stopped (invariant 1).

A release lives like this; everything to the right of "Failed" happens to the release before it, which keeps serving:

    cut ──> Pending ──> Migrating ──> RollingOut ──> Active ──> Superseded
               │            │              │
               └────────────┴──> Failed <──┘     the active release's manifests are kept, or put back

1. The spec cannot be read, or is being deleted: touch nothing.
2. A referenced Secret or ConfigMap key is missing: cut nothing, keep what runs.
3. Content or references differ from the newest release's: cut the next one.
4. Older releases that are still under way are superseded; a migration of theirs that runs is waited for.
5. Otherwise take the newest release one step on, according to its phase.

A plan holds either writes to the world or, when the world is as it should be, at most one write of the service's
status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

from pydantic import ValidationError

from delivery_operator.api.release import Phase
from delivery_operator.api.service import DeliveryServiceSpec, FailurePolicy
from delivery_operator.engine import children, conditions, health, migration, overlay, pods, references
from delivery_operator.engine.conditions import timestamp
from delivery_operator.engine.health import Health
from delivery_operator.engine.history import History, Release, cut, wanted_digest
from delivery_operator.engine.objects import Object, key, labels, name, owned_by, uid
from delivery_operator.engine.outcome import Outcome, Standing
from delivery_operator.engine.plan import Create, Delete, Plan, SetStatus, Write
from delivery_operator.engine.references import Missing
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.errors import TemplateError
from delivery_operator.render.manifests import Manifest

_NEEDED_BY_A_JOB: Final = frozenset({"ServiceAccount", "ConfigMap"})


@dataclass(frozen=True)
class Step:
    """The next thing to do: writes, or when there are none, how the service stands."""

    writes: Sequence[Write]
    outcome: Outcome
    look_again_after: float | None = None


def decide(snapshot: Snapshot) -> Plan:
    """Answer what to write next for the service of this snapshot; an empty plan when all is as it should be."""
    if snapshot.service["metadata"].get("deletionTimestamp"):
        return Plan()  # owner references do the rest, with or without an operator (invariant 6)
    history = History.of(snapshot)
    try:
        spec = DeliveryServiceSpec.model_validate(snapshot.service["spec"])
    except ValidationError as error:
        return _report(snapshot, history, None, (), Step((), _invalid(error)))
    missing = references.missing(spec, snapshot.referenced)
    step = _Decision(snapshot, spec, history, missing).next()
    if snapshot.refusal:
        refused = f"the API server refuses {snapshot.refusal.what}: {snapshot.refusal.message}"
        step = Step((), Outcome(Standing.STUCK, "WriteRefused", f"{refused}; it is tried again now and then"))
    if step.writes:
        return Plan(tuple(step.writes), step.look_again_after)
    return _report(snapshot, history, spec, missing, step)


def _report(
    snapshot: Snapshot, history: History, spec: DeliveryServiceSpec | None, missing: Sequence[Missing], step: Step
) -> Plan:
    status = conditions.status(snapshot, history, spec, missing, step.outcome)
    if status == (snapshot.service.get("status") or {}):
        return Plan((), step.look_again_after)
    return Plan((SetStatus(snapshot.service, status),), step.look_again_after)


def _invalid(error: ValidationError) -> Outcome:
    problems = "; ".join(
        f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )
    return Outcome(Standing.STUCK, "InvalidSpec", f"{problems}; mend the spec, or update the operator if it is older")


@dataclass(frozen=True)
class _Decision:
    """One decision; its methods are the states."""

    snapshot: Snapshot
    spec: DeliveryServiceSpec
    history: History
    missing: Sequence[Missing]

    def next(self) -> Step:
        newest = self.history.newest
        if not self.missing and (newest is None or self._outdated(newest)):
            return self._cut(newest)
        if newest is None:
            return Step((), self._config_missing())
        blocking = None
        for release in self.history.older:
            ended = self._supersede(release)
            if isinstance(ended, SetStatus | Delete):
                return Step((ended,), self._working(newest, "Superseding", f"release {release.name} is superseded"))
            blocking = blocking or ended
        if blocking:
            return self._waiting_for_migration(newest, blocking)
        step = self._advance(newest)
        if self.missing and not step.writes:
            return Step((), self._config_missing(), step.look_again_after)
        return step

    def _outdated(self, newest: Release) -> bool:
        # A superseded one is the newest only when its successor was deleted: it has ended, and cannot serve again.
        return newest.phase is Phase.SUPERSEDED or newest.digest != wanted_digest(self.spec, self.snapshot)

    def _cut(self, newest: Release | None) -> Step:
        try:
            release = cut(self.spec, self.snapshot, newest)
        except TemplateError as error:
            message = f"{error}; this is the platform team's to mend: the service's spec is not at fault"
            return Step((), Outcome(Standing.STUCK, "TemplateInvalid", message))
        return Step(
            (Create(release, made_from=self.snapshot.service),),
            Outcome(Standing.WORKING, "Releasing", f"release {name(release)} is being made"),
        )

    def _supersede(self, release: Release) -> SetStatus | Delete | Release | None:
        """End an older release that is under way; answer with the release itself while its migration runs.

        A migration that cannot even start is taken away: it would hold up the release that mends it until its timeout.
        """
        match release.phase:
            case Phase.SUPERSEDED | Phase.FAILED:
                return None
            case Phase.ACTIVE:
                # It serves until the newest is Active itself.
                newest_serves = self.history.active is not release
                return self._record(release, Phase.SUPERSEDED) if newest_serves else None
            case Phase.ROLLING_OUT:
                return self._record(release, Phase.SUPERSEDED)
            case Phase.PENDING | Phase.MIGRATING:
                job = self._own_job(release)
                if job is None:
                    return self._record(release, Phase.SUPERSEDED)
                seen = migration.observe(job, self.snapshot.pods, self.snapshot.now)
                if isinstance(seen, migration.Ended):
                    return self._record(release, Phase.SUPERSEDED, migration=seen.record)
                return Delete(job) if migration.cannot_start(job, self.snapshot.pods) else release
            case _:
                assert_never(release.phase)

    def _advance(self, release: Release) -> Step:
        """Take the newest release one step on."""
        match release.phase:
            case Phase.PENDING:
                return self._begin(release)
            case Phase.MIGRATING:
                return self._watch_migration(release)
            case Phase.ROLLING_OUT:
                return self._roll_out(release)
            case Phase.ACTIVE:
                return self._keep(release)
            case Phase.FAILED | Phase.SUPERSEDED:
                return self._fall_back(release)
            case _:
                assert_never(release.phase)

    def _begin(self, release: Release) -> Step:
        job = overlay.job(release, names.MIGRATE)
        if self.missing and (job is None or self._own_job(release) is None):
            # What it was cut from has gone since: its Job or pods could not start.
            return self._kept(self._active_children(), self._config_missing())
        if job is not None and self._older_migration_pods(release):
            message = f"release {release.name} waits until the pods of an older migration are gone"
            return self._kept(self._active_children(), self._working(release, "MigrationOfOlderRelease", message))
        return self._start_migration(release, job) if job else self._roll_out(release)

    # Pending: the Job's ConfigMap and identity first, then the Job, then the record that it exists.

    def _start_migration(self, release: Release, job: Manifest) -> Step:
        live = self._own_job(release)
        if live is not None:
            return Step(
                (self._record(release, Phase.MIGRATING, migration={"job": name(live), "uid": uid(live)}),),
                self._working(release, "Migrating", f"the migration of release {release.name} runs"),
            )
        wanted = self._migrating_children(release)
        blocked = self._taken([*wanted, job])
        if blocked:
            return Step((), blocked)
        return Step(
            (*children.writes(wanted, self.snapshot.children), Create(job)),
            self._working(release, "Migrating", f"the migration of release {release.name} starts"),
        )

    # Migrating: the result is recorded before anything else goes on. A Job that vanished is not run again: nobody knows
    # how far it came.

    def _watch_migration(self, release: Release) -> Step:
        recorded = release.migration or {}
        job = self._own_job(release)
        if job is None or uid(job) != recorded.get("uid"):
            message = (
                f"Job {recorded.get('job')} was deleted before its result was recorded, so whether the migration "
                "ran is unknown; check the schema, then change the spec to make a new release"
            )
            failed = self._record(release, Phase.FAILED, reason="MigrationLost", message=message, migration=recorded)
            return Step((failed,), self._stuck(release, "MigrationLost", message))
        seen = migration.observe(job, self.snapshot.pods, self.snapshot.now)
        if isinstance(seen, migration.Ended):
            if seen.succeeded:
                return Step(
                    (self._record(release, Phase.ROLLING_OUT, migration=seen.record),),
                    self._working(release, "RollingOut", f"the migration of release {release.name} succeeded"),
                )
            message = f"{seen.cause}; mend it and release again: a changed spec, image or Secret makes a new release"
            failed = self._record(
                release, Phase.FAILED, reason="MigrationFailed", message=message, migration=seen.record
            )
            return Step((failed,), self._stuck(release, "MigrationFailed", message))
        problem = pods.problem(
            pods.of_job(self.snapshot.pods, job),
            f"the migration of release {release.name}",
            f"kubectl logs -n {job['metadata']['namespace']} job/{name(job)}",
        )
        outcome = (
            self._working(release, problem.reason, problem.message)
            if problem
            else self._working(release, "Migrating", f"the migration of release {release.name} runs (Job {name(job)})")
        )
        again = 1.0 if isinstance(seen, migration.Unclear) else None
        return self._kept(self._migrating_children(release), outcome, again)

    def _waiting_for_migration(self, newest: Release, running: Release) -> Step:
        message = f"release {newest.name} waits until the migration of release {running.name} has ended"
        outcome = self._working(newest, "MigrationOfOlderRelease", message)
        return self._kept(self._migrating_children(running), outcome, 1.0)

    # RollingOut: apply the manifests, wait until every process has its new pods.

    def _roll_out(self, release: Release) -> Step:
        wanted = overlay.children(release, self.snapshot.service, self.spec, self.snapshot.bundle)
        seen = self._health(wanted, release)
        started = self._working(release, "RollingOut", f"release {release.name} is rolled out")
        step = self._kept(wanted, started)
        if step.writes or step.outcome is not started:
            return step
        if seen.healthy:
            active = self._record(release, Phase.ACTIVE, activeAt=timestamp(self.snapshot), migration=release.migration)
            return Step((active,), self._serving(release))
        if seen.overdue:
            cause = seen.problem.message if seen.problem else "no pod became ready in time"
            message = f"process {', '.join(seen.overdue)} made no progress within its deadline: {cause}"
            failed = self._record(
                release, Phase.FAILED, reason="RolloutFailed", message=message, migration=release.migration
            )
            return Step((failed,), self._stuck(release, "RolloutFailed", message))
        return Step((), self._progress(release, seen))

    # Active: repair drift, remove what the spec dropped, let old releases go.

    def _keep(self, release: Release) -> Step:
        wanted = overlay.children(release, self.snapshot.service, self.spec, self.snapshot.bundle)
        seen = self._health(wanted, release)
        step = self._kept(wanted, self._serving(release) if seen.healthy else self._progress(release, seen))
        if step.writes or not seen.healthy:
            return step
        return Step(
            (*children.prune(wanted, self.snapshot.children, self.snapshot.service), *self._let_go()), step.outcome
        )

    # Failed: what served before goes on serving.

    def _fall_back(self, release: Release) -> Step:
        active = self.history.active
        reason, message = release.failure
        outcome = self._stuck(release, reason, message)
        rolled_out = reason == "RolloutFailed"
        hold = rolled_out and (self.spec.release.on_failure is FailurePolicy.HOLD or active is None)
        if hold:
            return self._kept(
                overlay.children(release, self.snapshot.service, self.spec, self.snapshot.bundle), outcome
            )
        if active is None:
            return Step((), outcome)
        wanted = self._active_children()
        step = self._kept(wanted, outcome)
        if step.writes or not self._health(wanted, active).healthy:
            return step
        return Step((*children.prune(wanted, self.snapshot.children, self.snapshot.service), *self._let_go()), outcome)

    # What the states share.

    def _older_migration_pods(self, release: Release) -> bool:
        """Whether a pod of another release's migration has not ended: its Job may be gone, and it still at work."""
        return any(
            labels(pod).get(names.ROLE) == names.MIGRATE
            and labels(pod).get(names.RELEASE) != str(release.number)
            and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
            for pod in self.snapshot.pods
        )

    def _kept(self, wanted: list[Manifest], outcome: Outcome, again: float | None = None) -> Step:
        """Keep live objects in line with manifests; the outcome holds when there is nothing to write."""
        blocked = self._taken(wanted)
        if blocked:
            return Step((), blocked, again)
        return Step(children.writes(wanted, self.snapshot.children), outcome, again)

    def _active_children(self) -> list[Manifest]:
        active = self.history.active
        return overlay.children(active, self.snapshot.service, self.spec, self.snapshot.bundle) if active else []

    def _migrating_children(self, release: Release) -> list[Manifest]:
        """Build what is there while a release migrates: all of the active one, and what the Job needs of its own."""
        kept = self._active_children()
        keys = {key(manifest) for manifest in kept}
        own = overlay.children(release, self.snapshot.service, self.spec, self.snapshot.bundle)
        return kept + [each for each in own if each["kind"] in _NEEDED_BY_A_JOB and key(each) not in keys]

    def _let_go(self) -> list[Write]:
        return [Delete(release.body) for release in self.history.ended()]

    def _own_job(self, release: Release) -> Object | None:
        job = self.snapshot.children.get(("Job", names.job(release.service, release.number, names.MIGRATE)))
        return job if job is not None and owned_by(job, uid(release.body)) else None

    def _health(self, wanted: list[Manifest], release: Release) -> Health:
        return health.observe(wanted, self.snapshot.children, self.snapshot.pods, release.number)

    def _record(self, release: Release, phase: Phase, **fields: Any) -> SetStatus:
        kept = {"migration": release.migration, "activeAt": release.status.get("activeAt"), **fields}
        return SetStatus(release.body, {"phase": phase.value, **{k: v for k, v in kept.items() if v is not None}})

    def _taken(self, wanted: list[Manifest]) -> Outcome | None:
        found = children.taken(wanted, self.snapshot.children)
        if found is None:
            return None
        kind, object_name = found.key
        if found.leaving:
            message = f"{kind} {object_name} of a deleted service of this name is still being removed"
            return Outcome(Standing.WORKING, "WaitingForRemoval", message)
        namespace = self.snapshot.service["metadata"]["namespace"]
        message = (
            f"{kind} {object_name} exists and belongs to something else; it is left alone. Rename this service, or "
            f"remove it: kubectl delete {kind.lower()} {object_name} -n {namespace}"
        )
        return Outcome(Standing.STUCK, "NameTaken", message)

    def _config_missing(self) -> Outcome:
        message = conditions.config_message(self.missing)
        return Outcome(Standing.WAITING, conditions.config_reason(self.missing), message)

    def _serving(self, release: Release) -> Outcome:
        return Outcome(Standing.SERVING, "Serving", f"release {release.name} serves")

    def _progress(self, release: Release, seen: Health) -> Outcome:
        if seen.problem:
            return self._working(release, seen.problem.reason, seen.problem.message)
        phase = "RollingOut" if release.phase is not Phase.ACTIVE else "PodsUnavailable"
        return self._working(release, phase, f"release {release.name} waits for pods of {', '.join(seen.waiting)}")

    def _working(self, release: Release, reason: str, message: str) -> Outcome:
        return Outcome(Standing.WORKING, reason, message + self._meanwhile(release))

    def _stuck(self, release: Release, reason: str, message: str) -> Outcome:
        return Outcome(Standing.STUCK, reason, f"release {release.name} failed: {message}{self._meanwhile(release)}")

    def _meanwhile(self, release: Release) -> str:
        active = self.history.active
        return f"; release {active.name} serves" if active and active is not release else ""
