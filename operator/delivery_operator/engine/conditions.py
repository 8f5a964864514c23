"""The status of a DeliveryService, derived in one place from the outcome of a decision (kstatus, invariant 11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from delivery_operator.api.process import Process
from delivery_operator.api.release import MigrationResult, Phase
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.api.status import ConditionStatus, ConditionType
from delivery_operator.engine import disposability, insync, jobs, locks, pods, rotation
from delivery_operator.engine.history import History, Release, last_number
from delivery_operator.engine.objects import name
from delivery_operator.engine.outcome import Outcome, Standing, Step
from delivery_operator.engine.references import Missing
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names

Claim = tuple[ConditionStatus, str, str]
"""Status, reason and message of a condition."""

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
MESSAGE_LIMIT: Final = 4096


def status(
    snapshot: Snapshot,
    history: History,
    spec: DeliveryServiceSpec | None,
    missing: Sequence[Missing],
    step: Step,
) -> dict[str, Any]:
    """Build the whole status.

    Args:
        snapshot: for the previous status (transition times) and the generation answered to.
        history: the releases.
        spec: the parsed spec; None when it could not be read.
        missing: what is referred to and not there.
        step: how the service stands, and what of it drifted.

    Returns:
        The status, equal to the previous one when nothing changed its meaning.
    """
    newest, active, outcome = history.newest, history.active, step.outcome
    claims: dict[ConditionType, Claim] = {
        ConditionType.READY: (TRUE if outcome.ready else FALSE, outcome.reason, outcome.message),
        ConditionType.RECONCILING: _reconciling(outcome),
        ConditionType.STALLED: _stalled(outcome),
        ConditionType.CONFIG_READY: _config(spec, missing),
        ConditionType.MIGRATION_SUCCEEDED: _migration(newest),
    }
    if newest and newest.has_job(names.CONTRACT):
        claims[ConditionType.CONTRACT_SUCCEEDED] = _contract(newest, snapshot, known=spec is not None)
    if spec and step.drift:
        claims[ConditionType.IN_SYNC] = insync.claim(step.drift, spec.environment)
    previous: dict[str, Any] = snapshot.service.get("status") or {}
    shutdown = disposability.merged(
        previous.get("shutdown") or (), snapshot.shutdowns, spec.processes if spec else None
    )
    if shutdown:
        claims[ConditionType.SHUTDOWN_CLEAN] = disposability.claim(name(snapshot.service), shutdown)
    generation = snapshot.service["metadata"]["generation"]
    result: dict[str, Any] = {"observedGeneration": generation}
    if newest:
        result |= {"release": newest.name, "phase": newest.phase.value}
    number = last_number(snapshot, newest)
    if number:
        result["number"] = number
    if active:
        result |= {"activeRelease": active.name, "image": active.body["spec"]["image"]}
    if spec:
        result["formation"] = " ".join(f"{each}={_pods(process)}" for each, process in sorted(spec.processes.items()))
    told = {
        "shutdown": shutdown,
        "drift": insync.entries(step.drift, previous, timestamp(snapshot.now)),
        "rotation": rotation.told(snapshot, history),
    }
    result |= {field: entries for field, entries in told.items() if entries}
    result["conditions"] = with_times(claims, previous, generation, snapshot.now)
    return result


def with_times(
    claims: Mapping[ConditionType, Claim], previous: Mapping[str, Any], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Make conditions of claims; each keeps the time of its last transition while its status stays.

    Args:
        claims: in the order to be shown.
        previous: the status that was written last.
        generation: the metadata.generation they are about.
        now: the time.
    """
    held = {each["type"]: each for each in previous.get("conditions") or ()}

    def since(kind: str, state: ConditionStatus) -> str:
        before = held.get(kind)
        return before["lastTransitionTime"] if before and before["status"] == state.value else timestamp(now)

    return [
        {
            "type": kind.value,
            "status": state.value,
            "reason": reason,
            "message": message[:MESSAGE_LIMIT],
            "lastTransitionTime": since(kind.value, state),
            "observedGeneration": generation,
        }
        for kind, (state, reason, message) in claims.items()
    ]


def timestamp(now: datetime) -> str:
    """A time as metav1.Time writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def invalid(error: ValidationError) -> str:
    """Say what is wrong with a spec that the API server took and this operator cannot read."""
    problems = "; ".join(
        f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )
    return f"{problems}; mend the spec, or update the operator if it is older"


def _pods(process: Process) -> str:
    """How many pods are wanted, in the shortest form: a number, bounds, or that it runs by the clock."""
    if process.schedule:
        return "scheduled"
    return f"{process.scaling.min}-{process.scaling.max}" if process.scaling else str(process.pods)


def _reconciling(outcome: Outcome) -> Claim:
    if outcome.standing in {Standing.WORKING, Standing.WAITING}:
        return TRUE, outcome.reason, outcome.message
    return FALSE, "Idle", "nothing is under way"


def _stalled(outcome: Outcome) -> Claim:
    if outcome.standing is Standing.STUCK:
        return TRUE, outcome.reason, outcome.message
    return FALSE, "NotStalled", "nothing is in the way"


def _config(spec: DeliveryServiceSpec | None, missing: Sequence[Missing]) -> Claim:
    if spec is None:
        return UNKNOWN, "InvalidSpec", "the spec could not be read"
    if missing:
        return FALSE, missing[0].reason, config_message(missing)
    return TRUE, "Resolved", "every referenced Secret and ConfigMap key is there"


def config_message(missing: Sequence[Missing]) -> str:
    """Name everything that is missing and what happens meanwhile."""
    return f"{'; '.join(each.message for each in missing)}; no release is made until it is there, and what runs stays"


def _migration(newest: Release | None) -> Claim:
    if newest is None:
        return UNKNOWN, "NoRelease", "there is no release yet"
    origin = newest.copy_of or newest.renewal_of
    if origin is not None:
        what = "is a copy of" if newest.copy_of else "renews"
        return TRUE, "NoMigration", f"release {newest.name} {what} release {origin}, which has migrated"
    if not newest.has_job(names.MIGRATE):
        return TRUE, "NoMigration", f"release {newest.name} has no migration"
    result = (newest.migration or {}).get("result")
    if result == MigrationResult.SUCCEEDED:
        return TRUE, "Succeeded", f"the migration of release {newest.name} succeeded"
    if newest.phase is Phase.FAILED:
        return FALSE, *newest.failure
    return UNKNOWN, "NotFinished", f"the migration of release {newest.name} has not ended"


def _contract(newest: Release, snapshot: Snapshot, *, known: bool) -> Claim:
    # Of a spec that cannot be read no binding is known.
    recorded = newest.contract or {}
    match recorded.get("result"):
        case MigrationResult.SUCCEEDED:
            return TRUE, "Succeeded", f"the contract step of release {newest.name} succeeded"
        case MigrationResult.FAILED:
            cause = recorded.get("output") or "no output is known"
            message = (
                f"the contract step of release {newest.name} failed, and the release serves on: {cause}; mend it and "
                "release again: a changed spec, image or Secret makes a new release"
            )
            return FALSE, "ContractFailed", message
        case _:
            waits = locks.waits_for(snapshot, newest) if known and newest.phase is Phase.ACTIVE else None
            if waits:
                return UNKNOWN, "WaitingForDatabase", f"{waits}; the contract step runs afterwards"
            return UNKNOWN, "NotFinished", _not_finished(newest, snapshot)


def _not_finished(newest: Release, snapshot: Snapshot) -> str:
    what, job = f"the contract step of release {newest.name}", newest.own_job(names.CONTRACT, snapshot.children)
    if newest.contract and job:
        found = jobs.trouble(job, snapshot.pods, snapshot.now, what).problem
        return f"{what} has not ended: {found.message}" if found else f"{what} runs (Job {name(job)})"
    waits = f"{what} has not ended; it waits for the last older pod to go"
    return waits + pods.overstay(pods.of_others(snapshot.pods, newest.number), snapshot.now)[0]
