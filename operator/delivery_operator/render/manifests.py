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
_NOT_CONTENT_OF_PROCESS = frozenset({"replicas"})
_NOT_CONTENT_OF_RELEASE = frozenset({"progressDeadlineSeconds", "onFailure"})


def content(spec: DeliveryServiceSpec) -> dict[str, Any]:
    """Pick what of a spec makes a release: two specs with equal content share one release.

    What is at its default is left out. So a field that a later version of the model adds changes no content, and an
    upgrade of the operator makes no release.
    """
    dumped: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
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
    for process_name, process in sorted(spec.processes.items()):
        context = process_context(shared, process_name, process)
        if process.port:
            manifests.append(templates["service"].render(context))
        manifests.append(templates["poddisruptionbudget"].render(context))
        manifests.append(templates["deployment"].render(context))
    return manifests


def pack(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Compress manifests for a release: canonical JSON, zlib, base64."""
    return base64.b64encode(zlib.compress(canonical_json(list(manifests)).encode(), 9)).decode()


@lru_cache(maxsize=256)
def unpack(packed: str) -> tuple[Manifest, ...]:
    """Read a release's manifests back; callers must not change them, they are shared."""
    return tuple(json.loads(zlib.decompress(base64.b64decode(packed))))
