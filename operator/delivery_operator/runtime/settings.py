"""The operator's own configuration, from the environment (factor III)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


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
    workers: int = Field(default=8, ge=1, le=256, description="How many services are reconciled at once.")
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
        description="The operator's own namespace, where its hash key is kept.",
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

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """The namespaces to list and watch; (None,) for all."""
        return self.namespaces or (None,)
