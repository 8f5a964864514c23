"""Settings: read once, from the environment only, and complete before anything starts.

Nothing here may show a secret: errors name the variable and the rule, never the value.
"""

import re
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from order_service.errors import CommandError

_DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgres://", "postgresql://")
# An unescaped '@' in a password would move the rest of it into the host, and from there into error messages.
_HOST = re.compile(r"[A-Za-z0-9._:%-]*")

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """What differs between deploys. Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: SecretStr
    port: Port = 50051
    metrics_port: Port = 9090
    log_level: str = "info"
    shutdown_drain_seconds: Seconds = 15
    db_pool_max_open: Annotated[int, Field(ge=1)] = 25
    db_pool_max_idle: Annotated[int, Field(ge=1)] = 25
    db_pool_max_lifetime_seconds: Seconds = 300
    # How long a migration waits for another one to finish, and for a lock on a busy table.
    migrate_wait_seconds: Seconds = 60
    migrate_lock_timeout_seconds: Seconds = 5
    termination_log: str = "/dev/termination-log"

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        parse_database_url(value.get_secret_value())
        return value

    @property
    def database(self) -> URL:
        """The database's URL with the driver this service uses; its `str()` hides the password."""
        return parse_database_url(self.database_url.get_secret_value())

    @property
    def linger_seconds(self) -> float:
        """The first third of the drain: clients move to other servers while this one still answers everything."""
        return self.shutdown_drain_seconds / 3

    @property
    def request_timeout_seconds(self) -> float:
        """The rest of the drain, so that every accepted call can end before the process does."""
        return self.shutdown_drain_seconds - self.linger_seconds

    @property
    def max_connection_age_seconds(self) -> float:
        """Short enough for every connection to have been renewed, elsewhere, well within the linger."""
        return self.linger_seconds * 0.6

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be printed."""
        return tuple(s for s in (self.database_url.get_secret_value(), self.database.password) if s)

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            CommandError: a required variable is missing or a value is not usable.
        """
        try:
            return cls()  # type: ignore[call-arg]  # the environment gives them
        except ValidationError as error:
            problems = "; ".join(_explain(str(e["loc"][0]).upper(), e["type"], e["msg"]) for e in error.errors())
            # Without the cause: pydantic's own error holds what it was given.
            raise CommandError(problems) from None


def parse_database_url(raw: str) -> URL:
    """Turn `postgres://` or `postgresql://` into a URL for SQLAlchemy.

    Raises:
        ValueError: the URL is not usable; the message does not repeat any part of it.
    """
    if not raw.startswith(_SCHEMES):
        raise ValueError("must start with postgres:// or postgresql://")
    try:
        url = make_url(raw).set(drivername=_DRIVER)
    except Exception:  # noqa: BLE001 - whatever it is, its message may quote the URL
        raise ValueError("is not a valid URL; percent-encode special characters in user and password") from None
    if not _HOST.fullmatch(url.host or ""):
        raise ValueError("has a host with unexpected characters; percent-encode special characters in the password")
    if not url.database:
        raise ValueError("names no database: expected postgres://user:password@host:port/database")
    return url


def _explain(variable: str, kind: str, message: str) -> str:
    if kind == "missing":
        return f"{variable} is required"
    return f"{variable}: {message.removeprefix('Value error, ')}"
