"""What is told of drift that stands: the condition InSync and status.drift. Both are absent while there is none."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from delivery_operator.api.status import ConditionStatus
from delivery_operator.engine.drift import Change, Drift, Left

_MOST_NAMED: Final = 3
_MOST_LISTED: Final = 16

Claim = tuple[ConditionStatus, str, str]


def claim(left: Sequence[Left], environment: str) -> Claim:
    """Say what stands, why, and what to do.

    Args:
        left: the drift that stands, at least one.
        environment: name of the service's environment.
    """
    contested = [each for each in left if each.contested]
    warned = [each for each in left if not each.contested]
    parts = []
    if contested:
        parts.append(
            f"{_named(contested)}; that is set back, and changed again each time, so it is set back ever more rarely: "
            f"have it left alone, or set spec.drift of environment {environment} to warn for this kind"
        )
    if warned:
        parts.append(
            f"{_named(warned)}; that is left as it is: to keep it, put it into the service or the environment's "
            f"templates; to have it set back, let spec.drift of environment {environment} say repair for this kind"
        )
    return ConditionStatus.FALSE, "Contested" if contested else "Drifted", ". ".join(parts)


def entries(left: Sequence[Left], previous: Mapping[str, Any], now: str) -> list[dict[str, Any]]:
    """List the fields that stand changed; an entry keeps its time while the change stays.

    Args:
        left: the drift that stands.
        previous: the status that was written last.
        now: the time for what does not tell its own.
    """
    before = {_identity(each): each["since"] for each in previous.get("drift") or ()}
    listed = []
    for each in left:
        kind, name = each.drift.key
        for change in each.drift.changes or (Change(""),):
            told = {"kind": kind, "name": name, "field": change.field, "manager": change.manager}
            entry = {field: text for field, text in told.items() if text}
            listed.append({**entry, "since": before.get(_identity(entry)) or change.at or now})
    return listed[:_MOST_LISTED]


def told(drift: Drift) -> str:
    """Say of one child what was changed and by whom."""
    child = " ".join(drift.key)
    return f"{child}: {sentence(drift.changes)}" if drift.changes else f"{child} was deleted"


def sentence(changes: Iterable[Change]) -> str:
    """Say which fields were changed and by whom."""
    by_manager: dict[str, list[str]] = {}
    for each in changes:
        by_manager.setdefault(each.manager, []).append(each.field)
    by_whom = [
        f"{_first(fields)} was changed by {manager or 'an unknown field manager'}"
        for manager, fields in by_manager.items()
    ]
    return ", ".join(by_whom)


def _named(left: Sequence[Left]) -> str:
    return _first([told(each.drift) for each in left], "; ")


def _first(texts: Sequence[str], joint: str = ", ") -> str:
    """Name the first few; no number of the others, which would change the message with each of them."""
    shown = list(texts[:_MOST_NAMED])
    return joint.join([*shown, "and more"] if len(texts) > _MOST_NAMED else shown)


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(each) for each in ("kind", "name", "field", "manager"))
