"""Who changed what a release is made of, as the DeliveryService itself tells: metadata.managedFields.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management. An entry has a manager, the fields
that it owns, and when it last added, changed or removed one. So a manager is named only if it has written since the
release before was made; of a field that was removed nobody is the owner, and its author is known when there is but one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from delivery_operator.engine.changes import FIELDS_LIMIT, Changes, Path, written
from delivery_operator.engine.objects import Object

AUTHORS_LIMIT: Final = 8
_NAME_LIMIT: Final = 128


def signed(release: Object, changes: Changes, service: Object) -> Object:
    """Write into a release that is about to be made who made the changes.

    Args:
        release: its manifest.
        changes: what was changed.
        service: the DeliveryService as the API server has it, with its managedFields.
    """
    found = _authors(changes, service)
    return {**release, "spec": {**release["spec"], "changedBy": found}} if found else release


def _authors(changes: Changes, service: Object) -> list[dict[str, Any]]:
    entries = list(_writers(service, changes.since or ""))
    authors: dict[tuple[str, str], dict[str, Any]] = {}
    for path in changes.fields[:FIELDS_LIMIT]:
        owners = [each for each in entries if _owns(each["fieldsV1"], path)]
        if not owners and len(entries) == 1:
            owners = entries
        if not owners:
            continue
        latest = max(owners, key=lambda each: (each["time"], each["manager"]))
        entry = authors.setdefault(
            (latest["manager"], latest["operation"]),
            {
                "manager": latest["manager"][:_NAME_LIMIT],
                "operation": latest["operation"],
                "time": latest["time"],
                "fields": [],
            },
        )
        entry["fields"].append(written(path))
    return list(authors.values())[:AUTHORS_LIMIT]


def _writers(service: Object, since: str) -> Iterator[Mapping[str, Any]]:
    """The entries of those who have written the object itself, and not only its status, since then."""
    for entry in service["metadata"].get("managedFields") or ():
        if not entry.get("subresource") and entry.get("fieldsV1") and entry.get("time", "") >= since:
            yield {"time": "", **entry}


def _owns(fields: Mapping[str, Any], path: Path) -> bool:
    for step in path:
        below = _item(fields, step[1:-1]) if step.startswith("[") else fields.get(f"f:{step}")
        if below is None:
            return False
        if not below:
            return True  # what is below is owned whole
        fields = below
    return True


def _item(fields: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Find a list's item: `k:` and its keys; or the list, when it is owned whole."""
    for key, below in fields.items():
        if key.startswith("k:") and json.loads(key[2:]).get("name") == name:
            found: Mapping[str, Any] = below
            return found
    return None
