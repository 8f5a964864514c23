"""How a service stands, read from the status that the operator wrote; nothing is decided here a second time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.status import ConditionStatus, ConditionType, Severity

Body = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        severity: Error, Warning or Info.
        reason: one word, as the status has it.
        about: kind and name of the object, empty when it is the service.
        message: the cause.
        remedy: what to do; empty where that is in the message.
    """

    severity: str
    reason: str
    about: str
    message: str
    remedy: str = ""


def condition(body: Body, kind: str) -> Body:
    """Return the condition of a type, or an empty one."""
    found = (each for each in _conditions(body) if each["type"] == kind)
    return next(found, {})


def _conditions(body: Body) -> Sequence[Body]:
    return (body.get("status") or {}).get("conditions") or ()


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
    if not _conditions(body):
        return "no operator has answered yet"
    behind = "" if answered(body) else "the operator has not answered the newest spec yet; before it: "
    ready = condition(body, ConditionType.READY)
    return f"{behind}{ready.get('reason', 'Unknown')}: {ready.get('message', '')}"


def problems(body: Body) -> list[Problem]:
    """List what is wrong, as the operator wrote it, after what it has not answered yet."""
    listed = [
        Problem(each["severity"], each["reason"], _about(each["object"]), each["message"], each.get("remedy") or "")
        for each in (body.get("status") or {}).get("problems") or ()
    ]
    return [*_unanswered(body), *listed]


def _about(found: Body) -> str:
    return "" if found["kind"] == SERVICE_KIND else f"{found['kind']} {found['name']}"


def _unanswered(body: Body) -> Iterator[Problem]:
    remedy = "if that lasts, look at the operator: kubectl delivery doctor"
    if not _conditions(body):
        yield Problem(Severity.ERROR, "NoAnswer", "", "no operator has answered this service yet", remedy)
    elif not answered(body):
        seen, wanted = body["status"].get("observedGeneration"), body["metadata"]["generation"]
        message = f"the status answers generation {seen} of the spec, and {wanted} is the newest"
        yield Problem(Severity.WARNING, "Behind", "", message, remedy)
