"""From a release's stored manifests to what is applied today: owner, release number, and what takes effect at once."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from delivery_operator.api.process import Process
from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.api.task import KIND as TASK_KIND
from delivery_operator.engine import scaled
from delivery_operator.engine.history import Release
from delivery_operator.engine.memo import KEPT, Content
from delivery_operator.engine.objects import Object, labels, name, owner_reference, uid
from delivery_operator.engine.scaled import SCALERS, SCALING, Scaled
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import Manifest, scaling
from delivery_operator.render.platform import OPTIONAL, Platform
from delivery_operator.render.scaling import replicas

_NUMBERED: Final = frozenset({"Deployment", "CronJob"})
"""Kinds whose pods carry the number of their release."""


def children(release: Release, snapshot: Snapshot, spec: DeliveryServiceSpec) -> list[Manifest]:
    """Build what a release's running part should be: all of its manifests but Jobs, in order, and what scales it.

    How many pods there are and the progress deadline come from the service's spec of today, since changing them makes
    no release; a process that the spec no longer has keeps the number it was released with. A kind that the cluster has
    ceased to serve is left out. The manifests are shared with other looks: callers must not change them.

    Raises:
        TemplateError: the templates of what scales are wrong.
    """
    return list(_children(_asked(release, snapshot, spec)))


def scaling_today(release: Release, snapshot: Snapshot, spec: DeliveryServiceSpec) -> Scaled | None:
    """Answer what scales a release today: what is kept of it, but for processes that the spec asks something else of.

    None when that would have to be made, and cannot be: the environment is not usable, or another version of the
    operator made the release.

    Raises:
        TemplateError: the templates of what scales are wrong.
    """
    return _scaling_today(_asked(release, snapshot, spec))


def _asked(release: Release, snapshot: Snapshot, spec: DeliveryServiceSpec) -> "_Asked":
    service = snapshot.service
    return _Asked(
        release.stored,
        release.status.get("scaling"),
        (str(service["metadata"]["namespace"]), name(service), uid(service)),
        Content(snapshot.bundle.digest, spec),
        snapshot.platform,
        _unusable(snapshot),
        (release, snapshot.bundle),
    )


@dataclass(frozen=True)
class _Asked:
    """What the children depend on: equal ones have equal children."""

    release: Content
    scaling: Any = field(hash=False)
    """What the release's status has of what scales it."""
    owner: tuple[str, str, str]
    """Namespace, name and UID of the service."""
    spec: Content
    platform: Platform = field(hash=False)
    unusable: bool
    given: tuple[Release, Bundle] = field(compare=False)
    """What the fields above stand for."""


@lru_cache(maxsize=KEPT)
def _children(asked: _Asked) -> tuple[Manifest, ...]:
    release, _ = asked.given
    spec: DeliveryServiceSpec = asked.spec.value
    _, service, service_uid = asked.owner
    owner = {"metadata": {"name": service, "uid": service_uid}}
    result = []
    processes = _governed(release, spec)
    for stored in release.manifests:
        if stored["kind"] == "Job" or stored["kind"] in SCALING or _unserved(stored, asked.platform):
            continue
        manifest = deepcopy(stored)
        if manifest["kind"] in _NUMBERED:
            # The number in the pod template makes every release roll its pods; nothing else needs it.
            _stamp(manifest["metadata"], release)
            _stamp(_pod_template(manifest)["metadata"], release)
        if manifest["kind"] == "Deployment":
            manifest["spec"]["progressDeadlineSeconds"] = spec.release.progress_deadline_seconds
            process = processes.get(labels(manifest).get(names.PROCESS, ""))
            if process is not None:
                _set_replicas(manifest, replicas(process, asked.platform))
        result.append(_sealed(manifest, SERVICE_KIND, owner))
    found = _scaling_today(asked)
    scalers = [each for each in found.manifests if not _unserved(each, asked.platform)] if found else []
    return (*result, *(_sealed(deepcopy(each), SERVICE_KIND, owner) for each in scalers))


@lru_cache(maxsize=KEPT)
def _scaling_today(asked: _Asked) -> Scaled | None:
    release, bundle = asked.given
    spec: DeliveryServiceSpec = asked.spec.value
    today, held = todays(release, spec), release.scaled
    if today is None:
        return None
    wanted = scaled.asked(_governed(release, spec), asked.platform)
    if held and all(held.asked.get(process) == each for process, each in wanted.items()):
        return held
    if asked.unusable:
        return None
    made = Scaled(wanted, scaling(release.service, asked.owner[0], today, bundle, asked.platform))
    return scaled.merged(held, made) if held else made


def _unserved(manifest: Manifest, platform: Platform) -> bool:
    """Whether it is of a kind that the cluster has ceased to serve."""
    return manifest["apiVersion"] in OPTIONAL and manifest["apiVersion"] not in platform.served


def todays(release: Release, spec: DeliveryServiceSpec) -> DeliveryServiceSpec | None:
    """A release's content as a spec, with what takes effect at once from the spec of today; None if unreadable."""
    if release.spec is None:
        return None
    released = {_process(stored): stored for stored in release.manifests if stored["kind"] == "Deployment"}
    processes = {
        process_name: process.model_copy(update={"replicas": released[process_name]["spec"].get("replicas")})
        if process_name in released
        else process
        for process_name, process in release.spec.processes.items()
    }
    policy = {
        "progress_deadline_seconds": spec.release.progress_deadline_seconds,
        "on_failure": spec.release.on_failure,
        "rollback_to": spec.release.rollback_to,
    }
    return release.spec.model_copy(
        update={
            "processes": {**processes, **_governed(release, spec)},
            "paused": spec.paused,
            "tasks": spec.tasks,
            "release": release.spec.release.model_copy(update=policy),
        }
    )


def left_alone(release: Release, snapshot: Snapshot, spec: DeliveryServiceSpec, live: Object) -> bool:
    """Whether a live object that scales must stay although no manifest asks for it.

    The manifests cannot be made while there is no usable environment or template, or of a release that another version
    of the operator made and this one cannot read; and of a process that the spec of today no longer has, the release
    does not tell how it was scaled.
    """
    if live["kind"] not in SCALING:
        return False
    if release.spec is None:
        return True
    process = labels(live).get(names.PROCESS, "")
    released = release.spec.processes.get(process)
    unknown = released and not released.schedule and process not in _governed(release, spec)
    return bool(unknown) or _unusable(snapshot)


def least(deployment: Manifest, wanted: Iterable[Manifest]) -> int:
    """The pods at least of an autoscaled Deployment, as its autoscaler among the wanted manifests says; else 1."""
    for manifest in wanted:
        if manifest["kind"] in SCALERS and _process(manifest) == _process(deployment):
            bounds = manifest["spec"]
            return int(bounds.get("minReplicas") or bounds.get("minReplicaCount") or 1)
    return 1


def job(release: Release, role: str) -> Manifest | None:
    """Build the Job of a role (migrate, contract), owned by its release, suspended; None when the release runs none."""
    if not release.has_job(role):
        return None
    stored = next(each for each in release.manifests if each["kind"] == "Job" and labels(each)[names.ROLE] == role)
    manifest = deepcopy(stored)
    manifest["metadata"]["name"] = names.job(release.service, release.number, role)
    return _numbered_job(manifest, release, RELEASE_KIND, release.body)


def task_job(manifest: Manifest, release: Release, task: Object) -> Manifest:
    """Finish the Job of a task, suspended, which runs in a release and is owned by the DeliveryTask."""
    manifest["metadata"]["name"] = name(task)
    return _numbered_job(manifest, release, TASK_KIND, task)


def _numbered_job(manifest: Manifest, release: Release, owner_kind: str, owner: Object) -> Manifest:
    _stamp(manifest["metadata"], release)
    _stamp(manifest["spec"]["template"]["metadata"], release)
    manifest["spec"]["suspend"] = True  # resumed when it is on record: see `jobs`
    # By default a Job has its next pod while the last one is still on its way out, and both would run.
    manifest["spec"]["podReplacementPolicy"] = "Failed"
    return _sealed(manifest, owner_kind, owner)


def _unusable(snapshot: Snapshot) -> bool:
    return bool(snapshot.obstacle or snapshot.template_fault)


def _governed(release: Release, spec: DeliveryServiceSpec) -> dict[str, Process]:
    """The release's processes whose number of pods the spec of today decides, with that number.

    A process that is of another sort today (scheduled, or a singleton) says nothing about the one of the release.
    """
    released = (release.spec or spec).processes
    return {
        process_name: process.model_copy(update={"replicas": today.replicas, "scaling": today.scaling})
        for process_name, process in released.items()
        if (today := spec.processes.get(process_name))
        and not process.schedule
        and not today.schedule
        and process.singleton == today.singleton
    }


def _set_replicas(manifest: Manifest, pods: int | None) -> None:
    annotations = {**(manifest["metadata"].get("annotations") or {})}
    if pods is None:
        manifest["spec"].pop("replicas", None)
        annotations[names.REPLICAS] = names.AUTOSCALED
    else:
        manifest["spec"]["replicas"] = pods
        annotations.pop(names.REPLICAS, None)
    manifest["metadata"]["annotations"] = annotations


def _process(manifest: Manifest) -> str:
    return labels(manifest).get(names.PROCESS, "")


def _pod_template(manifest: Manifest) -> dict[str, Any]:
    spec = manifest["spec"]["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else manifest["spec"]
    template: dict[str, Any] = spec["template"]
    return template


def _stamp(metadata: dict[str, Any], release: Release) -> None:
    metadata["labels"] = {**metadata.get("labels", {}), names.RELEASE: str(release.number)}


def _sealed(manifest: Manifest, owner_kind: str, owner: Mapping[str, Any]) -> Manifest:
    metadata = manifest["metadata"]
    metadata["ownerReferences"] = [owner_reference(owner_kind, owner)]
    annotations = {**(metadata.get("annotations") or {}), names.MANIFEST: digest(manifest)[:16]}
    metadata["annotations"] = annotations
    return manifest
