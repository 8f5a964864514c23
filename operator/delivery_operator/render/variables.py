"""The environment of a container (factor III): what the operator gives, what the service refers to, and its literals.

Kubernetes lets `env` win over `envFrom`, and in `envFrom` the last entry win. So the order is: whole Secrets and
ConfigMaps, the release's ConfigMap of literals, then references and what the operator gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from delivery_operator.api.binding import BackingService
from delivery_operator.api.environ import PROVIDED
from delivery_operator.api.process import Process
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render import names
from delivery_operator.render.errors import RenderError
from delivery_operator.render.exposure import public_host
from delivery_operator.render.platform import Platform

Entry = dict[str, Any]
"""What a variable holds: `value` or `valueFrom`."""

BINDING_ROOT: Final = "/bindings"
"""Folder of the bindings' files (https://servicebinding.io/spec/core/1.1.0/#workload-projection)."""

_OTLP: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_DSN: Final = "SENTRY_DSN"


@dataclass(frozen=True)
class Container:
    """Whose variables they are.

    Attributes:
        name: of the container.
        role: process type, or for a Job what it does.
        process: the process; None for a Job.
    """

    name: str
    role: str
    process: Process | None = None


def literals(spec: DeliveryServiceSpec) -> dict[str, str]:
    """Pick the literal values, which a release keeps in its ConfigMap."""
    return {name: variable.value for name, variable in sorted(spec.config.items()) if variable.value is not None}


def sources(spec: DeliveryServiceSpec, literal_source: str | None) -> list[dict[str, Any]]:
    """Build `envFrom`: the imports by name, and last, so that they win, the release's literals."""
    imported = [
        {
            "secretRef" if each.secret else "configMapRef": {
                "name": each.secret or each.config_map,
                **({"optional": True} if each.optional else {}),
            },
            **({"prefix": each.prefix} if each.prefix else {}),
        }
        for each in sorted(spec.config_from, key=lambda each: each.name)
    ]
    return [*imported, {"configMapRef": {"name": literal_source}}] if literal_source else imported


def variables(
    service: str, namespace: str, spec: DeliveryServiceSpec, platform: Platform, container: Container
) -> list[dict[str, Any]]:
    """Build `env`, each name once: what the operator gives, in the order of its table, then references by name.

    Raises:
        RenderError: a backing service's object names no Secret.
    """
    chosen = _chosen(spec)
    given = _reserved(service, namespace, spec, platform, container)
    given |= {name: entry for name, entry in _defaulted(spec, platform).items() if name not in chosen}
    env = {each.name: given[each.name] for each in PROVIDED if each.name in given}
    for name, entry in (*_references(spec), *_bindings(spec, platform)):
        env.setdefault(name, entry)
    env |= {name: entry for name, entry in _pools(spec) if name not in chosen}
    return [{"name": name, **entry} for name, entry in env.items()]


def exports_traces(spec: DeliveryServiceSpec, platform: Platform) -> bool:
    """Whether something takes the service's traces: the environment's collector, or one that it names itself."""
    return spec.tracing.enabled and (platform.environment.telemetry.otlp is not None or _OTLP in _chosen(spec))


def reports_errors(spec: DeliveryServiceSpec, platform: Platform) -> bool:
    """Whether the service is given, or gives itself, a Sentry DSN."""
    return bool(spec.sentry or platform.environment.telemetry.sentry or _DSN in _chosen(spec))


def secret_of(binding: BackingService, platform: Platform) -> str:
    """Name of the Secret of a backing service.

    Raises:
        RenderError: it is named by an object that names none yet.
    """
    found = binding.secret or platform.bindings.get(binding.name)
    if found is None:
        raise RenderError(f"backing service {binding.name}: its provisioned service names no Secret yet")
    return found


def _chosen(spec: DeliveryServiceSpec) -> frozenset[str]:
    """Names that the service sets itself."""
    return frozenset(spec.config).union(*(binding.env for binding in spec.backing_services))


def _reserved(
    service: str, namespace: str, spec: DeliveryServiceSpec, platform: Platform, container: Container
) -> dict[str, Entry]:
    values: dict[str, str | None] = {
        "DELIVERY_SERVICE": service,
        "DELIVERY_PROCESS": container.role,
        "DELIVERY_ENVIRONMENT": spec.environment,
        "DELIVERY_REVISION": _verbatim(spec.codebase.revision) if spec.codebase else None,
        "SERVICE_BINDING_ROOT": BINDING_ROOT if any(each.files for each in spec.backing_services) else None,
        "OTEL_SERVICE_NAME": service,
        "OTEL_RESOURCE_ATTRIBUTES": _resource_attributes(namespace, spec, container.name),
    }
    process = container.process
    if process:
        values |= {
            "PORT": str(process.port.number) if process.port else None,
            "METRICS_PORT": str(process.metrics.port) if process.metrics else None,
            "SHUTDOWN_DRAIN_SECONDS": str(process.shutdown.drain_seconds),
            "PUBLIC_HOST": public_host(service, process, platform.environment.exposure),
        }
    fields = {
        "DELIVERY_RELEASE": f"metadata.labels['{names.RELEASE}']",
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_IP": "status.podIP",
        "NODE_NAME": "spec.nodeName",
    }
    given: dict[str, Entry] = {name: {"value": value} for name, value in values.items() if value is not None}
    return given | {name: {"valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()}


def _resource_attributes(namespace: str, spec: DeliveryServiceSpec, container: str) -> str:
    """Write resource attributes, their values percent-encoded.

    https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
    """
    attributes = {
        "service.namespace": _encoded(namespace),
        "service.version": _encoded(spec.codebase.revision) if spec.codebase else None,
        "service.instance.id": f"$(POD_NAMESPACE).$(POD_NAME).{container}",
        "deployment.environment.name": _encoded(spec.environment),
        "k8s.namespace.name": "$(POD_NAMESPACE)",
        "k8s.pod.name": "$(POD_NAME)",
        "k8s.node.name": "$(NODE_NAME)",
        "k8s.container.name": container,
    }
    return ",".join(f"{name}={value}" for name, value in attributes.items() if value is not None)


def _encoded(value: str) -> str:
    return quote(value, safe="-._~+:/")


def _verbatim(value: str) -> str:
    """Keep Kubernetes from taking $(NAME) in a value for a reference."""
    return value.replace("$", "$$")


def _defaulted(spec: DeliveryServiceSpec, platform: Platform) -> dict[str, Entry]:
    telemetry = platform.environment.telemetry
    values = {"LOG_LEVEL": platform.environment.defaults.log_level.value, "PYTHONUNBUFFERED": "1"}
    if not exports_traces(spec, platform):
        values["OTEL_SDK_DISABLED"] = "true"
    else:
        percent = telemetry.otlp.sample_percent if telemetry.otlp else 100
        percent = percent if spec.tracing.sample_percent is None else spec.tracing.sample_percent
        values |= {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": f"{percent / 100:g}"}
    if telemetry.otlp:
        values |= {_OTLP: telemetry.otlp.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": telemetry.otlp.protocol.value}
    given: dict[str, Entry] = {}
    if reports_errors(spec, platform):
        values["SENTRY_ENVIRONMENT"] = spec.environment
        if spec.codebase:
            values["SENTRY_RELEASE"] = spec.codebase.revision
        if reference := spec.sentry or telemetry.sentry:
            # The environment's is there for those that have it; a service's own must be there.
            optional = {} if spec.sentry else {"optional": True}
            given[_DSN] = {"valueFrom": {"secretKeyRef": {**reference.model_dump(mode="json"), **optional}}}
    return given | {name: {"value": _verbatim(value)} for name, value in values.items()}


def _references(spec: DeliveryServiceSpec) -> Iterator[tuple[str, Entry]]:
    for name, variable in sorted(spec.config.items()):
        optional = {"optional": True} if variable.optional else {}
        for kind, reference in (
            ("secretKeyRef", variable.secret_key_ref),
            ("configMapKeyRef", variable.config_map_key_ref),
        ):
            if reference:
                yield name, {"valueFrom": {kind: {**reference.model_dump(mode="json"), **optional}}}


def _bindings(spec: DeliveryServiceSpec, platform: Platform) -> Iterator[tuple[str, Entry]]:
    for binding in sorted(spec.backing_services, key=lambda each: each.name):
        for name, key in sorted(binding.env.items()):
            yield name, {"valueFrom": {"secretKeyRef": {"name": secret_of(binding, platform), "key": key}}}


def _pools(spec: DeliveryServiceSpec) -> Iterator[tuple[str, Entry]]:
    for binding in sorted(spec.backing_services, key=lambda each: each.name):
        if binding.pool:
            prefix = f"{binding.name.upper().replace('-', '_')}_POOL"
            yield f"{prefix}_MAX_OPEN", {"value": str(binding.pool.max_open)}
            yield f"{prefix}_MAX_IDLE", {"value": str(binding.pool.max_idle)}
            yield f"{prefix}_MAX_LIFETIME_SECONDS", {"value": str(binding.pool.max_lifetime_seconds)}
