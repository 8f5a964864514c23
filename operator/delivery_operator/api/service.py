"""DeliveryService: one twelve-factor service, as its developer describes it (requirements F1 to F12)."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from delivery_operator.api.base import Model, rules

KIND: Final = "DeliveryService"
PLURAL: Final = "deliveryservices"

# The longest child name is <service>-<process>; with both at their longest it is 61 of the 63 characters a DNS label
# has.
SERVICE_NAME_LENGTH: Final = 40
PROCESS_NAME_LENGTH: Final = 20

RESERVED_VARIABLES: Final = ("PORT", "SHUTDOWN_DRAIN_SECONDS")
"""Variables the operator sets itself (F3-5, F9-10)."""

_CREDENTIAL_NAME = r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)$"
_URL_WITH_PASSWORD = r"://[^/@:]*:[^/@]+@"  # noqa: S105 a pattern that finds passwords
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_DNS_LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
_TAGGED = r"^([^/\\s]+/)*[^/:@\\s]+:[A-Za-z0-9_][A-Za-z0-9_.-]*$"
_DIGEST = r"^([^/\\s]+/)*[^/@\\s]+@sha256:[0-9a-f]{64}$"

Quantity = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
        max_length=20,
        description="A Kubernetes quantity, such as 250m (a quarter of a core) or 128Mi.",
    ),
]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")]
DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Command = Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=64)]
VariableName = Annotated[str, Field(max_length=128)]

METADATA_RULES: Final = rules(
    (
        f"size(self.metadata.name) <= {SERVICE_NAME_LENGTH}",
        f"metadata.name may have at most {SERVICE_NAME_LENGTH} characters: its children's names, such as "
        "<name>-<process>, must fit in 63; use a shorter name",
    ),
    (
        f"self.metadata.name.matches('{_DNS_LABEL}')",
        "metadata.name becomes a DNS name: use lower-case letters, digits and '-', starting with a letter, no dots",
    ),
)


class Protocol(StrEnum):
    """What a port speaks: decides the probes, the Service's port and its application protocol (F7-6)."""

    HTTP = "http"
    GRPC = "grpc"
    TCP = "tcp"


class Codebase(Model):
    """The one codebase this service is built from (factor I)."""

    repository: str = Field(
        min_length=1,
        max_length=2048,
        description="Where the source is, e.g. https://git.example.com/shop/order. Becomes an annotation of every "
        "child.",
        json_schema_extra=rules(
            (
                f"!self.matches('{_URL_WITH_PASSWORD}')",
                "codebase.repository holds a password; write the URL without user and password",
            )
        ),
    )
    revision: str = Field(
        min_length=1,
        max_length=128,
        description="The revision the image was built from: a SemVer tag (v1.4.2) or a commit (7 to 64 hex digits). "
        "Becomes the annotation delivery.dev/revision of every child.",
        json_schema_extra=rules(
            (
                r"self.matches('^v?[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$')"
                " || self.matches('^[0-9a-f]{7,64}$')",
                "codebase.revision must be a SemVer tag such as v1.4.2 or a commit such as 3f9c2ab",
            )
        ),
    )


class Port(Model):
    """The port a process binds (factor VII); a process without one is a worker and gets no Service."""

    number: int = Field(
        ge=1,
        le=65535,
        description="TCP port the process listens on; it is passed to the process as PORT.",
    )
    protocol: Protocol = Field(
        default=Protocol.HTTP,
        description="http: probes GET /healthz and /readyz, Service port 80. grpc: native gRPC health probes, Service "
        "port as the number. tcp: connect probes, Service port as the number.",
    )


class Shutdown(Model):
    """How a process ends (factor IX): it serves on while it leaves the load balancers, drains, and then exits."""

    pre_stop_seconds: int = Field(
        default=3,
        ge=0,
        le=300,
        description="Seconds between the pod's removal from the endpoints and SIGTERM, in which it still serves. "
        "Default 3. Becomes lifecycle.preStop.sleep.",
    )
    drain_seconds: int = Field(
        default=15,
        ge=0,
        le=3600,
        description="Seconds the process may take after SIGTERM to finish what it has begun. Default 15. Passed to the "
        "process as SHUTDOWN_DRAIN_SECONDS.",
    )
    grace_seconds: int | None = Field(
        default=None,
        ge=1,
        le=7200,
        description="Seconds until SIGKILL, from the start of the stop. Default: preStopSeconds + drainSeconds + 5. "
        "Becomes terminationGracePeriodSeconds.",
    )

    @property
    def grace(self) -> int:
        """Seconds from the start of the stop until SIGKILL (F9-10)."""
        return self.pre_stop_seconds + self.drain_seconds + 5 if self.grace_seconds is None else self.grace_seconds


class Resources(Model):
    """Compute resources of one container of a process."""

    requests: dict[str, Quantity] = Field(
        default={"cpu": "50m", "memory": "128Mi"},
        max_length=8,
        description="What the scheduler sets aside, by resource name. Default: cpu 50m, memory 128Mi.",
    )
    limits: dict[str, Quantity] = Field(
        default={"memory": "256Mi"},
        max_length=8,
        description="What the container may not exceed, by resource name. Default: memory 256Mi, no cpu limit.",
    )


class Process(Model):
    """One process type of the formation (factor VIII): a Deployment of identical, stateless pods."""

    command: Command = Field(
        description="The program and its arguments, in exec form: no shell, one foreground process.",
    )
    port: Port | None = Field(
        default=None,
        description="The port the process serves on. Without one the process is a worker: no Service, no probes.",
    )
    replicas: int = Field(
        default=1,
        ge=0,
        le=1000,
        description="How many pods. Default 1. Changing it scales at once and makes no release.",
    )
    resources: Resources = Field(default_factory=Resources, description="CPU and memory of each pod's container.")
    shutdown: Shutdown = Field(
        default_factory=Shutdown,
        description="How the process is stopped.",
        json_schema_extra=rules(
            (
                "!has(self.graceSeconds) || self.graceSeconds > self.preStopSeconds + self.drainSeconds",
                "shutdown.graceSeconds must be greater than preStopSeconds + drainSeconds, or the process is killed "
                "while it drains; raise it, or leave it out for preStop + drain + 5",
            )
        ),
    )


class KeyRef(Model):
    """One key of a Secret or ConfigMap in the service's namespace."""

    name: ObjectName = Field(description="Name of the Secret or ConfigMap.")
    key: DataKey = Field(description="Key in its data.")


class Variable(Model):
    """One environment variable (factor III): a literal or a reference, never a literal secret."""

    value: str | None = Field(
        default=None,
        max_length=16384,
        description="A literal value; kept in an immutable ConfigMap of the release. Not for credentials.",
    )
    secret_key_ref: KeyRef | None = Field(default=None, description="Take the value from a Secret's key.")
    config_map_key_ref: KeyRef | None = Field(default=None, description="Take the value from a ConfigMap's key.")
    optional: bool = Field(
        default=False,
        description="With a reference: start without the variable when the object or key is missing. Default false: "
        "no release is made until it is there (condition ConfigReady).",
    )


class BackingService(Model):
    """An attached resource (factor IV): swapped by pointing the reference to another Secret, with no code change."""

    name: str = Field(min_length=1, max_length=63, pattern=_DNS_LABEL, description="Name of the binding, e.g. db.")
    type: str = Field(
        min_length=1,
        max_length=63,
        pattern=_DNS_LABEL,
        description="What it is: postgresql, kafka, redis, rabbitmq, mongodb, or any other.",
    )
    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]*$",
        description='Its version, the same in every environment (factor X), e.g. "15".',
    )
    secret: ObjectName = Field(description="The Secret that holds its location and credentials.")
    env: dict[VariableName, DataKey] = Field(
        min_length=1,
        max_length=32,
        description="Environment variable to key of the Secret, e.g. DATABASE_URL: url.",
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{_VARIABLE}'))",
                "backingServices[].env: variable names have letters, digits and '_' and do not start with a digit",
            ),
            *(
                (f"!('{name}' in self)", f"backingServices[].env: {name} is set by the operator; use another name")
                for name in RESERVED_VARIABLES
            ),
        ),
    )


class Migrate(Model):
    """The migration of a release: a Job that must succeed before any process of the release starts (F12-6)."""

    command: Command = Field(description="The program and its arguments, in the release's image and environment.")
    timeout_seconds: int = Field(
        default=600,
        ge=1,
        le=86400,
        description="Seconds until the Job is stopped and counts as failed. Default 600.",
    )
    backoff_limit: int = Field(
        default=4,
        ge=0,
        le=20,
        description="How often a failed migration pod is retried. Default 4, so up to 5 pods.",
    )


class FailurePolicy(StrEnum):
    """What happens to the pods of a release that did not become healthy in time."""

    ROLLBACK = "rollback"
    HOLD = "hold"


class ReleasePolicy(Model):
    """How releases of this service are made (factor V)."""

    migrate: Migrate | None = Field(default=None, description="The migration; without one a release rolls out at once.")
    progress_deadline_seconds: int = Field(
        default=600,
        ge=10,
        le=86400,
        description="Seconds a rollout may go without progress until the release is Failed. Default 600.",
    )
    on_failure: FailurePolicy = Field(
        default=FailurePolicy.ROLLBACK,
        description="What to do when a rollout fails. rollback (default): put back the active release. hold: leave the "
        "new pods for inspection; the old ones keep serving.",
    )


class DeliveryServiceSpec(Model):
    """What the developer wants to run. The operator never writes it."""

    codebase: Codebase | None = Field(default=None, description="Where the image was built from.")
    image: str = Field(
        min_length=1,
        max_length=512,
        description="The image of every process, with a fixed tag or a digest; never latest.",
        json_schema_extra=rules(
            (
                f"self.matches('{_TAGGED}') || self.matches('{_DIGEST}')",
                "image must carry a tag or digest, such as registry.example.com/shop/order:v1.4.2, so that a release "
                "can be run again",
            ),
            (
                "!self.endsWith(':latest')",
                "image tag 'latest' names a different image each day; write the release's tag, such as "
                "registry.example.com/shop/order:v1.4.2, or a digest",
            ),
        ),
    )
    image_pull_secrets: list[ObjectName] = Field(
        default=[],
        max_length=8,
        description="Names of the Secrets with registry credentials. Default none.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    processes: dict[str, Process] = Field(
        min_length=1,
        max_length=20,
        description="The formation: process type to what it runs. Each becomes a Deployment <service>-<type>; one with "
        "a port also a Service: <service>-service for web, <service>-<type> for others.",
        json_schema_extra=rules(
            (
                f"self.all(k, size(k) <= {PROCESS_NAME_LENGTH} && k.matches('{_DNS_LABEL}'))",
                f"processes: a process name has at most {PROCESS_NAME_LENGTH} lower-case letters, digits and '-' and "
                "starts with a letter, such as web or mail-worker",
            ),
            (
                "!('service' in self) && !('config' in self)",
                "processes: 'service' and 'config' would collide with children <service>-service and "
                "<service>-config-...; use another name",
            ),
        ),
    )
    config: dict[VariableName, Variable] = Field(
        default={},
        max_length=128,
        description="Environment variables of every process, of the migration and of tasks.",
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{_VARIABLE}'))",
                "config: variable names have letters, digits and '_' and do not start with a digit",
            ),
            (
                "self.all(k, (has(self[k].value) ? 1 : 0) + (has(self[k].secretKeyRef) ? 1 : 0)"
                " + (has(self[k].configMapKeyRef) ? 1 : 0) == 1)",
                "config: give each variable exactly one of value, secretKeyRef and configMapKeyRef",
            ),
            (
                f"self.all(k, !has(self[k].value) || !k.matches('{_CREDENTIAL_NAME}'))",
                "config: a variable whose name says it is a credential may not have a literal value; put it in a "
                "Secret and use secretKeyRef",
            ),
            (
                f"self.all(k, !has(self[k].value) || !self[k].value.matches('{_URL_WITH_PASSWORD}'))",
                "config: a literal value holds a URL with a password; put it in a Secret and use secretKeyRef or "
                "backingServices",
            ),
            (
                "self.all(k, !has(self[k].optional) || !self[k].optional || !has(self[k].value))",
                "config: optional applies to references; a variable with a value is always there",
            ),
            *(
                (f"!('{name}' in self)", f"config: {name} is set by the operator from the process; remove it")
                for name in RESERVED_VARIABLES
            ),
        ),
    )
    backing_services: list[BackingService] = Field(
        default=[],
        max_length=20,
        description="Attached resources; each gives variables out of a Secret.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    release: ReleasePolicy = Field(default_factory=ReleasePolicy, description="How releases are made.")


SPEC_RULES: Final = rules(
    (
        "!has(self.config) || !has(self.backingServices)"
        " || self.backingServices.all(b, b.env.all(k, !(k in self.config)))",
        "a variable is set both in config and in backingServices[].env; keep one of them",
    ),
    (
        "!has(self.backingServices) || self.backingServices.all(b, b.env.all(k,"
        " self.backingServices.exists_one(other, k in other.env)))",
        "a variable is set by two backing services; keep one of them",
    ),
)
