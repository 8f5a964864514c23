"""From a release's stored manifests to what is applied today: owner, release number, and what takes effect at once."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import Object, labels, name, uid
from delivery_operator.render import names
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import Manifest

TWO = 2  # a budget of one pod down makes sense from two replicas on (F9-11)


def children(release: Release, service: Object, spec: DeliveryServiceSpec) -> list[Manifest]:
    """Build what a release's running part should be: all of its manifests but Jobs, in order.

    Replicas and the progress deadline come from the service's spec of today, since changing them makes no release; a
    process that the spec no longer has keeps the number it was released with.
    """
    result = []
    for stored in release.manifests:
        if stored["kind"] == "Job":
            continue
        manifest = deepcopy(stored)
        replicas = _replicas(manifest, spec, release)
        if manifest["kind"] == "PodDisruptionBudget" and replicas < TWO:
            continue
        if manifest["kind"] == "Deployment":
            manifest["spec"]["replicas"] = replicas
            manifest["spec"]["progressDeadlineSeconds"] = spec.release.progress_deadline_seconds
            # The number in the pod template makes every release roll its pods; nothing else needs it.
            _stamp(manifest["metadata"], release)
            _stamp(manifest["spec"]["template"]["metadata"], release)
        result.append(_sealed(manifest, SERVICE_KIND, service))
    return result


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


def _replicas(manifest: Manifest, spec: DeliveryServiceSpec, release: Release) -> int:
    process_name = labels(manifest).get(names.PROCESS, "")
    process = spec.processes.get(process_name)
    if process is not None:
        return process.pods
    return _released_replicas(release.manifests, process_name)


def _released_replicas(manifests: Iterable[Manifest], process: str) -> int:
    for manifest in manifests:
        if manifest["kind"] == "Deployment" and labels(manifest).get(names.PROCESS) == process:
            return int(manifest["spec"]["replicas"])
    return 0


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
