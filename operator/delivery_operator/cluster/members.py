"""What an environment's waves read of each service, kept from one look to the next.

An environment looks at all of its services, thousands perhaps, whenever something happens to one of them. What is held
in the store is costly to open; so of each service and its two releases the few facts that count are kept, with the
versions they were read from, and read again only when those are others.
"""

import asyncio
from typing import Final

from delivery_operator.api.release import KIND as RELEASE
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.cluster.store import ServiceKey, Store
from delivery_operator.engine.waves import Member

_AT_ONCE: Final = 50
_Seen = tuple[int, str, int, str, int]
"""Version of the service; name and version of its newest release, and of the one that serves."""


class Members:
    """The services of all environments, as waves see them."""

    def __init__(self, store: Store) -> None:
        """Read them from this store."""
        self._store = store
        self._kept: dict[ServiceKey, tuple[_Seen, Member]] = {}

    async def all(self, services: list[ServiceKey]) -> list[Member]:
        """Answer for services that the store holds; others take their turn meanwhile, since the first look is long."""
        found = []
        for number, key in enumerate(services, 1):
            found.append(self._of(key))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return [each for each in found if each]

    def forget(self) -> None:
        """Drop what is kept of services that are gone."""
        for key in [key for key in self._kept if not self._store.version(SERVICE, *key)]:
            del self._kept[key]

    def _of(self, key: ServiceKey) -> Member | None:
        kept = self._kept.get(key)
        if kept and kept[0] == self._seen(key, kept[0][1], kept[0][3]):
            return kept[1]
        service = self._store.get(SERVICE, *key)
        if service is None:
            return None  # it has gone meanwhile
        status = service.get("status") or {}
        newest, active = status.get("release", ""), status.get("activeRelease", "")
        member = Member.of(service, self._store.get(RELEASE, key[0], newest), self._store.get(RELEASE, key[0], active))
        self._kept[key] = self._seen(key, newest, active), member
        return member

    def _seen(self, key: ServiceKey, newest: str, active: str) -> _Seen:
        version, namespace = self._store.version, key[0]
        return (
            version(SERVICE, *key),
            newest,
            version(RELEASE, namespace, newest),
            active,
            version(RELEASE, namespace, active),
        )
