"""Which requests are writes that a plan may cut around: the one place that says so.

Left out are those that come by the clock or are best effort: the leader's Lease, which is renewed every few seconds,
and Events, which nobody decides by. A fault there is a scenario of its own ("leader change").
"""

import json
from typing import Final

from delivery_operator.runtime.settings import LEASE

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def described(method: str, path: str, body: bytes) -> str | None:
    """A write in words, "patch deployments order-web", or None when the request does not count as one."""
    if method not in _VERBS:
        return None
    parts = path.strip("/").split("/")
    parts = parts[2 if parts[0] == "api" else 3 :]  # api/v1 or apis/group/version
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    if parts[0] == "events":
        return None
    if parts[0] == "leases" and (parts[1] if len(parts) > 1 else json.loads(body)["metadata"]["name"]) == LEASE:
        return None
    return " ".join([_VERBS[method], *parts])
