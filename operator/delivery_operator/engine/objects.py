"""Reading Kubernetes objects: plain JSON mappings, as the API server sends them."""

from collections.abc import Iterable, Mapping
from typing import Any

from delivery_operator.api.base import API_VERSION

Object = Mapping[str, Any]
Key = tuple[str, str]
"""(kind, name) of an object in the service's namespace."""


def name(obj: Object) -> str:
    """metadata.name."""
    return str(obj["metadata"]["name"])


def uid(obj: Object) -> str:
    """metadata.uid, or "" for a manifest that is not on a cluster yet."""
    return str(obj["metadata"].get("uid", ""))


def key(obj: Object) -> Key:
    """(kind, name)."""
    return str(obj["kind"]), name(obj)


def labels(obj: Object) -> Mapping[str, str]:
    """metadata.labels, empty when there are none."""
    found: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return found


def annotations(obj: Object) -> Mapping[str, str]:
    """metadata.annotations, empty when there are none."""
    found: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return found


def owner(obj: Object) -> Object | None:
    """The owner reference marked as controller, if there is one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            owner_reference: Object = reference
            return owner_reference
    return None


def owner_uid(obj: Object) -> str | None:
    """UID of the object's controller, if it has one."""
    reference = owner(obj)
    return str(reference["uid"]) if reference is not None else None


def owned_by(obj: Object, controller: str) -> bool:
    """Whether the object's controller is the one with this UID."""
    return owner_uid(obj) == controller


def owner_reference(kind: str, of: Object) -> dict[str, Any]:
    """The owner reference that makes an object of ours, of this kind, the controller of what it is put on."""
    return {"apiVersion": API_VERSION, "kind": kind, "name": name(of), "uid": uid(of), "controller": True}


def condition(obj: Object, condition_type: str) -> Object | None:
    """The condition of a type in the object's status."""
    conditions: Iterable[Object] = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == condition_type), None)


def condition_is(obj: Object, condition_type: str, status: str = "True") -> bool:
    """Whether the object has the condition in this status."""
    found = condition(obj, condition_type)
    return found is not None and found["status"] == status
