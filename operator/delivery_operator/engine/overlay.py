"""From a release's stored manifests to what is applied today: owner, release number, and what takes effect at once."""

from copy import deepcopy
from typing import Any

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import Object, labels, name, uid
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import BARE, Manifest, scaling
from delivery_operator.render.platform import Platform
from delivery_operator.render.scaling import replicas


def children(
    release: Release, service: Object, spec: DeliveryServiceSpec, bundle: Bundle, platform: Platform = BARE
) -> list[Manifest]:
    """Build what a release's running part should be: all of its manifests but Jobs, in order, and what scales them.

    Replicas, autoscalers, disruption budgets and the progress deadline come from the service's spec of today, since
    changing them makes no release; a process that the spec no longer has keeps the number it was released with.
    """
    result = []
    released = set()
    for stored in release.manifests:
        if stored["kind"] == "Job":
            continue
        manifest = deepcopy(stored)
        if manifest["kind"] == "Deployment":
            released.add(labels(manifest)[names.PROCESS])
            _scale(manifest, spec, platform)
            manifest["spec"]["progressDeadlineSeconds"] = spec.release.progress_deadline_seconds
            # The number in the pod template makes every release roll its pods; nothing else needs it.
            _stamp(manifest["metadata"], release)
            _stamp(manifest["spec"]["template"]["metadata"], release)
        result.append(manifest)
    today = scaling(name(service), service["metadata"]["namespace"], spec, bundle, platform)
    result += [manifest for manifest in today if labels(manifest)[names.PROCESS] in released]
    return [_sealed(manifest, SERVICE_KIND, service) for manifest in result]


def job(release: Release, role: str) -> Manifest | None:
    """Build the Job of a role (migrate), owned by its release; None when the release has none."""
    for stored in release.manifests:
        if stored["kind"] == "Job" and labels(stored).get(names.ROLE) == role:
            manifest = deepcopy(stored)
            manifest["metadata"]["name"] = names.job(release.service, release.number, role)
            _stamp(manifest["metadata"], release)
            _stamp(manifest["spec"]["template"]["metadata"], release)
            return _sealed(manifest, RELEASE_KIND, release.body)
    return None


def _scale(deployment: Manifest, spec: DeliveryServiceSpec, platform: Platform) -> None:
    """Set the number of pods the spec of today asks for, or leave it to the autoscaler (invariant 7)."""
    process = spec.processes.get(labels(deployment)[names.PROCESS])
    if process is None or process.schedule:
        return
    pods = replicas(process, platform)
    annotations = deployment["metadata"].get("annotations", {})
    if pods is None:
        deployment["spec"].pop("replicas", None)
        deployment["metadata"]["annotations"] = {**annotations, names.REPLICAS: names.AUTOSCALED}
    else:
        deployment["spec"]["replicas"] = pods
        annotations.pop(names.REPLICAS, None)


def _stamp(metadata: dict[str, Any], release: Release) -> None:
    metadata["labels"] = {**metadata.get("labels", {}), names.RELEASE: str(release.number)}


def _sealed(manifest: Manifest, owner_kind: str, owner: Object) -> Manifest:
    metadata = manifest["metadata"]
    metadata["ownerReferences"] = [
        {"apiVersion": API_VERSION, "kind": owner_kind, "name": name(owner), "uid": uid(owner), "controller": True}
    ]
    annotations = {**metadata.get("annotations", {}), names.MANIFEST: digest(manifest)[:16]}
    metadata["annotations"] = annotations
    return manifest
