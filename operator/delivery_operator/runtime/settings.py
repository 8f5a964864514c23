"""The operator's own configuration, from the environment (factor III)."""

import socket
import uuid
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LEASE: Final = "delivery-operator"


class LogLevel(StrEnum):
    """Least severe level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """What may differ between installations."""

    model_config = SettingsConfigDict(env_prefix="DELIVERY_OPERATOR_", frozen=True, populate_by_name=True)

    namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Namespaces to work in, separated by commas; empty for the whole cluster.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="debug, info, warning or error.")
    workers: int = Field(
        default=8,
        ge=1,
        le=256,
        description="How many services are reconciled at once. When that many are, a namespace with none among them "
        "gets one more, up to twice as many in all: none waits for the slow work of another.",
    )
    resync_seconds: float = Field(
        default=300,
        ge=1,
        description="Seconds between two authoritative LISTs of everything, each followed by a look at all.",
    )
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="Port of /livez, /readyz and /metrics; 0 picks one."
    )
    namespace: str = Field(
        default="delivery-system",
        validation_alias="POD_NAMESPACE",
        description="The operator's own namespace, where its hash key and its Lease are kept.",
    )
    pod_name: str = Field(
        default="",
        validation_alias="POD_NAME",
        description="Under which name the Lease is held: the pod's, so that a restarted container goes on at once. "
        "Never the same for two processes at a time. By default the host's name and a random part.",
    )
    lease_name: str = Field(
        default=LEASE,
        min_length=1,
        description="Name of the Lease. Of the operators that share one, one works and the others stand by.",
    )
    templates_dir: Path | None = Field(
        default=None,
        description="Folder below which environments find their own templates (spec.templates.folder); none by "
        "default.",
    )

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @cached_property
    def identity(self) -> str:
        """Under which name this process holds the Lease."""
        return self.pod_name or f"{socket.gethostname()}_{uuid.uuid4()}"

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """The namespaces to list and watch; (None,) for all."""
        return self.namespaces or (None,)
