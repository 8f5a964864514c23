"""DeliveryService: one twelve-factor service, as its developer describes it (requirements F1 to F12)."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.binding import BackingService
from delivery_operator.api.config import CONFIG_RULES, ConfigFrom, KeyRef, Variable
from delivery_operator.api.network import Network
from delivery_operator.api.process import Process
from delivery_operator.api.resources import Resources
from delivery_operator.api.scalars import (
    COMMIT,
    DIGEST,
    DNS_LABEL,
    IMAGE_NAME_RULE,
    LABEL_KEYS,
    SEMVER,
    TAGGED,
    URL_WITH_PASSWORD,
    AnnotationValue,
    AnyKey,
    Command,
    Label,
    ObjectName,
    VariableName,
)

KIND: Final = "DeliveryService"
PLURAL: Final = "deliveryservices"
DEFAULT_ENVIRONMENT: Final = "default"

# The longest child name is <service>-<process>; with both at their longest it is 61 of the 63 characters a DNS label
# has. A CronJob's name has at most 52, since its Jobs append a time.
SERVICE_NAME_LENGTH: Final = 40
PROCESS_NAME_LENGTH: Final = 20
CRON_JOB_NAME_LENGTH: Final = 52

METADATA_RULES: Final = rules(
    (
        f"size(self.metadata.name) <= {SERVICE_NAME_LENGTH}",
        f"metadata.name may have at most {SERVICE_NAME_LENGTH} characters: its children's names, such as "
        "<name>-<process>, must fit in 63; use a shorter name",
    ),
    (
        f"self.metadata.name.matches('{DNS_LABEL}')",
        "metadata.name becomes a DNS name: use lower-case letters, digits and '-', starting with a letter, no dots",
    ),
    (
        "self.spec.processes.all(k, !has(self.spec.processes[k].schedule)"
        f" || size(self.metadata.name) + 1 + size(k) <= {CRON_JOB_NAME_LENGTH})",
        "processes: the CronJob <name>-<process> of a scheduled process may have at most "
        f"{CRON_JOB_NAME_LENGTH} characters; use a shorter name for the process or the service",
    ),
)


class Codebase(Model):
    """The one codebase this service is built from (factor I)."""

    repository: str = Field(
        min_length=1,
        max_length=2048,
        description="Where the source is, e.g. https://git.example.com/shop/order. Becomes an annotation of every "
        "child.",
        json_schema_extra=rules(
            (
                f"!self.matches('{URL_WITH_PASSWORD}')",
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
                f"self.matches('{SEMVER}') || self.matches('{COMMIT}')",
                "codebase.revision must be a SemVer tag such as v1.4.2 or a commit such as 3f9c2ab",
            )
        ),
    )


class OneOff(Model):
    """A one-off process (factor XII): runs once, in the image and the environment of its release."""

    command: Command = Field(description="The program and its arguments, in the release's image and environment.")
    timeout_seconds: int = Field(
        default=3600,
        ge=1,
        le=604800,
        description="Seconds until it is stopped and counts as failed. Default 3600. Becomes activeDeadlineSeconds.",
    )
    backoff_limit: int = Field(
        default=0, ge=0, le=20, description="How often a failed pod is retried. Default 0, so one pod."
    )
    resources: Resources | None = Field(
        default=None, description="CPU and memory of its container. Default: those of the environment."
    )


class Task(OneOff):
    """A named one-off process, run on demand by a DeliveryTask or `kubectl delivery run`."""


class Migrate(OneOff):
    """The migration of a release: a Job that must succeed before any process of the release starts (F12-6)."""

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


class Contract(Migrate):
    """The second half of a migration (PG-4): removes what only older releases need, once none of their pods is left."""


class FailurePolicy(StrEnum):
    """What happens to the pods of a release that did not become healthy in time."""

    ROLLBACK = "rollback"
    HOLD = "hold"


class ReleasePolicy(Model):
    """How releases of this service are made (factor V)."""

    migrate: Migrate | None = Field(default=None, description="The migration; without one a release rolls out at once.")
    contract: Contract | None = Field(
        default=None,
        description="What is run once the release serves and the last pod of an older release has gone. After it, no "
        "release from before it can be rolled back to. Default none.",
    )
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
    rollback_to: int | None = Field(
        default=None,
        ge=1,
        description="Number of an earlier release: a new release with its content and manifests is made, and serves "
        "while this is set. Its migration is not run again. Default none.",
        json_schema_extra={"nullable": True},
    )


class Tracing(Model):
    """Traces by OpenTelemetry (OB-3), to where the environment's telemetry takes them."""

    enabled: bool = Field(default=True, description="Default true. False sets OTEL_SDK_DISABLED.")
    sample_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Share of traces kept, in per cent. Default: that of the environment. Becomes "
        "OTEL_TRACES_SAMPLER_ARG.",
    )


class ServiceAccount(Model):
    """The identity of the service's pods."""

    annotations: dict[AnyKey, AnnotationValue] = Field(
        default={},
        max_length=16,
        description="Annotations of the ServiceAccount, e.g. for a cloud's workload identity. Default none.",
        json_schema_extra=LABEL_KEYS,
    )


class DeliveryServiceSpec(Model):
    """What the developer wants to run. The operator never writes it."""

    environment: Label = Field(
        default=DEFAULT_ENVIRONMENT,
        description="The DeliveryEnvironment whose policy and defaults hold. Default: default, which need not exist.",
    )
    paused: bool = Field(
        default=False,
        description="Leave everything as it is: no release is made, nothing is repaired, no task is started. Default "
        "false.",
    )
    codebase: Codebase | None = Field(default=None, description="Where the image was built from.")
    image: str = Field(
        min_length=1,
        max_length=512,
        description="The image of every process, with a fixed tag or a digest; never latest.",
        json_schema_extra=rules(
            (
                f"self.matches('{TAGGED}') || self.matches('{DIGEST}')",
                "image must carry a tag or digest, such as registry.example.com/shop/order:v1.4.2, so that a release "
                "can be run again",
            ),
            IMAGE_NAME_RULE,
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
        description="The formation: process type to what it runs. Each becomes a Deployment <service>-<type>, or with "
        "a schedule a CronJob; one with a port also a Service: <service>-service for web, <service>-<type> for others.",
        json_schema_extra=rules(
            (
                f"self.all(k, size(k) <= {PROCESS_NAME_LENGTH} && k.matches('{DNS_LABEL}'))",
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
        json_schema_extra=CONFIG_RULES,
    )
    config_from: list[ConfigFrom] = Field(
        default=[],
        max_length=16,
        description="Whole Secrets and ConfigMaps as environment variables. What config, backingServices and the "
        "operator set wins, and of two with the same key the entry whose name comes last.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    backing_services: list[BackingService] = Field(
        default=[],
        max_length=20,
        description="Attached resources; each gives variables or files out of a Secret.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    release: ReleasePolicy = Field(default_factory=ReleasePolicy, description="How releases are made.")
    tasks: dict[str, Task] = Field(
        default={},
        max_length=32,
        description="One-off processes (factor XII) by name, run on demand: kubectl delivery run <service> <task>.",
        json_schema_extra=rules(
            (
                f"self.all(k, size(k) <= {PROCESS_NAME_LENGTH} && k.matches('{DNS_LABEL}'))",
                f"tasks: a task name has at most {PROCESS_NAME_LENGTH} lower-case letters, digits and '-' and starts "
                "with a letter, such as seed",
            ),
        ),
    )
    tracing: Tracing = Field(default_factory=Tracing, description="Traces of requests.")
    sentry: KeyRef | None = Field(
        default=None,
        description="The Secret key with the Sentry DSN. Default: that of the environment. Becomes SENTRY_DSN, with "
        "SENTRY_ENVIRONMENT and SENTRY_RELEASE.",
    )
    service_account: ServiceAccount = Field(default_factory=ServiceAccount, description="The identity of its pods.")
    network: Network = Field(default_factory=Network, description="Who may call it, and whom it may call.")


SPEC_RULES: Final = rules(
    (
        "!has(self.config) || !has(self.backingServices)"
        " || self.backingServices.all(b, !has(b.env) || b.env.all(k, !(k in self.config)))",
        "a variable is set both in config and in backingServices[].env; keep one of them",
    ),
    (
        "!has(self.backingServices) || self.backingServices.all(b, !has(b.env) || b.env.all(k,"
        " self.backingServices.exists_one(other, has(other.env) && k in other.env)))",
        "a variable is set by two backing services; keep one of them",
    ),
    (
        "self.processes.all(k, !has(self.processes[k].image)) || has(self.codebase)",
        "processes: an image of a process's own needs codebase, which says of what revision both are; give codebase",
    ),
)
