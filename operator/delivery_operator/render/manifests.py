"""Renders a service: model and bundle in, the manifests of a release out."""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.canonical import canonical_json
from delivery_operator.render.context import job_context, process_context, service_context
from delivery_operator.render.platform import Platform

Manifest = dict[str, Any]
BARE: Final = Platform()

# What takes effect at once and makes no release (design: scaling and policies are not release content).
_NOT_CONTENT = frozenset({"paused", "tasks"})
_NOT_CONTENT_OF_PROCESS = frozenset({"replicas", "scaling"})
_NOT_CONTENT_OF_RELEASE = frozenset({"progressDeadlineSeconds", "onFailure", "rollbackTo"})


def content(spec: DeliveryServiceSpec) -> dict[str, Any]:
    """Pick what of a spec makes a release: two specs with equal content share one release.

    What is at its default is left out. So a field that a later version of the model adds changes no content, and an
    upgrade of the operator makes no release.
    """
    dumped: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for field in _NOT_CONTENT:
        dumped.pop(field, None)
    for process in dumped["processes"].values():
        for field in _NOT_CONTENT_OF_PROCESS:
            process.pop(field, None)
    policy = dumped.pop("release", {})
    kept = {field: value for field, value in policy.items() if field not in _NOT_CONTENT_OF_RELEASE}
    return {**dumped, "release": kept} if kept else dumped


def render(
    name: str, namespace: str, spec: DeliveryServiceSpec, bundle: Bundle, platform: Platform = BARE
) -> list[Manifest]:
    """Render every child of a service, in the order they are applied.

    The Job's name lacks the release's number, and nothing has an owner yet: the engine adds both when it applies.

    Args:
        name: metadata.name of the DeliveryService.
        namespace: its namespace.
        spec: its spec.
        bundle: the templates.
        platform: what the environment and the cluster add; by default the built-in environment on a cluster that
            serves nothing optional.

    Raises:
        TemplateError: a template of the bundle is wrong.
    """
    templates = bundle.templates
    shared = service_context(name, namespace, spec, platform)
    manifests = [templates["serviceaccount"].render(shared)]
    if shared["config"]["data"]:
        manifests.append(templates["configmap"].render(shared))
    if spec.release.migrate:
        manifests.append(templates["job"].render(job_context(shared, names.MIGRATE, spec)))
    if spec.release.contract:
        one = spec.model_copy(update={"release": spec.release.model_copy(update={"migrate": spec.release.contract})})
        manifests.append(templates["job"].render(job_context(shared, names.CONTRACT, one)))
    for process_name, process in sorted(spec.processes.items()):
        context = process_context(shared, process_name, process)
        if process.port:
            manifests.append(templates["service"].render(context))
        deployment = templates["deployment"].render(context)
        if process.scaling:
            del deployment["spec"]["replicas"]
            deployment["metadata"]["annotations"] = {
                **deployment["metadata"]["annotations"],
                names.REPLICAS: names.AUTOSCALED,
            }
        manifests.append(deployment)
    return manifests


def scaling(
    name: str, namespace: str, spec: DeliveryServiceSpec, bundle: Bundle, platform: Platform = BARE
) -> list[Manifest]:
    """Render what decides the number of pods, of the spec of today."""
    shared = service_context(name, namespace, spec, platform)
    manifests = []
    for process_name, process in sorted(spec.processes.items()):
        context = process_context(shared, process_name, process)
        least = process.scaling.min if process.scaling else process.pods
        if least > 1 and not process.schedule:
            manifests.append(bundle.templates["poddisruptionbudget"].render(context))
        if process.scaling:
            deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.deployment(name, process_name)}
            manifests.append(
                {
                    "apiVersion": "autoscaling/v2",
                    "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": deployment["name"], "namespace": namespace, "labels": context["labels"]},
                    "spec": {
                        "scaleTargetRef": deployment,
                        "minReplicas": process.scaling.min,
                        "maxReplicas": process.scaling.max,
                        "metrics": [
                            {
                                "type": "Resource",
                                "resource": {
                                    "name": "cpu",
                                    "target": {"type": "Utilization", "averageUtilization": process.scaling.cpu or 80},
                                },
                            }
                        ],
                    },
                }
            )
    return manifests


def task_job(name, namespace, spec, bundle, platform, *, command, timeout, backoff, resources, role) -> Manifest:
    """Render the Job of a one-off process."""
    from delivery_operator.api.service import Migrate, ReleasePolicy

    shared = service_context(name, namespace, spec, platform)
    one = spec.model_copy(
        update={
            "release": ReleasePolicy(
                migrate=Migrate(command=command, timeout_seconds=timeout, backoff_limit=backoff, resources=resources)
            )
        }
    )
    return bundle.templates["job"].render(job_context(shared, role, one))


def pack(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Compress manifests for a release: canonical JSON, zlib, base64."""
    return base64.b64encode(zlib.compress(canonical_json(list(manifests)).encode(), 9)).decode()


@lru_cache(maxsize=256)
def unpack(packed: str) -> tuple[Manifest, ...]:
    """Read a release's manifests back; callers must not change them, they are shared."""
    return tuple(json.loads(zlib.decompress(base64.b64decode(packed))))
