"""From the manifests that should be to the writes that make them so, touching only what is ours (invariant 7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from delivery_operator.engine.compare import same
from delivery_operator.engine.objects import Key, Object, key, labels, name, owned_by, owner, uid
from delivery_operator.engine.overlay import least
from delivery_operator.engine.plan import Apply, Create, Delete, HandOver, Write
from delivery_operator.engine.scaled import SCALERS
from delivery_operator.render import names
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
"""Kinds that are deleted when no manifest asks for them any more, in this order. Jobs go with their owner."""


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


def writes(wanted: Sequence[Manifest], live: Mapping[Key, Object]) -> list[Write]:
    """Plan what brings the live objects in line, in the order of the manifests; nothing for those that are."""
    result: list[Write] = [Delete(scaler) for scaler in _dismissed(wanted, live)]
    for manifest in wanted:
        found = live.get(key(manifest))
        if found is None:
            # What never changes is created, at three quarters of the API server's cost of an apply.
            made = _with_first_pods(manifest, wanted)
            result.append(Create(manifest) if manifest.get("immutable") else Apply(made, uid=None))
        elif not same(manifest, found):
            if _to_be_handed_over(manifest, found):
                result.append(HandOver(found, found["spec"]["replicas"]))
            result.append(Apply(manifest, uid=uid(found)))
    return result


def _with_first_pods(manifest: Manifest, wanted: Sequence[Manifest]) -> Manifest:
    """Begin an autoscaled Deployment with the pods it has at least; the number is handed over with the next look."""
    if manifest["kind"] != "Deployment" or "replicas" in manifest["spec"]:
        return manifest
    first = least(manifest, wanted)
    if first == 1:
        return manifest  # which is the API server's own default
    annotations = {name: value for name, value in manifest["metadata"]["annotations"].items() if name != names.REPLICAS}
    metadata = {**manifest["metadata"], "annotations": annotations}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], "replicas": first}}


def _to_be_handed_over(manifest: Manifest, found: Object) -> bool:
    """Whether the number of pods is still ours and from now on an autoscaler's."""
    if manifest["kind"] != "Deployment" or "replicas" in manifest["spec"]:
        return False
    return (found["metadata"].get("annotations") or {}).get(names.REPLICAS) != names.AUTOSCALED


def _dismissed(wanted: Sequence[Manifest], live: Mapping[Key, Object]) -> list[Object]:
    """Find the autoscalers of processes whose number of pods the manifests set: they would undo each other's writes."""
    keep = {key(manifest) for manifest in wanted}
    numbered = {
        labels(manifest)[names.PROCESS]: manifest
        for manifest in wanted
        if manifest["kind"] == "Deployment" and "replicas" in manifest["spec"]
    }
    return [
        found
        for place, found in sorted(live.items())
        if place[0] in SCALERS
        and place not in keep
        and labels(found).get(names.PROCESS) in numbered
        and _ours(numbered[labels(found)[names.PROCESS]], found)
        and not found["metadata"].get("deletionTimestamp")
    ]


def prune(
    wanted: Sequence[Manifest], live: Mapping[Key, Object], service: Object, left_alone: Callable[[Object], bool]
) -> list[Write]:
    """Plan the deletion of the service's own children that no manifest asks for, but for those to be left alone."""
    keep = {key(manifest) for manifest in wanted}
    dropped = [
        found
        for found in live.values()
        if found["kind"] in PRUNED
        and key(found) not in keep
        and owned_by(found, uid(service))
        and not found["metadata"].get("deletionTimestamp")
        and not left_alone(found)
    ]
    return [Delete(found) for found in sorted(dropped, key=lambda each: (PRUNED.index(each["kind"]), name(each)))]


def _ours(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    return owned_by(found, wanted_owner["uid"])


def _of_namesake(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    controller = owner(found)
    return bool(controller and all(controller[each] == wanted_owner[each] for each in ("kind", "name")))
