"""What the operator answers: the status of a DeliveryService and the conditions in it (kstatus semantics)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from delivery_operator.api.base import Model


class ConditionType(StrEnum):
    """The conditions of a DeliveryService, in the order they are shown.

    Ready, Reconciling and Stalled follow
    https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md.
    """

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    CONFIG_READY = "ConfigReady"
    MIGRATION_SUCCEEDED = "MigrationSucceeded"
    CONTRACT_SUCCEEDED = "ContractSucceeded"


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


class DeliveryServiceStatus(Model):
    """What is so. Written by the operator alone, and only when it changes."""

    observed_generation: int | None = Field(
        default=None, description="The metadata.generation that this status answers to."
    )
    release: str | None = Field(default=None, description="Name of the newest DeliveryRelease.")
    number: int | None = Field(default=None, description="The last number given to a release; none is used twice.")
    phase: str | None = Field(default=None, description="Where the newest release is in its life.")
    active_release: str | None = Field(default=None, description="Name of the release that serves.")
    image: str | None = Field(default=None, description="Image of the release that serves.")
    formation: str | None = Field(default=None, description="Process types and how many pods of each are wanted.")
    conditions: list[Condition] = Field(
        default=[],
        description="Ready: the newest release serves. Reconciling: work is under way. Stalled: it will not go on by "
        "itself. ConfigReady: every referenced Secret and ConfigMap key is there. MigrationSucceeded: of the newest "
        "release. ContractSucceeded: of the newest release, where it has a contract step.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
