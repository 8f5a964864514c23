"""The Leases of databases, in the operator's own namespace: followed, and joined with what is known of their holders.

Whose a Lease is and when it may be taken is the engine's to decide (`engine.locks`); here they are read, and whoever
waits for one is named when it changes.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import ApiError, Gone
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.resources import LEASES
from delivery_operator.cluster.store import LEASE, Body, ServiceKey, Store, service_key
from delivery_operator.engine.snapshot import Lock
from delivery_operator.render import names

log = structlog.get_logger(__name__)

_PREFIX: Final = "delivery-operator-database-"
_RECONNECT_SECONDS: Final = 1.0


class Locks:
    """The Leases, and who waits for each."""

    def __init__(
        self,
        api: Api,
        store: Store,
        namespace: str,
        reach: Reach,
        changed: Callable[[ServiceKey], None],
    ) -> None:
        """Prepare; `watch` must run for changes to be seen.

        Args:
            api: the cluster.
            store: where Leases are kept, under the service of their holder.
            namespace: the operator's own.
            reach: where the operator looks.
            changed: called with each service that a change of a Lease concerns.
        """
        self.namespace = namespace
        self._api = api
        self._store = store
        self._reach = reach
        self._changed = changed
        self._wanted: dict[ServiceKey, frozenset[str]] = {}
        self._synced = asyncio.Event()

    @staticmethod
    def name(database: str) -> str:
        """Name of the Lease of a database, which is given as its keyed hash."""
        return f"{_PREFIX}{database}"

    async def synced(self) -> None:
        """Wait until the watch has its first list."""
        await self._synced.wait()

    def of(self, service: ServiceKey, wanted: Iterable[str]) -> dict[str, Lock]:
        """Answer with the Leases of these names and all that the service holds; remember that it asked."""
        asked = frozenset(wanted)
        if asked:
            self._wanted[service] = asked
        else:
            self._wanted.pop(service, None)
        found = [self._store.get(LEASE, self.namespace, each) for each in sorted(asked)]
        return {each["metadata"]["name"]: self._joined(each) for each in (*found, *self._held(service)) if each}

    def without_service(self, service: ServiceKey) -> list[Lock]:
        """The Leases that releases of a service hold which does not exist."""
        self._wanted.pop(service, None)
        return [self._joined(each) for each in self._held(service)]

    async def watch(self) -> None:
        """Follow the Leases until cancelled."""
        version: str | None = None
        while True:
            try:
                if version is None:
                    version = await self.relist()
                    self._synced.set()
                async for event, body in self._api.watch(LEASES, self.namespace, version, selector=names.SERVICE):
                    version = body["metadata"]["resourceVersion"]
                    if event != "BOOKMARK":
                        self._hear({**body, "kind": LEASE}, deleted=event == "DELETED")
                version = None  # now and then everything is listed: a watch may have gone deaf
            except Gone:
                version = None
            except ApiError as error:
                log.warning("watch interrupted", kind=LEASE, error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def relist(self) -> str:
        """Take an authoritative LIST into the store; returns its version.

        Raises:
            ApiError: it could not be had.
        """
        listing = await self._api.list(LEASES, self.namespace, selector=names.SERVICE)
        for service in self._store.replace(LEASE, self.namespace, listing.items, listing.version):
            self._changed(service)
        for service in list(self._wanted):
            self._changed(service)
        return listing.version

    def _hear(self, body: Body, *, deleted: bool) -> None:
        home = self._store.remove(body) if deleted else self._store.put(body)
        if home is not None:
            self._changed(home)
        name = body["metadata"]["name"]
        for service in [service for service, wanted in self._wanted.items() if name in wanted]:
            self._changed(service)

    def _held(self, service: ServiceKey) -> list[Body]:
        return [each for each in self._store.of_service(service) if each["kind"] == LEASE]

    def _joined(self, lease: Body) -> Lock:
        """Join a Lease with its holder, as far as the operator looks at the holder's namespace."""
        home = service_key(lease)
        if home is None or not self._reach.covers(home[0]):
            return Lock(lease, visible=False)
        held = self._store.of_service(home)
        uid = lease["metadata"]["labels"].get(names.HOLDER_UID)
        return Lock(
            lease=lease,
            release=next((each for each in held if each["metadata"]["uid"] == uid), None),
            jobs=[each for each in held if each["kind"] == "Job"],
            pods=[each for each in held if each["kind"] == "Pod"],
        )
