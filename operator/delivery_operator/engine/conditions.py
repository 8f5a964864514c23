"""The status of a DeliveryService, derived in one place from the outcome of a decision (kstatus, invariant 11)."""

from collections.abc import Sequence
from typing import Any, Final

from delivery_operator.api.release import MigrationResult, Phase, ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.api.status import ConditionStatus, ConditionType
from delivery_operator.engine import overlay
from delivery_operator.engine.history import History, Release, last_number
from delivery_operator.engine.outcome import Outcome, Standing
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
    outcome: Outcome,
) -> dict[str, Any]:
    """Build the whole status.

    Args:
        snapshot: for the previous status (transition times) and the generation answered to.
        history: the releases.
        spec: the parsed spec; None when it could not be read.
        missing: referenced keys that are not there.
        outcome: how the service stands.

    Returns:
        The status, equal to the previous one when nothing changed its meaning.
    """
    newest, active = history.newest, history.active
    claims: dict[ConditionType, Claim] = {
        ConditionType.READY: (TRUE if outcome.standing is Standing.SERVING else FALSE, outcome.reason, outcome.message),
        ConditionType.RECONCILING: _reconciling(outcome),
        ConditionType.STALLED: _stalled(outcome),
        ConditionType.CONFIG_READY: _config(spec, missing),
        ConditionType.MIGRATION_SUCCEEDED: _migration(newest),
    }
    previous: dict[str, Any] = snapshot.service.get("status") or {}
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
        result["formation"] = " ".join(f"{name}={process.pods}" for name, process in sorted(spec.processes.items()))
    result["conditions"] = [_condition(kind, claim, previous, snapshot) for kind, claim in claims.items()]
    return result


def _condition(kind: ConditionType, claim: Claim, previous: dict[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    held = next((each for each in previous.get("conditions") or () if each["type"] == kind.value), None)
    state, reason, message = claim
    unchanged = held is not None and held["status"] == state.value
    return {
        "type": kind.value,
        "status": state.value,
        "reason": reason,
        "message": message[:MESSAGE_LIMIT],
        "lastTransitionTime": held["lastTransitionTime"] if held and unchanged else timestamp(snapshot),
        "observedGeneration": snapshot.service["metadata"]["generation"],
    }


def timestamp(snapshot: Snapshot) -> str:
    """The snapshot's time as metav1.Time writes it."""
    return snapshot.now.strftime("%Y-%m-%dT%H:%M:%SZ")


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
        return FALSE, config_reason(missing), config_message(missing)
    return TRUE, "Resolved", "every referenced Secret and ConfigMap key is there"


def config_reason(missing: Sequence[Missing]) -> str:
    """Name what is missing first: SecretMissing, SecretKeyMissing, ConfigMapMissing or ConfigMapKeyMissing."""
    kind, _ = missing[0].reference
    prefix = "Secret" if kind is ReferenceKind.SECRET else "ConfigMap"
    return f"{prefix}Missing" if missing[0].key is None else f"{prefix}KeyMissing"


def config_message(missing: Sequence[Missing]) -> str:
    """Name everything that is missing and what happens meanwhile."""
    return f"{'; '.join(str(each) for each in missing)}; no release is made until it is there, and what runs stays"


def _migration(newest: Release | None) -> Claim:
    if newest is None:
        return UNKNOWN, "NoRelease", "there is no release yet"
    if overlay.job(newest, names.MIGRATE) is None:
        return TRUE, "NoMigration", f"release {newest.name} has no migration"
    result = (newest.migration or {}).get("result")
    if result == MigrationResult.SUCCEEDED:
        return TRUE, "Succeeded", f"the migration of release {newest.name} succeeded"
    if newest.phase is Phase.FAILED:
        return FALSE, *newest.failure
    return UNKNOWN, "NotFinished", f"the migration of release {newest.name} has not ended"
