"""The process `migrate`: brings the schema to this release's head, once, whoever else tries at the same time."""

import json
from pathlib import Path

import stamina
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from order_service.errors import CommandError
from order_service.settings import Settings
from order_service.storage.database import connect_args, describe, is_transient

log = structlog.get_logger(__name__)

# Names this service's migrations among the database's advisory locks.
_LOCK = "hashtextextended('order_service.migrate', 0)"
_LOCK_NOT_AVAILABLE = "55P03"


def run(settings: Settings) -> None:
    """Upgrade to the head and report it in the container's termination message.

    Raises:
        CommandError: the database cannot be reached, or a migration failed.
    """
    config = Config()
    config.set_main_option("script_location", "order_service:migrations")
    try:
        head = _migrate(settings, config)
    except DBAPIError as error:
        url = settings.database
        raise CommandError(
            f"migration of {url.database} at {url.host or 'local socket'} failed: {describe(error)}"
        ) from error
    log.info("schema is up to date", schema_head=head)
    _report(Path(settings.termination_log), head)


def _migrate(settings: Settings, config: Config) -> str:
    engine = create_engine(
        settings.database, poolclass=NullPool, hide_parameters=True, connect_args=connect_args("order-migrate")
    )
    for attempt in stamina.retry_context(
        on=_worth_retrying, attempts=5, timeout=None, wait_initial=0.2, wait_max=5, wait_jitter=0.5
    ):
        with attempt, engine.connect() as connection:
            return _migrate_alone(settings, config, connection)
    raise AssertionError("stamina ends with a result or an error")


def _migrate_alone(settings: Settings, config: Config, connection: Connection) -> str:
    _set_lock_timeout(connection, settings.migrate_wait_seconds)
    connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
    try:
        # A migration that waits for a busy table makes everyone behind it wait too: give up early, try again.
        _set_lock_timeout(connection, settings.migrate_lock_timeout_seconds)
        connection.commit()
        before = _current(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        after = _current(connection)
        log.info("migrated" if before != after else "nothing to migrate", before=before, after=after)
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
            connection.commit()
    return after or ""


def _current(connection: Connection) -> str | None:
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(
        text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": f"{round(seconds * 1000)}ms"}
    )


def _worth_retrying(error: Exception) -> bool:
    locked = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
    return locked or is_transient(error)


def _report(termination_log: Path, head: str) -> None:
    """Tell the platform which schema the database has now; outside a container there is no such file."""
    if termination_log.exists():
        termination_log.write_text(json.dumps({"schemaHead": head}))
