"""DeliveryTask: one run of a one-off process in the release that serves (factor XII, F12-1, F12-2)."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.scalars import Command, Label
from delivery_operator.api.status import Timestamp

KIND: Final = "DeliveryTask"
PLURAL: Final = "deliverytasks"
NAME_LENGTH: Final = 52
"""Its Job and the Job's pods carry its name, with a suffix."""

METADATA_RULES: Final = rules(
    (
        f"size(self.metadata.name) <= {NAME_LENGTH}",
        f"metadata.name may have at most {NAME_LENGTH} characters: its Job's pods carry it; use a shorter name",
    ),
)

SPEC_RULES: Final = rules(
    ("self == oldSelf", "a task is run once as it was written; use another DeliveryTask to run something else"),
    (
        "has(self.task) != has(self.command)",
        "give exactly one of task (a name in the service's spec.tasks) and command",
    ),
    (
        "!has(self.args) || has(self.task)",
        "args are added to the command of a named task; write them into command",
    ),
)


class DeliveryTaskSpec(Model):
    """What to run, in the image, environment and identity of the release that serves."""

    service: Label = Field(description="Name of the DeliveryService, in the same namespace.")
    task: Label | None = Field(default=None, description="A name in the service's spec.tasks.")
    command: Command | None = Field(default=None, description="A program and its arguments, in exec form, instead.")
    args: Command | None = Field(default=None, description="More arguments for the named task. Default none.")
    timeout_seconds: int | None = Field(
        default=None,
        ge=1,
        le=604800,
        description="Seconds until it is stopped and counts as failed. Default: that of the named task, else 3600.",
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        le=31536000,
        description="Seconds after its end until the DeliveryTask is deleted, and its Job with it. Default: it stays, "
        "so that a task kept in Git is not run again.",
    )


class TaskPhase(StrEnum):
    """How far a task has come."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class DeliveryTaskStatus(Model):
    """How the run went. Written by the operator alone."""

    phase: TaskPhase = Field(
        default=TaskPhase.PENDING, description="Pending (not started yet), Running, Succeeded or Failed."
    )
    reason: str | None = Field(default=None, description="Why it waits or failed, one word for programs.")
    message: str | None = Field(default=None, description="Why it waits or failed and what to do, for people.")
    release: str | None = Field(default=None, description="Name of the DeliveryRelease it runs in.")
    job: str | None = Field(default=None, description="Name of its Job.")
    uid: str | None = Field(default=None, description="UID of the Job; another Job of that name is not it.")
    exit_code: int | None = Field(default=None, description="Exit code of its last pod.")
    started_at: Timestamp | None = Field(default=None, description="When its Job started.")
    finished_at: Timestamp | None = Field(default=None, description="When its Job ended.")
    output: str | None = Field(default=None, description="The end of its output, credentials removed.")
