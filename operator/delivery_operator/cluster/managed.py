"""What is kept of an object's metadata.managedFields: who else wrote to it, so that drift can be explained.

Of a healthy child that nobody else touched nothing is kept, and what is kept is text: the tree of fields is read when a
field is looked for (engine/managers.py). A real tree of objects would take ten times the memory.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from delivery_operator.render.names import MANAGER, SCALE_MANAGER

_OURS: Final = {MANAGER, SCALE_MANAGER}


def kept(metadata: Mapping[str, Any]) -> list[dict[str, str]]:
    """Choose the entries to keep.

    Those of others, but for what controllers write into status. Where no controller owns the object also our own, for
    nothing else tells that we made it.
    """
    owned = any(each.get("controller") for each in metadata.get("ownerReferences") or ())
    return [
        _compact(entry)
        for entry in metadata.get("managedFields") or ()
        if entry.get("subresource") != "status" and (entry.get("manager") not in _OURS or not owned)
    ]


def _compact(entry: Mapping[str, Any]) -> dict[str, str]:
    fields = entry.get("fieldsV1") or {}
    return {
        "manager": entry.get("manager", ""),
        "time": entry.get("time", ""),
        # Kept once already: an object that goes back into the store.
        "fieldsV1": fields if isinstance(fields, str) else json.dumps(fields, separators=(",", ":")),
    }
