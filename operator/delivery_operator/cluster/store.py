"""What has been seen of the cluster, by service.

Written by watches, by the operator's own responses and by the periodic authoritative LIST; of two versions of an object
the newer one stays, so that a reconcile reads its own writes. Absence is never learned from a watch alone: after a gap
a watch may have missed a deletion, and the next LIST says so.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from delivery_operator.api.drift import KINDS
from delivery_operator.api.environment import KIND as ENVIRONMENT_KIND
from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import DEFAULT_ENVIRONMENT
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.task import KIND as TASK_KIND
from delivery_operator.cluster import managed
from delivery_operator.cluster.bodies import Bodies
from delivery_operator.cluster.lifetimes import Lifetimes
from delivery_operator.cluster.repairs import Repairs
from delivery_operator.engine.pods import CONTAINER_STATUSES
from delivery_operator.render.names import HOLDER_NAMESPACE, SERVICE

Body = dict[str, Any]
ServiceKey = tuple[str, str]
"""Namespace and name of a DeliveryService; without a namespace it is a DeliveryEnvironment's."""
ObjectKey = tuple[str, str, str]
"""Kind, namespace (empty for a cluster-scoped kind) and name of any object."""

LEASE: Final = "Lease"
POD: Final = "Pod"
_REMEMBERED: Final = 10_000
_LOOKED_AT: Final = {SERVICE_KIND, TASK_KIND, ENVIRONMENT_KIND}


def service_key(body: Mapping[str, Any]) -> ServiceKey | None:
    """The service an object belongs to: by its own name, or by its label; None when it carries none.

    A task and a release belong to the service that their spec names, the Lease of a database to that of its holder, and
    an environment to nobody: it has a key of its own.
    """
    metadata = body["metadata"]
    if body["kind"] == ENVIRONMENT_KIND:
        return "", metadata["name"]
    if body["kind"] == SERVICE_KIND:
        return metadata["namespace"], metadata["name"]
    if body["kind"] in {TASK_KIND, RELEASE_KIND}:
        return metadata["namespace"], body["spec"]["service"]
    labels = metadata.get("labels") or {}
    name = labels.get(SERVICE)
    namespace = labels.get(HOLDER_NAMESPACE) if body["kind"] == LEASE else metadata["namespace"]
    return (namespace, name) if name and namespace else None


def object_key(body: Mapping[str, Any]) -> ObjectKey:
    """The key under which an object is held."""
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


def version(body: Mapping[str, Any]) -> int:
    """The object's resourceVersion as a number.

    Comparable among objects of one kind: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions.
    """
    return int(body["metadata"]["resourceVersion"])


class Store:
    """Objects by kind, namespace and name, indexed by service. Not thread-safe: one event loop uses it."""

    def __init__(self, lifetimes: Lifetimes | None = None) -> None:
        """Start empty; tell what follows the pods of each that changes or goes."""
        self.lifetimes = lifetimes or Lifetimes()
        self.repairs = Repairs()
        self._bodies: Bodies[ObjectKey] = Bodies()
        # UID and version of each object held: most of what is asked of most objects.
        self._held: dict[ObjectKey, tuple[str, int]] = {}
        self._environments: dict[ServiceKey, str] = {}
        self._index: dict[ServiceKey, dict[ObjectKey, None]] = {}
        self._home: dict[ObjectKey, ServiceKey] = {}
        # Objects that a service asked for by name and whose label names another one: both look at them.
        self._guests: dict[ObjectKey, set[ServiceKey]] = {}
        # UID of each removed object to the version at which it was: a response that was on its way when its object went
        # must not bring it back. A newer version may: an object that lost its label, and got it back, was never gone.
        self._removed: OrderedDict[str, int] = OrderedDict()

    def put(self, body: Body, service: ServiceKey | None = None) -> ServiceKey | None:
        """Keep an object if it is newer than the one held.

        Args:
            body: the object, with kind.
            service: the service that asks for it by name, whatever its label says.

        Returns:
            The service it concerns when something changed, else None.
        """
        key = object_key(body)
        home = service_key(body) or service
        held = self._held.get(key)
        if home is None or version(body) < self._removed.get(body["metadata"]["uid"], 0):
            return None
        if service is not None and service[0] and service != home:
            self._guests.setdefault(key, set()).add(service)
            self._index.setdefault(service, {})[key] = None
        if held is not None and held[1] >= version(body):
            return None
        if key[0] == POD:
            self.lifetimes.changed(self.get(*key), body)
        self._bodies[key] = pruned(body)
        self._held[key] = body["metadata"]["uid"], version(body)
        if body["kind"] == SERVICE_KIND:
            self._environments[home] = body["spec"].get("environment", DEFAULT_ENVIRONMENT)
        previous = self._home.get(key)
        if previous is not None and previous != home and previous not in self._guests.get(key, ()):
            del self._index[previous][key]
        self._home[key] = home
        self._index.setdefault(home, {})[key] = None
        return home

    def remove(self, body: Body, *, last_seen: bool = False) -> ServiceKey | None:
        """Forget an object that was deleted, or no longer carries the label; a newer one of its name stays.

        Args:
            body: the object, as the event of its removal has it: with the version of the removal.
            last_seen: the body is the object's last state instead, which the removal came after.

        Returns:
            The service it concerned, if it was held.
        """
        key = object_key(body)
        removed = version(body) + last_seen
        self._removed[body["metadata"]["uid"]] = removed
        while len(self._removed) > _REMEMBERED:
            self._removed.popitem(last=False)
        held = self._held.get(key)
        if held is None or held[0] != body["metadata"]["uid"] or held[1] > removed:
            return None
        return self._drop(key, None if last_seen else body)

    def replace(self, kind: str, namespace: str | None, items: Iterable[Body], list_version: str) -> set[ServiceKey]:
        """Take an authoritative LIST: what it has is kept, what it lacks is forgotten; arguments as of `keep_only`."""
        changed, present = self.put_all(items)
        return changed | self.keep_only(kind, namespace, present, list_version)

    def put_all(self, items: Iterable[Body]) -> tuple[set[ServiceKey], set[ObjectKey]]:
        """Keep what a LIST, or a page of one, has; the services for which something changed, and what was listed."""
        changed: set[ServiceKey] = set()
        present = set()
        for item in items:
            present.add(object_key(item))
            changed.update(filter(None, [self.put(item)]))
        return changed, present

    def keep_only(
        self, kind: str, namespace: str | None, present: AbstractSet[ObjectKey], list_version: str
    ) -> set[ServiceKey]:
        """Forget what an authoritative LIST lacks.

        Args:
            kind: what was listed.
            namespace: where; None for all namespaces.
            present: everything there was.
            list_version: resourceVersion of the list; what is newer than it may be missing from it and stays.

        Returns:
            The services for which something changed.
        """
        gone = [
            key
            for key, (_, held) in self._held.items()
            if key[0] == kind
            and (namespace is None or key[1] == namespace)
            and key not in present
            and held <= int(list_version)
        ]
        return {self._drop(key) for key in gone}

    def get(self, kind: str, namespace: str, name: str) -> Body | None:
        """Return one object, if it is held; callers must not change it."""
        key = kind, namespace, name
        return self._bodies[key] if key in self._held else None

    def version(self, kind: str, namespace: str, name: str) -> int:
        """Return the version of an object that is held, 0 when none is: cheaper than the object."""
        held = self._held.get((kind, namespace, name))
        return held[1] if held else 0

    def forget(self, kind: str) -> None:
        """Drop every object of a kind that the cluster no longer serves."""
        for key in [key for key in self._held if key[0] == kind]:
            self._drop(key)

    def of_service(self, service: ServiceKey) -> list[Body]:
        """Return every object of a service, itself included; callers must not change them."""
        return [self._bodies[key] for key in self._index.get(service, ())]

    def services(self) -> list[ServiceKey]:
        """Return the keys of all DeliveryServices held."""
        return list(self._environments)

    def keys(self) -> list[ServiceKey]:
        """Return the keys of everything that is looked at: services, tasks without one, and environments."""
        return [key for key, held in self._index.items() if any(each[0] in _LOOKED_AT for each in held)]

    def in_environment(self, name: str) -> list[ServiceKey]:
        """Return the keys of the services that name an environment."""
        return [service for service, environment in self._environments.items() if environment == name]

    def count(self) -> int:
        """Return how many objects are held."""
        return len(self._held)

    def _drop(self, key: ObjectKey, last: Body | None = None) -> ServiceKey:
        home = self._home.pop(key)
        if key[0] == POD:
            self.lifetimes.gone(home, self.get(SERVICE_KIND, *home), last or self._bodies[key])
        del self._bodies[key]
        del self._held[key]
        if key[0] == SERVICE_KIND:
            del self._environments[home]
        for service in {home, *self._guests.pop(key, ())}:
            index = self._index[service]
            del index[key]
            if not index:
                del self._index[service]
        return home


_DROPPED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
_POD_STATUS: Final = ("phase", "conditions", *CONTAINER_STATUSES)


def pruned(body: Body) -> Body:
    """Keep of an object what the engine reads: memory per service is budgeted."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    if _DROPPED_ANNOTATION in (metadata.get("annotations") or {}):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != _DROPPED_ANNOTATION}
    if body["kind"] in KINDS:
        others = managed.kept(body["metadata"])
        if others:
            metadata["managedFields"] = others
    kept = {**body, "metadata": metadata}
    if body["kind"] == POD:
        kept["spec"] = {"nodeName": body["spec"].get("nodeName", "")}
        kept["status"] = {name: value for name, value in (body.get("status") or {}).items() if name in _POD_STATUS}
    return kept
