"""How the services of an environment take new templates, and when (design, section 3, part 7)."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field, JsonValue

from delivery_operator.api.base import Model, rules


class UpgradeMode(StrEnum):
    """Who begins."""

    ON_NEXT_RELEASE = "onNextRelease"
    WAVES = "waves"


class Upgrade(Model):
    """How services take new templates: those of a newer operator, or the platform team's own when they change."""

    mode: UpgradeMode = Field(
        default=UpgradeMode.ON_NEXT_RELEASE,
        description="onNextRelease (default): each service with its next release, and nothing rolls by itself. waves: "
        "the operator makes a release of each service in turn, with the same content and no migration.",
    )
    max_concurrent: int = Field(
        default=1, ge=1, le=50, description="With waves: how many services are under way at once at most. Default 1."
    )
    stop_after_failures: int = Field(
        default=1,
        ge=1,
        le=50,
        description="With waves: as long as this many services have failed to take the templates, no other one is "
        "begun. Default 1.",
    )


class Day(StrEnum):
    """A day of the week."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]


class MaintenanceWindow(Model):
    """When the operator may begin what nobody has asked for at that moment; what it has begun is finished."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.startTime != self.endTime",
                "maintenanceWindow: startTime and endTime must differ; leave the window out where every time is right",
            ),
        )
    )

    days: list[Day] = Field(
        default=[],
        max_length=7,
        description="Days on which it begins: Mon, Tue, Wed, Thu, Fri, Sat, Sun. Default: every day.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    start_time: ClockTime = Field(description="When it begins, such as 22:00.")
    end_time: ClockTime = Field(
        description="When it ends, such as 04:00; a time before startTime is one of the next day."
    )
    time_zone: str = Field(
        default="Etc/UTC",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z_]+(/[-+A-Za-z0-9_]+)*$",
        description="Time zone of these times, e.g. Europe/Berlin. Default Etc/UTC.",
    )


class UpgradePhase(StrEnum):
    """How far an environment's services have come."""

    IN_PROGRESS = "InProgress"
    WAITING_FOR_WINDOW = "WaitingForWindow"
    PAUSED = "Paused"
    INCOMPLETE = "Incomplete"
    DONE = "Done"


MOST_BEHIND: Final = 20
"""How many of the services that are behind a status names."""
_NAMES: Final[dict[str, JsonValue]] = {"x-kubernetes-list-type": "set"}


class UpgradeStatus(Model):
    """Where the waves are: all that they need to go on after a restart."""

    templates: str = Field(description="Digest of the templates that services are to take.")
    phase: UpgradePhase = Field(
        description="InProgress: services take the templates. WaitingForWindow: others begin when the maintenance "
        "window opens. Paused: too many have failed. Incomplete: all that can have taken them. Done: all have."
    )
    message: str = Field(description="The cause and the next step, for people.")
    total: int = Field(description="Services with a release that serves.")
    current: int = Field(description="Those of them that run with the templates.")
    in_progress: list[str] = Field(
        default=[], description="Services that are to take them now, as namespace/name.", json_schema_extra=_NAMES
    )
    failed: list[str] = Field(
        default=[],
        description="Services that have failed to take them, and serve with what they had.",
        json_schema_extra=_NAMES,
    )
    behind: list[str] = Field(
        default=[],
        description="The first services, by name, that run with other templates; at most 20.",
        json_schema_extra=_NAMES,
    )
