"""What the operator answers: the status of a DeliveryService and the conditions in it (kstatus semantics)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from delivery_operator.api.base import Model


class ConditionType(StrEnum):
    """The conditions of a DeliveryService, in the order they are shown; the last is a DeliveryEnvironment's.

    Ready, Reconciling and Stalled follow
    https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md.
    """

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    CONFIG_READY = "ConfigReady"
    MIGRATION_SUCCEEDED = "MigrationSucceeded"
    CONTRACT_SUCCEEDED = "ContractSucceeded"
    IN_SYNC = "InSync"
    SHUTDOWN_CLEAN = "ShutdownClean"
    TEMPLATES_CURRENT = "TemplatesCurrent"


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How much a problem matters.

    An error keeps the service from being what its spec says until somebody acts, a warning may come to that, and what
    is only information goes on by itself or was asked for.
    """

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"


Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Condition(Model):
    """One condition, in the shape of metav1.Condition."""

    type: str = Field(min_length=1, max_length=316, description="What is told, e.g. Ready.")
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: str = Field(min_length=1, max_length=1024, description="The cause, one word for programs.")
    message: str = Field(max_length=32768, description="The cause and the next step, for people.")
    last_transition_time: Timestamp = Field(description="When status last changed.")
    observed_generation: int | None = Field(default=None, ge=0, description="The metadata.generation this is about.")


class ProblemObject(Model):
    """What a problem is about."""

    kind: str = Field(description="Its kind, e.g. Secret.")
    name: str = Field(description="Its name, in the service's namespace.")


class Problem(Model):
    """One thing that is wrong."""

    severity: Severity = Field(
        description="Error: the service is not what its spec says, until somebody acts. Warning: it may come to that. "
        "Info: it was asked for, or goes on by itself."
    )
    reason: str = Field(description="The cause, one word for programs, as conditions have it.")
    about: ProblemObject = Field(alias="object", description="The object that it is about.")
    message: str = Field(max_length=512, description="The cause, for people.")
    remedy: str | None = Field(default=None, description="What to do about it.")


class DriftedField(Model):
    """A field of the operator in a child that has another value than the release's manifest."""

    kind: str = Field(description="Kind of the child.")
    name: str = Field(description="Its name.")
    field: str | None = Field(
        default=None, description="Path of the field; absent when the whole object is deleted again and again."
    )
    manager: str | None = Field(
        default=None, description="The field manager that changed it; absent when the object does not tell."
    )
    since: Timestamp = Field(description="When it was changed, or else seen; it stays while the change does.")


class SecretRotation(Model):
    """How far the new value of a Secret has come."""

    secret: str = Field(description="Name of the Secret whose value changed.")
    release: str | None = Field(
        default=None, description="The release since which pods have the new value; absent until it is made."
    )
    pods: list[str] = Field(
        default=[],
        max_length=8,
        description="Pods that may still hold an older value: those of earlier releases, Jobs and tasks too, until "
        "they are gone. Absent when there are none.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    more_pods: bool | None = Field(
        default=None, description="Whether there are more than are named; absent when there are not."
    )
    safe_to_revoke: bool = Field(
        description="Whether the new value serves and no pod holds an older one: the old credential may be revoked."
    )
    message: str = Field(description="The same for people, and what to do.")


class ShutdownResult(StrEnum):
    """How pods end that are asked to."""

    CLEAN = "Clean"
    FAILED = "Failed"
    KILLED = "Killed"


class ProcessShutdown(Model):
    """How pods of one process were seen to end, when they were asked to (F9-3, F9-10)."""

    process: str = Field(min_length=1, max_length=63, description="Name of the process.")
    release: int = Field(ge=1, description="Number of the newest release of which a pod was seen to end.")
    result: ShutdownResult = Field(
        description="The worst that was seen of that release. Clean: ended by itself in time. Failed: ended in time, "
        "with an error or for want of memory. Killed: killed when its grace was over."
    )
    grace_seconds: int = Field(ge=0, description="Seconds a pod was given from the request to its end.")
    within_seconds: int | None = Field(
        default=None,
        ge=0,
        description="Clean: every pod ended within so many seconds of the request, preStop included; in steps of "
        "1, 2, 5, 10, 20, 30, 60 and so on.",
    )
    exit_code: int | None = Field(default=None, description="Failed or Killed: exit code of the first such pod.")


class DeliveryServiceStatus(Model):
    """What is so. Written by the operator alone, and only when it changes."""

    observed_generation: int | None = Field(
        default=None,
        description="The metadata.generation that this status answers to; -1 before the operator has answered.",
    )
    release: str | None = Field(default=None, description="Name of the newest DeliveryRelease.")
    number: int | None = Field(default=None, description="The last number given to a release; none is used twice.")
    phase: str | None = Field(default=None, description="Where the newest release is in its life.")
    active_release: str | None = Field(default=None, description="Name of the release that serves.")
    image: str | None = Field(default=None, description="Image of the release that serves.")
    formation: str | None = Field(default=None, description="Process types and how many pods of each are wanted.")
    problems: list[Problem] = Field(
        default=[],
        max_length=16,
        description="All that is wrong at once, the gravest first, where Ready names the first cause. Absent when "
        "nothing is.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    drift: list[DriftedField] = Field(
        default=[],
        max_length=16,
        description="What somebody changed in the children and is not set back for now; the condition InSync says why. "
        "Absent while all is as released.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    rotation: list[SecretRotation] = Field(
        default=[],
        description="Secrets whose value changed, and who still holds an older one. An entry stays until the release "
        "after the one that brought the new value; absent when there is none.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["secret"]},
    )
    shutdown: list[ProcessShutdown] = Field(
        default=[],
        description="How pods of each process end when they are asked to, as far as it was seen.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["process"]},
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Ready: the newest release serves. Reconciling: work is under way. Stalled: it will not go on by "
        "itself. ConfigReady: every referenced Secret and ConfigMap key is there. MigrationSucceeded: of the newest "
        "release. ContractSucceeded: of the newest release, where it has a contract step. InSync: there, and False, "
        "while somebody's changes of the children stand. ShutdownClean: pods end by themselves in time, once one was "
        "seen to end.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
