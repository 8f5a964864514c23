"""DeliveryEnvironment: what the platform team says about every service that names it (F1-4, F10)."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.config import KeyRef
from delivery_operator.api.drift import DriftPolicy
from delivery_operator.api.network import Destination
from delivery_operator.api.resources import Resources
from delivery_operator.api.scalars import (
    DNS_LABEL,
    LABEL_KEYS,
    AnnotationValue,
    AnyKey,
    Host,
    Label,
    LabelKey,
    ObjectName,
    Quantity,
)
from delivery_operator.api.status import Condition
from delivery_operator.api.upgrade import MaintenanceWindow, Upgrade, UpgradeStatus

KIND: Final = "DeliveryEnvironment"
PLURAL: Final = "deliveryenvironments"

METADATA_RULES: Final = rules(
    (
        f"size(self.metadata.name) <= 63 && self.metadata.name.matches('{DNS_LABEL}')",
        "metadata.name is what services write in spec.environment, and a label: use at most 63 lower-case letters, "
        "digits and '-', starting with a letter, no dots",
    ),
)


class Tier(StrEnum):
    """How much is at stake."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """Least severe level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Registry = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-A-Za-z0-9.:]+(/[-a-z0-9._]+)*$")]


class Policy(Model):
    """What services of the environment may run; refused at admission otherwise."""

    pre_releases: bool | None = Field(
        default=None,
        description="Whether pre-releases such as v1.0.0-rc.1 may run. Default: not in production (F1-7).",
    )
    require_digest: bool = Field(default=False, description="Whether images must be named by digest. Default false.")
    registries: list[Registry] = Field(
        default=[],
        max_length=32,
        description="Where images may come from: a registry, or a part of it, e.g. registry.example.com/shop. Default: "
        "anywhere.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Defaults(Model):
    """What a service gets where it says nothing."""

    resources: Resources = Field(
        default_factory=Resources,
        description="CPU and memory of a container. Default: requests cpu 50m and memory 128Mi, limits memory 256Mi.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="LOG_LEVEL of every container. Default info.")
    spread: list[LabelKey] = Field(
        default=["kubernetes.io/hostname"],
        max_length=4,
        description="Node labels over whose values pods are spread evenly. Default kubernetes.io/hostname.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    @property
    def requests(self) -> dict[str, Quantity]:
        """What the scheduler sets aside for a container that does not say."""
        return {"cpu": "50m", "memory": "128Mi"} if self.resources.requests is None else self.resources.requests

    @property
    def limits(self) -> dict[str, Quantity]:
        """What a container that does not say may not exceed."""
        return {"memory": "256Mi"} if self.resources.limits is None else self.resources.limits


class Gateway(Model):
    """The Gateway that routes of this environment attach to (https://gateway-api.sigs.k8s.io)."""

    name: ObjectName = Field(description="Its name.")
    namespace: Label = Field(description="Its namespace.")
    section_name: Label | None = Field(default=None, description="One of its listeners. Default: all that fit.")


class Ingress(Model):
    """The ingress controller of this environment."""

    class_name: ObjectName = Field(description="Name of the IngressClass.")
    annotations: dict[AnyKey, AnnotationValue] = Field(
        default={},
        max_length=32,
        description="Annotations of every Ingress, for the controller. Default none.",
        json_schema_extra=LABEL_KEYS,
    )
    grpc_annotations: dict[AnyKey, AnnotationValue] = Field(
        default={},
        max_length=32,
        description="More annotations for a grpc port, e.g. nginx.ingress.kubernetes.io/backend-protocol: GRPC. "
        "Default none.",
        json_schema_extra=LABEL_KEYS,
    )
    tls_secret: ObjectName | None = Field(
        default=None,
        description="Secret of type kubernetes.io/tls, in each service's namespace, where a service names none. "
        "Default: no TLS at the Ingress.",
    )


class Exposure(Model):
    """How services are reached from outside."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.gateway) || !has(self.ingress)",
                "exposure: give gateway or ingress, not both: a service would be routed twice",
            ),
        )
    )

    domain: Host | None = Field(
        default=None,
        description="Domain of the services: one that exposes a process without a host gets <service>.<domain>.",
    )
    gateway: Gateway | None = Field(default=None, description="Routes attach to this Gateway (HTTPRoute, GRPCRoute).")
    ingress: Ingress | None = Field(default=None, description="Routes are Ingresses of this class.")


_PORT: Final = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"


class OtlpProtocol(StrEnum):
    """How traces are sent (https://opentelemetry.io/docs/specs/otel/protocol/exporter)."""

    GRPC = "grpc"
    HTTP = "http/protobuf"


class Otlp(Model):
    """Where traces are sent."""

    endpoint: str = Field(
        min_length=1,
        max_length=253,
        pattern=rf"^https?://([-A-Za-z0-9._]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?(/[-A-Za-z0-9._~%/]*)?$",
        description="URL of the collector, e.g. http://otel-collector.observability:4317. Becomes "
        "OTEL_EXPORTER_OTLP_ENDPOINT.",
    )
    protocol: OtlpProtocol = Field(
        default=OtlpProtocol.GRPC, description="grpc (default) or http/protobuf. Becomes OTEL_EXPORTER_OTLP_PROTOCOL."
    )
    sample_percent: int = Field(
        default=100, ge=0, le=100, description="Share of traces kept, in per cent. Default 100."
    )


class Telemetry(Model):
    """Where traces and errors go."""

    otlp: Otlp | None = Field(default=None, description="Where traces go. Default nowhere: OTEL_SDK_DISABLED is set.")
    sentry: KeyRef | None = Field(
        default=None,
        description="The Secret key, in each service's namespace, with the Sentry DSN of a service that names none; a "
        "service starts without where it is missing.",
    )


class Isolation(Model):
    """Which connections the pods of a service may make and take (becomes a NetworkPolicy)."""

    enabled: bool = Field(
        default=True,
        description="Let only declared connections pass: in from the callers and the router, out to DNS and declared "
        "backing services. Default true. Has effect where the cluster's network enforces NetworkPolicies.",
    )
    router_namespaces: list[Label] = Field(
        default=[],
        max_length=16,
        description="Namespaces of the gateway or ingress controller. Default: exposed ports take calls from "
        "everywhere.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    monitoring_namespaces: list[Label] = Field(
        default=[],
        max_length=16,
        description="Namespaces of Prometheus. Default: metrics ports take calls from every namespace.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    destinations: list[Destination] = Field(
        default=[],
        max_length=32,
        description="Addresses that every service may call. Default none.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["cidr"]},
    )


class TemplateSource(Model):
    """Where a platform team's own templates come from; a file there replaces the platform's of the same name."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.configMap) != has(self.folder)", "templates: give exactly one of configMap and folder"),
        )
    )

    config_map: ObjectName | None = Field(
        default=None,
        description="A ConfigMap in the operator's namespace, with keys such as deployment.yaml.j2.",
    )
    folder: Label | None = Field(
        default=None,
        description="A folder below the operator's DELIVERY_OPERATOR_TEMPLATES_DIR, e.g. mounted from an image.",
    )


class Retention(Model):
    """How long ended releases are kept."""

    keep: int = Field(
        default=10,
        ge=1,
        le=100,
        description="How many ended releases of a service are kept beside the newest and the active one. Default 10.",
    )


class DeliveryEnvironmentSpec(Model):
    """The platform team's policy and defaults for the services that name this environment."""

    tier: Tier = Field(
        default=Tier.DEVELOPMENT,
        description="development (default), staging or production: decides the policy's defaults.",
    )
    policy: Policy = Field(default_factory=Policy, description="What may run; checked when a service is applied.")
    defaults: Defaults = Field(
        default_factory=Defaults, description="What a service gets where it says nothing, with its next release."
    )
    exposure: Exposure = Field(default_factory=Exposure, description="How services are reached from outside.")
    telemetry: Telemetry = Field(default_factory=Telemetry, description="Where traces and errors go.")
    isolation: Isolation = Field(default_factory=Isolation, description="Which connections pods may make and take.")
    templates: TemplateSource | None = Field(
        default=None, description="The platform team's own templates. Default: those of the operator."
    )
    upgrade: Upgrade = Field(default_factory=Upgrade, description="How services take new templates.")
    maintenance_window: MaintenanceWindow | None = Field(
        default=None,
        description="When waves may begin a service (upgrade.mode waves). Default: at any time.",
    )
    releases: Retention = Field(default_factory=Retention, description="How long ended releases are kept.")
    drift: DriftPolicy = Field(
        default_factory=DriftPolicy, description="What is done about what somebody changed in what runs."
    )

    @property
    def pre_releases(self) -> bool:
        """Whether pre-releases may run (F1-7)."""
        return self.tier is not Tier.PRODUCTION if self.policy.pre_releases is None else self.policy.pre_releases


class DeliveryEnvironmentStatus(Model):
    """What is so. Written by the operator alone, and only when it changes."""

    observed_generation: int | None = Field(
        default=None,
        description="The metadata.generation that this status answers to; -1 before the operator has answered.",
    )
    templates: str | None = Field(
        default=None, description="Digest of the templates its next releases are rendered with."
    )
    upgrade: UpgradeStatus | None = Field(
        default=None, description="Where the waves are; absent unless spec.upgrade.mode is waves."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Ready: its templates are there and whole. Reconciling, Stalled: as kstatus has them. "
        "TemplatesCurrent: every service runs with them.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
