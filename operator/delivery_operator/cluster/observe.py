"""Builds the snapshot a decision is made from: the store's objects, what the references hold, and the platform."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DEFAULT_ENVIRONMENT, DeliveryServiceSpec
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.task import KIND as TASK_KIND
from delivery_operator.cluster.bindings import Bindings, Bound
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.locks import Locks
from delivery_operator.cluster.referenced import Referenced, blanked
from delivery_operator.cluster.store import LEASE, Body, ServiceKey, Store
from delivery_operator.engine import locks, references, waves, wish
from delivery_operator.engine.history import History
from delivery_operator.engine.objects import Key
from delivery_operator.engine.pods import CONTAINER_STATUSES
from delivery_operator.engine.snapshot import Lock, Snapshot
from delivery_operator.render.platform import Platform


@dataclass(frozen=True)
class Observer:
    """Looks at one service at a time.

    Attributes:
        store: what has been seen.
        referenced: Secrets and ConfigMaps.
        environments: what the platform team says.
        bindings: provisioned services.
        locks: Leases of databases.
        discovery: what the cluster serves.
    """

    store: Store
    referenced: Referenced
    environments: Environments
    bindings: Bindings
    locks: Locks
    discovery: Discovery

    async def observe(self, service: ServiceKey, *, patient: bool = True) -> Snapshot | None:
        """Gather everything about one service; None when there is no such service.

        Args:
            service: the service.
            patient: whether to fail where the API of a provisioned service does not answer, instead of telling it.

        Raises:
            ApiError: something it refers to could not be read.
        """
        body = self.store.get(SERVICE_KIND, *service)
        if body is None:
            self.referenced.forget(service)
            self.store.lifetimes.told(service, self.store.lifetimes.of(service))  # nobody is left to be told
            return None
        held = self.store.of_service(service)
        releases = [each for each in held if each["kind"] == RELEASE_KIND]
        children = {
            (each["kind"], each["metadata"]["name"]): each
            for each in held
            if each["kind"] not in {SERVICE_KIND, RELEASE_KIND, TASK_KIND, LEASE, "Pod"}
        }
        found = await self.environments.of(body["spec"].get("environment", DEFAULT_ENVIRONMENT))
        history = History.of(body, releases)
        wanted = _wanted(body, history, children)
        bound = Bound({}, {})
        if wanted:
            bound = await self.bindings.resolve(service[0], wanted.backing_services, patient=patient)
        uses = {use.reference for use in references.uses(wanted, bound.secrets)} if wanted else set()
        places = locks.places(history, bound.secrets)
        uses |= {(ReferenceKind.SECRET, secret) for secret, _ in places}
        # What a pod of an older release says may hold what that release refers to, and the spec of today does not.
        for release in history.of_pods(each for each in held if each["kind"] == "Pod"):
            # A copy has the manifests of the release that it is of; and what is optional may have come later.
            source = history.numbered(release.copy_of) if release.copy_of else None
            uses |= release.references | (source.references if source else frozenset())
            uses |= {use.reference for use in references.uses(release.spec, bound.secrets)} if release.spec else set()
        values, sensitive = await self.referenced.resolve(service, uses)
        hashes = await self.referenced.databases(service[0], places)
        databases = {place: tuple(map(self.locks.name, found)) for place, found in hashes.items()}
        return Snapshot(
            now=datetime.now(UTC),
            service=body,  # as it was when its references were resolved; a newer one is on the queue already
            releases=releases,
            children=children,
            pods=[_without(each, sensitive) for each in held if each["kind"] == "Pod"],
            tasks=[each for each in held if each["kind"] == TASK_KIND],
            referenced=values,
            databases=databases,
            locks=self.locks.of(service, (each for found in databases.values() for each in found)),
            lock_namespace=self.locks.namespace,
            bundle=found.templates.bundle,
            platform=Platform(found.spec, self.discovery.served, bound.secrets),
            obstacle=found.obstacle,
            template_fault=found.templates.fault,
            renew=waves.asks(found.body, body, found.templates.bundle.digest),
            unbound=bound.problems,
            repairs=self.store.repairs.of(service),
            shutdowns=self.store.lifetimes.of(service),
        )

    def tasks_without_service(self, service: ServiceKey) -> list[Body]:
        """The tasks that name a service which does not exist."""
        return [each for each in self.store.of_service(service) if each["kind"] == TASK_KIND]

    def locks_without_service(self, service: ServiceKey) -> list[Lock]:
        """The Leases that releases of a service hold which does not exist."""
        return self.locks.without_service(service)


def _wanted(body: Body, history: History, children: dict[Key, Body]) -> DeliveryServiceSpec | None:
    """The spec whose references count: the service's, or that of the release it is to go back to."""
    try:
        return wish.of(body, wish.read(body), history, children).spec
    except ValidationError:
        return None  # the engine reports it


def _without(pod: Body, sensitive: frozenset[str]) -> Body:
    """Blank secret values out of what the pod's containers said (invariant 8)."""
    status = pod.get("status") or {}
    said = {field: status[field] for field in CONTAINER_STATUSES if status.get(field)}
    if not said or not sensitive:
        return pod
    cleaned = {field: [_clean(each, sensitive) for each in statuses] for field, statuses in said.items()}
    return {**pod, "status": {**status, **cleaned}}


def _clean(value: Any, sensitive: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: blanked(each, sensitive) if name == "message" and isinstance(each, str) else _clean(each, sensitive)
            for name, each in value.items()
        }
    return value
