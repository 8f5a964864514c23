"""Where the database is, and how many connections one process may have."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from sqlalchemy import URL, make_url

from chassis.settings import Seconds, ServiceSettings

_DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgres://", "postgresql://")
# An unescaped '@' in a password would move the rest of it into the host, and from there into error messages.
_HOST = re.compile(r"[A-Za-z0-9._:%-]*")


class DatabaseSettings(ServiceSettings):
    """The variables of a service with a PostgreSQL."""

    database_url: SecretStr
    database_replica_url: SecretStr | None = None
    """For what may be read a little late; without it the database itself answers (PG-6)."""
    db_pool_max_open: Annotated[int, Field(ge=1)] = 25
    db_pool_max_idle: Annotated[int, Field(ge=1)] = 25
    db_pool_max_lifetime_seconds: Seconds = 300
    # How long a migration waits for another one to finish, and for a lock on a busy table.
    migrate_wait_seconds: Seconds = 60
    migrate_lock_timeout_seconds: Seconds = 5

    @field_validator("database_url", "database_replica_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_database_url(value.get_secret_value())
        return value

    @property
    def database(self) -> URL:
        """The database's URL with the driver that is used; its `str()` hides the password."""
        return parse_database_url(self.database_url.get_secret_value())

    @property
    def replica(self) -> URL:
        """Where to read what may be a little late."""
        url = self.database_replica_url or self.database_url
        return parse_database_url(url.get_secret_value())


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
