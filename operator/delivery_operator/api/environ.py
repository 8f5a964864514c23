"""The environment variables that the operator gives (F3-4): one table, for the models, the templates and the docs.

`RESERVED` ones are facts about the pod: a service that sets them is refused. `DEFAULTED` ones are the platform's
choice, and a service's own config or binding wins over them. What `configFrom` imports does not: which names it has is
known to the cluster alone.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Given(Enum):
    """Whether a service may set the variable itself."""

    RESERVED = "reserved"
    DEFAULTED = "defaulted"


@dataclass(frozen=True)
class Provided:
    """One variable.

    Attributes:
        name: of the variable.
        given: reserved or defaulted.
        when: which containers have it, for the reader of the reference.
        value: what it holds, for the reader of the reference.
    """

    name: str
    given: Given
    when: str
    value: str


_R, _D = Given.RESERVED, Given.DEFAULTED
_ALL = "always"
_PROCESS = "processes"

PROVIDED: Final = (
    Provided("PORT", _R, "processes with a port", "`port.number`"),
    Provided("METRICS_PORT", _R, "processes with `metrics`", "`metrics.port`"),
    Provided("SHUTDOWN_DRAIN_SECONDS", _R, _PROCESS, "`shutdown.drainSeconds`: the time from SIGTERM to be done"),
    Provided("PUBLIC_HOST", _R, "processes with `expose` by a route", "the host name under which they are reached"),
    Provided("DELIVERY_SERVICE", _R, _ALL, "name of the DeliveryService"),
    Provided("DELIVERY_PROCESS", _R, _ALL, "process type, such as `web`; for a Job its role, such as `migrate`"),
    Provided("DELIVERY_ENVIRONMENT", _R, _ALL, "`spec.environment`"),
    Provided("DELIVERY_RELEASE", _R, _ALL, "number of the release"),
    Provided("DELIVERY_REVISION", _R, "with `codebase`", "`codebase.revision`"),
    Provided("POD_NAME", _R, _ALL, "name of the pod"),
    Provided("POD_NAMESPACE", _R, _ALL, "its namespace"),
    Provided("POD_IP", _R, _ALL, "its address"),
    Provided("NODE_NAME", _R, _ALL, "the node it runs on"),
    Provided("SERVICE_BINDING_ROOT", _R, "with a backing service with `files`", "folder of the bindings' files"),
    Provided("OTEL_SERVICE_NAME", _R, _ALL, "name of the DeliveryService"),
    Provided(
        "OTEL_RESOURCE_ATTRIBUTES",
        _R,
        _ALL,
        "service.namespace, service.version, service.instance.id, deployment.environment.name, and the k8s.* names of "
        "the pod",
    ),
    Provided("OTEL_EXPORTER_OTLP_ENDPOINT", _D, "the environment has `telemetry.otlp`", "its endpoint"),
    Provided("OTEL_EXPORTER_OTLP_PROTOCOL", _D, "the environment has `telemetry.otlp`", "its protocol"),
    Provided("OTEL_TRACES_SAMPLER", _D, "traces are exported", "`parentbased_traceidratio`"),
    Provided("OTEL_TRACES_SAMPLER_ARG", _D, "traces are exported", "share of traces kept, such as `0.1`"),
    Provided("OTEL_SDK_DISABLED", _D, "`tracing.enabled` is false, or nothing takes traces", "`true`"),
    Provided("SENTRY_DSN", _D, "with `sentry`, of the service or its environment", "from that Secret"),
    Provided("SENTRY_ENVIRONMENT", _D, "with `SENTRY_DSN`", "`spec.environment`"),
    Provided("SENTRY_RELEASE", _D, "with `SENTRY_DSN` and `codebase`", "`codebase.revision`"),
    Provided("LOG_LEVEL", _D, _ALL, "the environment's `defaults.logLevel`, info unless it says otherwise"),
    Provided("PYTHONUNBUFFERED", _D, _ALL, "`1`: logs leave the process as they are written (F11-1)"),
)

RESERVED: Final = tuple(each.name for each in PROVIDED if each.given is Given.RESERVED)
"""Names that `config`, `configFrom` with a prefix, and `backingServices[].env` may not have."""
