"""The heart: what to do next about one service.

`decide` looks at a snapshot and answers with the next writes. It is asked again after each plan, on every event and now
and then without one, so a plan need not finish the work: it only has to be right for what it saw. Killed between any
two writes, the next snapshot leads on from where the last one stopped (invariant 1).

A release lives like this; everything to the right of "Failed" happens to the release before it, which keeps serving:

    cut ──> Pending ──> Migrating ──> RollingOut ──> Active ──> (contract step) ──> Superseded
               │            │              │
               └────────────┴──> Failed <──┘     the active release's manifests are kept, or put back

1. The spec cannot be read, or is being deleted: touch nothing. Paused: tell how it stands, and touch nothing else.
2. What the newest release should be (`wish`): the spec's content, or that of the release that rollbackTo names.
3. Somebody took a release's label or owner: give it back (`adoption`).
4. Something that it needs is missing (`gate`): cut nothing, keep what runs.
5. Content or references differ from the newest release's, its failure is to be retried, or a wave of the environment
   asks for its `renewal` with newer templates: cut the next one.
6. Older releases that are still under way are superseded; a migration or contract step of theirs that runs is waited
   for.
7. Otherwise take the newest release one step on, according to its phase.

The service's tasks (`tasks`) are looked at beside all this; they never hold up a release.

A plan holds either writes to the world or, when the world is as it should be, at most one write of the service's
status.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from pydantic import ValidationError

from delivery_operator.api.reasons import Failure
from delivery_operator.api.release import Phase
from delivery_operator.api.service import DeliveryServiceSpec, FailurePolicy
from delivery_operator.engine import (
    adoption,
    conditions,
    contract,
    cut,
    doomed,
    evidence,
    gate,
    jobs,
    locks,
    migration,
    overlay,
    pods,
    problems,
    references,
    retention,
    tasks,
    wish,
)
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.jobs import Unclear
from delivery_operator.engine.objects import Object, name, uid
from delivery_operator.engine.outcome import Outcome, Standing, Step, UnderWay
from delivery_operator.engine.plan import Create, Plan, Resume, SetStatus, Write, aim
from delivery_operator.engine.references import Missing
from delivery_operator.engine.scene import Scene
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.errors import TemplateError
from delivery_operator.render.manifests import Manifest

_UNBOUND_SECONDS = 5.0
"""Objects that name the Secret of a binding are not watched."""


def decide(snapshot: Snapshot) -> Plan:
    """Answer what to write next for the service of this snapshot; an empty plan when all is as it should be."""
    if snapshot.service["metadata"].get("deletionTimestamp"):
        return Plan()  # owner references do the rest, with or without an operator (invariant 6)
    history = History.of(snapshot.service, snapshot.releases)
    try:
        spec = wish.read(snapshot.service)
    except ValidationError as error:
        step = Step((), Outcome(Standing.STUCK, "InvalidSpec", conditions.invalid(error)))
        return _plan(snapshot, history, None, (), step)
    wanted = wish.of(snapshot.service, spec, history, snapshot.children)
    missing = references.missing(wanted.spec, snapshot.referenced, snapshot.platform.bindings, snapshot.unbound)
    scene = Scene(snapshot, spec, history, wanted, missing)
    try:
        step = _paused(scene) if spec.paused else _Decision(scene).next()
    except TemplateError as error:
        step = Step((), gate.template_invalid(str(error)))
    if missing and snapshot.unbound and not spec.paused:
        step = replace(step, look_again_after=_UNBOUND_SECONDS)
    return _plan(snapshot, history, spec, missing, step)


def _plan(
    snapshot: Snapshot, history: History, spec: DeliveryServiceSpec | None, missing: Sequence[Missing], step: Step
) -> Plan:
    """Join the step of the service and the chores of its tasks; the service's status comes when nothing else does."""
    chores = tasks.chores(snapshot, spec, history)
    waits = (step.look_again_after, chores.look_again_after, problems.look_again_after(snapshot, history))
    again = min(filter(None, waits), default=None)
    left = [] if spec and spec.paused else [*locks.let_go(snapshot, history), *evidence.let_go(snapshot, history)]
    old = retention.let_go(snapshot, history, spec) if spec and not spec.paused else []
    # A release that may not be deleted is in nobody's way: the log tells it.
    others = chores.refused | {aim(each) for each in old}
    own = [each for each in snapshot.refusals if each.target not in others]
    if own:
        refused = f"the API server refuses {' '.join(own[0].target)}: {own[0].message}"
        outcome = Outcome(Standing.STUCK, "WriteRefused", f"{refused}; it is tried again now and then")
        told = _report(snapshot, history, spec, missing, replace(step, outcome=outcome))
        # The rest goes on: others wait for what this service holds, and somebody for a task.
        again_refused = {each.target for each in own}
        return Plan((*told, *(each for each in (*left, *chores.writes) if aim(each) not in again_refused)))
    if snapshot.refusals:
        # Only a task's Job is refused, or the deletion of an old release. What was planned before it has been made, and
        # the status is out of date then.
        told = () if step.writes else _report(snapshot, history, spec, missing, step)
        return Plan((*told, *chores.writes))
    writes = (*step.writes, *left, *chores.writes, *old)
    return Plan(writes or _report(snapshot, history, spec, missing, step), again)


def _report(
    snapshot: Snapshot,
    history: History,
    spec: DeliveryServiceSpec | None,
    missing: Sequence[Missing],
    step: Step,
) -> tuple[SetStatus, ...]:
    status = conditions.status(snapshot, history, spec, missing, step)
    wrong = problems.of(snapshot, history, spec, missing, status["conditions"])
    status |= {"problems": wrong} if wrong else {}
    return () if status == (snapshot.service.get("status") or {}) else (SetStatus(snapshot.service, status),)


def _paused(scene: Scene) -> Step:
    """Tell how the active release stands, and write nothing else."""
    active = scene.history.active
    if active is None:
        message = "the service is paused (spec.paused) and no release of it serves"
        return Step((), Outcome(Standing.PAUSED, "Paused", message))
    serves = scene.health(scene.children(active), active).healthy
    state = "serves" if serves else "does not have all of its pods"
    message = f"the service is paused (spec.paused): nothing is released or repaired; release {active.name} {state}"
    return Step((), Outcome(Standing.PAUSED, "Paused", message, serves=serves))


@dataclass(frozen=True)
class _Decision:
    """One decision; its methods are the states."""

    scene: Scene

    def next(self) -> Step:
        newest, snapshot = self.scene.history.newest, self.scene.snapshot
        given_back = adoption.give_back(snapshot.service, snapshot.releases, snapshot.repairs)
        if newest and given_back:
            return Step(given_back, self.scene.serving(newest))
        closed = gate.closed(self.scene)
        if not closed and cut.due(self.scene, newest):
            closed = gate.unrenderable(self.scene)
            if not closed:
                return cut.step(self.scene, newest)
        if newest is None:
            assert closed is not None  # noqa: S101 else the first release would have been cut
            return Step((), closed)
        step = self._go_on(newest)
        return replace(step, outcome=closed) if closed and not step.writes else step

    def _go_on(self, newest: Release) -> Step:
        """End what older releases still do, then take the newest one step on."""
        active, blocking = self.scene.history.active, None
        rescaled = active and self.scene.scaling_recorded(active)
        if rescaled:
            return Step((rescaled,), self.scene.serving(newest))
        for release in self.scene.history.older:
            match self._supersede(release):
                case None:
                    pass
                case UnderWay() as runs:
                    blocking = blocking or (release, runs)
                case write:
                    told = self.scene.working(newest, "Superseding", f"release {release.name} is superseded")
                    return Step((write,), told)
        return self._wait_for(newest, *blocking) if blocking else self._advance(newest)

    def _supersede(self, release: Release) -> Write | UnderWay | None:
        """End an older release that is under way, unless a Job of its schema runs: that is waited for."""
        scene = self.scene
        match release.phase:
            case Phase.FAILED:
                return None
            case Phase.SUPERSEDED | Phase.ACTIVE:
                # An active one serves until the newest is Active itself.
                ends = release.phase is Phase.ACTIVE and scene.history.active is not release
                return contract.finish(scene, release) or (scene.record(release, Phase.SUPERSEDED) if ends else None)
            case Phase.ROLLING_OUT:
                return scene.record(release, Phase.SUPERSEDED)
            case Phase.PENDING | Phase.MIGRATING:
                return migration.give_way(scene, release)
            case _:
                assert_never(release.phase)

    def _wait_for(self, newest: Release, running: Release, runs: UnderWay) -> Step:
        contracting = running.phase in {Phase.ACTIVE, Phase.SUPERSEDED}
        what = "contract step" if contracting else "migration"
        message = f"release {newest.name} waits until the {what} of release {running.name} has ended"
        message += f": {runs.why}" if runs.why else ""
        outcome = self.scene.working(newest, "MigrationOfOlderRelease", message)
        wanted = self.scene.active_children() if contracting else self.scene.migrating_children(running)
        return self.scene.kept(wanted, outcome, runs.look_again_after)

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

    # Pending: the Job's ConfigMap and identity first, then the Job, which is held, then the record that it exists.

    def _begin(self, release: Release) -> Step:
        job = overlay.job(release, names.MIGRATE)
        if job is None and self.scene.begun(release):
            return self._roll_out(release)  # what goes missing now takes nothing back
        live = self.scene.own_job(release, names.MIGRATE)
        before = self._before(release, self.scene.active_children) if live is None or jobs.held(live) else None
        return before or (self._start_migration(release, job, live) if job else self._roll_out(release))

    def _before(self, release: Release, meanwhile: Callable[[], list[Manifest]]) -> Step | None:
        """What comes before the first program of a release is started: what it needs is there, and its databases."""
        scene = self.scene
        if scene.missing:  # what it was cut from has gone since: its Job or pods could not start
            return scene.kept(meanwhile(), gate.missing(scene))
        if not release.has_job(names.MIGRATE):
            return None
        others = scene.pods_of_others(release, locks.ROLES)
        if others:
            overstays, again = pods.overstay(others, scene.snapshot.now)
            message = f"release {release.name} waits until the pods of an older migration are gone{overstays}"
            return scene.kept(meanwhile(), scene.working(release, "MigrationOfOlderRelease", message), again)
        taken = locks.claim(scene, release, names.MIGRATE)
        if isinstance(taken, Outcome):
            return scene.kept(meanwhile(), taken, locks.LOOK_AGAIN_SECONDS)
        told = scene.working(release, "Migrating", f"the databases of release {release.name} are taken")
        return Step((taken,), told) if taken else None

    def _start_migration(self, release: Release, job: Manifest, live: Object | None) -> Step:
        scene = self.scene
        if live is not None:
            return Step(
                (scene.record(release, Phase.MIGRATING, migration={"job": name(live), "uid": uid(live)}),),
                scene.working(release, "Migrating", f"the migration of release {release.name} runs"),
            )
        wanted = scene.migrating_children(release)
        blocked = scene.taken([*wanted, job])
        if blocked:
            return Step((), blocked)
        started = scene.working(release, "Migrating", f"the migration of release {release.name} starts")
        return Step((*scene.kept(wanted, started).writes, Create(job)), started)

    # Migrating: the Job on record is resumed, and its result is recorded before anything else goes on. A Job that
    # vanished is not run again: nobody knows how far it came.

    def _watch_migration(self, release: Release) -> Step:
        scene = self.scene
        recorded = release.migration or {}
        job = scene.own_job(release, names.MIGRATE)
        if job is None or uid(job) != recorded.get("uid"):
            message = (
                f"Job {recorded.get('job')} was deleted before its result was recorded, so whether the migration "
                "ran is unknown; check the schema, then change the spec to make a new release, or "
                f"kubectl delivery retry {release.service}"
            )
            return self._fail(release, "MigrationLost", message)
        if jobs.held(job):
            runs = scene.working(release, "Migrating", f"the migration of release {release.name} starts")
            before = self._before(release, lambda: scene.migrating_children(release))
            return before or Step((Resume(job),), runs)
        seen = migration.observe(job, scene.snapshot.pods, scene.snapshot.now)
        if isinstance(seen, migration.Ended):
            if seen.succeeded:
                return Step(
                    (scene.record(release, Phase.ROLLING_OUT, migration=seen.record),),
                    scene.working(release, "RollingOut", f"the migration of release {release.name} succeeded"),
                )
            message = (
                f"{seen.cause}; mend it and release again: a changed spec, image or Secret makes a new release, and so "
                f"does kubectl delivery retry {release.service}"
            )
            return self._fail(release, "MigrationFailed", message, migration=seen.record)
        runs, again = migration.running(scene, release, job)
        return scene.kept(scene.migrating_children(release), runs, 1.0 if isinstance(seen, Unclear) else again)

    # RollingOut: apply the manifests, wait until every process has its new pods.

    def _roll_out(self, release: Release) -> Step:
        scene = self.scene
        wanted = scene.children(release)
        seen = scene.health(wanted, release)
        started = scene.working(release, "RollingOut", f"release {release.name} is rolled out")
        step = scene.kept(wanted, started, rolling=True)
        if step.writes or step.outcome is not started:
            return step
        if seen.healthy:
            at = conditions.timestamp(scene.snapshot.now)
            return Step((scene.record(release, Phase.ACTIVE, activeAt=at),), scene.serving(release))
        given_up = doomed.verdict(scene, release, seen)
        if given_up and scene.missing and release.phase is Phase.PENDING:
            # It goes on by itself when that is there again, and what served serves meanwhile.
            return scene.kept(scene.active_children(), gate.missing(scene))
        if given_up:
            return self._fail(release, "RolloutFailed", given_up)
        return replace(step, outcome=scene.progress(release, seen))

    # Active: repair drift, remove what the spec dropped, let old releases go, and take the contract step.

    def _keep(self, release: Release) -> Step:
        scene = self.scene
        wanted = scene.children(release)
        seen = scene.health(wanted, release)
        step = scene.kept(wanted, scene.serving(release) if seen.healthy else scene.progress(release, seen))
        if step.writes or not seen.healthy:
            return step
        cleared = scene.cleared(wanted, release)
        if cleared:
            return Step(cleared, step.outcome)
        match contract.advance(scene, release):
            case None:
                return step
            case UnderWay(again):
                waits = min(filter(None, (again, step.look_again_after)), default=None)
                return replace(step, look_again_after=waits)
            case Outcome() as blocked:
                return replace(step, outcome=blocked)
            case write:
                return Step((write,), step.outcome)

    # Failed: what served before goes on serving.

    def _fall_back(self, release: Release) -> Step:
        scene = self.scene
        active = scene.history.active
        reason, message = release.failure
        outcome = scene.stuck(release, reason, message)
        rolled_out = reason == "RolloutFailed"
        if rolled_out and (scene.spec.release.on_failure is FailurePolicy.HOLD or active is None):
            return scene.kept(scene.children(release), outcome)
        if active is None:
            return Step((), outcome)
        wanted = scene.active_children()
        step = scene.kept(wanted, outcome)
        if step.writes or not scene.health(wanted, active).healthy:
            return step
        return replace(step, writes=scene.cleared(wanted, active))

    def _fail(self, release: Release, reason: Failure, message: str, **fields: object) -> Step:
        failed = self.scene.record(release, Phase.FAILED, reason=reason, message=message, **fields)
        return Step((failed,), self.scene.stuck(release, reason, message))
