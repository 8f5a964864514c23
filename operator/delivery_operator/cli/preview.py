"""What applying a service's manifests would change in the cluster, answered by the API server itself (a dry run)."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.binding import ProvisionedService
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cli.changes import Change, changes
from delivery_operator.cli.documents import Service, environment_of
from delivery_operator.cli.exits import Missing
from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import NotFound
from delivery_operator.cluster.resources import BY_KIND, ENVIRONMENTS, Resource
from delivery_operator.render import names
from delivery_operator.render.bundle import KINDS
from delivery_operator.render.manifests import Manifest
from delivery_operator.render.platform import OPTIONAL, Platform

_NOT_COMPARED: Final = "Job"
_CHILD_KINDS: Final = tuple(kind for _, kind in KINDS.values() if kind != _NOT_COMPARED)


@dataclass(frozen=True)
class Difference:
    """A child that would be `added`, `removed` or `changed`, with the fields of the last."""

    kind: str
    name: str
    change: str
    fields: Sequence[Change] = ()


async def platform(cluster: Cluster, service: Service, given: dict[str, DeliveryEnvironmentSpec]) -> Platform:
    """Put together what the manifests depend on beside the service, as the cluster has it.

    Args:
        cluster: where.
        service: the service.
        given: environments that take the place of the cluster's.

    Raises:
        BadInput: the service names an environment that is nowhere.
        Missing: the object of a backing service does not name its Secret.
    """
    known = dict(given)
    name = service.spec.environment
    if name not in known and (found := await cluster.api.find(ENVIRONMENTS, None, name)):
        known[name] = DeliveryEnvironmentSpec.model_validate(found["spec"])
    environment = environment_of(service, known, "create it, or give --environment-file")
    return Platform(environment, await served(cluster), await bindings(cluster, service.namespace, service.spec))


async def served(cluster: Cluster) -> frozenset[str]:
    """Ask which of the optional API versions the cluster serves."""
    return frozenset([each for each in OPTIONAL if await _serves(cluster, each)])


async def bindings(cluster: Cluster, namespace: str, spec: DeliveryServiceSpec) -> dict[str, str]:
    """Ask the objects of provisioned services for their Secrets.

    Raises:
        Missing: one does not name it.
    """
    return {
        each.name: await _secret(cluster, namespace, each.provisioned_service)
        for each in spec.backing_services
        if each.provisioned_service
    }


async def differences(
    cluster: Cluster, service: str, namespace: str, manifests: Sequence[Manifest]
) -> list[Difference]:
    """Compare manifests with what is there, by a dry run of applying each.

    Raises:
        ApiError: the API server refuses one of them.
    """
    live = await _live(cluster, service, namespace)
    wanted = {(each["kind"], each["metadata"]["name"]): each for each in manifests if each["kind"] != _NOT_COMPARED}
    found = []
    for (kind, name), manifest in wanted.items():
        there = live.get((kind, name))
        after = await cluster.api.preview(BY_KIND[kind], manifest if there is None else _kept(manifest, there))
        if there is None:
            found.append(Difference(kind, name, "added"))
        elif fields := changes(there, after):
            found.append(Difference(kind, name, "changed", fields))
    found += [Difference(kind, name, "removed") for kind, name in live if (kind, name) not in wanted]
    return found


async def _live(cluster: Cluster, service: str, namespace: str) -> dict[tuple[str, str], Body]:
    found = {}
    for kind in _CHILD_KINDS:
        for each in await _list(cluster, BY_KIND[kind], namespace, f"{names.SERVICE}={service}"):
            found[kind, each["metadata"]["name"]] = each
    return found


async def _list(cluster: Cluster, resource: Resource, namespace: str, selector: str) -> list[Body]:
    try:
        return (await cluster.api.list(resource, namespace, selector=selector)).items
    except NotFound:  # a kind that this cluster does not serve
        return []


def _kept(manifest: Manifest, live: Body) -> Manifest:
    """Carry over what the operator adds to every child: its owner, the release's number, the digest."""
    kept = deepcopy(manifest)
    metadata, there = kept["metadata"], live["metadata"]
    if "ownerReferences" in there:
        metadata["ownerReferences"] = there["ownerReferences"]
    _carry(metadata, there, "annotations", names.MANIFEST)
    _carry(metadata, there, "labels", names.RELEASE)
    for path in (("template",), ("jobTemplate", "spec", "template")):
        own, other = _at(kept.get("spec"), path), _at(live.get("spec"), path)
        if own and other:
            _carry(own["metadata"], other["metadata"], "labels", names.RELEASE)
    return kept


def _carry(to: dict[str, Any], of: Mapping[str, Any], group: str, name: str) -> None:
    value = (of.get(group) or {}).get(name)
    if value is not None:
        to[group] = {**(to.get(group) or {}), name: value}


def _at(body: Any, path: Sequence[str]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


async def _serves(cluster: Cluster, api_version: str) -> bool:
    try:
        await cluster.api.answer(f"/apis/{api_version}")
    except NotFound:
        return False
    return True


async def _secret(cluster: Cluster, namespace: str, source: ProvisionedService) -> str:
    """Ask an object for the Secret of its binding (https://servicebinding.io/spec/core/1.1.0/#provisioned-service)."""
    root = "/apis/" if "/" in source.api_version else "/api/"
    group = await cluster.api.answer(root + source.api_version)
    plural = next((each["name"] for each in group["resources"] if each["kind"] == source.kind), None)
    if plural is not None:
        path = f"{root}{source.api_version}/namespaces/{namespace}/{plural}/{source.name}"
        body = await cluster.api.answer(path)
        name = ((body.get("status") or {}).get("binding") or {}).get("name")
        if name:
            return str(name)
    raise Missing(f"{source.kind} {source.name} names no Secret in status.binding.name", "wait until it is provisioned")
