"""From the manifests that should be to the writes that make them so, touching only what is ours (invariant 7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from delivery_operator.engine.compare import same
from delivery_operator.engine.objects import Key, Object, key, name, owned_by, owner, uid
from delivery_operator.engine.plan import Apply, Create, Delete, Write
from delivery_operator.render.manifests import Manifest

PRUNED: Final = (
    "HTTPRoute",
    "GRPCRoute",
    "Ingress",
    "ScaledObject",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Deployment",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "Service",
    "NetworkPolicy",
    "ConfigMap",
    "ServiceAccount",
)
"""Kinds that are deleted when no manifest asks for them any more, in this order. Jobs go with their release."""


@dataclass(frozen=True)
class Taken:
    """A name this service needs that belongs to something else.

    Attributes:
        key: kind and name of the object.
        leaving: whether its owner is a deleted namesake of the wanted one: then it is about to go by itself.
    """

    key: Key
    leaving: bool


def taken(wanted: Iterable[Manifest], live: Mapping[Key, Object]) -> Taken | None:
    """Find the first name among the wanted that another owner has."""
    for manifest in wanted:
        found = live.get(key(manifest))
        if found is not None and not _ours(manifest, found):
            return Taken(key(manifest), leaving=_of_namesake(manifest, found))
    return None


def writes(wanted: Iterable[Manifest], live: Mapping[Key, Object]) -> list[Write]:
    """Plan what brings the live objects in line, in the order of the manifests; nothing for those that are."""
    result: list[Write] = []
    for manifest in wanted:
        found = live.get(key(manifest))
        if found is None:
            # What never changes is created, at three quarters of the API server's cost of an apply.
            result.append(Create(manifest) if manifest.get("immutable") else Apply(manifest, uid=None))
        elif not same(manifest, found):
            result.append(Apply(manifest, uid=uid(found)))
    return result


def prune(wanted: Sequence[Manifest], live: Mapping[Key, Object], service: Object) -> list[Write]:
    """Plan the deletion of the service's own children that no manifest asks for."""
    keep = {key(manifest) for manifest in wanted}
    dropped = [
        found
        for found in live.values()
        if found["kind"] in PRUNED
        and key(found) not in keep
        and owned_by(found, uid(service))
        and not found["metadata"].get("deletionTimestamp")
    ]
    return [Delete(found) for found in sorted(dropped, key=lambda each: (PRUNED.index(each["kind"]), name(each)))]


def _ours(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    return owned_by(found, wanted_owner["uid"])


def _of_namesake(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    controller = owner(found)
    return bool(controller and all(controller[each] == wanted_owner[each] for each in ("kind", "name")))
