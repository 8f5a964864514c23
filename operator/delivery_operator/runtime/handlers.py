"""kopf's part: watches that feed the store and name the key to look at. Nothing is decided here.

Only `on.event` is used: kopf's other handlers write annotations or finalizers into the user's objects (invariant 6).
"""

from collections.abc import Callable, Iterable
from typing import Any

import kopf

from delivery_operator.cluster.api import PAGE
from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.resources import Resource
from delivery_operator.cluster.store import Body
from delivery_operator.render.names import SERVICE

Heard = Callable[[Body, bool], None]
"""Called with each object a watch delivers, and whether it was deleted."""


def registry(connection: Connection, resources: Iterable[Resource], heard: Heard) -> kopf.OperatorRegistry:
    """Register a watch for every stored kind that is served, and how kopf logs in."""
    handlers = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        configuration = connection.configuration
        scheme, token = (*(await connection.authorization() or "").split(" ", 1), "")[:2]
        return kopf.ConnectionInfo(
            server=connection.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            scheme=scheme.capitalize() if token else None,
            token=token or None,
        )

    kopf.on.login(registry=handlers)(login)
    for resource in resources:

        async def handle(event: Any, kind: str = resource.kind, **_: Any) -> None:
            heard({**event["object"], "kind": kind}, event["type"] == "DELETED")  # objects of a LIST lack the kind

        kopf.on.event(resource.group, resource.version, resource.plural, registry=handlers, id=resource.plural)(handle)
    return handlers


def settings(resources: Iterable[Resource]) -> kopf.OperatorSettings:
    """Set kopf up as a mere watcher: no peering, no posting, no scanning for CRDs."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.scanning.disabled = True
    result.peering.standalone = True
    result.watching.server_timeout = 290  # renewed before a proxy or a NAT forgets the connection
    # An API server that is away for minutes is waited for; kopf's default gives up after half an hour all told.
    result.networking.error_backoffs = [1, 1, 2, 3, 5, 8] + [10] * 360
    result.persistence.diffbase_storage = _NoDifference()
    result.persistence.progress_storage = _NoProgress()
    # A LIST comes in pages, and kopf's worker of an object ends soon, having nothing to remember: a start with a large
    # fleet must not hold all of it as it came.
    result.watching.chunk_size = PAGE
    result.queueing.idle_timeout = 0.1
    for resource in resources:
        if resource.labelled:
            result.watching.label_selectors[resource.group, resource.version, resource.plural] = SERVICE
    return result


class _NoDifference(kopf.DiffBaseStorage):
    """Keeps no last-handled state. For kopf's own, each object is copied with each event, whether it is used or not."""

    def build(self, **_: Any) -> Any:
        """Nothing of an object is compared: only `on.event` is used."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: `on.event` has none."""

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """Nothing was kept."""

    def touch(self, **_: Any) -> None:
        """Change nothing in the user's object (invariant 6)."""

    def clear(self, *, essence: Any) -> Any:
        """Nothing to leave out."""
        return essence
