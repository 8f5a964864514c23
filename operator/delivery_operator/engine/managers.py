"""Who wrote a field, as the object itself tells: metadata.managedFields.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management. An entry names a manager, when it
last changed something, and its fields as a tree: `f:` before the name of a field, `k:` before the keys of a list's item
and nothing below a value that is owned whole. The store keeps the entries of others alone, each tree as text.
"""

import json
from collections.abc import Mapping
from typing import Any

from delivery_operator.engine.compare import Item, Path
from delivery_operator.engine.objects import Object
from delivery_operator.render.names import MANAGER


def writer(live: Object, path: Path) -> tuple[str, str]:
    """Find the manager that owns a field, and when it last wrote; two empty texts when no one does.

    A field that somebody removed is nobody's.
    """
    owners = [
        (str(entry.get("time", "")), str(entry["manager"]))
        for entry in live["metadata"].get("managedFields") or ()
        if _owns(json.loads(entry["fieldsV1"]), path)
    ]
    at, manager = max(owners, default=("", ""))
    return manager, at


def written_by_us(live: Object) -> bool:
    """Whether the operator wrote the object; known only of one without a controller."""
    return any(entry["manager"] == MANAGER for entry in live["metadata"].get("managedFields") or ())


def _owns(fields: Mapping[str, Any], path: Path) -> bool:
    for step in path:
        below = _item(fields, step) if isinstance(step, Item) else fields.get(f"f:{step}")
        if below is None:
            return False
        if not below:
            return True
        fields = below
    return True


def _item(fields: Mapping[str, Any], step: Item) -> Mapping[str, Any] | None:
    """Find a list's item by its keys; a key that we do not write has the API server's default."""
    for name, below in fields.items():
        if name.startswith("k:"):
            keys = json.loads(name.removeprefix("k:"))
            if all(step.wanted.get(key, value) == value for key, value in keys.items()):
                found: Mapping[str, Any] = below
                return found
    return None
