"""DeliveryRelease: one immutable entry of a service's append-only journal (factor V, F5-2)."""

from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from delivery_operator.api.base import Model
from delivery_operator.api.status import Timestamp

KIND: Final = "DeliveryRelease"
PLURAL: Final = "deliveryreleases"


class Phase(StrEnum):
    """A release's life: Pending, Migrating, RollingOut, Active, Superseded; Failed from any of the first three."""

    PENDING = "Pending"
    MIGRATING = "Migrating"
    ROLLING_OUT = "RollingOut"
    ACTIVE = "Active"
    SUPERSEDED = "Superseded"
    FAILED = "Failed"


class Reason(StrEnum):
    """Why a release was made."""

    IMAGE_CHANGED = "ImageChanged"
    SPEC_CHANGED = "SpecChanged"
    SECRET_ROTATED = "SecretRotated"  # noqa: S105 a reason's name
    CONFIG_CHANGED = "ConfigChanged"
    ROLLBACK = "Rollback"
    RETRY = "Retry"
    TEMPLATES_CHANGED = "TemplatesChanged"


class ReferenceKind(StrEnum):
    """What a release may take values from."""

    SECRET = "Secret"  # noqa: S105 a kind's name
    CONFIG_MAP = "ConfigMap"


class ReferenceHash(Model):
    """What a referenced object held when the release was cut, without telling what."""

    kind: ReferenceKind = Field(description="Secret or ConfigMap.")
    name: str = Field(description="Its name.")
    hash: str = Field(description="Keyed hash (HMAC) of the referenced keys' values; says whether they changed.")
    keys: dict[str, str] | None = Field(
        default=None,
        description="The beginning of the keyed hash of each referenced key's value; says which of them changed. "
        "Absent when there are more than 16 keys.",
    )


class ReferenceChange(Model):
    """A Secret or ConfigMap that holds something else than before."""

    kind: ReferenceKind = Field(description="Secret or ConfigMap.")
    name: str = Field(description="Its name.")
    keys: list[str] = Field(
        default=[],
        description="The keys whose values changed, came or went; absent when that is not known.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ReleaseChanges(Model):
    """What is another than in the release before; names alone, no values."""

    fields: list[str] = Field(
        default=[],
        description='Fields of the DeliveryService, e.g. spec.image, at most 32; "spec" for the first release. A '
        "rollback and a retry have the field or annotation that asked for it.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    references: list[ReferenceChange] = Field(
        default=[],
        description="Secrets and ConfigMaps, at most 32.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    omitted: int | None = Field(default=None, ge=1, description="How many more changed than are listed.")


class Author(Model):
    """A field manager that changed the DeliveryService since the release before was made."""

    manager: str = Field(description="Its name, e.g. kubectl-client-side-apply or kustomize-controller.")
    operation: str = Field(description="Apply (server-side apply) or Update.")
    time: str | None = Field(default=None, description="When it last changed the DeliveryService (RFC 3339).")
    fields: list[str] = Field(
        description="Which of the changed fields are its own.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )


class DeliveryReleaseSpec(Model):
    """All that is needed to run the release again. Never changed once written."""

    service: str = Field(description="Name of the DeliveryService.")
    number: int = Field(ge=1, description="Number of the release: 1, 2, 3, ...")
    reason: Reason | None = Field(
        default=None,
        description="Why it was made: ImageChanged (whatever else changed), ConfigChanged (config, configFrom and "
        "backingServices, or a referenced ConfigMap), SpecChanged (anything else; the first one too), SecretRotated, "
        "Rollback, Retry or TemplatesChanged (a wave of the environment).",
    )
    changes: ReleaseChanges | None = Field(default=None, description="What changed since the release before.")
    changed_by: list[Author] = Field(
        default=[],
        description="Who changed it, at most 8, as the DeliveryService's metadata.managedFields tells. Absent when "
        "nobody changed the DeliveryService, or it does not tell.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    copy_of: int | None = Field(
        default=None,
        ge=1,
        description="Number of the earlier release this one is a copy of, manifests and all; no migration is run "
        "again. Absent for one that was made from the service's spec.",
    )
    renewal_of: int | None = Field(
        default=None,
        ge=1,
        description="Number of the earlier release that this one renews: the same content and references, rendered "
        "with newer templates. That one's migration and contract step are its own, and none is run again.",
    )
    image: str = Field(description="The image of every process.")
    revision: str | None = Field(default=None, description="The codebase's revision.")
    digest: str = Field(description="Digest of content and references; a different one makes a new release.")
    content: dict[str, Any] = Field(
        description="What of the service's spec makes a release: all but scaling and policies.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    references: list[ReferenceHash] = Field(
        default=[],
        description="The referenced Secrets and ConfigMaps and their keyed hashes.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    templates: str = Field(description="Digest of the templates the manifests were rendered with.")
    manifests: str = Field(description="The rendered manifests: a JSON list, compressed (zlib), in base64.")
    scaling: dict[str, Any] | None = Field(
        default=None,
        description="What scaled each process when the release was cut, and what the autoscalers and disruption "
        "budgets among the manifests were made for.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )


class MigrationResult(StrEnum):
    """How a migration ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class MigrationStatus(Model):
    """The migration Job of the release, or its contract Job; its result is here before the Job may go (invariant 3)."""

    job: str = Field(description="Name of the Job.")
    uid: str = Field(description="UID of the Job; another Job of that name is not it.")
    result: MigrationResult | None = Field(default=None, description="How it ended; absent while it runs.")
    exit_code: int | None = Field(default=None, description="Exit code of the last pod.")
    duration_seconds: int | None = Field(default=None, description="Seconds from the Job's start to its end.")
    schema_head: str | None = Field(default=None, description="Schema revision the migration reported.")
    output: str | None = Field(default=None, description="The end of its output, credentials removed.")


class ScalingStatus(Model):
    """What scales the release today, where that is not what did when it was cut."""

    asked: dict[str, Any] = Field(
        description="What each process is asked to have.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    manifests: str = Field(description="What was made of it: as the manifests of the spec.")


class DeliveryReleaseStatus(Model):
    """How far the release has come."""

    phase: Phase = Field(
        default=Phase.PENDING,
        description="Pending (nothing recorded yet), Migrating, RollingOut (migrated), Active, Superseded or Failed.",
    )
    reason: str | None = Field(default=None, description="Why it failed, one word for programs.")
    message: str | None = Field(default=None, description="Why it failed and what to do, for people.")
    migration: MigrationStatus | None = Field(default=None, description="The migration, if the release has one.")
    contract: MigrationStatus | None = Field(
        default=None, description="The contract step, if the release has one and it has begun."
    )
    scaling: ScalingStatus | None = Field(
        default=None, description="What scales it, once the service has asked for something else than when it was cut."
    )
    active_at: Timestamp | None = Field(default=None, description="When it became Active.")
