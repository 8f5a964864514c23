"""Secrets and ConfigMaps that services take values from.

Of all of them only metadata is watched; the content of a referenced one is read when it is first needed and after each
change. What is kept of it: the keyed hash of every value; where the databases are that a Secret leads to, of which a
keyed hash is given out; and the values of Secrets, those of today and a few before, which pods may still have, for one
purpose: to blank them out of what pods print. None of it leaves the process.
"""

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog

from delivery_operator.api.binding import DATABASES
from delivery_operator.api.release import ReferenceKind
from delivery_operator.cluster.api import Api, Body
from delivery_operator.cluster.databases import Location, locations
from delivery_operator.cluster.errors import ApiError, Forbidden, Gone, NotFound
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.resources import CONFIG_MAPS, SECRETS, Resource
from delivery_operator.cluster.store import ServiceKey
from delivery_operator.engine.snapshot import Database, Reference

log = structlog.get_logger(__name__)

_RESOURCES: Final[dict[ReferenceKind, Resource]] = {
    ReferenceKind.SECRET: SECRETS,
    ReferenceKind.CONFIG_MAP: CONFIG_MAPS,
}
_SHORTEST: Final = 4
"""Shorter values are not blanked out: they would be found in any text."""
_PUBLIC: Final = frozenset({"database", "dbname", "host", "hostname", "port", "provider", "type", "user", "username"})
"""Well-known entries (https://servicebinding.io) that are no secret, and without which an error could not be read."""
_RECONNECT_SECONDS: Final = 1.0
_EARLIER: Final = 4
"""How many sets of values that a Secret had before are blanked out as well."""

Place = tuple[ReferenceKind, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True)
class Content:
    """What is known of one object at one version.

    Attributes:
        version: its resourceVersion; 0 when it does not exist.
        hashes: key to keyed hash; None when it does not exist.
        sensitive: what must not be printed.
        locations: of the databases that a Secret leads to.
    """

    version: int
    hashes: Mapping[str, str] | None
    sensitive: frozenset[str]
    locations: frozenset[Location] = frozenset()


class Referenced:
    """The referenced objects of all services."""

    def __init__(
        self,
        api: Api,
        key: bytes,
        reach: Reach,
        own_namespace: str,
        changed: Callable[[ServiceKey], None],
    ) -> None:
        """Prepare; `watch` must run for changes to be seen.

        Args:
            api: the cluster.
            key: hashes values.
            reach: where to watch.
            own_namespace: the operator's own, whose ConfigMaps are watched too: environments take templates from them.
            changed: called with each service one of whose references changed.
        """
        self._api = api
        self._key = key
        self._reach = reach
        places = [(kind, namespace) for kind in _RESOURCES for namespace in reach.scopes]
        if not {None, own_namespace} & {*reach.scopes}:
            places.append((ReferenceKind.CONFIG_MAP, own_namespace))
        self._changed = changed
        self._contents: dict[Place, Content] = {}
        self._earlier: dict[Place, deque[frozenset[str]]] = {}
        self._last: dict[Place, frozenset[str]] = {}
        """What was sensitive of each that changed and was not read since."""
        self._users: dict[Place, set[ServiceKey]] = {}
        self._uses: dict[ServiceKey, frozenset[Place]] = {}
        self._touched: dict[Place, int] = {}
        self._synced: dict[tuple[ReferenceKind, str | None], asyncio.Event] = {
            place: asyncio.Event() for place in places
        }

    async def synced(self) -> None:
        """Wait until every watch has its first list, where the operator is let in."""
        for (_, namespace), event in self._synced.items():
            waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._reach.left(namespace))]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()

    async def resolve(
        self, service: ServiceKey, references: Iterable[Reference], namespace: str | None = None
    ) -> tuple[dict[Reference, Mapping[str, str]], frozenset[str]]:
        """Answer with what the references hold, and remember that this service asked.

        Args:
            service: who asks.
            references: what is asked for.
            namespace: where they are; by default in the service's own.

        Returns:
            The existing ones with the hash of each key, and everything in them that must not be printed.
        """
        namespace = service[0] if namespace is None else namespace
        places = {(kind, namespace, name): (kind, name) for kind, name in references}
        self._remember(service, frozenset(places))
        found: dict[Reference, Mapping[str, str]] = {}
        sensitive: set[str] = set()
        for place, reference in places.items():
            content = self._contents.get(place) or await self._read(place)
            sensitive |= content.sensitive.union(*self._earlier.get(place, ()))
            if content.hashes is not None:
                found[reference] = content.hashes
        return found, frozenset(sensitive)

    async def databases(self, namespace: str, wanted: Iterable[Database]) -> dict[Database, tuple[str, ...]]:
        """Answer with a keyed hash of each database that a Secret leads to, equal for all Secrets that lead there.

        Of one that does not tell where it leads, the Secret itself stands for the database. Those that do not exist are
        left out.

        Args:
            namespace: where the Secrets are; they must have been resolved before, so that their changes are followed.
            wanted: Secret and type of the backing service.
        """
        found: dict[Database, tuple[str, ...]] = {}
        for secret, kind in wanted:
            place = (ReferenceKind.SECRET, namespace, secret)
            content = self._contents.get(place) or await self._read(place)
            if content.hashes is not None:
                told = {each.identity(DATABASES[kind]) for each in content.locations} or {f"{namespace}/{secret}"}
                found[secret, kind] = tuple(sorted(self._hash(f"database {each}".encode())[:32] for each in told))
        return found

    def forget(self, service: ServiceKey) -> None:
        """Drop what was kept for a service that is gone."""
        self._remember(service, frozenset())

    async def watch(self) -> None:
        """Follow the metadata of all Secrets and ConfigMaps until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind, namespace in self._synced:
                group.create_task(self._follow(kind, namespace), name=f"watch {kind.value} in {namespace or 'all'}")

    async def relist(self, namespace: str | None = None) -> None:
        """Compare what is kept with an authoritative LIST.

        Args:
            namespace: where; None for what is in no namespace that is to be served: all of the cluster, or the
                operator's own.

        Raises:
            Forbidden: the operator may not look there.
            ApiError: the API server did not answer.
        """
        served = [scope for scope in self._reach.scopes if scope is not None]
        for kind, place in self._synced:
            if place == namespace if namespace else place not in served:
                await self._list(kind, place)

    def _remember(self, service: ServiceKey, places: frozenset[Place]) -> None:
        before = self._uses.get(service, frozenset())
        if before == places:
            return
        for place in before - places:
            self._users[place].discard(service)
            if not self._users[place]:
                del self._users[place]
                self._contents.pop(place, None)
                self._earlier.pop(place, None)
                self._last.pop(place, None)
                self._touched.pop(place, None)
        for place in places - before:
            self._users.setdefault(place, set()).add(service)
        if places:
            self._uses[service] = places
        else:
            self._uses.pop(service, None)

    async def _read(self, place: Place) -> Content:
        kind, namespace, name = place
        while True:
            touched = self._touched.get(place, 0)
            try:
                content = self._content(kind, await self._api.get(_RESOURCES[kind], namespace, name))
            except NotFound:
                content = Content(0, None, frozenset())
            # A change that came while the request was under way is not in its answer.
            if self._touched.get(place, 0) == touched or content.version >= self._touched[place]:
                if place in self._users:
                    self._contents[place] = content
                    self._keep(place, self._last.pop(place, frozenset()), content.sensitive)
                return content

    def _keep(self, place: Place, before: frozenset[str], now: frozenset[str]) -> None:
        """Keep the values of before, if those of now are others: many a change is one of an annotation."""
        if not before or before == now:
            return
        earlier = self._earlier.setdefault(place, deque(maxlen=_EARLIER))
        if before in earlier:
            earlier.remove(before)
        earlier.append(before)

    def _content(self, kind: ReferenceKind, body: Body) -> Content:
        values = {name: text.encode() for name, text in (body.get("data") or {}).items()}
        if kind is ReferenceKind.SECRET:
            values = {name: base64.b64decode(encoded) for name, encoded in values.items()}
        values |= {name: base64.b64decode(encoded) for name, encoded in (body.get("binaryData") or {}).items()}
        return Content(
            version=int(body["metadata"]["resourceVersion"]),
            hashes={name: self._hash(value) for name, value in values.items()},
            sensitive=_sensitive(values) if kind is ReferenceKind.SECRET else frozenset(),
            locations=locations(values, body["metadata"]["namespace"]) if kind is ReferenceKind.SECRET else frozenset(),
        )

    def _hash(self, value: bytes) -> str:
        return hmac.new(self._key, value, hashlib.sha256).hexdigest()

    async def _follow(self, kind: ReferenceKind, namespace: str | None) -> None:
        version: str | None = None
        while True:
            try:
                if version is None:
                    await self._reach.entered(namespace)
                    version = await self._list(kind, namespace)
                    self._synced[kind, namespace].set()
                async for event, metadata in self._api.watch_metadata(_RESOURCES[kind], namespace, version):
                    version = metadata["resourceVersion"]
                    if event != "BOOKMARK":
                        self._touch((kind, metadata["namespace"], metadata["name"]), int(version))
            except Gone:
                version = None
            except ApiError as error:
                if isinstance(error, Forbidden):
                    version = None  # begin with a LIST where the operator is let in again
                log.warning("watch interrupted", kind=kind.value, error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _list(self, kind: ReferenceKind, namespace: str | None) -> str:
        listing = await self._api.list(_RESOURCES[kind], namespace, metadata_only=True)
        present = {
            (kind, item["metadata"]["namespace"], item["metadata"]["name"]): int(item["metadata"]["resourceVersion"])
            for item in listing.items
        }
        for place, content in list(self._contents.items()):
            here = place[0] is kind and namespace in {None, place[1]}
            if here and present.get(place, 0) != content.version:
                self._touch(place, max(present.get(place, 0), int(listing.version)))
        return listing.version

    def _touch(self, place: Place, version: int) -> None:
        if place not in self._users:
            return
        self._touched[place] = version
        content = self._contents.get(place)
        if content is not None and content.version >= version:
            return
        self._contents.pop(place, None)
        if content is not None:
            self._last[place] = content.sensitive
        for service in self._users[place]:
            self._changed(service)


def _sensitive(values: Mapping[str, bytes]) -> frozenset[str]:
    found: set[str] = set()
    for name, value in values.items():
        if name.lower() in _PUBLIC:
            continue
        text = value.decode(errors="replace").strip()
        found.add(text)
        found.update(line.strip() for line in text.splitlines())
        try:
            password = urlsplit(text).password
        except ValueError:
            password = None
        if password:
            found |= {password, unquote(password)}
    return frozenset(each for each in found if len(each) >= _SHORTEST)


def blanked(text: str, sensitive: Iterable[str]) -> str:
    """Replace every sensitive value in a text, longer ones first, since one may hold another."""
    for value in sorted(sensitive, key=len, reverse=True):
        text = text.replace(value, "***")
    return text
