"""Renders a service: model and bundle in, the manifests of a release out."""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from delivery_operator.api.resources import Resources
from delivery_operator.api.service import DeliveryServiceSpec, OneOff
from delivery_operator.render import context as contexts
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.canonical import canonical_json
from delivery_operator.render.context import Context
from delivery_operator.render.exposure import route
from delivery_operator.render.integrity import checked
from delivery_operator.render.platform import MONITORING, Platform
from delivery_operator.render.scaling import autoscaler, disruptible

Manifest = dict[str, Any]
BARE: Final = Platform()
"""The built-in environment on a cluster that serves nothing optional."""

# What takes effect at once and makes no release.
_NOT_CONTENT: Final = frozenset({"paused", "tasks"})
_NOT_CONTENT_OF_PROCESS: Final = frozenset({"replicas", "scaling"})
_NOT_CONTENT_OF_RELEASE: Final = frozenset({"progressDeadlineSeconds", "onFailure", "rollbackTo"})


def content(spec: DeliveryServiceSpec) -> dict[str, Any]:
    """Pick what of a spec makes a release: two specs with equal content share one release.

    What is at its default is left out. So a field that a later version of the model adds changes no content, and an
    upgrade of the operator makes no release.
    """
    dumped: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    kept = {field: value for field, value in dumped.items() if field not in _NOT_CONTENT}
    kept["processes"] = {name: _without(fields, _NOT_CONTENT_OF_PROCESS) for name, fields in kept["processes"].items()}
    policy = _without(kept.pop("release", {}), _NOT_CONTENT_OF_RELEASE)
    return {**kept, "release": policy} if policy else kept


def render(
    name: str, namespace: str, spec: DeliveryServiceSpec, bundle: Bundle, platform: Platform = BARE
) -> list[Manifest]:
    """Render what a release of a service is made of, in the order it is applied.

    A Job's name lacks the release's number, and nothing has an owner yet: the engine adds both when it applies. What
    takes effect at once is not here: see `scaling`.

    Args:
        name: metadata.name of the DeliveryService.
        namespace: its namespace.
        spec: its spec.
        bundle: the templates.
        platform: what the environment and the cluster add.

    Raises:
        TemplateError: a template of the bundle is wrong.
        RenderError: a backing service's object names no Secret.
    """
    shared = contexts.service_context(name, namespace, spec)
    return [
        _made(bundle, template, context)
        for template, context in (*_of_service(shared, spec, platform), *_of_processes(shared, spec, platform))
    ]


def scaling(
    name: str, namespace: str, spec: DeliveryServiceSpec, bundle: Bundle, platform: Platform = BARE
) -> list[Manifest]:
    """Render what of a service takes effect at once: who decides the number of pods, and how many a node may take.

    From the spec of today, not from a release: a HorizontalPodAutoscaler or ScaledObject, and a PodDisruptionBudget, of
    each process that has one. Arguments and errors are those of `render`.
    """
    shared = contexts.service_context(name, namespace, spec)
    made = []
    for process_name, process in sorted(spec.processes.items()):
        context = contexts.process_context(shared, process_name, process, platform)
        if disruptible(process, platform):
            made.append(_made(bundle, "poddisruptionbudget", context))
        if decider := autoscaler(process, platform):
            made.append(_made(bundle, decider.template, {**context, "scaling": decider.data}))
    return made


def task_job(  # noqa: PLR0913 a service, its platform and a run are that much
    name: str,
    namespace: str,
    spec_content: DeliveryServiceSpec,
    bundle: Bundle,
    platform: Platform,
    *,
    command: Sequence[str],
    timeout: int,
    backoff: int,
    resources: Resources | None,
    role: str = names.TASK,
) -> Manifest:
    """Render the Job of a one-off process in the image, environment and identity of a release (F12-2).

    Args:
        name: metadata.name of the DeliveryService.
        namespace: its namespace.
        spec_content: the release's content, read as a spec.
        bundle: the templates.
        platform: what the environment and the cluster add.
        command: the program and its arguments.
        timeout: seconds until it is stopped and counts as failed.
        backoff: how often a failed pod is retried.
        resources: of its container; None for the environment's.
        role: value of its label `delivery.dev/role`, and its name until the engine gives it one.

    Raises:
        TemplateError: the template is wrong.
        RenderError: a backing service's object names no Secret.
    """
    shared = contexts.service_context(name, namespace, spec_content)
    one_off = OneOff(command=list(command), timeout_seconds=timeout, backoff_limit=backoff, resources=resources)
    context = contexts.job_context(shared, spec_content, platform, role, one_off)
    return _made(bundle, "job", context)


def _of_service(shared: Context, spec: DeliveryServiceSpec, platform: Platform) -> Iterator[tuple[str, Context]]:
    """Yield template and context of what the service has once."""
    yield "serviceaccount", contexts.account_context(shared, spec)
    if any(variable.value is not None for variable in spec.config.values()):
        yield "configmap", contexts.literals_context(shared, spec)
    if platform.environment.isolation.enabled:
        yield "networkpolicy", contexts.service_policy_context(shared, spec, platform)
    for role, step in ((names.MIGRATE, spec.release.migrate), (names.CONTRACT, spec.release.contract)):
        if step:
            yield "job", contexts.job_context(shared, spec, platform, role, step)
    if MONITORING in platform.served:
        yield "prometheusrule", contexts.alerts_context(shared, spec)


def _of_processes(shared: Context, spec: DeliveryServiceSpec, platform: Platform) -> Iterator[tuple[str, Context]]:
    """Yield template and context of what each process has."""
    for process_name, process in sorted(spec.processes.items()):
        context = contexts.process_context(shared, process_name, process, platform)
        if platform.environment.isolation.enabled and (process.port or process.metrics):
            yield "networkpolicy", contexts.process_policy_context(context, spec, platform, process)
        if process.port:
            yield "service", {**context, "name": context["process"]["service"]}
        workload = "cronjob" if process.schedule else "deployment"
        yield workload, contexts.process_pod_context(context, spec, platform, process)
        if way := route(shared["service"]["name"], process, platform):
            yield way.template, contexts.route_context(context, way)
        if process.metrics and MONITORING in platform.served:
            yield "podmonitor", contexts.metrics_context(context, process)


def _made(bundle: Bundle, template: str, context: Context) -> Manifest:
    return checked(template, context, bundle.templates.render(f"{template}.yaml.j2", context))


def _without(fields: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if field not in left_out}


def pack(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Compress manifests for a release: canonical JSON, zlib, base64."""
    return base64.b64encode(zlib.compress(canonical_json(list(manifests)).encode(), 9)).decode()


def unpack(packed: str) -> tuple[Manifest, ...]:
    """Read a release's manifests back."""
    return tuple(json.loads(zlib.decompress(base64.b64decode(packed))))
