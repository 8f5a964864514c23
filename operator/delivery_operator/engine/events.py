"""Kubernetes Events: the story of a service, as `kubectl describe` tells it, one for each change of meaning.

They are derived from the writes of a plan and from nothing else: a write that is made once is told once, and with
nothing to write there is nothing to tell (invariant 2). The cluster layer posts them after the write they are about.

To tell of something else: add a row to a table below, and its reason to api/reasons.py (`EVENTS`, or the table of the
condition it belongs to).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from delivery_operator.api import cause
from delivery_operator.api.base import API_VERSION
from delivery_operator.api.reasons import STANDING
from delivery_operator.api.release import KIND as RELEASE
from delivery_operator.api.release import MigrationResult, Phase
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.api.status import ConditionStatus, ConditionType, Severity
from delivery_operator.engine import disposability, insync
from delivery_operator.engine.drift import Drift
from delivery_operator.engine.objects import Object, condition, name, owner, uid
from delivery_operator.engine.plan import Apply, Create, SetStatus, Write
from delivery_operator.render.canonical import digest

MESSAGE_LIMIT: Final = 1024
"""Characters of a message, as events.k8s.io/v1 has them."""


class EventType(StrEnum):
    """Whether somebody should look."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        about: the object under which it is shown: apiVersion, kind, namespace, name and uid.
        type: Normal or Warning.
        reason: one word for programs, as api/reasons.py has it.
        message: for people; no secret value, no time.
        step: the number of the release it is about and the place in its life, which order what happens in one second.
    """

    about: Mapping[str, str]
    type: EventType
    reason: str
    message: str
    step: tuple[int, int]

    @property
    def name(self) -> str:
        """Its metadata.name: what happens again is the same object, and is counted there."""
        number, place = self.step
        same = digest([self.about["uid"], self.type, self.reason, self.message])[:16]
        return f"{self.about['name']}.{number:05}-{place}.{same}"


@dataclass(frozen=True)
class _Change:
    """A write of a status: whose it is, what it was before and what it is now."""

    target: Object
    before: Mapping[str, Any]
    after: Mapping[str, Any]


# Of a release's status: what came to be, and how it is told of the service. The place of a row is its place in a life.


def _phase(status: Mapping[str, Any]) -> object:
    return status.get("phase", Phase.PENDING)


def _result(step: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda status: (status.get(step) or {}).get("result")


@dataclass(frozen=True)
class _Row:
    """When something in a release's status comes to be this, from anything else or from one of those."""

    place: int
    looks_at: Callable[[Mapping[str, Any]], object]
    becomes: str
    reason: str
    message: str
    before: frozenset[object] | None = None


_CUT, _FAILS, _STANDS, _SAFE = 0, 4, 7, 8
_OF_A_RELEASE: Final = (
    _Row(1, _phase, Phase.MIGRATING, "MigrationStarted", "the migration of release {release} runs (Job {job})"),
    _Row(
        2,
        _result("migration"),
        MigrationResult.SUCCEEDED,
        "MigrationSucceeded",
        "the migration of release {release} succeeded",
    ),
    _Row(
        3,
        _phase,
        Phase.SUPERSEDED,
        "ReleaseSuperseded",
        "release {release} gave way to a newer one before it served",
        frozenset({Phase.PENDING, Phase.MIGRATING, Phase.ROLLING_OUT}),
    ),
    _Row(5, _phase, Phase.ACTIVE, "ReleaseActive", "release {release} serves (image {image})"),
    _Row(
        6,
        _result("contract"),
        MigrationResult.SUCCEEDED,
        "ContractSucceeded",
        "the contract step of release {release} succeeded",
    ),
)

# Of a service's status: conditions other than Ready that are told of when they come to this, under their own reason.

_CONDITIONS: Final[Mapping[ConditionType, ConditionStatus]] = {
    ConditionType.CONTRACT_SUCCEEDED: ConditionStatus.FALSE,
    ConditionType.IN_SYNC: ConditionStatus.FALSE,
}


def of(write: Write) -> tuple[Event, ...]:
    """Answer what is to be told of a write that was made; nothing of most."""
    match write:
        case Create(manifest) if manifest["kind"] == RELEASE:
            return (_cut(manifest),)
        case SetStatus(target, status) if target["kind"] == RELEASE:
            return tuple(_of_release(_Change(target, target.get("status") or {}, status)))
        case Apply(manifest, drift=Drift() as drift) | Create(manifest, drift=Drift() as drift):
            return (_repaired(manifest, drift),)
        case SetStatus(target, status) if target["kind"] == SERVICE:
            return tuple(_of_service(_Change(target, target.get("status") or {}, status)))
        case _:
            return ()


def _cut(release: Object) -> Event:
    spec = release["spec"]
    copied = f", a copy of release {spec['copyOf']}" if "copyOf" in spec else ""
    why = cause.sentence(spec)
    message = f"release {name(release)} is made{copied} (image {spec['image']})" + (f": {why}" if why else "")
    return Event(_service_of(release), EventType.NORMAL, spec["reason"], _cut_short(message), (spec["number"], _CUT))


def _repaired(child: Object, drift: Drift) -> Event:
    message = _cut_short(f"{insync.told(drift)}, and is {'set back' if drift.changes else 'made again'}")
    return Event(_service_of(child), EventType.WARNING, "DriftRepaired", message, (0, _STANDS))


def _of_release(change: _Change) -> Iterator[Event]:
    release, number = change.target, change.target["spec"]["number"]
    words = {
        "release": name(release),
        "image": release["spec"]["image"],
        "job": (change.after.get("migration") or {}).get("job"),
    }
    for row in _OF_A_RELEASE:
        was, is_ = row.looks_at(change.before), row.looks_at(change.after)
        if is_ == row.becomes and was != row.becomes and (row.before is None or was in row.before):
            message = row.message.format(**words)
            yield Event(_service_of(release), EventType.NORMAL, row.reason, message, (number, row.place))
    if _phase(change.after) == Phase.FAILED and _phase(change.before) != Phase.FAILED:
        # The service tells it too, with what goes on serving; this one stays with the release.
        message = _cut_short(change.after["message"])
        yield Event(_itself(release, RELEASE), EventType.WARNING, change.after["reason"], message, (number, _FAILS))


def _of_service(change: _Change) -> Iterator[Event]:
    was, is_ = (_claim(status, ConditionType.READY) for status in (change.before, change.after))
    if (was.get("reason"), change.before.get("release")) != (is_["reason"], change.after.get("release")):
        type_ = _type_of_standing(is_["reason"], change)
        if type_:
            yield _claimed(change, is_, type_)
    for kind, status in _CONDITIONS.items():
        was, is_ = _claim(change.before, kind), _claim(change.after, kind)
        if is_.get("status") == status and was.get("status") != status:
            yield _claimed(change, is_, EventType.WARNING)
    told, tells = (status.get("shutdown") or () for status in (change.before, change.after))
    for reason, message in disposability.worsened(name(change.target), told, tells):
        yield _claimed(change, {"reason": reason, "message": message}, EventType.WARNING)
    safe_before, safe = _safe(change.before), _safe(change.after)
    for secret in sorted(safe.keys() - safe_before.keys()):
        message = f"Secret {secret}: {safe[secret]}"
        step = (change.after.get("number", 0), _SAFE)
        yield Event(_itself(change.target, SERVICE), EventType.NORMAL, "SafeToRevoke", message, step)


def _safe(status: Mapping[str, Any]) -> dict[str, str]:
    """Name of each rotated Secret whose old value may be revoked, to what is said of it."""
    return {each["secret"]: each["message"] for each in status.get("rotation") or () if each["safeToRevoke"]}


def _type_of_standing(reason: str, change: _Change) -> EventType | None:
    """How a new reason of Ready is told; not at all when it is the course of a release, which is told already."""
    if reason == "Serving":
        recovered = change.before.get("activeRelease") == change.after["activeRelease"]
        return EventType.NORMAL if recovered else None
    known = STANDING.get(reason)
    severity = known.severity if known else Severity.ERROR
    if severity is None:
        return None
    return EventType.NORMAL if severity is Severity.INFO else EventType.WARNING


def _claimed(change: _Change, claim: Object, type_: EventType) -> Event:
    step = (change.after.get("number", 0), _FAILS if type_ is EventType.WARNING else _STANDS)
    return Event(_itself(change.target, SERVICE), type_, claim["reason"], _cut_short(claim["message"]), step)


def _claim(status: Mapping[str, Any], kind: ConditionType) -> Object:
    return condition({"status": status}, kind) or {}


def _service_of(release: Object) -> dict[str, str]:
    service = owner(release)
    assert service is not None  # noqa: S101 a release without its service is not looked at
    return _reference(SERVICE, release["metadata"]["namespace"], service["name"], service["uid"])


def _itself(obj: Object, kind: str) -> dict[str, str]:
    return _reference(kind, obj["metadata"]["namespace"], name(obj), uid(obj))


def _reference(kind: str, namespace: str, of: str, its_uid: str) -> dict[str, str]:
    return {"apiVersion": API_VERSION, "kind": kind, "namespace": namespace, "name": of, "uid": its_uid}


def _cut_short(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else f"{message[: MESSAGE_LIMIT - 1]}…"
