"""What is to be written, in order. A plan says what; the cluster layer says how."""

from dataclasses import dataclass
from typing import Any

from delivery_operator.engine.changes import Changes
from delivery_operator.engine.drift import Drift
from delivery_operator.engine.objects import Key, Object, key


@dataclass(frozen=True)
class Create:
    """Create an object that never changes afterwards (a release, a Job, a ConfigMap).

    Attributes:
        manifest: the object.
        made_from: an object that is read again before, and must still have the same generation. A release is made from
            its service's spec and cannot be taken back, so a stale view of the spec must not make one.
        changes: what a release is made of; who made them is read from the object it is made from.
        drift: set when somebody deleted the object and it is made again.
    """

    manifest: Object
    made_from: Object | None = None
    changes: Changes | None = None
    drift: Drift | None = None


@dataclass(frozen=True)
class Apply:
    """Server-side apply of the fields in the manifest.

    Attributes:
        manifest: the fields to own.
        uid: of the object that was seen, and must still be there; None when none was seen: then none may be there.
        drift: what it sets back, when somebody else's change is the reason.
    """

    manifest: Object
    uid: str | None
    drift: Drift | None = None


@dataclass(frozen=True)
class HandOver:
    """Give the number of a Deployment's pods to another field manager, as it is.

    Server-side apply drops a field that the last manager no longer sets, and the API server then sets replicas to its
    default of 1: the number must have another owner before a manifest without it is applied.

    Attributes:
        target: the Deployment that was seen.
        replicas: the number it has.
    """

    target: Object
    replicas: int


@dataclass(frozen=True)
class Resume:
    """Let a Job run that was made suspended: exactly the one that was seen, whose UID is recorded by now (invariant 3).

    Attributes:
        target: the Job.
    """

    target: Object


@dataclass(frozen=True)
class Delete:
    """Delete exactly the object that was seen: its UID and resourceVersion are preconditions (invariant 7)."""

    target: Object


@dataclass(frozen=True)
class SetStatus:
    """Replace the status of one of our own kinds."""

    target: Object
    status: dict[str, Any]


Write = Create | Apply | HandOver | Resume | Delete | SetStatus


def aim(write: Write) -> Key:
    """Kind and name of the object that a write is of."""
    return key(write.manifest if isinstance(write, Create | Apply) else write.target)


@dataclass(frozen=True)
class Plan:
    """The next writes of one service.

    Attributes:
        writes: in the order to be made; each assumes that those before it succeeded. Empty when all is as it should be.
        look_again_after: seconds after which to decide again although nothing happened; None when events suffice.
    """

    writes: tuple[Write, ...] = ()
    look_again_after: float | None = None
