"""A picture of everything a service has become, without what must differ from run to run."""

import json
import re
from typing import Any

from delivery_operator.render.manifests import unpack
from tests.support.kube import Kube, Object

KINDS = (
    "DeliveryService",
    "DeliveryRelease",
    "Deployment",
    "Service",
    "ConfigMap",
    "ServiceAccount",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "CronJob",
    "Job",
    "DeliveryTask",
)
_DROPPED = {
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "clusterIP",
    "clusterIPs",
    "durationSeconds",
    "observedGeneration",
    "activeAt",
    "hash",  # keyed, and each namespace has its key
    "digest",
    "changedBy",  # who removed a field is known only when nobody else has written within that second
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SEAL = "delivery.dev/manifest"  # a digest over the owner's UID


def picture(kube: Kube, namespace: str) -> dict[str, Any]:
    """Kind and name to the object, for all that carries the service's label."""
    found = {}
    for kind in KINDS:
        selector = "" if kind in {"DeliveryService", "DeliveryTask"} else "delivery.dev/service"
        for obj in kube.list(kind, namespace, selector):
            obj["kind"] = kind  # items of a list carry none
            found[f"{kind} {obj['metadata']['name']}"] = normal(obj, namespace, keep_status=kind.startswith("Delivery"))
    return found


def normal(obj: Object, namespace: str, *, keep_status: bool) -> Any:
    """One object without what must differ: UIDs, versions, times, hashes with a key, and the namespace's name."""
    kept = {key: value for key, value in obj.items() if key != "status" or keep_status}
    if obj.get("spec", {}).get("selector", {}).get("matchLabels", {}).get("batch.kubernetes.io/controller-uid"):
        kept = {**kept, "spec": "of a Job"}  # the controller writes the Job's UID all over it
        kept["metadata"] = {key: obj["metadata"][key] for key in ("name", "ownerReferences")}
    if obj["kind"] == "DeliveryRelease":
        references = [{**each, "keys": sorted(each.get("keys") or ())} for each in obj["spec"].get("references") or ()]
        kept = {**kept, "spec": {**obj["spec"], "references": references}}
    text = json.dumps(_without(kept)).replace(namespace, "NAMESPACE")
    return json.loads(_TIME.sub("TIME", text))


def _opened(key: str, value: Any) -> Any:
    """Unpack what a release keeps packed: its bytes hold the namespace and UIDs."""
    return unpack(value) if key == "manifests" and isinstance(value, str) else value


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in _DROPPED and key != _SEAL}
        return {key: _without(_opened(key, each)) for key, each in kept.items()}
    if isinstance(value, list):
        return [_without(each) for each in value]
    return value
