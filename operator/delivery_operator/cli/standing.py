"""How a service stands, read from the status that the operator wrote; nothing is decided here a second time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.status import ConditionStatus, ConditionType

Body = dict[str, Any]

_NEXT: Final = {
    "MigrationFailed": "kubectl delivery retry {name}, once it is mended",
    "MigrationLost": "kubectl delivery retry {name}, once the schema is as it should be",
    "RolloutFailed": "kubectl delivery logs {name}; then retry, or release a mended image",
    "CrashLoop": "kubectl delivery logs {name} --previous",
    "PodsUnavailable": "kubectl delivery ps {name}",
}
"""Reason to the command that leads on; most messages say themselves what to do."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        reason: one word, as the condition has it.
        message: the cause and what to do.
        command: what leads on, where there is a command for it.
    """

    reason: str
    message: str
    command: str | None = None


def condition(body: Body, kind: str) -> Body:
    """Return the condition of a type, or an empty one."""
    found = (each for each in (body.get("status") or {}).get("conditions") or () if each["type"] == kind)
    return next(found, {})


def holds(body: Body, kind: str, value: str = ConditionStatus.TRUE) -> bool:
    """Whether a condition has a value, and answers the newest spec."""
    found = condition(body, kind)
    return found.get("status") == value and answered(body)


def answered(body: Body) -> bool:
    """Whether the status answers the newest spec."""
    return bool((body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"])


def word(body: Body) -> str:
    """Say in a word or two how a service stands."""
    if condition(body, ConditionType.STALLED).get("status") == ConditionStatus.TRUE:
        return "Stalled"
    return "Ready" if condition(body, ConditionType.READY).get("status") == ConditionStatus.TRUE else "Not Ready"


def sentence(body: Body) -> str:
    """Say in one line how a service stands and why."""
    if not body.get("status"):
        return "no operator has answered yet"
    behind = "" if answered(body) else "the operator has not answered the newest spec yet; before it: "
    ready = condition(body, ConditionType.READY)
    return f"{behind}{ready.get('reason', 'Unknown')}: {ready.get('message', '')}"


def problems(body: Body) -> list[Problem]:
    """List what is not as it should be; each reason once, the gravest first."""
    found: dict[str, Problem] = {}
    for unanswered in _unanswered(body):
        found.setdefault(unanswered.reason, unanswered)
    name = body["metadata"]["name"]
    for each in _failing(body):
        command = _NEXT.get(each["reason"])
        problem = Problem(each["reason"], each["message"], command.format(name=name) if command else None)
        found.setdefault(problem.reason, problem)
    return list(found.values())


def _unanswered(body: Body) -> Iterator[Problem]:
    doctor = "kubectl delivery doctor"
    if not body.get("status"):
        yield Problem(
            "NoAnswer", "no operator has answered this service yet; if that lasts, look at the operator", doctor
        )
    elif not answered(body):
        seen, wanted = body["status"].get("observedGeneration"), body["metadata"]["generation"]
        message = (
            f"the status answers generation {seen} of the spec, and {wanted} is the newest; if that lasts, look at the "
            "operator"
        )
        yield Problem("Behind", message, doctor)


def _failing(body: Body) -> Iterator[Body]:
    conditions = (body.get("status") or {}).get("conditions") or ()
    order = [ConditionType.STALLED, ConditionType.CONFIG_READY, ConditionType.MIGRATION_SUCCEEDED]
    for each in sorted(conditions, key=lambda each: order.index(each["type"]) if each["type"] in order else len(order)):
        match each["type"], each["status"]:
            case ConditionType.STALLED, ConditionStatus.TRUE:
                yield each
            case ((ConditionType.STALLED | ConditionType.RECONCILING), _):
                pass
            case _, ConditionStatus.FALSE:
                yield each
