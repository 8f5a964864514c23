"""What is seen of services only side by side: one codebase for two of them, pools that add up, versions that differ.

None of it is wrong for certain, so it is told by `doctor` and refused nowhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from delivery_operator.api.binding import BackingService
from delivery_operator.api.process import Process
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cluster.api import Body

CONNECTIONS: Final = {"postgresql": 100, "postgres": 100, "mysql": 151, "mariadb": 151}
"""Connections that a server takes unless it is told otherwise, by type (max_connections in each manual)."""


@dataclass(frozen=True)
class Service:
    """A service as its spec has it."""

    namespace: str
    name: str
    spec: DeliveryServiceSpec

    def __str__(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Remark:
    """Something to look at.

    Attributes:
        says: what is so.
        remedy: what to do.
    """

    says: str
    remedy: str


def read(bodies: Iterable[Body]) -> list[Service]:
    """Read services by namespace and name; one that cannot be read is told of elsewhere."""
    found = []
    for body in bodies:
        try:
            spec = DeliveryServiceSpec.model_validate(body["spec"])
        except ValidationError:
            continue
        found.append(Service(body["metadata"]["namespace"], body["metadata"]["name"], spec))
    return sorted(found, key=str)


def of_namespace(services: Sequence[Service]) -> Iterator[Remark]:
    """Compare the services of one namespace with each other."""
    yield from _codebases(services)
    yield from _pools(services)


def of_environments(services: Sequence[Service], namespace: str) -> Iterator[Remark]:
    """Compare the services of a namespace with their namesakes in others, which are other deploys of them (F10-2)."""
    for own in services:
        for other in services:
            if own.namespace == namespace != other.namespace and own.name == other.name:
                yield from _versions(own, other)


def _codebases(services: Iterable[Service]) -> Iterator[Remark]:
    """One codebase is one app, with many deploys; in one namespace two services of it are two apps (F1-3)."""
    sharing: defaultdict[str, list[str]] = defaultdict(list)
    for each in services:
        if each.spec.codebase:
            sharing[each.spec.codebase.repository.removesuffix(".git").rstrip("/")].append(each.name)
    for repository, names in sorted(sharing.items()):
        if len(names) > 1:
            yield Remark(
                f"services {', '.join(names)} are built from one codebase, {repository}",
                "make them processes of one service, or give each a codebase and put what they share into a library",
            )


def _pools(services: Iterable[Service]) -> Iterator[Remark]:
    """Each pod may fill its pool, during a rolling update one more of each process (F4-5)."""
    sharing: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for each in services:
        for binding in each.spec.backing_services:
            if binding.secret and binding.pool and binding.type in CONNECTIONS:
                opened = binding.pool.max_open * sum(map(_pods, each.spec.processes.values()))
                sharing[binding.secret, binding.type].append((each.name, opened))
    for (secret, kind), opened_by in sorted(sharing.items()):
        total, allowed = sum(opened for _, opened in opened_by), CONNECTIONS[kind]
        if total > allowed:
            parts = ", ".join(f"{name} {opened}" for name, opened in opened_by)
            yield Remark(
                f"the pools of all pods together may open {total} connections to the {kind} of Secret {secret} "
                f"({parts}); it takes {allowed} unless it is told otherwise",
                "raise its max_connections above that, lower backingServices[].pool.maxOpen, or put a pooler in front",
            )


def _pods(process: Process) -> int:
    if process.schedule:
        return 1
    most = process.scaling.max if process.scaling else process.replicas if process.replicas is not None else 1
    return most + (most > 0 and not process.singleton)


def _versions(own: Service, other: Service) -> Iterator[Remark]:
    bindings = {each.name: each for each in own.spec.backing_services}
    for theirs in other.spec.backing_services:
        ours = bindings.get(theirs.name)
        if ours and _differ(ours, theirs):
            yield Remark(
                f"binding {ours.name} is {_what(ours)} for {own} and {_what(theirs)} for {other}",
                "use the same type and version in every environment",
            )


def _differ(one: BackingService, other: BackingService) -> bool:
    both_tell = one.version is not None and other.version is not None
    return one.type != other.type or (both_tell and one.version != other.version)


def _what(binding: BackingService) -> str:
    return f"{binding.type} {binding.version}" if binding.version else binding.type
